/* URIs and URL-encoded items (RFC 3986, WHATWG form encoding, protocol 2.1 and 2.2). Pure. */
#ifndef FMT_URI_H
#define FMT_URI_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* A request target: origin-form or absolute-form (RFC 9112 3.2). Refused: fragment, control octets,
 * spaces, octets over 0x7e, "//", dot segments (also percent-encoded), %2F and %00 in the path, bad
 * percent-encoding. */
struct uri_target {
	const char *host; /* absolute-form only, lower case, without port; NULL otherwise */
	const char *path; /* starts with '/', not decoded */
	const char *query; /* raw; NULL when there is no '?' */
};
enum rc uri_target_parse(struct arena *a, struct bytes target, struct uri_target *out, struct err *e);

/* An absolute http or https URL with a host; user information is refused. */
struct uri {
	const char *scheme, *host; /* lower case */
	int port; /* 443 or 80 where none is written */
	const char *path, *query; /* path "/" when empty; query NULL when absent */
};
enum rc uri_parse(struct arena *a, const char *text, struct uri *out, struct err *e);

/* Percent-encode everything but unreserved characters (RFC 3986 2.3). */
char *uri_encode(struct arena *a, const char *text);

/* Decode %XX, and '+' to space where asked. NULL: bad encoding, a NUL, or invalid UTF-8. */
char *uri_decode(struct arena *a, struct bytes raw, bool plus_is_space);

/* Items of a query or form body: at most `max_items`. Names and values are decoded.
 * RC_BAD_INPUT: bad encoding. RC_TOO_LARGE: more items than `max_items`. */
struct uri_item {
	const char *name, *value;
};
struct uri_items {
	struct uri_item *item;
	int n;
};
enum rc uri_items_parse(
    struct arena *a, struct bytes raw, bool plus_is_space, int max_items, struct uri_items *out, struct err *e);

/* Value of the first item of that name, or NULL. */
const char *uri_item(const struct uri_items *items, const char *name);

/* True for a fully qualified domain name as protocol 2.1 has it. */
bool uri_is_fqdn(const char *name);

/* Split user@domain at the last '@' (protocol 2.1). `domain` comes out lower case.
 * RC_BAD_INPUT: an empty part, no FQDN, a control octet, or over 254 octets. */
enum rc
uri_identifier_split(struct arena *a, const char *identifier, const char **user, const char **domain, struct err *e);

#endif
