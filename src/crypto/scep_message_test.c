#include <openssl/err.h>

#include "crypto/cms.h"
#include "crypto/ossl.h"
#include "crypto/testkit.h"

static const struct x509_template ca_t = {
	.subject = { .cn = "Enrollment CA" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.is_ca = true,
	.key_usage = X509_USE_CERT_SIGN | X509_USE_SIGN | X509_USE_ENCIPHER,
};
static const struct x509_template device_t = {
	.subject = { .cn = "device" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.key_usage = X509_USE_SIGN | X509_USE_ENCIPHER,
};
static struct pair ca, device, other;
static struct bytes csr;

static struct scep_message
request(const char *digest, const char *cipher)
{
	return (struct scep_message){
		.type = SCEP_PKCS_REQ,
		.transaction_id = "A1B2",
		.sender_nonce = bytes_str("0123456789abcdef"),
		.content = csr,
		.digest = digest,
		.cipher = cipher,
	};
}

static void
test_algorithms(void)
{
	static const char *const digests[] = { "SHA1", "SHA256", "SHA384", "SHA512" };
	static const char *const ciphers[] = { "DES-EDE3-CBC", "AES-128-CBC", "AES-256-CBC" };
	struct scep_message m;
	struct bytes der;

	for (size_t d = 0; d < 4; d++) {
		for (size_t c = 0; c < 3; c++) {
			struct scep_message r = request(digests[d], ciphers[c]);

			ok(scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e) == RC_OK &&
				scep_open(a, der, ca.cert, ca.key, &m, &e) == RC_OK && bytes_eq(m.content, csr) &&
				strcmp(m.digest, digests[d]) == 0 && strcmp(m.cipher, ciphers[c]) == 0,
			    "S-21: a request with %s and %s", digests[d], ciphers[c]);
		}
	}
	ok(m.type == SCEP_PKCS_REQ && strcmp(m.transaction_id, "A1B2") == 0 &&
		bytes_eq(m.sender_nonce, bytes_str("0123456789abcdef")) && bytes_eq(m.signer, device.cert),
	    "with its type, transaction, nonce and signer (RFC 8894 3.2.1)");
	put("request.der", der.p, der.n);
	put_pem("device.pem", device.cert);
	ok(OPENSSL("cms", "-verify", "-inform", "DER", "-in", "request.der", "-noverify", "-out", "inner.der") == 0,
	    "openssl cms -verify agrees about the outside");
	put_pem("ca.pem", ca.cert);
	put("ca.key", x509_key_pem(a, ca.key), strlen(x509_key_pem(a, ca.key)));
	ok(OPENSSL("cms", "-decrypt", "-inform", "DER", "-in", "inner.der", "-recip", "ca.pem", "-inkey", "ca.key",
	       "-out", "csr.der") == 0 &&
		OPENSSL("req", "-inform", "DER", "-in", "csr.der", "-verify", "-noout") == 0,
	    "openssl cms -decrypt about the inside");
}

/* An answer with that status comes back as it went. */
static void
test_answers(void)
{
	struct scep_message r = request("SHA1", "DES-EDE3-CBC"), m;
	struct bytes der, *list;
	int n;

	r.type = SCEP_CERT_REP;
	r.recipient_nonce = bytes_str("fedcba9876543210");
	r.status = SCEP_SUCCESS;
	cms_bag(a, &device.cert, 1, &r.content, &e);
	ok(scep_build(a, &r, device.cert, ca.cert, ca.key, &der, &e) == RC_OK &&
		scep_open(a, der, device.cert, device.key, &m, &e) == RC_OK && m.status == SCEP_SUCCESS &&
		bytes_eq(m.recipient_nonce, r.recipient_nonce) && strcmp(m.digest, "SHA1") == 0 &&
		strcmp(m.cipher, "DES-EDE3-CBC") == 0,
	    "S-21: SUCCESS with the request's own algorithms");
	ok(cms_bag_open(a, m.content, &list, &n, &e) == RC_OK && n == 1 && bytes_eq(list[0], device.cert),
	    "and the certificate in a degenerate PKCS#7 (RFC 8894 3.4)");
	r.content = bytes_of(NULL, 0);
	r.status = SCEP_FAILURE;
	r.fail = SCEP_BAD_MESSAGE_CHECK;
	ok(scep_build(a, &r, bytes_of(NULL, 0), ca.cert, ca.key, &der, &e) == RC_OK &&
		scep_open(a, der, device.cert, device.key, &m, &e) == RC_OK && m.status == SCEP_FAILURE &&
		m.fail == SCEP_BAD_MESSAGE_CHECK && m.content.p == NULL && m.cipher == NULL,
	    "FAILURE has a reason and no envelope (RFC 8894 3.3.2.2)");
	put("fail.der", der.p, der.n);
	put("empty", "", 0);
	ok(OPENSSL(
	       "cms", "-verify", "-inform", "DER", "-in", "fail.der", "-content", "empty", "-binary", "-noverify") == 0,
	    "openssl cms -verify agrees that nothing was signed");
	r.status = SCEP_PENDING;
	ok(scep_build(a, &r, bytes_of(NULL, 0), ca.cert, ca.key, &der, &e) == RC_OK &&
		scep_open(a, der, device.cert, device.key, &m, &e) == RC_OK && m.status == SCEP_PENDING,
	    "PENDING has neither (RFC 8894 3.3.2.3)");
}

static void
test_refusals(void)
{
	struct scep_message r = request("SHA256", "AES-128-CBC"), m;
	struct bytes der, bad;
	enum rc rc;
	bool all = true;

	scep_build(a, &r, other.cert, device.cert, device.key, &der, &e);
	ok(scep_open(a, der, ca.cert, ca.key, &m, &e) == RC_BAD_INPUT, "an envelope for someone else");
	scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e);
	for (size_t i = 0; i < der.n; i += 13) {
		bad = arena_copy(a, der);
		((uint8_t *)bad.p)[i] ^= 0x20;
		rc = scep_open(a, bad, ca.cert, ca.key, &m, &e);
		all = all && (rc == RC_BAD_INPUT || rc == RC_FORBIDDEN || bytes_eq(m.content, csr));
		rc = scep_open(a, bytes_of(der.p, i), ca.cert, ca.key, &m, &e);
		all = all && rc == RC_BAD_INPUT;
	}
	ok(all, "no changed octet changes what was asked, no truncation is accepted");
	r.cipher = "DES-CBC";
	ok(scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e) == RC_BAD_INPUT,
	    "S-21: single DES is not made");
	r.cipher = "AES-128-CBC";
	r.content = bytes_str("not DER");
	scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e);
	ok(scep_open(a, der, ca.cert, ca.key, &m, &e) == RC_BAD_INPUT && strstr(e.text, "envelope") != NULL,
	    "content that is no DER is the same refusal as one that does not decrypt");

	r.content = csr;
	r.transaction_id = "";
	scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e);
	ok(scep_open(a, der, ca.cert, ca.key, &m, &e) == RC_BAD_INPUT, "a transaction has a name");
	cms_sign(a, csr, device.cert, device.key, NULL, 0, false, &der, &e);
	ok(scep_open(a, der, ca.cert, ca.key, &m, &e) == RC_BAD_INPUT,
	    "a signature without attributes is no SCEP message");
	r = request("SHA256", "AES-128-CBC");
	r.type = (enum scep_type)21;
	scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e);
	ok(scep_open(a, der, ca.cert, ca.key, &m, &e) == RC_BAD_INPUT, "GetCert and GetCRL are not known here");
}

