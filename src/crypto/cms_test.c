#include <openssl/err.h>

#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/jws.h"
#include "crypto/testkit.h"

static void
put_pair(const char *name, struct pair p)
{
	char *key = x509_key_pem(a, p.key);

	put_pem(arena_printf(a, "%s.pem", name), p.cert);
	put(arena_printf(a, "%s.key", name), key, strlen(key));
}

/* The first digest of the message's list, before any signer, becomes one that nobody knows. */
static struct bytes
unknown_digest(struct bytes der)
{
	static const uint8_t arc[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };
	uint8_t *changed = arena_alloc(a, der.n), *at;

	memcpy(changed, der.p, der.n);
	at = memmem(changed, der.n, arc, sizeof arc);
	if (at != NULL)
		at[1] = 0xc6;
	return bytes_of(changed, der.n);
}

static void
test_round(const struct pair *ca, const struct pair *leaf, const char *kind)
{
	struct bytes content = bytes_str("<plist>machine</plist>"), der, from_command;
	struct pair other = make(X509_P256, &kit_ca, NULL);
	struct cms_signed s;

	ok(cms_sign(a, content, leaf->cert, leaf->key, &ca->cert, 1, false, &der, &e) == RC_OK, "%s: content is signed",
	    kind);
	ok(cms_verify(a, der, bytes_of(NULL, 0), &s, &e) == RC_OK && bytes_eq(s.content, content) &&
		bytes_eq(s.signer, leaf->cert),
	    "%s: and verified, with content and signer", kind);
	ok(s.n_others == 1 && bytes_eq(s.others[0], ca->cert), "%s: further certificates come along", kind);
	ok(cms_verify_chain(&s, &ca->cert, 1, NOW, false, &e) == RC_OK, "%s: the signer leads to the pool", kind);
	ok(cms_verify_chain(&s, &other.cert, 1, NOW, false, &e) == RC_FORBIDDEN &&
		cms_verify_chain(&s, NULL, 0, NOW, false, &e) == RC_NOT_FOUND,
	    "%s: not to a pool of others, nor to none", kind);
	ok(cms_verify_chain(&s, &ca->cert, 1, NOW + 2 * DAY, false, &e) == RC_FORBIDDEN &&
		cms_verify_chain(&s, &ca->cert, 1, NOW + 2 * DAY, true, &e) == RC_OK,
	    "%s: nor once it is too late, unless times are ignored", kind);
	put("signed.der", der.p, der.n);
	put("content", content.p, content.n);
	ok(OPENSSL("cms", "-verify", "-inform", "DER", "-in", "signed.der", "-CAfile", "ca.pem", "-purpose", "any",
	       "-attime", "1790000000") == 0 &&
		output_has("machine"),
	    "%s: openssl cms -verify agrees", kind);

	ok(cms_sign(a, content, leaf->cert, leaf->key, NULL, 0, true, &der, &e) == RC_OK, "%s: detached", kind);
	ok(cms_verify(a, der, content, &s, &e) == RC_OK && bytes_eq(s.content, content) && s.n_others == 0,
	    "%s: S-23: a detached signature over the exact body", kind);
	ok(cms_verify(a, der, bytes_str("<plist>another</plist>"), &s, &e) == RC_FORBIDDEN, "%s: not over another body",
	    kind);
	ok(cms_verify(a, der, bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT, "%s: nor without one", kind);
	ok(cms_verify(a, unknown_digest(der), content, &s, &e) == RC_FORBIDDEN,
	    "%s: a list of digests with an unknown one is refused, and leaks nothing", kind);
	put("signed.der", der.p, der.n);
	ok(OPENSSL("cms", "-verify", "-binary", "-inform", "DER", "-in", "signed.der", "-content", "content", "-CAfile",
	       "ca.pem", "-purpose", "any", "-attime", "1790000000") == 0,
	    "%s: openssl cms -verify agrees", kind);

	/* The command's own signatures, as devices of different years make them. */
	static const char *const digests[] = { "sha1", "sha256", "sha384", "sha512" };
	for (size_t i = 0; i < 4; i++) {
		OPENSSL("cms", "-sign", "-binary", "-nodetach", "-md", digests[i], "-signer", "leaf.pem", "-inkey",
		    "leaf.key", "-in", "content", "-outform", "DER", "-out", "from.der", "-certfile", "ca.pem");
		get("from.der", &from_command);
		ok(cms_verify(a, from_command, bytes_of(NULL, 0), &s, &e) == RC_OK && bytes_eq(s.content, content),
		    "%s: S-09: a %s signature of another program", kind, digests[i]);
	}
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-noattr", "-signer", "leaf.pem", "-inkey", "leaf.key", "-in",
	    "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &from_command);
	ok(cms_verify(a, from_command, bytes_of(NULL, 0), &s, &e) == RC_OK, "%s: id-data without signed attributes",
	    kind);
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-stream", "-signer", "leaf.pem", "-inkey", "leaf.key", "-in",
	    "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &from_command);
	ok(cms_verify(a, from_command, bytes_of(NULL, 0), &s, &e) == RC_OK && bytes_eq(s.content, content),
	    "%s: BER with indefinite lengths", kind);
}

static void
test_refusals(const struct pair *ca, const struct pair *leaf)
{
	struct bytes content = bytes_str("content"), der, out, many[17];
	struct cms_signed s;
	uint8_t *bad;
	bool all = true;

	cms_sign(a, content, leaf->cert, leaf->key, NULL, 0, false, &der, &e);
	for (size_t i = 0; i < der.n; i += 7)
		all = all && cms_verify(a, bytes_of(der.p, i), bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT;
	ok(all, "no truncation is accepted");
	bad = arena_alloc(a, der.n + 1);
	memcpy(bad, der.p, der.n);
	ok(cms_verify(a, bytes_of(bad, der.n + 1), bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT, "nor an octet after it");
	((uint8_t *)memmem(bad, der.n, "content", 7))[0] ^= 1;
	ok(cms_verify(a, bytes_of(bad, der.n), bytes_of(NULL, 0), &s, &e) == RC_FORBIDDEN, "nor changed content");
	ok(cms_verify(a, der, content, &s, &e) == RC_BAD_INPUT, "content of its own beside a detached one is refused");

	put("content", content.p, content.n);
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-signer", "leaf.pem", "-inkey", "leaf.key", "-signer",
	    "ca.pem", "-inkey", "ca.key", "-in", "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &out);
	ok(cms_verify(a, out, bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT, "S-09: two signers are refused");
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-md", "md5", "-signer", "leaf.pem", "-inkey", "leaf.key",
	    "-in", "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &out);
	ok(cms_verify(a, out, bytes_of(NULL, 0), &s, &e) == RC_FORBIDDEN, "MD5 is refused");
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-nocerts", "-signer", "leaf.pem", "-inkey", "leaf.key", "-in",
	    "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &out);
	ok(cms_verify(a, out, bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT, "no certificate is refused");
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-keyid", "-signer", "leaf.pem", "-inkey", "leaf.key", "-in",
	    "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &out);
	ok(cms_verify(a, out, bytes_of(NULL, 0), &s, &e) == RC_OK, "a signer named by its key identifier");
	OPENSSL("cms", "-sign", "-binary", "-nodetach", "-econtent_type", "1.2.3.4", "-signer", "leaf.pem", "-inkey",
	    "leaf.key", "-in", "content", "-outform", "DER", "-out", "from.der");
	get("from.der", &out);
	ok(cms_verify(a, out, bytes_of(NULL, 0), &s, &e) == RC_OK,
	    "content of another type, said so in the attributes");
	ok(cms_bag(a, &leaf->cert, 1, &out, &e) == RC_OK &&
		cms_verify(a, out, bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT,
	    "a bag of certificates is not a signature");
	for (int i = 0; i < 17; i++)
		many[i] = make(X509_P256, &kit_leaf, ca).cert;
	cms_sign(a, content, leaf->cert, leaf->key, many, 15, false, &der, &e);
	ok(cms_verify(a, der, bytes_of(NULL, 0), &s, &e) == RC_OK && s.n_others == 15, "16 certificates are read");
	cms_sign(a, content, leaf->cert, leaf->key, many, 16, false, &der, &e);
	ok(cms_verify(a, der, bytes_of(NULL, 0), &s, &e) == RC_BAD_INPUT, "over 16 are refused");
	ok(cms_sign(a, content, leaf->cert, ca->key, NULL, 0, false, &der, &e) == RC_BAD_INPUT,
	    "a certificate and another's key don't sign");
}

static void
test_bag(const struct pair *ca, const struct pair *leaf)
{
	struct bytes two[] = { leaf->cert, ca->cert }, der, *list, mine;
	int n;

	ok(cms_bag(a, two, 2, &der, &e) == RC_OK, "S-21: certificates in a degenerate PKCS#7");
	ok(cms_bag_open(a, der, &list, &n, &e) == RC_OK && n == 2, "come out again");
	put("bag.der", der.p, der.n);
	ok(OPENSSL("pkcs7", "-inform", "DER", "-in", "bag.der", "-print_certs") == 0 && output_has("CN = device") &&
		output_has("CN = CA"),
	    "openssl pkcs7 -print_certs agrees");
	OPENSSL("crl2pkcs7", "-nocrl", "-certfile", "ca.pem", "-outform", "DER", "-out", "from.der");
	get("from.der", &der);
	ok(cms_bag_open(a, der, &list, &n, &e) == RC_OK && n == 1 && bytes_eq(list[0], ca->cert),
	    "and the other way round");
	ok(cms_bag(a, &ca->cert, 1, &mine, &e) == RC_OK && bytes_eq(der, mine),
	    "S-21: octet for octet what openssl writes");
	two[1] = two[0];
	ok(cms_bag(a, two, 2, &der, &e) == RC_OK && cms_bag_open(a, der, &list, &n, &e) == RC_OK && n == 1,
	    "a certificate that is given twice is in it once");
	two[1] = bytes_str("nonsense");
	ok(cms_bag(a, two, 2, &der, &e) == RC_BAD_INPUT, "nonsense does not get into one");
	ok(cms_bag_open(a, bytes_str("0"), &list, &n, &e) == RC_BAD_INPUT, "nonsense is no bag");
}

static void
test_jws(const struct pair *rsa, const struct pair *ec)
{
	struct bytes spki;
	char *jws, *dot;

	ok(jws_rs256(a, "{\"alg\":\"RS256\"}", "{\"a\":1}", ec->key, &jws, &e) == RC_BAD_INPUT,
	    "RS256 needs an RSA key");
	ok(jws_es256(a, "{\"alg\":\"ES256\"}", "{\"a\":1}", rsa->key, &jws, &e) == RC_BAD_INPUT,
	    "ES256 needs one on P-256");
	ok(jws_es256(a, "{\"alg\":\"ES256\"}", "{\"a\":1}", ec->key, &jws, &e) == RC_OK &&
		strlen(strrchr(jws, '.')) == 1 + 86,
	    "RFC 7518 3.4: an ES256 signature is two numbers of 32 octets");
	ok(jws_rs256(a, "{\"alg\":\"RS256\"}", "{\"a\":1}", rsa->key, &jws, &e) == RC_OK, "S-31: RS256 signs");
	ok(strncmp(jws, "eyJhbGciOiJSUzI1NiJ9.eyJhIjoxfQ.", 32) == 0 && strlen(jws) == 32 + 342,
	    "compact: header.payload.signature in base64url (RFC 7515 3.1)");
	dot = strrchr(jws, '.');
	put("m", jws, (size_t)(dot - jws));
	for (char *p = dot; *p != '\0'; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	jws = arena_printf(a, "%s==\n", dot + 1);
	put("sig.b64", jws, strlen(jws));
	x509_key_public(a, rsa->key, &spki, &e);
	put("pub.der", spki.p, spki.n);
	OPENSSL("base64", "-d", "-A", "-in", "sig.b64", "-out", "sig");
	ok(OPENSSL("dgst", "-sha256", "-verify", "pub.der", "-keyform", "DER", "-signature", "sig", "m") == 0,
	    "openssl dgst -verify agrees");
}

static void
test_envelope(void)
{
	struct pair rsa = make(X509_RSA_2048, &kit_ca, NULL), ec = make(X509_P256, &kit_ca, NULL);
	struct bytes content = bytes_str("token"), der, opened;

	put_pair("rsa", rsa);
	for (int i = 0; i < 2; i++) {
		const char *cipher = i == 0 ? "DES-EDE3-CBC" : "AES-256-CBC";

		ok(cms_envelope(a, content, rsa.cert, cipher, &der, &e) == RC_OK &&
			cms_envelope_open(a, der, rsa.cert, rsa.key, &opened, &e) == RC_OK && bytes_eq(opened, content),
		    "what is enveloped with %s is opened again (RFC 5652 6)", cipher);
		put("enveloped.der", der.p, der.n);
		ok(OPENSSL("cms", "-decrypt", "-inform", "DER", "-in", "enveloped.der", "-recip", "rsa.pem", "-inkey",
		       "rsa.key") == 0 &&
			output_has("token"),
		    "and openssl cms agrees");
	}
	ok(cms_envelope(a, content, ec.cert, "AES-256-CBC", &der, &e) == RC_BAD_INPUT,
	    "not to a key that is no RSA key");
	put("content", content.p, content.n);
	ok(OPENSSL("cms", "-encrypt", "-stream", "-outform", "DER", "-des3", "-in", "content", "-out", "stream.der",
	       "rsa.pem") == 0,
	    "openssl writes one of indefinite length");
	get("stream.der", &der);
	ok(cms_envelope_open(a, der, rsa.cert, rsa.key, &opened, &e) == RC_OK && bytes_eq(opened, content),
	    "which is opened too, as Apple's portals write it");
}

int
main(void)
{
	struct pair ca, rsa, ec;

	kit_start();
	ca = make(X509_RSA_2048, &kit_ca, NULL);
	rsa = make(X509_RSA_2048, &kit_leaf, &ca);
	ec = make(X509_P256, &kit_leaf, &ca);
	put_pair("ca", ca);
	put_pair("leaf", ec);
	test_round(&ca, &ec, "EC");
	put_pair("leaf", rsa);
	test_round(&ca, &rsa, "RSA");
	test_refusals(&ca, &rsa);
	test_bag(&ca, &rsa);
	test_jws(&rsa, &ec);
	ok(ERR_peek_error() == 0, "no failure leaves anything in OpenSSL's error queue");
	test_envelope();
	return kit_end();
}
