/* SCEP messages (RFC 8894 3): SignedData, whose attributes carry the transaction, over EnvelopedData. */
#include "crypto/ossl.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include "fmt/der.h"

#define NONCE_MAX 64
#define TRANSACTION_MAX 255
#define RECIPIENTS_MAX 16

/* ---- Algorithms, by the names of the header ---- */

struct algorithm {
	const char *name;
	int nid;
};

static const struct algorithm digests[] = {
	{ "SHA1", NID_sha1 },
	{ "SHA256", NID_sha256 },
	{ "SHA384", NID_sha384 },
	{ "SHA512", NID_sha512 },
	{ NULL, 0 },
};
/* Single DES and RC2 are left out on purpose (protocol 6.1). */
static const struct algorithm ciphers[] = {
	{ "DES-EDE3-CBC", NID_des_ede3_cbc },
	{ "AES-128-CBC", NID_aes_128_cbc },
	{ "AES-256-CBC", NID_aes_256_cbc },
	{ NULL, 0 },
};

static const struct algorithm *
by_nid(const struct algorithm *table, int nid)
{
	while (table->name != NULL && table->nid != nid)
		table++;
	return table->name != NULL ? table : NULL;
}

static const struct algorithm *
by_name(const struct algorithm *table, const char *name)
{
	while (table->name != NULL && (name == NULL || strcmp(table->name, name) != 0))
		table++;
	return table->name != NULL ? table : NULL;
}

/* ---- Attributes (RFC 8894 3.2.1) ---- */

enum { MESSAGE_TYPE = 2, PKI_STATUS, FAIL_INFO, SENDER_NONCE, RECIPIENT_NONCE, TRANSACTION_ID, ATTRIBUTE_END };

/* 2.16.840.1.113733.1.9, which one of the enumeration above follows. */
static const uint8_t arc[] = { 0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x45, 0x01, 0x09 };

struct attributes {
	const ASN1_STRING *value[ATTRIBUTE_END];
};

static int
which(const ASN1_OBJECT *oid)
{
	const unsigned char *p = OBJ_get0_data(oid);

	if (OBJ_length(oid) != sizeof arc + 1 || memcmp(p, arc, sizeof arc) != 0 || p[sizeof arc] < MESSAGE_TYPE ||
	    p[sizeof arc] >= ATTRIBUTE_END)
		return 0;
	return p[sizeof arc];
}

static bool
read_attributes(CMS_SignerInfo *si, struct attributes *out)
{
	memset(out, 0, sizeof *out);
	for (int i = 0; i < CMS_signed_get_attr_count(si); i++) {
		X509_ATTRIBUTE *attr = CMS_signed_get_attr(si, i);
		int k = which(X509_ATTRIBUTE_get0_object(attr));
		ASN1_TYPE *v;
		int type;

		if (k == 0)
			continue;
		if (out->value[k] != NULL || X509_ATTRIBUTE_count(attr) != 1)
			return false;
		v = X509_ATTRIBUTE_get0_type(attr, 0);
		type = ASN1_TYPE_get(v);
		if (k == SENDER_NONCE || k == RECIPIENT_NONCE
			? type != V_ASN1_OCTET_STRING
			: type != V_ASN1_PRINTABLESTRING && type != V_ASN1_UTF8STRING)
			return false;
		out->value[k] = v->value.asn1_string;
	}
	return true;
}

/* A decimal of at most two digits; -1 when absent or another text. */
static int
number(const ASN1_STRING *s)
{
	const unsigned char *p = s != NULL ? ASN1_STRING_get0_data(s) : NULL;
	int n = s != NULL ? ASN1_STRING_length(s) : 0, value = 0;

	if (n < 1 || n > 2)
		return -1;
	for (int i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		value = value * 10 + (p[i] - '0');
	}
	return value;
}

static bool
nonce(struct arena *a, const ASN1_STRING *s, struct bytes *out)
{
	int n = s != NULL ? ASN1_STRING_length(s) : 0;

	if (n < 1 || n > NONCE_MAX)
		return false;
	*out = arena_copy(a, bytes_of(ASN1_STRING_get0_data(s), (size_t)n));
	return true;
}

static enum rc
understand(struct arena *a, const struct attributes *at, struct scep_message *m, struct err *e)
{
	int type = number(at->value[MESSAGE_TYPE]), status = number(at->value[PKI_STATUS]),
	    reason = number(at->value[FAIL_INFO]);
	const ASN1_STRING *id = at->value[TRANSACTION_ID];

	if (type != SCEP_CERT_REP && type != SCEP_RENEWAL_REQ && type != SCEP_PKCS_REQ && type != SCEP_CERT_POLL)
		return fail(e, RC_BAD_INPUT, "a SCEP message of a type that is not known here");
	m->type = (enum scep_type)type;
	if (id == NULL || ASN1_STRING_length(id) < 1 || ASN1_STRING_length(id) > TRANSACTION_MAX ||
	    (m->transaction_id = ossl_string_text(a, id)) == NULL)
		return fail(e, RC_BAD_INPUT, "a SCEP message without a transaction");
	if (!nonce(a, at->value[SENDER_NONCE], &m->sender_nonce))
		return fail(e, RC_BAD_INPUT, "a SCEP message without a sender's nonce");
	if (type != SCEP_CERT_REP)
		return RC_OK;
	if (!nonce(a, at->value[RECIPIENT_NONCE], &m->recipient_nonce))
		return fail(e, RC_BAD_INPUT, "a SCEP answer without a recipient's nonce");
	if (status != SCEP_SUCCESS && status != SCEP_FAILURE && status != SCEP_PENDING)
		return fail(e, RC_BAD_INPUT, "a SCEP answer without a status");
	m->status = (enum scep_status)status;
	if (status == SCEP_FAILURE) {
		if (reason < SCEP_BAD_ALG || reason > SCEP_BAD_CERT_ID)
			return fail(e, RC_BAD_INPUT, "a SCEP failure without a reason");
		m->fail = (enum scep_fail)reason;
	}
	return RC_OK;
}

