/* EnvelopedData (RFC 5652 6) to one recipient with an RSA key: inside SCEP messages, and what Apple's portals hand
 * out. */
#include "crypto/ossl.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include "fmt/der.h"

#define RECIPIENTS_MAX 16

/* Single DES and RC2 are left out on purpose (protocol 6.1). */
static const struct ossl_algorithm ciphers[] = {
	{ "DES-EDE3-CBC", NID_des_ede3_cbc },
	{ "AES-128-CBC", NID_aes_128_cbc },
	{ "AES-256-CBC", NID_aes_256_cbc },
	{ NULL, 0 },
};

const struct ossl_algorithm *
ossl_by_nid(const struct ossl_algorithm *table, int nid)
{
	while (table->name != NULL && table->nid != nid)
		table++;
	return table->name != NULL ? table : NULL;
}

const struct ossl_algorithm *
ossl_by_name(const struct ossl_algorithm *table, const char *name)
{
	while (table->name != NULL && (name == NULL || strcmp(table->name, name) != 0))
		table++;
	return table->name != NULL ? table : NULL;
}

/* ---- Opening ---- */

/* OpenSSL tells the cipher of an envelope to no one, so it is read from the envelope as OpenSSL
 * writes it again, in DER, whatever BER it came in. */
static int
cipher_of(struct arena *a, CMS_ContentInfo *cms)
{
	/* clang-format off */
	static const struct { uint8_t tag; bool optional, enter; } way[] = { /* RFC 5652 3, 6.1 */
		{ DER_SEQUENCE, false, true },		/* ContentInfo */
		{ DER_OID, false, false },		/*   contentType */
		{ DER_CONTEXT_0, false, true },		/*   content */
		{ DER_SEQUENCE, false, true },		/*     EnvelopedData */
		{ DER_INTEGER, false, false },		/*       version */
		{ DER_CONTEXT_0, true, false },		/*       originatorInfo */
		{ DER_SET, false, false },		/*       recipientInfos */
		{ DER_SEQUENCE, false, true },		/*       encryptedContentInfo */
		{ DER_OID, false, false },		/*         contentType */
		{ DER_SEQUENCE, false, true },		/*         contentEncryptionAlgorithm */
		{ DER_OID, false, false },		/*           algorithm */
	};
	/* clang-format on */
	int n = i2d_CMS_ContentInfo(cms, NULL), nid;
	unsigned char *der, *p;
	struct bytes rest;
	struct der_item it;
	const unsigned char *oid;
	ASN1_OBJECT *object;

	if (n <= 0)
		return NID_undef;
	der = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	rest = bytes_of(der, (size_t)n);
	for (size_t i = 0; i < sizeof way / sizeof way[0]; i++) {
		if (way[i].optional && !der_is(rest, way[i].tag))
			continue;
		if (!der_take(&rest, way[i].tag, &it))
			return NID_undef;
		if (way[i].enter)
			rest = it.value;
	}
	oid = it.whole.p;
	object = d2i_ASN1_OBJECT(NULL, &oid, (long)it.whole.n);
	nid = object != NULL ? OBJ_obj2nid(object) : NID_undef;
	ASN1_OBJECT_free(object);
	return nid;
}

static bool
key_transport_only(CMS_ContentInfo *cms)
{
	STACK_OF(CMS_RecipientInfo) *all = CMS_get0_RecipientInfos(cms);
	int n = all != NULL ? sk_CMS_RecipientInfo_num(all) : 0;

	for (int i = 0; i < n; i++)
		if (CMS_RecipientInfo_type(sk_CMS_RecipientInfo_value(all, i)) != CMS_RECIPINFO_TRANS)
			return false;
	return n >= 1 && n <= RECIPIENTS_MAX;
}

/* Whoever sends envelopes and looks at the answers must not learn what went wrong inside: a bad
 * RSA block, bad padding and a garbled content are one refusal (Bleichenbacher, Vaudenay). CMS_decrypt
 * with a certificate goes on with a random key after a bad RSA block. */
