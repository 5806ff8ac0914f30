/* The common shape of a device's detached signature, read by hand and checked with a key that is
 * known already. cms_verify decodes the certificate for its key, which costs seven times the
 * signature itself.
 *
 * Where this file says yes or no, cms_verify says the same. So it accepts one narrow shape, in strict
 * DER: id-data, content outside, one certificate, one signer named by issuer and serial number, signed
 * attributes in order, no unsigned ones, a digest and a signature algorithm that agree. All else is
 * "not found", which takes the other way. */
#include "crypto/ossl.h"

#include <openssl/err.h>

#include "crypto/hash.h"
#include "fmt/der.h"

#define ATTRIBUTES_MAX 16

/* ---- Object identifiers ---- */

#define OID(s) \
	{ \
		(const uint8_t *)(s), sizeof(s) - 1 \
	}
#define RSA_ARC "\x2a\x86\x48\x86\xf7\x0d\x01\x01" /* 1.2.840.113549.1.1 */
#define PKCS7_ARC "\x2a\x86\x48\x86\xf7\x0d\x01\x07" /* 1.2.840.113549.1.7 */
#define PKCS9_ARC "\x2a\x86\x48\x86\xf7\x0d\x01\x09" /* 1.2.840.113549.1.9 */
#define ECDSA_ARC "\x2a\x86\x48\xce\x3d\x04" /* 1.2.840.10045.4 */
#define NIST_HASH_ARC "\x60\x86\x48\x01\x65\x03\x04\x02" /* 2.16.840.1.101.3.4.2 */

static const struct bytes id_data = OID(PKCS7_ARC "\x01"), id_signed_data = OID(PKCS7_ARC "\x02"),
			  id_content_type = OID(PKCS9_ARC "\x03"), id_message_digest = OID(PKCS9_ARC "\x04"),
			  id_countersignature = OID(PKCS9_ARC "\x06"), id_rsa = OID(RSA_ARC "\x01");

static const struct digest {
	struct bytes oid, with_rsa, with_ecdsa;
	const EVP_MD *(*md)(void);
} digests[] = {
	{ OID("\x2b\x0e\x03\x02\x1a"), OID(RSA_ARC "\x05"), OID(ECDSA_ARC "\x01"), EVP_sha1 },
	{ OID(NIST_HASH_ARC "\x01"), OID(RSA_ARC "\x0b"), OID(ECDSA_ARC "\x03\x02"), EVP_sha256 },
	{ OID(NIST_HASH_ARC "\x02"), OID(RSA_ARC "\x0c"), OID(ECDSA_ARC "\x03\x03"), EVP_sha384 },
	{ OID(NIST_HASH_ARC "\x03"), OID(RSA_ARC "\x0d"), OID(ECDSA_ARC "\x03\x04"), EVP_sha512 },
};

/* ---- Reading ---- */

struct quick {
	struct bytes certificate; /* DER */
	struct bytes issuer, serial; /* of the signer, as the message names it */
	const struct digest *digest;
	char key; /* 'R' or 'E', as in raw keys */
	struct bytes attributes; /* with the tag [0] */
	struct bytes message_digest, signature;
};

static bool
take_value(struct bytes *rest, uint8_t tag, struct bytes value)
{
	struct der_item it;

	return der_take(rest, tag, &it) && bytes_eq(it.value, value);
}

/* AlgorithmIdentifier without parameters, or with NULL. */
static bool
take_algorithm(struct bytes *rest, struct bytes *oid)
{
	struct der_item it, part;

	if (!der_take(rest, DER_SEQUENCE, &it) || !der_take(&it.value, DER_OID, &part))
		return false;
	*oid = part.value;
	if (it.value.n > 0 && !take_value(&it.value, DER_NULL, bytes_of(NULL, 0)))
		return false;
	return it.value.n == 0;
}

/* Does the certificate have the issuer and serial number that the signer is named by? Its outside is
 * such that OpenSSL writes it again as it stands, so that both ways see the same fingerprint; its inside
 * OpenSSL keeps as it came. */