/* Sign what the openssl command enveloped as a SCEP client would. */
static struct bytes
around(struct bytes envelope)
{
	struct held *h = held_new(a);
	const unsigned flags = CMS_BINARY | CMS_PARTIAL;
	X509 *x = hold_X509(h, ossl_certificate(device.cert));
	EVP_PKEY *key = hold_EVP_PKEY(h, ossl_private(device.key));
	CMS_ContentInfo *cms = hold_CMS_ContentInfo(h, CMS_sign(NULL, NULL, NULL, NULL, flags));
	CMS_SignerInfo *si = CMS_add1_signer(cms, x, key, EVP_sha256(), flags);
	BIO *in = hold_BIO(h, BIO_new_mem_buf(envelope.p, (int)envelope.n));
	unsigned char *out, *p;
	int n;

	CMS_signed_add1_attr_by_txt(si, "2.16.840.1.113733.1.9.2", V_ASN1_PRINTABLESTRING, "19", 2);
	CMS_signed_add1_attr_by_txt(si, "2.16.840.1.113733.1.9.7", V_ASN1_PRINTABLESTRING, "A1", 2);
	CMS_signed_add1_attr_by_txt(si, "2.16.840.1.113733.1.9.5", V_ASN1_OCTET_STRING, "n", 1);
	CMS_final(cms, in, NULL, flags);
	n = i2d_CMS_ContentInfo(cms, NULL);
	out = p = arena_alloc(a, (size_t)n);
	i2d_CMS_ContentInfo(cms, &p);
	return bytes_of(out, (size_t)n);
}

