/* Key pairs: making them, their public half, signatures by them. */
#include "crypto/ossl.h"

#include <openssl/err.h>

/* clang-format off */
static const struct {
	const char *type, *curve;
	size_t bits;
} kinds[] = {
	[X509_RSA_2048] = { "RSA", NULL, 2048 },
	[X509_RSA_3072] = { "RSA", NULL, 3072 },
	[X509_RSA_4096] = { "RSA", NULL, 4096 },
	[X509_P256]     = { "EC", "P-256", 256 },
	[X509_P384]     = { "EC", "P-384", 384 },
};
/* clang-format on */

enum rc
x509_key_new(struct arena *a, enum x509_key_kind kind, struct bytes *key, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, kinds[kind].curve != NULL
					      ? EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].type, kinds[kind].curve)
					      : EVP_PKEY_Q_keygen(NULL, NULL, kinds[kind].type, kinds[kind].bits));

	if (pkey == NULL)
		return ossl_fail(e, RC_INTERNAL, "making a key");
	*key = ossl_private_der(a, pkey);
	return key->p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a key");
}

enum rc
x509_key_public(struct arena *a, struct bytes key, struct bytes *spki, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (pkey == NULL)
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	*spki = ossl_public_der(a, pkey);
	return spki->p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a public key");
}

bool
x509_matches(struct bytes certificate, struct bytes key)
{
	X509 *x = ossl_certificate(certificate);
	EVP_PKEY *pkey = ossl_private(key);
	bool same = x != NULL && pkey != NULL && X509_check_private_key(x, pkey) == 1;

	X509_free(x);
	EVP_PKEY_free(pkey);
	ERR_clear_error();
	return same;
}

static enum rc
sign(struct arena *a, EVP_PKEY *key, bool pss, struct bytes message, struct bytes *signature, struct err *e)
{
	size_t n = (size_t)EVP_PKEY_get_size(key);
	unsigned char *out = arena_alloc(a, n);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how = NULL; /* md's */
	bool good = md != NULL && EVP_DigestSignInit(md, &how, EVP_sha256(), NULL, key) == 1 &&
		    (!pss || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
				 EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
		    EVP_DigestSign(md, out, &n, message.n > 0 ? message.p : (const uint8_t *)"", message.n) == 1;

	EVP_MD_CTX_free(md);
	if (!good)
		return ossl_fail(e, RC_INTERNAL, "signing");
	*signature = bytes_of(out, n);
	return RC_OK;
}

enum rc
ossl_sign(struct arena *a, EVP_PKEY *key, struct bytes message, struct bytes *signature, struct err *e)
{
	return sign(a, key, false, message, signature, e);
}

enum rc
ossl_sign_pss(struct arena *a, EVP_PKEY *key, struct bytes message, struct bytes *signature, struct err *e)
{
	return sign(a, key, true, message, signature, e);
}

enum rc
x509_sign(struct arena *a, struct bytes key, struct bytes message, struct bytes *signature, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (pkey == NULL)
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	return ossl_sign(a, pkey, message, signature, e);
}