/* ---- Envelope ---- */

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
static enum rc
open_envelope(struct arena *a, struct held *h, struct bytes der, X509 *recipient, EVP_PKEY *key, struct scep_message *m,
    struct err *e)
{
	static const char refusal[] = "the SCEP envelope is not for this authority, or is damaged";
	const unsigned char *p = der.p;
	CMS_ContentInfo *cms = NULL;
	const struct algorithm *cipher;
	struct der_item it;
	struct bytes rest;
	BIO *out = hold_BIO(h, BIO_new(BIO_s_mem()));

	if (der.n > 0 && der.n <= INT32_MAX)
		cms = hold_CMS_ContentInfo(h, d2i_CMS_ContentInfo(NULL, &p, (long)der.n));
	if (cms == NULL || p != der.p + der.n || OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_enveloped)
		return ossl_fail(e, RC_BAD_INPUT, "a SCEP message without an envelope");
	if (!key_transport_only(cms))
		return ossl_fail(e, RC_FORBIDDEN, "a SCEP envelope with other than RSA key transport");
	if ((cipher = by_nid(ciphers, cipher_of(a, cms))) == NULL)
		return ossl_fail(e, RC_FORBIDDEN, "a SCEP envelope with a cipher that is not accepted");
	m->cipher = cipher->name;
	if (out == NULL || CMS_decrypt(cms, key, recipient, NULL, out, CMS_BINARY) != 1)
		return fail(e, RC_BAD_INPUT, refusal);
	m->content = rest = ossl_bio_bytes(a, out);
	if (!der_take(&rest, DER_SEQUENCE, &it) || rest.n != 0)
		return fail(e, RC_BAD_INPUT, refusal);
	return RC_OK;
}

static enum rc
open_message(struct arena *a, struct bytes der, X509 *recipient, EVP_PKEY *key, struct scep_message *out, struct err *e)
{
	struct held *h = held_new(a);
	struct ossl_signed s;
	struct attributes attributes;
	enum rc rc;

	*out = (struct scep_message){ 0 };
	if ((rc = ossl_cms_verify(h, der, bytes_of(NULL, 0), true, &s, e)) != RC_OK)
		return rc;
	if (OBJ_obj2nid(CMS_get0_eContentType(s.cms)) != NID_pkcs7_data)
		return fail(e, RC_BAD_INPUT, "a SCEP message whose content is not id-data");
	if (!read_attributes(s.signer_info, &attributes))
		return fail(e, RC_BAD_INPUT, "the attributes of a SCEP message");
	if ((rc = understand(a, &attributes, out, e)) != RC_OK)
		return rc;
	out->signer = ossl_certificate_der(a, s.signer);
	out->signer_spki = ossl_spki_der(a, X509_get_X509_PUBKEY(s.signer));
	out->known = ossl_known(a, out->signer, s.signer, NULL);
	out->digest = by_nid(digests, s.digest)->name; /* ossl_cms_verify accepts these only */
	/* Answers without a certificate have no envelope (RFC 8894 3.3.2.2, 3.3.2.3). */
	if (out->type == SCEP_CERT_REP && out->status != SCEP_SUCCESS)
		return RC_OK;
	return open_envelope(a, h, s.content, recipient, key, out, e);
}

enum rc
ossl_scep_open(
    struct arena *a, struct bytes der, X509 *recipient, EVP_PKEY *key, struct scep_message *out, struct err *e)
{
	enum rc rc = open_message(a, der, recipient, key, out, e);

	ERR_clear_error();
	return rc;
}

enum rc
scep_open(struct arena *a, struct bytes der, struct bytes certificate, struct bytes key, struct scep_message *out,
    struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(certificate));
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (x == NULL || pkey == NULL)
		return fail(e, RC_INTERNAL, "the recipient's certificate or key cannot be read");
	return ossl_scep_open(a, der, x, pkey, out, e);
}

/* ---- Building ---- */

/* The recipient, who mostly is the one whose message was just read. */
static X509 *
decoded(const struct scep_message *m, struct bytes recipient)
{
	if (m->known == NULL || !bytes_eq(m->known->der, recipient))
		return ossl_certificate(recipient);
	X509_up_ref(m->known->x);
	return m->known->x;
}

