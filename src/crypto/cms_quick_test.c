/* Both ways of checking a detached signature must agree: on signatures that this program and the
 * openssl command make, on every octet of them changed, and on messages that no tool makes. */
#include <openssl/err.h>

#include "base/clock.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/testkit.h"
#include "fmt/der.h"

static const char text[] = "<plist><dict/></plist>";
static struct bytes body;

struct identity { /* what a row holds */
	struct pair pair;
	struct bytes fingerprint, raw;
};

static struct identity
identity(enum x509_key_kind kind, const struct pair *ca)
{
	struct identity id = { .pair = make(kind, &kit_leaf, ca) };
	struct bytes spki;

	x509_key_public(a, id.pair.key, &spki, &e);
	x509_raw_key(a, spki, &id.raw, &e);
	id.fingerprint = crypto_sha256(a, id.pair.cert);
	return id;
}

/* The gate's two ways, from the message to "this identity signed it". */
static enum rc
slow_way(struct bytes der, struct bytes detached, const struct identity *id)
{
	struct cms_signed s;

	if (cms_verify(a, der, detached, &s, &e) != RC_OK)
		return RC_FORBIDDEN;
	return bytes_eq(crypto_sha256(a, s.signer), id->fingerprint) ? RC_OK : RC_FORBIDDEN;
}

static enum rc
quick_way(struct bytes der, struct bytes detached, const struct identity *id)
{
	struct bytes fingerprint;

	if (cms_signer_fingerprint(a, der, &fingerprint, &e) != RC_OK)
		return RC_NOT_FOUND;
	if (!bytes_eq(fingerprint, id->fingerprint)) /* no such row */
		return RC_FORBIDDEN;
	return cms_verify_raw(a, der, detached, id->raw, &e);
}

static bool
agree(struct bytes der, struct bytes detached, const struct identity *id)
{
	enum rc quick = quick_way(der, detached, id);

	return quick == RC_NOT_FOUND || quick == slow_way(der, detached, id);
}

/* ---- Signatures that tools make ---- */

static struct bytes
command_signs(const char *const *more)
{
	const char *words[24] = { "openssl", "cms", "-sign", "-binary", "-signer", "leaf.pem", "-inkey", "leaf.key",
		"-in", "content", "-outform", "DER", "-out", "from.der" };
	struct bytes der;
	size_t n = 14;

	while (*more != NULL)
		words[n++] = *more++;
	unlink(arena_printf(a, "%s/from.der", dir));
	openssl(words);
	get("from.der", &der);
	return der;
}
#define SIGN(...) command_signs((const char *const[]){ __VA_ARGS__, NULL })

