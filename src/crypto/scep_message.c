/* SCEP messages (RFC 8894 3): SignedData, whose attributes carry the transaction, over EnvelopedData. */
#include "crypto/ossl.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include "fmt/der.h"

#define NONCE_MAX 64
#define TRANSACTION_MAX 255

/* ---- Algorithms, by the names of the header ---- */

static const struct ossl_algorithm digests[] = {
	{ "SHA1", NID_sha1 },
	{ "SHA256", NID_sha256 },
	{ "SHA384", NID_sha384 },
	{ "SHA512", NID_sha512 },
	{ NULL, 0 },
};
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

static enum rc
read_message(struct arena *a, struct bytes der, struct scep_message *out, struct bytes *envelope, struct err *e)
{
	struct held *h = held_new(a);
	struct ossl_signed s;
	struct attributes attributes;
	enum rc rc;

	*out = (struct scep_message){ 0 };
	*envelope = bytes_of(NULL, 0);
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
	out->digest = ossl_by_nid(digests, s.digest)->name; /* ossl_cms_verify accepts these only */
	/* Answers without a certificate have no envelope (RFC 8894 3.3.2.2, 3.3.2.3). */
	if (out->type != SCEP_CERT_REP || out->status == SCEP_SUCCESS)
		*envelope = s.content.p != NULL ? s.content : bytes_of("", 0);
	return RC_OK;
}

enum rc
scep_read(struct arena *a, struct bytes der, struct scep_message *out, struct bytes *envelope, struct err *e)
{
	enum rc rc = read_message(a, der, out, envelope, e);

	ERR_clear_error();
	return rc;
}

enum rc
ossl_scep_envelope_open(struct arena *a, struct bytes envelope, X509 *recipient, EVP_PKEY *key, struct bytes *content,
    const char **cipher, struct err *e)
{
	enum rc rc = ossl_envelope_open(a, held_new(a), envelope, recipient, key, content, cipher, e);
	struct der_item it;
	struct bytes rest;

	ERR_clear_error();
	if (rc != RC_OK)
		return rc;
	/* One refusal with what the envelope says of itself: see there. */
	rest = *content;
	return der_take(&rest, DER_SEQUENCE, &it) && rest.n == 0 ? RC_OK : fail(e, RC_BAD_INPUT, OSSL_ENVELOPE_REFUSAL);
}

enum rc
ossl_scep_open(
    struct arena *a, struct bytes der, X509 *recipient, EVP_PKEY *key, struct scep_message *out, struct err *e)
{
	struct bytes envelope;
	enum rc rc = scep_read(a, der, out, &envelope, e);

	if (rc == RC_OK && envelope.p != NULL)
		rc = ossl_scep_envelope_open(a, envelope, recipient, key, &out->content, &out->cipher, e);
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
decoded(struct held *h, const struct scep_message *m, struct bytes recipient)
{
	bool known = m->known != NULL && bytes_eq(m->known->der, recipient);

	return known ? m->known->x : hold_X509(h, ossl_certificate(recipient));
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
scep_envelope(
    struct arena *a, const struct scep_message *m, struct bytes recipient, struct bytes *envelope, struct err *e)
{
	*envelope = bytes_of("", 0);
	if (m->content.p == NULL)
		return RC_OK;
	return ossl_envelope(a, m->content, decoded(held_new(a), m, recipient), m->cipher, envelope, e);
}

enum rc
ossl_scep_sign(struct arena *a, const struct scep_message *m, struct bytes envelope, X509 *signer, EVP_PKEY *key,
    struct bytes *der, struct err *e)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP | (envelope.n == 0 ? CMS_DETACHED : 0);
	const struct ossl_algorithm *digest = ossl_by_name(digests, m->digest);
	struct held *h = held_new(a);
	CMS_ContentInfo *cms = hold_CMS_ContentInfo(h, CMS_sign(NULL, NULL, NULL, NULL, flags));
	CMS_SignerInfo *si;
	unsigned char *out, *p;
	BIO *in;
	int n;

	if (digest == NULL || m->transaction_id == NULL || m->sender_nonce.p == NULL)
		return fail(e, RC_BAD_INPUT, "a SCEP message needs a digest, a transaction and a nonce");
	in = hold_BIO(h, BIO_new_mem_buf(envelope.p, (int)envelope.n));
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
	struct bytes envelope;
	enum rc rc;

	if (x == NULL || pkey == NULL)
		return fail(e, RC_INTERNAL, "the signer's certificate or key cannot be read");
	if ((rc = scep_envelope(a, m, recipient, &envelope, e)) != RC_OK)
		return rc;
	return ossl_scep_sign(a, m, envelope, x, pkey, der, e);
}
