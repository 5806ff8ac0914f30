/* A private key that is held decoded, for who signs thousands of times: decoding a key costs more than
 * an ECDSA signature. Not safe to use from two threads at once. */
#ifndef CRYPTO_SIGNER_H
#define CRYPTO_SIGNER_H

#include "base/bytes.h"
#include "base/err.h"

#define CRYPTO_SIGNATURE_MAX 512 /* octets of one signature: RSA 4096 */

struct crypto_signer;

/* `key` is PKCS#8 DER. RC_BAD_INPUT: it is not. */
enum rc crypto_signer_open(struct bytes key, struct crypto_signer **out, struct err *e);
void crypto_signer_close(struct crypto_signer *s); /* NULL is fine */

/* SHA-256 with RSA PKCS#1 v1.5, or with ECDSA (DER, of varying length), by the key's kind. *n is the
 * number of octets written. RC_INTERNAL: the library refused. */
enum rc crypto_signer_sign(
    struct crypto_signer *s, struct bytes message, uint8_t to[CRYPTO_SIGNATURE_MAX], size_t *n, struct err *e);

#endif