static void
test_tools(const struct identity *id, const struct identity *other, const struct pair *ca, const char *kind)
{
	static const char *const digests[] = { "sha1", "sha256", "sha384", "sha512" };
	struct bytes der;
	char *key = x509_key_pem(a, id->pair.key);

	put_pem("leaf.pem", id->pair.cert);
	put("leaf.key", key, strlen(key));
	put("content", text, strlen(text));

	cms_sign(a, body, id->pair.cert, id->pair.key, NULL, 0, true, &der, &e);
	ok(quick_way(der, body, id) == RC_OK && slow_way(der, body, id) == RC_OK, "%s: our own signature, both ways",
	    kind);
	ok(quick_way(der, bytes_str("other"), id) == RC_FORBIDDEN && agree(der, bytes_str("other"), id),
	    "%s: not over another body", kind);
	ok(quick_way(der, body, other) == RC_FORBIDDEN && agree(der, body, other), "%s: not for another identity",
	    kind);
	ok(cms_verify_raw(a, der, body, other->raw, &e) == RC_FORBIDDEN, "%s: not with another key", kind);
	ok(cms_verify_raw(a, der, body, bytes_of(id->raw.p, id->raw.n - 1), &e) != RC_OK, "%s: nor half a key", kind);
	for (size_t i = 0; i < 4; i++) {
		der = SIGN("-md", digests[i]);
		ok(quick_way(der, body, id) == RC_OK && slow_way(der, body, id) == RC_OK, "%s: S-23: the command's, %s",
		    kind, digests[i]);
	}
	/* What is unusual is left to the other way. */
	der = SIGN("-noattr");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_OK, "%s: no signed attributes",
	    kind);
	der = SIGN("-keyid");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_OK, "%s: signer by key id", kind);
	der = SIGN("-nocerts");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_FORBIDDEN, "%s: no certificate",
	    kind);
	der = SIGN("-nodetach");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_FORBIDDEN, "%s: content inside",
	    kind);
	der = SIGN("-econtent_type", "1.2.3.4");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_OK, "%s: another content type",
	    kind);
	der = SIGN("-md", "sha224");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_FORBIDDEN, "%s: another digest",
	    kind);
	put_pem("ca.pem", ca->cert);
	der = SIGN("-certfile", "ca.pem");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_OK, "%s: a chain inside", kind);
	key = x509_key_pem(a, ca->key);
	put("ca.key", key, strlen(key));
	der = SIGN("-signer", "ca.pem", "-inkey", "ca.key");
	ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_FORBIDDEN, "%s: two signers",
	    kind);
	if (strcmp(kind, "RSA") == 0) {
		der = SIGN("-keyopt", "rsa_padding_mode:pss");
		ok(quick_way(der, body, id) == RC_NOT_FOUND && slow_way(der, body, id) == RC_OK, "%s: PSS padding",
		    kind);
	}
}

/* ---- Every octet ---- */

static void
test_octets(const struct identity *id, const char *kind)
{
	static const uint8_t masks[] = { 0x01, 0x20, 0x80, 0xff };
	struct bytes der;
	int quick = 0, bad = 0, truncated = 0;
	uint8_t *p;

	cms_sign(a, body, id->pair.cert, id->pair.key, NULL, 0, true, &der, &e);
	p = arena_alloc(a, der.n + 1);
	memcpy(p, der.p, der.n);
	for (size_t i = 0; i < der.n; i++) {
		struct arena *keep = a;

		a = arena_new(0);
		p[i] ^= masks[i % 4];
		quick += quick_way(bytes_of(p, der.n), body, id) != RC_NOT_FOUND;
		if (!agree(bytes_of(p, der.n), body, id) && bad++ < 5)
			printf("# octet %zu: quick %d, slow %d\n", i, quick_way(bytes_of(p, der.n), body, id),
			    slow_way(bytes_of(p, der.n), body, id));
		p[i] ^= masks[i % 4];
		truncated += quick_way(bytes_of(p, i), body, id) != RC_NOT_FOUND;
		arena_free(a);
		a = keep;
	}
	ok(bad == 0 && quick > 100, "%s: any octet changed, both ways agree (%d decided quickly)", kind, quick);
	ok(truncated == 0, "%s: nothing truncated is decided quickly", kind);
	ok(quick_way(bytes_of(p, der.n + 1), body, id) == RC_NOT_FOUND &&
		slow_way(bytes_of(p, der.n + 1), body, id) == RC_FORBIDDEN,
	    "%s: octets after the message are refused", kind);
}

/* ---- Messages that no tool makes ---- */

static struct bytes
tlv(uint8_t tag, struct bytes v)
{
	uint8_t *p = arena_alloc(a, v.n + 4);
	size_t n = 0;

	p[n++] = tag;
	if (v.n >= 256) {
		p[n++] = 0x82;
		p[n++] = (uint8_t)(v.n >> 8);
	} else if (v.n >= 128) {
		p[n++] = 0x81;
	}
	p[n++] = (uint8_t)v.n;
	if (v.n > 0)
		memcpy(p + n, v.p, v.n);
	return bytes_of(p, n + v.n);
}

