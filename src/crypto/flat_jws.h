/* A JWS in the flattened JSON form (RFC 7515 7.2.2), as requests of ACME are signed (RFC 8555 6.2): the signer's key,
 * or its name, the URL and a nonce are in the protected header, and nothing is said outside of it. */
#ifndef CRYPTO_FLAT_JWS_H
#define CRYPTO_FLAT_JWS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define FLAT_JWS_MAX (64 * 1024) /* octets */

struct flat_jws {
	const char *alg;
	const char *kid; /* NULL: the key is in the header */
	struct bytes key; /* as x509_raw_key; absent: only its name is */
	const char *nonce, *url;
	struct bytes payload; /* n 0: POST-as-GET */
	struct bytes input, signature; /* for flat_jws_signed */
};

/* Read one; its signature is not checked. RC_TOO_LARGE, RC_BAD_INPUT: not such a JWS. RC_FORBIDDEN: signed with an
 * algorithm that is not accepted. RC_NOT_FOUND: a key that is not accepted. */
enum rc flat_jws_read(struct arena *a, struct bytes document, struct flat_jws *out, struct err *e);

/* Is it signed with this key (as x509_raw_key)? */
bool flat_jws_signed(struct arena *a, const struct flat_jws *j, struct bytes key);

#endif