static void
test_envelopes(void)
{
	/* clang-format off */
	static const struct { const char *words[6]; enum rc rc; const char *what; } cases[] = {
		{ { "-aes-128-cbc" }, RC_OK, "AES-128" },
		{ { "-aes-256-cbc", "-stream" }, RC_OK, "AES-256 in BER with indefinite lengths" },
		{ { "-des3" }, RC_OK, "triple DES" },
		{ { "-aes-128-cbc", "-keyid" }, RC_OK, "a recipient named by key identifier" },
		{ { "-aes-192-cbc" }, RC_FORBIDDEN, "AES-192, which is not announced" },
		{ { "-camellia128" }, RC_FORBIDDEN, "Camellia" },
		{ { "-des-cbc", "-provider", "legacy", "-provider", "default" }, RC_FORBIDDEN, "single DES" },
		{ { "-rc2-40", "-provider", "legacy", "-provider", "default" }, RC_FORBIDDEN, "RC2" },
		{ { "-aes-128-gcm" }, RC_BAD_INPUT, "AES-GCM, another structure" },
		{ { "-aes-128-cbc", "-pwri_password", "x" }, RC_FORBIDDEN, "a recipient with a password as well" },
	};
	/* clang-format on */
	struct scep_message m;
	struct bytes env;

	put("csr.der", csr.p, csr.n);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *words[20] = { "openssl", "cms", "-encrypt", "-binary", "-in", "csr.der", "-outform", "DER",
			"-out", "env.der" };
		size_t n = 10;

		for (size_t j = 0; j < 6 && cases[i].words[j] != NULL; j++)
			words[n++] = cases[i].words[j];
		words[n] = "ca.pem";
		unlink(arena_printf(a, "%s/env.der", dir));
		if (openssl(words) != 0) {
			skip("the openssl command does not make %s", cases[i].what);
			continue;
		}
		get("env.der", &env);
		ok(scep_open(a, around(env), ca.cert, ca.key, &m, &e) == cases[i].rc &&
			(cases[i].rc != RC_OK || bytes_eq(m.content, csr)),
		    "S-21: %s is %s", cases[i].what, cases[i].rc == RC_OK ? "accepted" : "refused");
	}
	ok(scep_open(a, around(csr), ca.cert, ca.key, &m, &e) == RC_BAD_INPUT, "a request in the clear is refused");
}

/* A request's arena has a ceiling; whichever step meets it, nothing is lost (seen by LeakSanitizer). */
static void
test_ceiling(void)
{
	struct scep_message r = request("SHA256", "AES-128-CBC"), m;
	struct bytes der;
	volatile int over = 0, fine = 0;

	scep_build(a, &r, ca.cert, device.cert, device.key, &der, &e);
	for (volatile size_t ceiling = 256; ceiling < 9000; ceiling += 173) {
		struct arena *small = arena_new(ceiling);

		if (ARENA_GUARD(small))
			over++;
		else if (scep_open(small, der, ca.cert, ca.key, &m, &e) == RC_OK)
			fine++;
		arena_free(small);
	}
	ok(over > 0 && fine > 0, "an arena that meets its ceiling anywhere loses no handle (%d times)", over);
}

int
main(void)
{
	kit_start();
	ca = make(X509_RSA_2048, &ca_t, NULL);
	device = make(X509_RSA_2048, &device_t, NULL); /* self-signed, over the key of the request */
	other = make(X509_RSA_2048, &ca_t, NULL);
	x509_csr_new(a, &(struct x509_name){ .cn = "device" }, device.key, "one-time", &csr, &e);
	test_algorithms();
	test_answers();
	test_refusals();
	test_envelopes();
	test_ceiling();
	ok(ERR_peek_error() == 0, "no failure leaves anything in OpenSSL's error queue");
	return kit_end();
}
