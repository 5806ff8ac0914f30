/* Certification requests (PKCS#10, RFC 2986), with the challenge password of SCEP. */
#include "crypto/ossl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 4096
#define RSA_E_BITS_MAX 256 /* FIPS 186-5 5.4: 2^16 < e < 2^256, odd */

enum rc
x509_csr_new(struct arena *a, const struct x509_name *subject, struct bytes key, const char *challenge,
    struct bytes *csr, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));
	X509_NAME *name = hold_X509_NAME(h, ossl_name(subject));
	X509_REQ *req = hold_X509_REQ(h, X509_REQ_new());
	unsigned char *out, *p;
	int n;

	if (pkey == NULL)
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	if (name == NULL || req == NULL || X509_REQ_set_version(req, X509_REQ_VERSION_1) != 1 ||
	    X509_REQ_set_subject_name(req, name) != 1 || X509_REQ_set_pubkey(req, pkey) != 1)
		return ossl_fail(e, RC_BAD_INPUT, "fields of a certification request");
	if (challenge != NULL && X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_UTF8,
				     (const unsigned char *)challenge, -1) != 1)
		return ossl_fail(e, RC_BAD_INPUT, "challenge password");
	if (X509_REQ_sign(req, pkey, EVP_sha256()) == 0)
		return ossl_fail(e, RC_INTERNAL, "signing a certification request");
	if ((n = i2d_X509_REQ(req, NULL)) <= 0)
		return ossl_fail(e, RC_INTERNAL, "writing a certification request");
	out = p = arena_alloc(a, (size_t)n);
	i2d_X509_REQ(req, &p);
	*csr = bytes_of(out, (size_t)n);
	return RC_OK;
}

static bool
good_exponent(EVP_PKEY *key)
{
	BIGNUM *n = NULL, *exponent = NULL;
	bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_is_odd(n) &&
		    BN_is_odd(exponent) && BN_num_bits(exponent) > 16 && BN_num_bits(exponent) <= RSA_E_BITS_MAX;

	BN_free(n);
	BN_free(exponent);
	return good;
}

static bool
good_curve(EVP_PKEY *key)
{
	static const char *const curves[] = { "prime256v1", "secp384r1", "secp521r1" };
	char name[32] = "";
	size_t n = 0;

	if (EVP_PKEY_get_group_name(key, name, sizeof name, &n) != 1)
		return false;
	for (size_t i = 0; i < sizeof curves / sizeof curves[0]; i++)
		if (strcmp(name, curves[i]) == 0)
			return true;
	return false;
}

/* Before the signature is checked: a key of 16,384 bits is also a way to burn our time. */
static enum rc
check_key(EVP_PKEY *key, struct x509_csr *out, struct err *e)
{
	int kind = EVP_PKEY_get_base_id(key);
	bool good;

	out->key_bits = EVP_PKEY_get_bits(key);
	out->is_rsa = kind == EVP_PKEY_RSA;
	if (out->is_rsa) {
		if (out->key_bits < RSA_BITS_MIN || out->key_bits > RSA_BITS_MAX)
			return fail(e, RC_FORBIDDEN, "an RSA key of %d bits; %d to %d are accepted", out->key_bits,
			    RSA_BITS_MIN, RSA_BITS_MAX);
		good = good_exponent(key);
	} else {
		good = kind == EVP_PKEY_EC && good_curve(key);
	}
	return good ? RC_OK : ossl_fail(e, RC_FORBIDDEN, "a key of a kind that is not accepted");
}

static enum rc
find_challenge(struct arena *a, X509_REQ *req, const char **out, struct err *e)
{
	int at = X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, -1);
	X509_ATTRIBUTE *attr;
	ASN1_TYPE *value;

	*out = NULL;
	if (at < 0)
		return RC_OK;
	attr = X509_REQ_get_attr(req, at);
	if (X509_REQ_get_attr_by_NID(req, NID_pkcs9_challengePassword, at) >= 0 || X509_ATTRIBUTE_count(attr) != 1)
		return fail(e, RC_BAD_INPUT, "more than one challenge password");
	value = X509_ATTRIBUTE_get0_type(attr, 0);
	switch (ASN1_TYPE_get(value)) {
	case V_ASN1_PRINTABLESTRING:
	case V_ASN1_UTF8STRING:
	case V_ASN1_T61STRING:
	case V_ASN1_IA5STRING:
	case V_ASN1_BMPSTRING:
	case V_ASN1_UNIVERSALSTRING:
		*out = ossl_string_text(a, value->value.asn1_string);
	}
	return *out != NULL ? RC_OK : fail(e, RC_BAD_INPUT, "the challenge password is not text");
}

static enum rc
parse(struct arena *a, struct bytes der, struct x509_csr *out, struct err *e)
{
	struct held *h = held_new(a);
	const unsigned char *p = der.p;
	const X509_NAME *subject;
	X509_REQ *req;
	EVP_PKEY *key;
	enum rc rc;

	*out = (struct x509_csr){ 0 };
	if (der.p == NULL || der.n == 0 || der.n > OSSL_CERTIFICATE_MAX)
		return fail(e, RC_BAD_INPUT, "not a certification request");
	req = hold_X509_REQ(h, d2i_X509_REQ(NULL, &p, (long)der.n));
	if (req == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "not a certification request");
	if (p != der.p + der.n)
		return fail(e, RC_BAD_INPUT, "octets after a certification request");
	if ((key = X509_REQ_get0_pubkey(req)) == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "public key of a certification request");
	if ((rc = check_key(key, out, e)) != RC_OK)
		return rc;
	if (X509_REQ_verify(req, key) != 1)
		return ossl_fail(e, RC_BAD_INPUT, "a certification request not signed by its own key");
	if ((rc = find_challenge(a, req, &out->challenge, e)) != RC_OK)
		return rc;
	subject = X509_REQ_get_subject_name(req);
	out->cn = ossl_name_text(a, subject, NID_commonName);
	out->o = ossl_name_text(a, subject, NID_organizationName);
	if ((rc = ossl_raw_key(a, key, &out->raw_key, e)) != RC_OK)
		return rc;
	out->spki = ossl_spki_der(a, X509_REQ_get_X509_PUBKEY(req));
	return out->spki.p != NULL ? RC_OK : ossl_fail(e, RC_INTERNAL, "writing a public key");
}

enum rc
x509_csr_parse(struct arena *a, struct bytes der, struct x509_csr *out, struct err *e)
{
	enum rc rc = parse(a, der, out, e);

	ERR_clear_error();
	return rc;
}