static bool
is_signers(struct bytes certificate, struct bytes issuer, struct bytes serial)
{
	struct der_item all, tbs, it, number, name, bits;
	struct bytes oid;

	/* Certificate { tbsCertificate { [0] version?, serialNumber, signature, issuer, ... },
	 *	signatureAlgorithm, signature } (RFC 5280 4.1) */
	if (!der_take(&certificate, DER_SEQUENCE, &all) || !der_take(&all.value, DER_SEQUENCE, &tbs) ||
	    !take_algorithm(&all.value, &oid) || !der_take(&all.value, DER_BIT_STRING, &bits) || all.value.n != 0 ||
	    bits.value.n == 0 || bits.value.p[0] != 0)
		return false;
	if (der_is(tbs.value, DER_CONTEXT_0) && !der_next(&tbs.value, &it))
		return false;
	return der_take(&tbs.value, DER_INTEGER, &number) && der_take(&tbs.value, DER_SEQUENCE, &it) &&
	       der_take(&tbs.value, DER_SEQUENCE, &name) && bytes_eq(name.whole, issuer) &&
	       bytes_eq(number.value, serial);
}

/* A value that OpenSSL would write again as it stands. */
static bool
plain_value(uint8_t tag)
{
	return tag == DER_OCTET_STRING || tag == DER_UTC_TIME || tag == DER_TIME || tag == DER_UTF8 ||
	       tag == DER_PRINTABLE || tag == DER_SEQUENCE;
}

/* Base 128 without padding, and ended. */
static bool
plain_oid(struct bytes oid)
{
	bool start = true;

	for (size_t i = 0; i < oid.n; i++) {
		if (start && oid.p[i] == 0x80)
			return false;
		start = (oid.p[i] & 0x80) == 0;
	}
	return oid.n > 0 && start;
}

/* X.690 11.6: the encodings ascend. */
static bool
ascends(struct bytes a, struct bytes b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = memcmp(a.p, b.p, n);

	return c < 0 || (c == 0 && a.n < b.n);
}

/* Signed attributes: content type and message digest once each, the others of any type once. */
static bool
read_attributes(struct quick *q, struct bytes all)
{
	struct bytes seen[ATTRIBUTES_MAX], before = { NULL, 0 };
	bool has_type = false;
	int n = 0;

	for (; all.n > 0; n++) {
		struct der_item attribute, type, values, value;

		if (n == ATTRIBUTES_MAX || !der_take(&all, DER_SEQUENCE, &attribute) ||
		    !der_take(&attribute.value, DER_OID, &type) || !der_take(&attribute.value, DER_SET, &values) ||
		    attribute.value.n != 0 || !der_next(&values.value, &value) || values.value.n != 0)
			return false;
		if (!plain_oid(type.value) || (n > 0 && !ascends(before, attribute.whole)))
			return false;
		before = attribute.whole;
		for (int i = 0; i < n; i++)
			if (bytes_eq(seen[i], type.value))
				return false;
		seen[n] = type.value;
		if (bytes_eq(type.value, id_content_type)) {
			if (value.tag != DER_OID || !bytes_eq(value.value, id_data))
				return false;
			has_type = true;
		} else if (!plain_value(value.tag) || bytes_eq(type.value, id_countersignature)) {
			return false;
		} else if (bytes_eq(type.value, id_message_digest)) {
			if (value.tag != DER_OCTET_STRING)
				return false;
			q->message_digest = value.value;
		}
	}
	return has_type && q->message_digest.p != NULL;
}

static bool
read_algorithms(struct quick *q, struct bytes digest, struct bytes signature)
{
	for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++) {
		if (!bytes_eq(digest, digests[i].oid))
			continue;
		q->digest = &digests[i];
		q->key = bytes_eq(signature, id_rsa) || bytes_eq(signature, digests[i].with_rsa) ? 'R'
			 : bytes_eq(signature, digests[i].with_ecdsa)                            ? 'E'
												 : '\0';
	}
	return q->digest != NULL && q->key != '\0';
}

/* SignerInfo { version 1, { issuer, serialNumber }, digestAlgorithm, [0] signedAttrs,
 *	signatureAlgorithm, signature } (RFC 5652 5.3) */
