/* URLs as an Apple client makes and reads them: query items, references of a page, what a redirect
 * means. Pure. */
#ifndef DEVICE_URL_H
#define DEVICE_URL_H

#include <stdbool.h>

#include "base/arena.h"

/* Encode one query value as Apple's URL API does: characters that a query may hold stay, also '@',
 * ':' and '+' (which means plus); the separators '&', '=', ';', '#' are escaped (protocol 2.2). */
char *device_url_encode(struct arena *a, const char *value);

/* `url` with its query set to `query` alone (whatever was there is lost), or with `query` added. A
 * fragment is dropped. */
char *device_url_set_query(struct arena *a, const char *url, const char *query);
char *device_url_add_query(struct arena *a, const char *url, const char *query);

/* First query item of that name, percent-decoded ('+' is plus); NULL when absent or malformed. Works
 * for any scheme. */
const char *device_url_item(struct arena *a, const char *url, const char *name);

/* Resolve a reference against an absolute URL (RFC 3986 5.2); the fragment is dropped. */
char *device_url_resolve(struct arena *a, const char *base, const char *reference);

/* The URL begins with this scheme and a colon; case does not matter. */
bool device_url_is(const char *url, const char *scheme);

/* "https://host:port" of an http(s) URL, port left out where it is the scheme's own; lower case. */
char *device_url_origin(struct arena *a, const char *url);

/* For people: values of items that are secrets (tokens, codes) become "***". */
char *device_url_masked(struct arena *a, const char *url);

#endif
