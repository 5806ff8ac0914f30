/* Compact JWS of ours (RFC 7515): the token that GetToken hands out, and what we say to an identity provider. */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* header.payload.signature over the two JSON texts, signed with a private key (PKCS#8 DER): RSA of 2048 bits or more, or
 * EC on P-256 for ES256. The header's "alg" is the caller's. RC_BAD_INPUT: another key. */
enum rc
jws_rs256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e);
enum rc
jws_ps256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e);
enum rc
jws_es256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e);
/* False: of another kind, or no key. */
bool jws_is_rsa(struct arena *a, struct bytes key);

#endif
