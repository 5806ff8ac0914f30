/* Nonces (RFC 8555 6.5): made by any node without a trace, used once on one of them. A nonce is sealed, so nothing is
 * kept of those that nobody uses; of a used one its hash is, until it would be too old anyway. Room-private. */
#ifndef ACME_NONCE_H
#define ACME_NONCE_H

#include "base/call.h"

#define NONCE_LIFE_S 600
#define NONCES_PER_NETWORK 3000 /* in that time, from who has no order yet (/24, /64) */
#define NONCES_TOTAL 30000 /* likewise, from everywhere */

enum rc nonce_make(struct call *c, const char **nonce);

/* Use one up; `address` is NULL for who has an order. A unit by itself. RC_BAD_INPUT: none of ours, or too old.
 * RC_CONFLICT: it was used before. RC_TOO_LARGE: too many strangers. */
enum rc nonce_use(struct call *c, const char *nonce, const char *address);

#endif
