#include "acme/attest.h"

#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/testkit.h"

#define TOKEN "DGyRejmCefe7v4NfDGDKfA"

static struct bytes leaf, spki;

/* Heads of up to 65535, as a device's encoder writes them. */
static void
head(struct buf *b, unsigned major, size_t n)
{
	if (n < 24) {
		buf_char(b, (char)(major << 5 | n));
	} else {
		buf_char(b, (char)(major << 5 | 25));
		buf_char(b, (char)(n >> 8));
		buf_char(b, (char)n);
	}
}

static void
text(struct buf *b, const char *s)
{
	head(b, 3, strlen(s));
	buf_str(b, s);
}

/* {"fmt": FORMAT, "attStmt": {"x5c": n times `certificate`}, "authData": h''} */
static struct bytes
object(const char *format, struct bytes certificate, int n)
{
	struct bytes made;
	struct buf b;

	buf_init(&b, 64 * 1024);
	head(&b, 5, 3);
	text(&b, "fmt");
	text(&b, format);
	text(&b, "attStmt");
	head(&b, 5, 1);
	text(&b, "x5c");
	head(&b, 4, (size_t)n);
	for (int i = 0; i < n; i++) {
		head(&b, 2, certificate.n);
		buf_add(&b, certificate.p, certificate.n);
	}
	text(&b, "authData");
	head(&b, 2, 0);
	made = arena_copy(a, buf_bytes(&b));
	buf_free(&b);
	return made;
}

/* A leaf that says this, self-signed: chains are x509_verify's. */
static struct bytes
leaf_with(const struct x509_extension *extensions, int n)
{
	struct x509_template t = kit_leaf;
	struct bytes key, made = { NULL, 0 };

	t.extensions = extensions;
	t.n_extensions = n;
	ok(x509_key_new(a, X509_P384, &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK &&
		x509_issue(a, &t, spki, (struct bytes){ NULL, 0 }, key, &made, &e) == RC_OK,
	    "(a leaf)");
	return made;
}

static void
reads(void)
{
	const struct x509_extension said[] = {
		{ "1.2.840.113635.100.8.11.1", crypto_sha256_text(a, TOKEN) },
		{ "1.2.840.113635.100.8.9.1", bytes_str("C02XK0AAJG5J") },
		{ "1.2.840.113635.100.8.9.2", bytes_str("") },
	};
	struct attestation at;
	struct bytes raw;

	leaf = leaf_with(said, 3);
	ok(attest_read(a, object("apple", leaf, 2), &at, &e) == RC_OK && at.n == 2 && bytes_eq(at.chain[0], leaf),
	    "S-22: the chain of an attestation is read, the leaf first");
	ok(x509_raw_key(a, spki, &raw, &e) == RC_OK && bytes_eq(raw, at.key), "S-22: with the attested key");
	is_str(at.serial_number, "C02XK0AAJG5J", "S-22: a serial number is read where there is one");
	ok(at.udid == NULL, "S-22: a blank UDID is none: Apple could not tell");
	ok(attest_is_fresh(a, &at, TOKEN), "S-22: the freshness code is SHA-256 of the token");
	ok(!attest_is_fresh(a, &at, "another"), "S-22: and of no other one");
	leaf = leaf_with(said + 1, 1);
	ok(attest_read(a, object("apple", leaf, 1), &at, &e) == RC_OK && !attest_is_fresh(a, &at, TOKEN),
	    "S-22: without a freshness code it is of no challenge");
	leaf = leaf_with((const struct x509_extension[]){ said[0], said[0] }, 2);
	ok(attest_read(a, object("apple", leaf, 1), &at, &e) == RC_OK && !attest_is_fresh(a, &at, TOKEN),
	    "with two codes, neither counts");
	leaf = leaf_with(said, 1);
	ok(attest_read(a, object("apple", leaf, 1), &at, &e) == RC_OK && at.serial_number == NULL && at.udid == NULL,
	    "S-22: without serial number and UDID it is accepted, as under User Enrollment");
}

static void
refuses(void)
{
	struct bytes good = object("apple", leaf, 1), cut;
	struct attestation at;
	int wrong = 0;

	ok(attest_read(a, object("none", leaf, 1), &at, &e) == RC_NOT_FOUND,
	    "S-22: the format \"none\" attests nothing");
	ok(attest_read(a, object("apple", leaf, 0), &at, &e) == RC_NOT_FOUND, "S-22: nor does an empty x5c");
	ok(attest_read(a,
	       bytes_str("\xa1\x63"
			 "fmt\x65"
			 "apple"),
	       &at, &e) == RC_NOT_FOUND,
	    "S-22: nor does one without attStmt");
	ok(attest_read(a, object("packed", leaf, 1), &at, &e) == RC_BAD_INPUT, "another format is refused");
	ok(attest_read(a, object("apple", bytes_str("no certificate"), 1), &at, &e) == RC_BAD_INPUT,
	    "what is no certificate is refused");
	ok(attest_read(a, object("apple", leaf, ATTEST_CHAIN_MAX), &at, &e) == RC_OK &&
		attest_read(a, object("apple", leaf, ATTEST_CHAIN_MAX + 1), &at, &e) == RC_BAD_INPUT,
	    "over %d certificates are refused", ATTEST_CHAIN_MAX);
	for (size_t n = 0; n < good.n; n++) {
		cut = bytes_of(good.p, n);
		wrong += attest_read(a, cut, &at, &e) == RC_OK;
	}
	ok(wrong == 0, "one that is cut off anywhere is refused");
}

int
main(void)
{
	a = arena_new(0);
	crypto_start();
	reads();
	refuses();
	arena_free(a);
	return done();
}
