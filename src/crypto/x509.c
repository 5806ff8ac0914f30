/* What a certificate says, and its key as raw numbers. */
#include "crypto/ossl.h"

#include <time.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "crypto/hash.h"

/* RFC 4514 text, in UTF-8 instead of \xx for every octet past ASCII. */
static const char *
name_line(struct arena *a, struct held *h, const X509_NAME *n)
{
	BIO *out = hold_BIO(h, BIO_new(BIO_s_mem()));
	struct bytes b;

	if (out == NULL || X509_NAME_print_ex(out, n, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) < 0)
		return "";
	b = ossl_bio_bytes(a, out);
	return arena_strndup(a, (const char *)b.p, b.n);
}

static bool
seconds(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(t, &tm) != 1)
		return false;
	*out = (int64_t)timegm(&tm);
	return true;
}

static const char *
serial_text(struct arena *a, const ASN1_INTEGER *serial)
{
	const unsigned char *p = ASN1_STRING_get0_data(serial);
	int n = ASN1_STRING_length(serial);
	char *text = arena_alloc(a, 2 * (size_t)(n > 0 ? n : 1) + 2), *at = text;

	if (ASN1_STRING_type(serial) & V_ASN1_NEG)
		*at++ = '-';
	for (int i = 0; i < n; i++, at += 2)
		snprintf(at, 3, "%02x", p[i]);
	return text;
}

enum rc
x509_parse(struct arena *a, struct bytes der, struct x509_info *out, struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(der));
	const X509_NAME *subject;
	EVP_PKEY *key;

	if (x == NULL)
		return fail(e, RC_BAD_INPUT, "not a certificate");
	subject = X509_get_subject_name(x);
	*out = (struct x509_info){
		.subject = name_line(a, h, subject),
		.issuer = name_line(a, h, X509_get_issuer_name(x)),
		.cn = ossl_name_text(a, subject, NID_commonName),
		.o = ossl_name_text(a, subject, NID_organizationName),
		.uid = ossl_name_text(a, subject, NID_userId),
		.serial = serial_text(a, X509_get0_serialNumber(x)),
		.fingerprint = crypto_sha256(a, der),
		.is_ca = (X509_get_extension_flags(x) & EXFLAG_CA) != 0,
	};
	if (!seconds(X509_get0_notBefore(x), &out->not_before) || !seconds(X509_get0_notAfter(x), &out->not_after))
		return ossl_fail(e, RC_BAD_INPUT, "a certificate's dates");
	if ((key = X509_get0_pubkey(x)) == NULL || (out->spki = ossl_public_der(a, key)).p == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "a certificate's public key");
	ERR_clear_error();
	return RC_OK;
}

static enum rc
raw_rsa(struct arena *a, EVP_PKEY *key, struct bytes *raw, struct err *e)
{
	BIGNUM *n = NULL, *exponent = NULL;
	enum rc rc = RC_BAD_INPUT;
	uint8_t *out;
	int bits = EVP_PKEY_get_bits(key);

	/* e is smaller than n, so this is room for both. */
	out = arena_alloc(a, 5 + 2 * ((size_t)bits / 8 + 1));
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 && BN_num_bits(exponent) <= bits) {
		size_t size = (size_t)BN_num_bytes(n);

		out[0] = 'R';
		out[1] = (uint8_t)(size >> 24);
		out[2] = (uint8_t)(size >> 16);
		out[3] = (uint8_t)(size >> 8);
		out[4] = (uint8_t)size;
		BN_bn2bin(n, out + 5);
		size += 5;
		size += (size_t)BN_bn2bin(exponent, out + size);
		*raw = bytes_of(out, size);
		rc = RC_OK;
	}
	BN_free(n);
	BN_free(exponent);
	return rc == RC_OK ? rc : ossl_fail(e, rc, "numbers of an RSA key");
}

static enum rc
raw_ec(struct arena *a, EVP_PKEY *key, struct bytes *raw, struct err *e)
{
	uint8_t *out = arena_alloc(a, 256);
	int bits = EVP_PKEY_get_bits(key);
	size_t n = 0;

	if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out + 3, 253, &n) != 1 || n < 2 ||
	    out[3] != 4)
		return ossl_fail(e, RC_BAD_INPUT, "point of an EC key");
	out[0] = 'E';
	out[1] = (uint8_t)(bits >> 8);
	out[2] = (uint8_t)bits;
	*raw = bytes_of(out, n + 3);
	return RC_OK;
}

enum rc
x509_raw_key(struct arena *a, struct bytes spki, struct bytes *raw, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *key = hold_EVP_PKEY(h, ossl_public(spki));

	if (key == NULL)
		return fail(e, RC_BAD_INPUT, "not a public key");
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return raw_rsa(a, key, raw, e);
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		return raw_ec(a, key, raw, e);
	return fail(e, RC_BAD_INPUT, "neither an RSA nor an EC key");
}
