/* OAuth 1.0a as Device Assignment Services take it (RFC 5849, protocol 2.7): one Authorization header with HMAC-SHA1, no
 * body and no other items. Pure. */
#ifndef APPLE_OAUTH1_H
#define APPLE_OAUTH1_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fmt/uri.h"

#define OAUTH1_ITEMS 32 /* of a header, and as many of a query */
#define OAUTH1_NONCE_MAX 128 /* characters */

struct oauth1 { /* what the header says, decoded; realm is no part of it */
	const char *consumer_key, *token, *signature, *nonce;
	int64_t timestamp; /* Unix seconds */
	struct uri_items items; /* all of them, for the signature; realm left out */
};

/* Read a header. RC_BAD_INPUT, in Apple's words: another scheme or method, something missing, given twice, or no
 * number; `header` may be NULL. */
enum rc oauth1_parse(struct arena *a, const char *header, struct oauth1 *out, struct err *e);

/* The text that is signed (RFC 5849 3.4.1). `url` without query and fragment, its host in lower case and without a
 * default port; `query` raw, or NULL. NULL: the query can't be read. */
const char *
oauth1_base(struct arena *a, const char *method, const char *url, const char *query, const struct oauth1 *o);

/* base64 of its HMAC-SHA1 with both secrets (RFC 5849 3.4.2). */
const char *oauth1_sign(struct arena *a, const char *base, const char *consumer_secret, const char *token_secret);

#endif
