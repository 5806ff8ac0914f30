#include "crypto/signer.h"

#include <stdlib.h>

#include "crypto/ossl.h"

struct crypto_signer {
	EVP_PKEY *key;
	EVP_MD_CTX *digest;
};

enum rc
crypto_signer_open(struct bytes key, struct crypto_signer **out, struct err *e)
{
	struct crypto_signer *s = calloc(1, sizeof *s);

	if (s == NULL)
		abort();
	s->key = ossl_private(key);
	s->digest = EVP_MD_CTX_new();
	if (s->key == NULL || s->digest == NULL) {
		crypto_signer_close(s);
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	}
	*out = s;
	return RC_OK;
}

void
crypto_signer_close(struct crypto_signer *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->digest);
	EVP_PKEY_free(s->key);
	free(s);
}

enum rc
crypto_signer_sign(
    struct crypto_signer *s, struct bytes message, uint8_t to[CRYPTO_SIGNATURE_MAX], size_t *n, struct err *e)
{
	*n = CRYPTO_SIGNATURE_MAX;
	if (EVP_MD_CTX_reset(s->digest) != 1 || EVP_DigestSignInit(s->digest, NULL, EVP_sha256(), NULL, s->key) != 1 ||
	    EVP_DigestSign(s->digest, to, n, message.p, message.n) != 1)
		return ossl_fail(e, RC_INTERNAL, "signing");
	return RC_OK;
}
