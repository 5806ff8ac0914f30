#include "crypto/ossl.h"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <stdlib.h>
#include <string.h>

#include "fmt/der.h"

#define CERTIFICATES_MAX 16
#define KEY_BITS_MAX 8192 /* a larger signer's key is a way to burn our time */

static enum rc
decode(struct held *h, struct bytes der, CMS_ContentInfo **out, struct err *e)
{
	const unsigned char *p = der.p;
	CMS_ContentInfo *cms;

	if (der.p == NULL || der.n == 0 || der.n > INT32_MAX)
		return fail(e, RC_BAD_INPUT, "no CMS message");
	if ((cms = hold_CMS_ContentInfo(h, d2i_CMS_ContentInfo(NULL, &p, (long)der.n))) == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "not a CMS message");
	if (p != der.p + der.n)
		return fail(e, RC_BAD_INPUT, "octets after a CMS message");
	if (OBJ_obj2nid(CMS_get0_type(cms)) != NID_pkcs7_signed)
		return fail(e, RC_BAD_INPUT, "a CMS message of another type than SignedData");
	*out = cms;
	return RC_OK;
}

static enum rc
certificates_of(struct held *h, CMS_ContentInfo *cms, STACK_OF(X509) * *out, struct err *e)
{
	STACK_OF(X509) *all = hold_stack(h, CMS_get1_certs(cms));

	if (all == NULL || sk_X509_num(all) == 0)
		return ossl_fail(e, RC_BAD_INPUT, "no certificate in the CMS message");
	if (sk_X509_num(all) > CERTIFICATES_MAX)
		return ossl_fail(e, RC_BAD_INPUT, "too many certificates in the CMS message");
	*out = all;
	return RC_OK;
}

/* Digest and signature algorithm of a signature must agree with each other and with the key. */
static enum rc
check_algorithms(struct ossl_signed *s, struct err *e)
{
	static const int digests[] = { NID_sha1, NID_sha256, NID_sha384, NID_sha512 };
	X509_ALGOR *digest_alg, *signature_alg;
	const ASN1_OBJECT *oid;
	EVP_PKEY *key;
	int kind, signature, md = NID_undef, pk = NID_undef;
	bool known = false;

	CMS_SignerInfo_get0_algs(s->signer_info, &key, NULL, &digest_alg, &signature_alg);
	X509_ALGOR_get0(&oid, NULL, NULL, digest_alg);
	s->digest = OBJ_obj2nid(oid);
	for (size_t i = 0; i < sizeof digests / sizeof digests[0]; i++)
		known = known || s->digest == digests[i];
	if (!known)
		return fail(e, RC_FORBIDDEN, "signed with a digest that is not accepted");
	if (key == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "the signer's public key");
	kind = EVP_PKEY_get_base_id(key);
	if ((kind != EVP_PKEY_RSA && kind != EVP_PKEY_RSA_PSS && kind != EVP_PKEY_EC) ||
	    EVP_PKEY_get_bits(key) > KEY_BITS_MAX)
		return fail(e, RC_FORBIDDEN, "signed with a key of a kind that is not accepted");
	/* OpenSSL believes the digest algorithm and ignores a contradiction (RFC 5754 3). */
	X509_ALGOR_get0(&oid, NULL, NULL, signature_alg);
	signature = OBJ_obj2nid(oid);
	if (OBJ_find_sigid_algs(signature, &md, &pk) == 1 && signature != NID_rsassaPss &&
	    (md != s->digest || pk != kind))
		return fail(e, RC_FORBIDDEN, "the signature's algorithm contradicts its digest or key");
	return RC_OK;
}

/* RFC 5652 11.1: the content type attribute names the content's type, which OpenSSL leaves to us.
 * Without signed attributes only id-data is signed (5.3). */