static struct bytes
join(const struct bytes *list)
{
	size_t n = 0;
	uint8_t *p;

	for (const struct bytes *b = list; b->p != NULL; b++)
		n += b->n;
	p = arena_alloc(a, n + 1);
	n = 0;
	for (const struct bytes *b = list; b->p != NULL; n += b->n, b++)
		memcpy(p + n, b->p, b->n);
	return bytes_of(p, n);
}
#define JOIN(...) join((const struct bytes[]){ __VA_ARGS__, { NULL, 0 } })
#define SEQ(...) tlv(DER_SEQUENCE, JOIN(__VA_ARGS__))
#define SET(...) tlv(DER_SET, JOIN(__VA_ARGS__))
#define RAW(s) bytes_of(s, sizeof(s) - 1)
#define NONE bytes_of("", 0)
#define OID_(s) tlv(DER_OID, RAW(s))
#define PKCS(s) OID_("\x2a\x86\x48\x86\xf7\x0d\x01" s)
#define ALG(oid) SEQ(oid, RAW("\x05\x00"))
#define INT(s) tlv(DER_INTEGER, RAW(s))
#define DATA PKCS("\x07\x01")
#define SHA256 OID_("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
#define SHA1 OID_("\x2b\x0e\x03\x02\x1a")

struct made { /* pieces that a case may replace; the signature is made over the attributes as they stand */
	struct bytes attributes; /* contents of the SET */
	struct bytes digest_algorithms, version, content_info, certificates, signer_version, digest, algorithm, after,
	    crls, tail, signature;
};

static struct identity rsa_id;

static struct bytes
content_type(struct bytes value)
{
	return SEQ(PKCS("\x09\x03"), value);
}
static struct bytes
message_digest(struct bytes value)
{
	return SEQ(PKCS("\x09\x04"), SET(tlv(DER_OCTET_STRING, value)));
}
static struct bytes
signing_time(void)
{
	return SEQ(PKCS("\x09\x05"), SET(tlv(DER_UTC_TIME, RAW("260921120000Z"))));
}

static struct made
usual(void)
{
	return (struct made){
		.attributes = JOIN(content_type(SET(DATA)), signing_time(), message_digest(crypto_sha256(a, body))),
		.digest_algorithms = SET(ALG(SHA256)),
		.version = INT("\x01"),
		.content_info = SEQ(DATA),
		.certificates = tlv(DER_CONTEXT_0, rsa_id.pair.cert),
		.signer_version = INT("\x01"),
		.digest = ALG(SHA256),
		.algorithm = ALG(PKCS("\x01\x0b")),
		.after = NONE,
		.crls = NONE,
		.tail = NONE,
	};
}

/* { issuer, serial } of a certificate. */
static struct bytes
issuer_and_serial(struct bytes certificate)
{
	struct der_item it, number, name;
	struct bytes rest = certificate;

	der_next(&rest, &it);
	rest = it.value;
	der_next(&rest, &it);
	rest = it.value;
	der_next(&rest, &it);
	der_next(&rest, &number);
	der_next(&rest, &it);
	der_next(&rest, &name);
	return SEQ(name.whole, number.whole);
}

static struct bytes
message(const struct made *m)
{
	struct bytes signature = m->signature;

	if (signature.p == NULL)
		x509_sign(a, rsa_id.pair.key, tlv(DER_SET, m->attributes), &signature, &e);
	return SEQ(PKCS("\x07\x02"),
	    tlv(DER_CONTEXT_0,
		SEQ(m->version, m->digest_algorithms, m->content_info, m->certificates, m->crls,
		    SET(SEQ(m->signer_version, issuer_and_serial(rsa_id.pair.cert), m->digest,
			tlv(DER_CONTEXT_0, m->attributes), m->algorithm, tlv(DER_OCTET_STRING, signature), m->after)))),
	    m->tail);
}

static void
expect(const struct made *m, enum rc quick, enum rc slow, const char *what)
{
	struct bytes der = message(m);
	enum rc q = quick_way(der, body, &rsa_id), s = slow_way(der, body, &rsa_id);

	if (!ok(q == quick && s == slow && (q == RC_NOT_FOUND || q == s), "%s", what))
		printf("# quick %s, slow %s (%s)\n", rc_name(q), rc_name(s), e.text);
}

