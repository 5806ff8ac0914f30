/* Compact JWS of ours (RFC 7515): the token that GetToken hands out, and what we say to an identity provider. */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* header.payload.signature over the two JSON texts, signed with an RSA private key: its "alg" is the caller's. */
enum rc
jws_rs256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e);
enum rc
jws_ps256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e);

#endif
