/* Tokens that others signed (RFC 7515) and the keys that they publish (RFC 7517), over OpenSSL.
 *
 * A token says itself which key and algorithm it is signed with, so all that it says is held against a list of
 * ours: three algorithms, each with its kind of key, and keys from the set alone, never from the token. */
#ifndef CRYPTO_JOSE_H
#define CRYPTO_JOSE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fmt/json.h"

#define JOSE_TOKEN_MAX (16 * 1024) /* octets of a compact JWS */
#define JOSE_SET_MAX (256 * 1024) /* octets of a key set: Entra ID's has certificates in it */
#define JOSE_KEYS_MAX 64

/* Public keys that may check a signature. */
struct jose_keys;

/* Read a JWK Set. RSA of 2048 to 8192 bits and EC on P-256; what is for another use ("use", "key_ops", "alg"),
 * of another kind, secret or malformed is left out, as RFC 7517 5 asks. The set belongs to the arena.
 * RC_TOO_LARGE, RC_BAD_INPUT: not such a document, or without a single key that can be used. */
enum rc jose_keys_parse(struct arena *a, struct bytes document, struct jose_keys **out, struct err *e);
int jose_keys_count(const struct jose_keys *keys);

/* Why a token was refused; the names are the words of the timeline. */
enum jose_fault {
	JOSE_FINE = 0,
	JOSE_OVERSIZED, /* over JOSE_TOKEN_MAX */
	JOSE_MALFORMED, /* not three parts of base64url with a JSON object in the first two */
	JOSE_ENCRYPTED_OR_NESTED, /* five parts, or "cty": another token inside */
	JOSE_ALGORITHM, /* none, HS256, anything but RS256, PS256 and ES256 */
	JOSE_KEY_IN_HEADER, /* jku, jwk, x5u, x5c: the token brings its own key (RFC 8725 3.10) */
	JOSE_CRITICAL, /* crit: an extension that must be understood, and is not */
	JOSE_UNKNOWN_KEY, /* no key with its kid, or none of the algorithm's kind: a newer set may have it */
	JOSE_SIGNATURE, /* the key says no */
};
const char *jose_fault_name(enum jose_fault fault); /* "algorithm" */

/* Check the signature of a compact JWS and read its payload, a JSON object that belongs to the arena.
 * RC_BAD_INPUT with *fault set; RC_NOT_FOUND for JOSE_UNKNOWN_KEY. Nothing of the token is in the sentence. */
enum rc jose_verify(struct arena *a, struct bytes token, const struct jose_keys *keys, json_t **payload,
    enum jose_fault *fault, struct err *e);

/* ---- the pieces, for a JWS of another form (crypto/flat_jws.h) ---- */

/* The public key of a JWK as x509_raw_key writes it: the kinds that jose_keys_parse takes. Absent: another kind, or
 * malformed. */
struct bytes jose_raw_key(struct arena *a, const json_t *jwk);

/* RS256, PS256, ES256; NULL is none. */
bool jose_knows(const char *alg);

/* Is this the signature (as a JWS has it) of that key over those octets? The key must be of the algorithm's kind. */
bool jose_is_signed(struct arena *a, const char *alg, struct bytes raw_key, struct bytes input, struct bytes signature);

#endif