static void
test_made(void)
{
	struct bytes digest = crypto_sha256(a, body), wrong = crypto_sha256(a, bytes_str("x")),
		     garbage = tlv(DER_SEQUENCE, RAW("\x02\x01\x05"));
	struct made m = usual();

	expect(&m, RC_OK, RC_OK, "the usual message, made by hand");
	m.attributes = JOIN(content_type(SET(DATA)), signing_time(), message_digest(wrong));
	expect(&m, RC_FORBIDDEN, RC_FORBIDDEN, "a message digest of another body (RFC 5652 11.2)");
	m.attributes = JOIN(content_type(SET(DATA)), signing_time(), message_digest(bytes_of(digest.p, 31)));
	expect(&m, RC_FORBIDDEN, RC_FORBIDDEN, "a message digest that is too short");
	m.attributes = JOIN(content_type(SET(PKCS("\x07\x03"))), signing_time(), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "a content type of something else (RFC 5652 11.1)");
	m.attributes = JOIN(signing_time(), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "no content type");
	m.attributes = JOIN(content_type(SET(DATA)), signing_time());
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "no message digest");
	m.attributes = JOIN(content_type(SET(DATA)), message_digest(digest), message_digest(wrong));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "two message digests");
	m.attributes = JOIN(content_type(SET(DATA)), signing_time(), signing_time(), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "two signing times");
	m.attributes = JOIN(content_type(SET(DATA, DATA)), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "an attribute with two values");
	m.attributes = JOIN(content_type(SET(NONE)), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "an attribute without a value");
	m.attributes = JOIN(message_digest(digest), signing_time(), content_type(SET(DATA)));
	expect(&m, RC_NOT_FOUND, RC_OK, "attributes out of order");
	m.attributes = JOIN(content_type(SET(DATA)),
	    SEQ(OID_("\x2a\x86\x48\x86\xf7\x63\x64\x09\x01"), SET(tlv(DER_OCTET_STRING, RAW("hash agility")))),
	    message_digest(digest));
	expect(&m, RC_OK, RC_OK, "an attribute that nobody here knows");
	m.attributes = JOIN(
	    SEQ(OID_("\x2a\x03"), SET(tlv(DER_BOOLEAN, RAW("\x01")))), content_type(SET(DATA)), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_OK, "a BOOLEAN that is not DER");
	m.attributes = JOIN(
	    SEQ(OID_("\x2a\x80\x03"), SET(tlv(DER_UTF8, RAW("x")))), content_type(SET(DATA)), message_digest(digest));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "an OID with padding");
	m.attributes = NONE;
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "an empty set of attributes");

	m = usual();
	m.digest_algorithms = SET(ALG(SHA1));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "a digest that was not announced");
	m.digest_algorithms = SET(ALG(SHA1), ALG(SHA256));
	expect(&m, RC_NOT_FOUND, RC_OK, "two digests announced");
	m = usual();
	m.digest_algorithms = SET(ALG(SHA1));
	m.digest = ALG(SHA1);
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "SHA-1 said, SHA-256 signed");
	m.algorithm = ALG(PKCS("\x01\x05"));
	expect(&m, RC_FORBIDDEN, RC_FORBIDDEN, "SHA-1 said twice, SHA-256 signed");
	m = usual();
	m.algorithm = ALG(PKCS("\x01\x05"));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "a signature algorithm that contradicts the digest (RFC 5754 3)");
	m.algorithm = ALG(PKCS("\x01\x01"));
	expect(&m, RC_OK, RC_OK, "rsaEncryption as signature algorithm (RFC 3370 3.2)");
	m.algorithm = SEQ(PKCS("\x01\x0b"));
	expect(&m, RC_OK, RC_OK, "parameters left out");
	m.algorithm = SEQ(OID_("\x2a\x86\x48\xce\x3d\x04\x03\x02"));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "ECDSA said of an RSA key");
	m = usual();
	m.signature = bytes_of(arena_alloc(a, 256), 256);
	expect(&m, RC_FORBIDDEN, RC_FORBIDDEN, "a signature of zeros");
	m.signature = NONE;
	expect(&m, RC_FORBIDDEN, RC_FORBIDDEN, "an empty signature");

	m = usual();
	m.certificates = tlv(DER_CONTEXT_0, JOIN(rsa_id.pair.cert, rsa_id.pair.cert));
	expect(&m, RC_NOT_FOUND, RC_OK, "the certificate twice");
	m.certificates = tlv(DER_CONTEXT_0, JOIN(rsa_id.pair.cert, garbage));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "garbage beside the certificate");
	m.certificates = NONE;
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "no certificate");
	m = usual();
	m.content_info = SEQ(DATA, tlv(DER_CONTEXT_0, tlv(DER_OCTET_STRING, body)));
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "content inside beside the detached one");
	m = usual();
	m.tail = garbage;
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "something after the content of ContentInfo");
	m = usual();
	m.after = tlv(DER_CONTEXT_1, signing_time());
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "an unsigned signing time (RFC 5652 11.3)");
	m.after = tlv(DER_CONTEXT_1, SEQ(OID_("\x2a\x03"), SET(tlv(DER_UTF8, RAW("x")))));
	expect(&m, RC_NOT_FOUND, RC_OK, "an unsigned attribute that nobody knows");
	m = usual();
	m.crls = RAW("\xa1\x00");
	expect(&m, RC_NOT_FOUND, RC_OK, "a place for revocation lists");
	m = usual();
	m.version = INT("\x03");
	expect(&m, RC_OK, RC_OK, "another version of SignedData");
	m.version = INT("\x00\x01");
	expect(&m, RC_NOT_FOUND, RC_FORBIDDEN, "a version with a leading zero");
	m = usual();
	m.signer_version = INT("\x03");
	expect(&m, RC_NOT_FOUND, RC_OK, "another version of SignerInfo");
}