static bool
read_signer(struct quick *q, struct bytes rest, struct bytes announced)
{
	struct der_item it, issuer, serial, attributes, signature;
	struct bytes digest, algorithm;

	if (!take_value(&rest, DER_INTEGER, bytes_of("\x01", 1)) || !der_take(&rest, DER_SEQUENCE, &it) ||
	    !der_take(&it.value, DER_SEQUENCE, &issuer) || !der_take(&it.value, DER_INTEGER, &serial) ||
	    it.value.n != 0 || !take_algorithm(&rest, &digest) || !bytes_eq(digest, announced) ||
	    !der_take(&rest, DER_CONTEXT_0, &attributes) || !take_algorithm(&rest, &algorithm) ||
	    !der_take(&rest, DER_OCTET_STRING, &signature) || rest.n != 0)
		return false;
	q->issuer = issuer.whole;
	q->serial = serial.value;
	q->attributes = attributes.whole;
	q->signature = signature.value;
	return read_algorithms(q, digest, algorithm) && read_attributes(q, attributes.value);
}

/* ContentInfo { id-signedData, [0] SignedData { version, SET digestAlgorithms, { id-data },
 *	[0] certificates, SET signerInfos } } (RFC 5652 3, 5.1) */
static bool
read_message(struct quick *q, struct bytes rest)
{
	struct der_item it, version, set, content, certificates, signer;
	struct bytes digest;

	*q = (struct quick){ 0 };
	if (!der_strict(rest) || !der_take(&rest, DER_SEQUENCE, &it) || rest.n != 0 ||
	    !take_value(&it.value, DER_OID, id_signed_data) || !der_take(&it.value, DER_CONTEXT_0, &set) ||
	    it.value.n != 0 || !der_take(&set.value, DER_SEQUENCE, &it) || set.value.n != 0)
		return false;
	rest = it.value;
	if (!der_take(&rest, DER_INTEGER, &version) || version.value.n != 1 ||
	    (version.value.p[0] != 1 && version.value.p[0] != 3) || !der_take(&rest, DER_SET, &set) ||
	    !take_algorithm(&set.value, &digest) || set.value.n != 0 || !der_take(&rest, DER_SEQUENCE, &content) ||
	    !take_value(&content.value, DER_OID, id_data) || content.value.n != 0 ||
	    !der_take(&rest, DER_CONTEXT_0, &certificates) || !der_take(&certificates.value, DER_SEQUENCE, &it) ||
	    certificates.value.n != 0 || !der_take(&rest, DER_SET, &set) || rest.n != 0 ||
	    !der_take(&set.value, DER_SEQUENCE, &signer) || set.value.n != 0)
		return false;
	q->certificate = it.whole;
	return read_signer(q, signer.value, digest) && is_signers(q->certificate, q->issuer, q->serial);
}

/* ---- Checking ---- */

enum rc
cms_signer_fingerprint(struct arena *a, struct bytes der, struct bytes *sha256, struct err *e)
{
	struct quick q;

	if (!read_message(&q, der))
		return fail(e, RC_NOT_FOUND, "not a CMS signature of the common shape");
	*sha256 = crypto_sha256(a, q.certificate);
	return RC_OK;
}

/* The attributes are signed as a SET, not with the tag that they are sent with (RFC 5652 5.4). */
static bool
signature_fits(const struct quick *q, EVP_PKEY *key)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	const uint8_t tag = DER_SET;
	bool good = c != NULL && EVP_DigestVerifyInit(c, NULL, q->digest->md(), NULL, key) == 1 &&
		    EVP_DigestVerifyUpdate(c, &tag, 1) == 1 &&
		    EVP_DigestVerifyUpdate(c, q->attributes.p + 1, q->attributes.n - 1) == 1 &&
		    EVP_DigestVerifyFinal(c, q->signature.p, q->signature.n) == 1;

	EVP_MD_CTX_free(c);
	return good;
}

enum rc
cms_verify_raw(struct arena *a, struct bytes der, struct bytes detached, struct bytes raw_key, struct err *e)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	struct quick q;
	EVP_PKEY *key;
	bool good;

	(void)a; /* nothing is kept */
	if (detached.p == NULL || !read_message(&q, der) || raw_key.n == 0 || raw_key.p[0] != (uint8_t)q.key)
		return fail(e, RC_NOT_FOUND, "not a CMS signature of the common shape");
	if ((key = ossl_raw_public(raw_key)) == NULL)
		return fail(e, RC_NOT_FOUND, "not a raw public key");
	good = EVP_Digest(detached.p, detached.n, md, &n, q.digest->md(), NULL) == 1 &&
	       bytes_eq(bytes_of(md, n), q.message_digest) && signature_fits(&q, key);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return good ? RC_OK : fail(e, RC_FORBIDDEN, "the signature does not match");
}
