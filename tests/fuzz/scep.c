#include <openssl/cms.h>
#include <openssl/err.h>

#include "crypto/cms.h"
#include "crypto/ossl.h"
#include "crypto/x509.h"
#include "fuzz.h"
#include "scep_keys.h"

static X509 *ca, *device;
static EVP_PKEY *ca_key, *device_key;

/* What only someone who signs well can send: an input that starts with 'S' holds the attributes and the
 * content, and is signed here. Each attribute is the last number of its OID, a type, a length and a value;
 * number 0 ends them. */
static struct bytes
signed_by_device(struct arena *a, struct bytes in)
{
	static const int types[] = { V_ASN1_OCTET_STRING, V_ASN1_UTF8STRING, V_ASN1_BMPSTRING, V_ASN1_PRINTABLESTRING };
	const unsigned flags = CMS_BINARY | CMS_PARTIAL | CMS_NOSMIMECAP;
	struct held *h = held_new(a);
	CMS_ContentInfo *cms = hold_CMS_ContentInfo(h, CMS_sign(NULL, NULL, NULL, NULL, flags));
	CMS_SignerInfo *si = CMS_add1_signer(cms, device, device_key, EVP_sha256(), flags);
	char oid[] = "2.16.840.1.113733.1.9.0";
	unsigned char *out, *p;
	BIO *content;
	int n;

	while (in.n >= 3 && in.p[0] != 0 && in.p[2] <= in.n - 3) {
		oid[sizeof oid - 2] = (char)('0' + in.p[0] % 10);
		CMS_signed_add1_attr_by_txt(si, oid, types[in.p[1] % 4], in.p + 3, in.p[2]);
		in = bytes_of(in.p + 3 + in.p[2], in.n - 3 - in.p[2]);
	}
	if (in.n > 0)
		in = bytes_of(in.p + 1, in.n - 1);
	content = hold_BIO(h, BIO_new_mem_buf(in.n > 0 ? in.p : (const uint8_t *)"", (int)in.n));
	if (CMS_final(cms, content, NULL, flags) != 1 || (n = i2d_CMS_ContentInfo(cms, NULL)) <= 0) {
		ERR_clear_error();
		return bytes_of(NULL, 0);
	}
	out = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	ERR_clear_error();
	return bytes_of(out, (size_t)n);
}

static X509 *
certificate(struct arena *a, const char *pem)
{
	struct bytes *list;
	int n;

	MUST(x509_from_pem(a, bytes_str(pem), &list, &n, NULL) == RC_OK);
	return ossl_certificate(list[0]);
}

static EVP_PKEY *
private_key(struct arena *a, const char *pem)
{
	struct bytes key;

	MUST(x509_key_from_pem(a, bytes_str(pem), &key, NULL) == RC_OK);
	return ossl_private(key);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct arena *a = arena_new(0);

	(void)argc;
	(void)argv;
	ca = certificate(a, ca_pem);
	device = certificate(a, device_pem);
	ca_key = private_key(a, ca_key_pem);
	device_key = private_key(a, device_key_pem);
	arena_free(a);
	return 0;
}

FUZZ(a, in)
{
	struct scep_message m;
	struct x509_csr csr;
	struct err e;

	if (in.n > 0 && in.p[0] == 'S')
		in = signed_by_device(a, bytes_of(in.p + 1, in.n - 1));
	if (ossl_scep_open(a, in, ca, ca_key, &m, &e) == RC_OK) {
		MUST(m.transaction_id != NULL && m.sender_nonce.n > 0 && m.signer.p != NULL && m.digest != NULL);
		MUST((m.cipher != NULL) == (m.content.p != NULL));
		if (m.content.p != NULL)
			x509_csr_parse(a, m.content, &csr, &e);
	}
	MUST(ERR_peek_error() == 0);
}