/* ---- Cost ---- */

/* Microseconds of processor of one check, the least of many. */
static int64_t
cost(struct bytes der, const struct identity *id, bool quick)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 50; i++) {
		struct arena *own = arena_new(0);
		struct bytes fingerprint;
		struct cms_signed s;
		int64_t t = clock_cpu_us();

		if (quick) {
			cms_signer_fingerprint(own, der, &fingerprint, &e);
			cms_verify_raw(own, der, body, id->raw, &e);
		} else {
			cms_verify(own, der, body, &s, &e);
		}
		t = clock_cpu_us() - t;
		least = t < least ? t : least;
		arena_free(own);
	}
	return least;
}

static void
measure(const struct identity *id, const char *kind)
{
	struct bytes der;
	int64_t slow, quick;

	cms_sign(a, body, id->pair.cert, id->pair.key, NULL, 0, true, &der, &e);
	slow = cost(der, id, false);
	quick = cost(der, id, true);
	ok(quick < slow, "%s: the quick way is quicker (%lld us against %lld us)", kind, (long long)quick,
	    (long long)slow);
}

int
main(void)
{
	struct pair ca;
	struct identity ec_id, p384_id, other_rsa, other_ec, other_p384;

	kit_start();
	body = bytes_str(text);
	ca = make(X509_RSA_2048, &kit_ca, NULL);
	rsa_id = identity(X509_RSA_2048, &ca);
	ec_id = identity(X509_P256, &ca);
	p384_id = identity(X509_P384, &ca);
	other_rsa = identity(X509_RSA_2048, &ca);
	other_ec = identity(X509_P256, &ca);
	other_p384 = identity(X509_P384, &ca);
	test_tools(&rsa_id, &other_rsa, &ca, "RSA");
	test_tools(&ec_id, &other_ec, &ca, "P-256");
	test_tools(&p384_id, &other_p384, &ca, "P-384");
	test_octets(&rsa_id, "RSA");
	test_octets(&ec_id, "P-256");
	test_made();
	measure(&rsa_id, "RSA");
	measure(&ec_id, "P-256");
	ok(ERR_peek_error() == 0, "no failure leaves anything in OpenSSL's error queue");
	return kit_end();
}