enum rc
ossl_envelope_open(struct arena *a, struct held *h, struct bytes der, X509 *recipient, EVP_PKEY *key,
    struct bytes *content, const char **cipher, struct err *e)
{
	const unsigned char *p = der.p;
	CMS_ContentInfo *cms = NULL;
	const struct ossl_algorithm *known;
	BIO *out = hold_BIO(h, BIO_new(BIO_s_mem()));

	if (der.n > 0 && der.n <= INT32_MAX)
		cms = hold_CMS_ContentInfo(h, d2i_CMS_ContentInfo(NULL, &p, (long)der.n));
	if (cms == NULL || p != der.p + der.n || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped)
		return ossl_fail(e, RC_BAD_INPUT, "a message without an envelope");
	if (!key_transport_only(cms))
		return ossl_fail(e, RC_FORBIDDEN, "an envelope with other than RSA key transport");
	if ((known = ossl_by_nid(ciphers, cipher_of(a, cms))) == NULL)
		return ossl_fail(e, RC_FORBIDDEN, "an envelope with a cipher that is not accepted");
	if (out == NULL || CMS_decrypt(cms, key, recipient, NULL, out, CMS_BINARY) != 1)
		return fail(e, RC_BAD_INPUT, OSSL_ENVELOPE_REFUSAL);
	*content = ossl_bio_bytes(a, out);
	*cipher = known->name;
	return RC_OK;
}

enum rc
ossl_envelope_open_any(struct arena *a, struct bytes der, EVP_PKEY *key, struct bytes *content, struct err *e)
{
	const char *cipher;
	enum rc rc = ossl_envelope_open(a, held_new(a), der, NULL, key, content, &cipher, e);

	ERR_clear_error();
	return rc;
}

enum rc
cms_envelope_open(
    struct arena *a, struct bytes der, struct bytes certificate, struct bytes key, struct bytes *content, struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(certificate));
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));
	const char *cipher;
	enum rc rc;

	if (x == NULL || pkey == NULL)
		return fail(e, RC_INTERNAL, "the recipient's certificate or key cannot be read");
	rc = ossl_envelope_open(a, h, der, x, pkey, content, &cipher, e);
	ERR_clear_error();
	return rc;
}

/* ---- Building ---- */

enum rc
ossl_envelope(
    struct arena *a, struct bytes content, X509 *recipient, const char *cipher, struct bytes *der, struct err *e)
{
	struct held *h = held_new(a);
	const struct ossl_algorithm *known = ossl_by_name(ciphers, cipher);
	STACK_OF(X509) *to = hold_stack(h, sk_X509_new_null());
	BIO *in = hold_BIO(h, BIO_new_mem_buf(content.p, (int)content.n));
	CMS_ContentInfo *cms;
	unsigned char *out, *p;
	int n;

	if (recipient == NULL || to == NULL || sk_X509_push(to, recipient) <= 0)
		return fail(e, RC_BAD_INPUT, "the recipient's certificate cannot be read");
	X509_up_ref(recipient); /* the stack frees it */
	if (known == NULL || in == NULL)
		return fail(e, RC_BAD_INPUT, "no cipher for an envelope");
	if (X509_get0_pubkey(recipient) == NULL || EVP_PKEY_get_base_id(X509_get0_pubkey(recipient)) != EVP_PKEY_RSA)
		return ossl_fail(e, RC_BAD_INPUT, "an envelope needs a recipient with an RSA key");
	cms = hold_CMS_ContentInfo(h, CMS_encrypt(to, in, EVP_get_cipherbynid(known->nid), CMS_BINARY));
	if (cms == NULL || (n = i2d_CMS_ContentInfo(cms, NULL)) <= 0)
		return ossl_fail(e, RC_INTERNAL, "making an envelope");
	out = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	*der = bytes_of(out, (size_t)n);
	return RC_OK;
}

enum rc
cms_envelope(
    struct arena *a, struct bytes content, struct bytes recipient, const char *cipher, struct bytes *der, struct err *e)
{
	return ossl_envelope(a, content, hold_X509(held_new(a), ossl_certificate(recipient)), cipher, der, e);
}