static enum rc
envelope(struct arena *a, const struct scep_message *m, struct bytes recipient, struct bytes *der, struct err *e)
{
	struct held *h = held_new(a);
	const struct algorithm *cipher = by_name(ciphers, m->cipher);
	X509 *x = decoded(m, recipient);
	STACK_OF(X509) *to = hold_stack(h, sk_X509_new_null());
	BIO *in = hold_BIO(h, BIO_new_mem_buf(m->content.p, (int)m->content.n));
	CMS_ContentInfo *cms;
	unsigned char *out, *p;
	int n;

	if (x == NULL || to == NULL || sk_X509_push(to, x) <= 0) {
		X509_free(x);
		return fail(e, RC_BAD_INPUT, "the recipient's certificate cannot be read");
	}
	if (cipher == NULL || in == NULL)
		return fail(e, RC_BAD_INPUT, "no cipher for a SCEP envelope");
	if (X509_get0_pubkey(x) == NULL || EVP_PKEY_get_base_id(X509_get0_pubkey(x)) != EVP_PKEY_RSA)
		return ossl_fail(e, RC_BAD_INPUT, "a SCEP envelope needs a recipient with an RSA key");
	cms = hold_CMS_ContentInfo(h, CMS_encrypt(to, in, EVP_get_cipherbynid(cipher->nid), CMS_BINARY));
	if (cms == NULL || (n = i2d_CMS_ContentInfo(cms, NULL)) <= 0)
		return ossl_fail(e, RC_INTERNAL, "making a SCEP envelope");
	out = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	*der = bytes_of(out, (size_t)n);
	return RC_OK;
}

static bool
put(CMS_SignerInfo *si, int which_one, int type, const void *p, size_t n)
{
	char oid[] = "2.16.840.1.113733.1.9.0";

	oid[sizeof oid - 2] = (char)('0' + which_one);
	return CMS_signed_add1_attr_by_txt(si, oid, type, p, (int)n) == 1;
}

static bool
put_number(CMS_SignerInfo *si, int which_one, int value)
{
	char text[12];

	snprintf(text, sizeof text, "%d", value);
	return put(si, which_one, V_ASN1_PRINTABLESTRING, text, strlen(text));
}

static bool
put_attributes(CMS_SignerInfo *si, const struct scep_message *m)
{
	if (!put_number(si, MESSAGE_TYPE, m->type) ||
	    !put(si, TRANSACTION_ID, V_ASN1_PRINTABLESTRING, m->transaction_id, strlen(m->transaction_id)) ||
	    !put(si, SENDER_NONCE, V_ASN1_OCTET_STRING, m->sender_nonce.p, m->sender_nonce.n))
		return false;
	if (m->type != SCEP_CERT_REP)
		return true;
	return put_number(si, PKI_STATUS, m->status) &&
	       put(si, RECIPIENT_NONCE, V_ASN1_OCTET_STRING, m->recipient_nonce.p, m->recipient_nonce.n) &&
	       (m->status != SCEP_FAILURE || put_number(si, FAIL_INFO, m->fail));
}

enum rc
ossl_scep_build(struct arena *a, const struct scep_message *m, struct bytes recipient, X509 *signer, EVP_PKEY *key,
    struct bytes *der, struct err *e)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP | (m->content.p == NULL ? CMS_DETACHED : 0);
	const struct algorithm *digest = by_name(digests, m->digest);
	struct held *h = held_new(a);
	struct bytes inner = bytes_of("", 0);
	CMS_ContentInfo *cms = hold_CMS_ContentInfo(h, CMS_sign(NULL, NULL, NULL, NULL, flags));
	CMS_SignerInfo *si;
	unsigned char *out, *p;
	enum rc rc;
	BIO *in;
	int n;

	if (digest == NULL || m->transaction_id == NULL || m->sender_nonce.p == NULL)
		return fail(e, RC_BAD_INPUT, "a SCEP message needs a digest, a transaction and a nonce");
	if (m->content.p != NULL && (rc = envelope(a, m, recipient, &inner, e)) != RC_OK)
		return rc;
	in = hold_BIO(h, BIO_new_mem_buf(inner.p, (int)inner.n));
	if (cms == NULL || in == NULL ||
	    (si = CMS_add1_signer(cms, signer, key, EVP_get_digestbynid(digest->nid), flags)) == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "the signer of a SCEP message");
	if (!put_attributes(si, m) || CMS_final(cms, in, NULL, flags) != 1 || (n = i2d_CMS_ContentInfo(cms, NULL)) <= 0)
		return ossl_fail(e, RC_INTERNAL, "signing a SCEP message");
	out = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	*der = bytes_of(out, (size_t)n);
	ERR_clear_error();
	return RC_OK;
}

enum rc
scep_build(struct arena *a, const struct scep_message *m, struct bytes recipient, struct bytes certificate,
    struct bytes key, struct bytes *der, struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(certificate));
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (x == NULL || pkey == NULL)
		return fail(e, RC_INTERNAL, "the signer's certificate or key cannot be read");
	return ossl_scep_build(a, m, recipient, x, pkey, der, e);
}
