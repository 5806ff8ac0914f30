/* OAuth 1.0a as Device Assignment Services want it for GET /session (RFC 5849, protocol 2.7): one Authorization header
 * with HMAC-SHA1. Pure. */
#ifndef ASSIGNMENT_OAUTH1_H
#define ASSIGNMENT_OAUTH1_H

#include <stdint.h>

#include "base/arena.h"
#include "fmt/uri.h"

struct assignment_secrets { /* of the token */
	const char *consumer_key, *consumer_secret, *access_token, *access_secret;
};

/* The header's value. `url` has no query. */
const char *assignment_oauth1(struct arena *a, const char *method, const struct uri *url,
    const struct assignment_secrets *s, int64_t now, const char *nonce);

#endif