static bool
content_type_fits(const struct ossl_signed *s)
{
	const ASN1_OBJECT *type = CMS_get0_eContentType(s->cms), *said;

	if (CMS_signed_get_attr_count(s->signer_info) < 0)
		return OBJ_obj2nid(type) == NID_pkcs7_data;
	said = CMS_signed_get0_data_by_OBJ(s->signer_info, OBJ_nid2obj(NID_pkcs9_contentType), -3, V_ASN1_OBJECT);
	return said != NULL && OBJ_cmp(said, type) == 0;
}

/* Behind a filter that does nothing: of a memory BIO CMS_verify makes a copy, and OpenSSL 3.0 leaks that when the
 * message lists a digest that it does not know. NULL: no memory. */
static BIO *
reader(struct bytes content)
{
	BIO *memory = BIO_new_mem_buf(content.n > 0 ? content.p : (const uint8_t *)"", (int)content.n);
	BIO *filter = BIO_new(BIO_f_null());

	if (memory == NULL || filter == NULL) {
		BIO_free(memory);
		BIO_free(filter);
		return NULL;
	}
	return BIO_push(filter, memory);
}

static enum rc
verify(struct held *h, struct bytes der, struct bytes detached, bool empty_ok, struct ossl_signed *out, struct err *e)
{
	STACK_OF(CMS_SignerInfo) * signers;
	ASN1_OCTET_STRING **inside;
	BIO *given = NULL;
	enum rc rc;

	*out = (struct ossl_signed){ 0 };
	if ((rc = decode(h, der, &out->cms, e)) != RC_OK ||
	    (rc = certificates_of(h, out->cms, &out->certificates, e)) != RC_OK)
		return rc;
	signers = CMS_get0_SignerInfos(out->cms);
	if (signers == NULL || sk_CMS_SignerInfo_num(signers) != 1)
		return fail(e, RC_BAD_INPUT, "a CMS message with %d signers; one is expected",
		    signers != NULL ? sk_CMS_SignerInfo_num(signers) : 0);
	out->signer_info = sk_CMS_SignerInfo_value(signers, 0);
	if (CMS_set1_signers_certs(out->cms, NULL, 0) != 1)
		return ossl_fail(e, RC_BAD_INPUT, "no certificate of the signer in the CMS message");
	CMS_SignerInfo_get0_algs(out->signer_info, NULL, &out->signer, NULL, NULL);
	if ((rc = check_algorithms(out, e)) != RC_OK)
		return rc;

	inside = CMS_get0_content(out->cms);
	if (inside != NULL && *inside != NULL) {
		if (detached.p != NULL)
			return fail(e, RC_BAD_INPUT, "a CMS message with content of its own");
		out->content = bytes_of(ASN1_STRING_get0_data(*inside), (size_t)ASN1_STRING_length(*inside));
	} else {
		if (detached.p == NULL && !empty_ok)
			return fail(e, RC_BAD_INPUT, "a CMS message without content");
		out->content = detached;
		given = hold_BIO(h, reader(detached));
		if (given == NULL || detached.n > INT32_MAX)
			return ossl_fail(e, RC_INTERNAL, "content of a CMS message");
	}
	if (CMS_verify(out->cms, NULL, NULL, given, NULL, CMS_NO_SIGNER_CERT_VERIFY | CMS_BINARY) != 1)
		return ossl_fail(e, RC_FORBIDDEN, "the signature does not match");
	if (!content_type_fits(out))
		return ossl_fail(e, RC_FORBIDDEN, "the signature is about another type of content");
	return RC_OK;
}

/* Some of OpenSSL's readers succeed and still leave a complaint in its queue. */
enum rc
ossl_cms_verify(
    struct held *h, struct bytes der, struct bytes detached, bool empty_ok, struct ossl_signed *out, struct err *e)
{
	enum rc rc = verify(h, der, detached, empty_ok, out, e);

	ERR_clear_error();
	return rc;
}

const struct x509_known *
ossl_known(struct arena *a, struct bytes der, X509 *x, STACK_OF(X509) * all)
{
	struct x509_known *k = arena_alloc(a, sizeof *k);

	*k = (struct x509_known){ der, x, all };
	return k;
}

