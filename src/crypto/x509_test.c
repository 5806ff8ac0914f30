#include <openssl/err.h>

#include "crypto/hash.h"
#include "crypto/testkit.h"

static const struct x509_template root_t = {
	.subject = { .cn = "Test Root", .o = "Ünïted, \"Test\"" },
	.not_before = NOW - DAY,
	.not_after = NOW + 3650LL * DAY,
	.is_ca = true,
	.allow_subordinate = true,
	.key_usage = X509_USE_CERT_SIGN | X509_USE_CRL_SIGN,
};
static const char *const names[] = { "mdm.example.com", "localhost", "127.0.0.1", "::1", NULL };
static const struct x509_template leaf_t = {
	.subject = { .cn = "mdm.example.com", .uid = "com.apple.mgmt.External.1" },
	.not_before = NOW - DAY,
	.not_after = NOW + DAY,
	.key_usage = X509_USE_SIGN | X509_USE_ENCIPHER,
	.ext_usage = X509_EXT_SERVER | X509_EXT_CLIENT,
	.dns = names,
};

static void
test_keys(void)
{
	static const enum x509_key_kind kinds[] = { X509_RSA_2048, X509_P256, X509_P384 };
	struct bytes key, spki, sig, raw, back;

	for (size_t i = 0; i < 3; i++) {
		ok(x509_key_new(a, kinds[i], &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK,
		    "a key of kind %zu has a public half", i);
		ok(x509_key_from_pem(a, bytes_str(x509_key_pem(a, key)), &back, &e) == RC_OK && bytes_eq(back, key),
		    "and comes back from PEM");
		ok(x509_raw_key(a, spki, &raw, &e) == RC_OK && raw.p[0] == (i == 0 ? 'R' : 'E'), "and has raw numbers");
		ok(x509_sign(a, key, bytes_str("message"), &sig, &e) == RC_OK, "and signs");
		put("key.pem", x509_key_pem(a, key), strlen(x509_key_pem(a, key)));
		put("m", "message", 7);
		put("sig", sig.p, sig.n);
		ok(OPENSSL("dgst", "-sha256", "-prverify", "key.pem", "-signature", "sig", "m") == 0,
		    "as the openssl command agrees");
	}
	ok(x509_key_public(a, bytes_str("nonsense"), &spki, &e) == RC_BAD_INPUT, "nonsense is no key");
	OPENSSL("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "trad.pem");
	get("trad.pem", &back);
	ok(memmem(back.p, back.n, "EC PRIVATE", 10) != NULL && x509_key_from_pem(a, back, &key, &e) == RC_OK &&
		x509_key_public(a, key, &spki, &e) == RC_OK,
	    "traditional PEM of a private key becomes PKCS#8");
	OPENSSL("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-aes128", "-pass", "pass:x",
	    "-out", "enc.pem");
	get("enc.pem", &back);
	ok(x509_key_from_pem(a, back, &key, &e) == RC_BAD_INPUT && strstr(e.text, "password") != NULL,
	    "an encrypted key is refused with what to do");
}

static void
test_chain(void)
{
	struct pair root = make(X509_P256, &root_t, NULL), other = make(X509_P256, &root_t, NULL), ca, leaf, bad;
	struct x509_template ca_t = root_t, late = leaf_t;
	struct x509_info info;
	struct bytes spki, *list;
	int n;

	ca_t.subject.cn = "Test CA";
	ca_t.allow_subordinate = false;
	ca = make(X509_RSA_2048, &ca_t, &root);
	leaf = make(X509_P256, &leaf_t, &ca);
	ok(x509_parse(a, leaf.cert, &info, &e) == RC_OK, "an issued certificate can be read");
	is_str(info.cn, "mdm.example.com", "with its common name");
	is_str(info.uid, "com.apple.mgmt.External.1", "with its UID, the topic of a push certificate");
	is_str(info.issuer, "CN=Test CA,O=Ünïted\\, \\\"Test\\\"", "names are RFC 4514 text, in UTF-8");
	ok(info.o == NULL && !info.is_ca && info.not_before == NOW - DAY && info.not_after == NOW + DAY,
	    "what was left out is absent, times are kept");
	ok(strlen(info.serial) == 32 && info.serial[0] >= '4' && info.serial[0] <= '7',
	    "the serial number is positive and has 127 bits (RFC 5280 4.1.2.2)");
	ok(bytes_eq(info.fingerprint, crypto_sha256(a, leaf.cert)), "the fingerprint is SHA-256 of the DER");
	ok(x509_key_public(a, leaf.key, &spki, &e) == RC_OK && bytes_eq(spki, info.spki), "the key is the subject's");
	ok(x509_matches(leaf.cert, leaf.key) && !x509_matches(leaf.cert, ca.key), "a key is matched to a certificate");
	ok(x509_parse(a, bytes_of(leaf.cert.p, leaf.cert.n - 1), &info, &e) == RC_BAD_INPUT,
	    "truncated DER is refused");

	ok(x509_verify(leaf.cert, &ca.cert, 1, &root.cert, 1, NOW, false, &e) == RC_OK,
	    "a chain by way of an intermediate");
	ok(x509_verify(leaf.cert, NULL, 0, &ca.cert, 1, NOW, false, &e) == RC_OK, "the pool may hold an intermediate");
	ok(x509_verify(leaf.cert, NULL, 0, &root.cert, 1, NOW, false, &e) == RC_FORBIDDEN, "no chain without it");
	ok(x509_verify(leaf.cert, &ca.cert, 1, &other.cert, 1, NOW, false, &e) == RC_FORBIDDEN,
	    "a root of the same name with another key is another root");
	ok(x509_verify(leaf.cert, &ca.cert, 1, NULL, 0, NOW, false, &e) == RC_NOT_FOUND, "an empty pool says so");
	ok(x509_verify(leaf.cert, &ca.cert, 1, &root.cert, 1, NOW + 2 * DAY, false, &e) == RC_FORBIDDEN &&
		strstr(e.text, "expired") != NULL,
	    "an expired certificate is refused");
	ok(x509_verify(leaf.cert, &ca.cert, 1, &root.cert, 1, NOW + 2 * DAY, true, &e) == RC_OK,
	    "S-09: unless the pool ignores dates");
	ok(x509_verify(leaf.cert, &ca.cert, 1, &root.cert, 1, NOW - 2 * DAY, false, &e) == RC_FORBIDDEN,
	    "one of tomorrow as well");
	bad = make(X509_P256, &leaf_t, &leaf);
	list = (struct bytes[]){ leaf.cert, ca.cert };
	ok(x509_verify(bad.cert, list, 2, &root.cert, 1, NOW, false, &e) == RC_FORBIDDEN,
	    "a leaf issues no certificates (RFC 5280 4.2.1.9)");
	ca_t.subject.cn = "Test CA below";
	bad = make(X509_P256, &ca_t, &ca);
	leaf = make(X509_P256, &leaf_t, &bad);
	list = (struct bytes[]){ bad.cert, ca.cert };
	ok(x509_verify(leaf.cert, list, 2, &root.cert, 1, NOW, false, &e) == RC_FORBIDDEN,
	    "pathlen 0 allows no CA below (RFC 5280 4.2.1.9)");

	leaf = make(X509_P256, &leaf_t, &ca);
	put_pem("root.pem", root.cert);
	put_pem("ca.pem", ca.cert);
	put_pem("leaf.pem", leaf.cert);
	ok(OPENSSL("verify", "-x509_strict", "-attime", "1790000000", "-CAfile", "root.pem", "-untrusted", "ca.pem",
	       "-purpose", "sslserver", "-verify_hostname", "localhost", "leaf.pem") == 0,
	    "openssl verify -x509_strict agrees, for a host name of the SAN");
	ok(OPENSSL("verify", "-x509_strict", "-attime", "1790000000", "-CAfile", "root.pem", "-untrusted", "ca.pem",
	       "-purpose", "sslserver", "-verify_ip", "127.0.0.1", "leaf.pem") == 0,
	    "a literal address is an iPAddress (RFC 9525)");
	ok(OPENSSL("verify", "-attime", "1790000000", "-CAfile", "root.pem", "-untrusted", "ca.pem", "-verify_hostname",
	       "other.example", "leaf.pem") != 0,
	    "and not for any other name");
	ok(OPENSSL("x509", "-in", "ca.pem", "-noout", "-text") == 0 && output_has("CA:TRUE, pathlen:0") &&
		output_has("Certificate Sign, CRL Sign") && output_has("Authority Key Identifier"),
	    "a CA is marked as one");

	/* Other issuers' habits, by the openssl command. */
	put("root.key", x509_key_pem(a, root.key), strlen(x509_key_pem(a, root.key)));
	put("ca.key", x509_key_pem(a, ca.key), strlen(x509_key_pem(a, ca.key)));
	OPENSSL("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k",
	    "-subj", "/CN=old", "-out", "old.csr");
	for (size_t i = 0; i < 2; i++) {
		OPENSSL("x509", "-req", "-in", "old.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
		    i == 0 ? "-sha1" : "-md5", "-days", "30", "-outform", "DER", "-out", "old.der");
		get("old.der", &bad.cert);
		ok(x509_verify(bad.cert, &ca.cert, 1, &root.cert, 1, NOW, true, &e) == (i == 0 ? RC_OK : RC_FORBIDDEN),
		    i == 0 ? "a device CA may still sign with SHA-1" : "but not with MD5");
	}

	{
		char *both = arena_printf(a, "comment\n%s\n%s", x509_pem(a, leaf.cert), x509_pem(a, ca.cert));

		ok(x509_from_pem(a, bytes_str(both), &list, &n, &e) == RC_OK && n == 2 &&
			bytes_eq(list[0], leaf.cert) && bytes_eq(list[1], ca.cert),
		    "several certificates come out of PEM in order");
		both[strlen(both) - 40] = '*';
		ok(x509_from_pem(a, bytes_str(both), &list, &n, &e) == RC_BAD_INPUT, "damaged PEM is refused");
		ok(x509_from_pem(a, bytes_str("x"), &list, &n, &e) == RC_BAD_INPUT, "no PEM is refused");
	}
	late.not_after = late.not_before;
	ok(x509_key_public(a, leaf.key, &spki, &e) == RC_OK &&
		x509_issue(a, &late, spki, ca.cert, ca.key, &bad.cert, &e) == RC_BAD_INPUT,
	    "validity must not be empty");
	ok(x509_issue(a, &leaf_t, spki, ca.cert, root.key, &bad.cert, &e) == RC_BAD_INPUT,
	    "an issuer's certificate and key belong together");
}

static void
test_quality(void)
{
	struct pair root = make(X509_P256, &root_t, NULL), leaf = make(X509_RSA_2048, &leaf_t, &root);
	struct x509_quality q;
	struct bytes weak;

	ok(x509_quality(a, leaf.cert, &q, &e) == RC_OK && strcmp(q.key, "RSA") == 0 && q.key_bits == 2048,
	    "how large a certificate's key is");
	is_str(q.digest, "SHA256", "and what it is signed with");
	is_str(q.dns[0], "mdm.example.com", "its names are those of subjectAltName");
	ok(strcmp(q.dns[2], "127.0.0.1") == 0 && strcmp(q.dns[3], "::1") == 0 && q.dns[4] == NULL,
	    "addresses among them are text");
	ok(q.for_servers && !q.self_issued && !q.names_issuer, "it is for servers, and another's");
	ok(x509_quality(a, root.cert, &q, &e) == RC_OK && q.self_issued && q.for_servers && q.dns[0] == NULL,
	    "who says nothing of a use is good for all");
	OPENSSL("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "k", "-sha1", "-subj", "/CN=x", "-addext",
	    "extendedKeyUsage=clientAuth", "-addext", "authorityInfoAccess=caIssuers;URI:http://ca.example/ca.cer",
	    "-outform", "DER", "-out", "weak.der");
	get("weak.der", &weak);
	ok(x509_quality(a, weak, &q, &e) == RC_OK && q.key_bits == 1024 && strcmp(q.digest, "SHA1") == 0 &&
		!q.for_servers && q.names_issuer,
	    "what is weak is told, not refused");
	ok(x509_quality(a, bytes_str("nonsense"), &q, &e) == RC_BAD_INPUT, "nonsense is no certificate");
}

static void
test_csr(void)
{
	struct x509_name subject = { .cn = "iPhone 7B", .o = "Example" };
	struct bytes key, csr, spki, from_command;
	struct x509_csr req;
	uint8_t *bad;

	x509_key_new(a, X509_RSA_2048, &key, &e);
	x509_key_public(a, key, &spki, &e);
	ok(x509_csr_new(a, &subject, key, "one-time", &csr, &e) == RC_OK, "a certification request is made");
	put("csr.der", csr.p, csr.n);
	ok(OPENSSL("req", "-inform", "DER", "-in", "csr.der", "-verify", "-noout") == 0, "openssl req -verify agrees");
	ok(x509_csr_parse(a, csr, &req, &e) == RC_OK && bytes_eq(req.spki, spki) && req.is_rsa && req.key_bits == 2048,
	    "and read back");
	is_str(req.cn, "iPhone 7B", "with its name");
	is_str(req.challenge, "one-time", "with its challenge password (RFC 8894 2.3)");
	ok(x509_csr_new(a, &subject, key, NULL, &csr, &e) == RC_OK && x509_csr_parse(a, csr, &req, &e) == RC_OK &&
		req.challenge == NULL,
	    "the challenge may be absent");
	bad = (uint8_t *)arena_strndup(a, (const char *)csr.p, csr.n);
	bad[csr.n - 1] ^= 1;
	ok(x509_csr_parse(a, bytes_of(bad, csr.n), &req, &e) == RC_BAD_INPUT,
	    "a request must be signed by its own key");
	bad = arena_alloc(a, csr.n + 1);
	memcpy(bad, csr.p, csr.n);
	ok(x509_csr_parse(a, bytes_of(bad, csr.n + 1), &req, &e) == RC_BAD_INPUT, "octets after a request are refused");
	ok(x509_csr_parse(a, bytes_of(csr.p, csr.n / 2), &req, &e) == RC_BAD_INPUT, "half a request is refused");

	OPENSSL("req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", "k", "-subj", "/CN=x", "-outform", "DER",
	    "-out", "weak.der");
	get("weak.der", &from_command);
	ok(x509_csr_parse(a, from_command, &req, &e) == RC_FORBIDDEN && req.key_bits == 1024,
	    "RSA under 2048 bits is refused");
	OPENSSL("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3",
	    "-out", "e3.pem");
	OPENSSL("req", "-new", "-key", "e3.pem", "-subj", "/CN=x", "-outform", "DER", "-out", "e3.der");
	get("e3.der", &from_command);
	ok(x509_csr_parse(a, from_command, &req, &e) == RC_FORBIDDEN, "a tiny RSA exponent is refused");
	OPENSSL("ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "k1.pem");
	OPENSSL("req", "-new", "-key", "k1.pem", "-subj", "/CN=x", "-outform", "DER", "-out", "k1.der");
	get("k1.der", &from_command);
	ok(x509_csr_parse(a, from_command, &req, &e) == RC_FORBIDDEN, "other curves are refused");
	OPENSSL("genpkey", "-algorithm", "ED25519", "-out", "ed.pem");
	OPENSSL("req", "-new", "-key", "ed.pem", "-subj", "/CN=x", "-outform", "DER", "-out", "ed.der");
	get("ed.der", &from_command);
	ok(x509_csr_parse(a, from_command, &req, &e) == RC_FORBIDDEN, "other kinds of keys are refused");
	OPENSSL("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "k",
	    "-subj", "/CN=x/O=y", "-outform", "DER", "-out", "ec.der");
	get("ec.der", &from_command);
	ok(x509_csr_parse(a, from_command, &req, &e) == RC_OK && !req.is_rsa && req.key_bits == 256,
	    "P-256 is accepted");
}

int
main(void)
{
	kit_start();
	test_keys();
	test_chain();
	test_quality();
	test_csr();
	ok(ERR_peek_error() == 0, "no failure leaves anything in OpenSSL's error queue");
	return kit_end();
}
