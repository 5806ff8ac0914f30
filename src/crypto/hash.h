/* Digests, random values and comparison without a timing trace. */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"

struct bytes crypto_sha256(struct arena *a, struct bytes b); /* 32 octets */
struct bytes crypto_sha256_text(struct arena *a, const char *s);
struct bytes crypto_sha1(struct arena *a, struct bytes b); /* 20 octets; SCEP only */
struct bytes crypto_hmac_sha1(struct arena *a, struct bytes key, struct bytes message); /* OAuth 1.0a only */
struct bytes crypto_hmac_sha256(struct arena *a, struct bytes key, struct bytes message);

/* Into the caller's memory, and several times as fast: for sums over whole tables. */
void crypto_blake2b(struct bytes b, uint8_t out[32]);

/* RFC 7636: base64url(SHA-256(verifier)), 43 characters. */
char *crypto_s256(struct arena *a, const char *verifier);

/* Same text, in time that depends on the lengths only. */
bool crypto_equal(const char *a, const char *b);
bool crypto_equal_bytes(struct bytes a, struct bytes b);

void crypto_random(void *p, size_t n);
char *crypto_token(struct arena *a); /* 256 random bits, base64url, 43 characters */
char *crypto_id(struct arena *a); /* 80 random bits, 16 characters [a-z2-7]: the id of a row */
char *crypto_uuid(struct arena *a); /* RFC 9562 version 4, upper case as Apple writes them */

#endif