enum rc
cms_verify(struct arena *a, struct bytes der, struct bytes detached, struct cms_signed *out, struct err *e)
{
	struct held *h = held_new(a);
	struct ossl_signed s;
	enum rc rc = ossl_cms_verify(h, der, detached, false, &s, e);
	int n;

	if (rc != RC_OK)
		return rc;
	n = sk_X509_num(s.certificates);
	*out = (struct cms_signed){
		.content = detached.p != NULL ? detached : arena_copy(a, s.content),
		.signer = ossl_certificate_der(a, s.signer),
		.others = arena_array(a, (size_t)n, sizeof *out->others),
	};
	out->known = ossl_known(a, out->signer, s.signer, s.certificates);
	for (int i = 0; i < n; i++) {
		X509 *x = sk_X509_value(s.certificates, i);

		if (X509_cmp(x, s.signer) != 0)
			out->others[out->n_others++] = ossl_certificate_der(a, x);
	}
	return RC_OK;
}

/* OpenSSL refuses to put the same certificate in twice. */
static bool
add_certificates(CMS_ContentInfo *cms, X509 *signer, const struct bytes *others, int n_others)
{
	for (int i = 0; i < n_others; i++) {
		X509 *x = ossl_certificate(others[i]);
		bool good = x != NULL, again = good && signer != NULL && X509_cmp(x, signer) == 0;

		for (int j = 0; j < i && !again; j++)
			again = bytes_eq(others[i], others[j]);
		if (good && !again)
			good = CMS_add1_cert(cms, x) == 1;
		X509_free(x);
		if (!good)
			return false;
	}
	return true;
}

static enum rc
encode(struct arena *a, CMS_ContentInfo *cms, struct bytes *der, struct err *e)
{
	int n = i2d_CMS_ContentInfo(cms, NULL);
	unsigned char *out, *p;

	if (n <= 0)
		return ossl_fail(e, RC_INTERNAL, "writing a CMS message");
	out = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	*der = bytes_of(out, (size_t)n);
	ERR_clear_error();
	return RC_OK;
}

enum rc
ossl_cms_sign(struct arena *a, struct bytes content, X509 *signer, EVP_PKEY *key, const struct bytes *others,
    int n_others, bool detached, struct bytes *der, struct err *e)
{
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP | (detached ? CMS_DETACHED : 0);
	struct held *h = held_new(a);
	BIO *in = hold_BIO(h, BIO_new_mem_buf(content.n > 0 ? content.p : (const uint8_t *)"", (int)content.n));
	CMS_ContentInfo *cms = hold_CMS_ContentInfo(h, CMS_sign(NULL, NULL, NULL, NULL, flags));

	if (content.n > INT32_MAX || in == NULL || cms == NULL)
		return ossl_fail(e, RC_INTERNAL, "preparing a signature");
	if (CMS_add1_signer(cms, signer, key, EVP_sha256(), flags) == NULL)
		return ossl_fail(e, RC_BAD_INPUT, "the signer's certificate and key");
	if (!add_certificates(cms, signer, others, n_others))
		return ossl_fail(e, RC_BAD_INPUT, "certificates to go along with a signature");
	if (CMS_final(cms, in, NULL, flags) != 1)
		return ossl_fail(e, RC_INTERNAL, "signing");
	return encode(a, cms, der, e);
}

enum rc
cms_sign(struct arena *a, struct bytes content, struct bytes certificate, struct bytes key, const struct bytes *others,
    int n_others, bool detached, struct bytes *der, struct err *e)
{
	struct held *h = held_new(a);
	X509 *x = hold_X509(h, ossl_certificate(certificate));
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (x == NULL || pkey == NULL)
		return fail(e, RC_BAD_INPUT, "the signer's certificate or key cannot be read");
	return ossl_cms_sign(a, content, x, pkey, others, n_others, detached, der, e);
}

/* ---- a bag, written by hand: OpenSSL would decode each certificate to write it as it was ---- */

/* Tag and length (X.690 8.1.3, in their shortest form) of `n` octets, before `at`; the new beginning. */
static uint8_t *
wrap(uint8_t *at, uint8_t tag, size_t n)
{
	int octets = 0;
	size_t left = n;

	if (n >= 0x80)
		for (; left > 0; left >>= 8, octets++)
			*--at = (uint8_t)left;
	*--at = octets > 0 ? (uint8_t)(0x80 | octets) : (uint8_t)n;
	*--at = tag;
	return at;
}

static uint8_t *
before(uint8_t *at, const void *p, size_t n)
{
	return memcpy(at - n, p, n);
}

/* In a SET OF, DER puts the smaller encoding first (X.690 11.6). */
static int
in_order(const void *x, const void *y)
{
	const struct bytes *p = x, *q = y;
	int d = memcmp(p->p, q->p, p->n < q->n ? p->n : q->n);

	return d != 0 ? d : (p->n > q->n) - (p->n < q->n);
}

enum rc
cms_bag(struct arena *a, const struct bytes *certificates, int n, struct bytes *der, struct err *e)
{
	static const uint8_t signed_data[] = { 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02 };
	/* version 1, no digest, id-data without content */
	static const uint8_t head[] = { 0x02, 1, 1, 0x31, 0, 0x30, 11, 0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d,
		0x01, 0x07, 0x01 };
	static const uint8_t no_signers[] = { 0x31, 0 };
	struct bytes *sorted = arena_array(a, (size_t)(n > 0 ? n : 1), sizeof *sorted);
	size_t room = 128;
	uint8_t *at, *end, *inside;
	struct der_item it;

	for (int i = 0; i < n; i++) {
		struct bytes rest = certificates[i];

		if (rest.n > OSSL_CERTIFICATE_MAX || !der_take(&rest, DER_SEQUENCE, &it) || rest.n > 0)
			return fail(e, RC_BAD_INPUT, "certificates for a PKCS#7 bag");
		sorted[i] = certificates[i];
		room += rest.n + certificates[i].n;
	}
	if (n <= 0 || n > CERTIFICATES_MAX)
		return fail(e, RC_BAD_INPUT, "1 to %d certificates go into a PKCS#7 bag", CERTIFICATES_MAX);
	qsort(sorted, (size_t)n, sizeof *sorted, in_order);
	end = at = (uint8_t *)arena_alloc(a, room) + room;
	at = before(at, no_signers, sizeof no_signers);
	inside = at;
	for (int i = n - 1; i >= 0; i--)
		if (i == 0 || !bytes_eq(sorted[i], sorted[i - 1]))
			at = before(at, sorted[i].p, sorted[i].n);
	at = wrap(at, DER_CONTEXT_0, (size_t)(inside - at));
	at = before(at, head, sizeof head);
	at = wrap(at, DER_SEQUENCE, (size_t)(end - at));
	at = wrap(at, DER_CONTEXT_0, (size_t)(end - at));
	at = before(at, signed_data, sizeof signed_data);
	at = wrap(at, DER_SEQUENCE, (size_t)(end - at));
	*der = bytes_of(at, (size_t)(end - at));
	return RC_OK;
}

enum rc
cms_bag_open(struct arena *a, struct bytes der, struct bytes **certificates, int *n, struct err *e)
{
	struct held *h = held_new(a);
	STACK_OF(X509) *all = NULL;
	CMS_ContentInfo *cms = NULL;
	struct bytes *out;
	enum rc rc;

	if ((rc = decode(h, der, &cms, e)) != RC_OK || (rc = certificates_of(h, cms, &all, e)) != RC_OK)
		return rc;
	out = arena_array(a, (size_t)sk_X509_num(all), sizeof *out);
	for (int i = 0; i < sk_X509_num(all); i++)
		out[i] = ossl_certificate_der(a, sk_X509_value(all, i));
	ERR_clear_error();
	*certificates = out;
	*n = sk_X509_num(all);
	return RC_OK;
}
