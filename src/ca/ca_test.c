/* The enrollment CA: one certificate for each challenge. */
#include "ca/ca.h"

#include "config/config.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "keys/keys.h"
#include "store/testing.h"

static struct bytes
request(struct call *c, const char *challenge, struct bytes *key)
{
	struct x509_name name = { .cn = "SERIAL-OF-A-DEVICE", .o = "whatever it says" };
	struct bytes csr = { NULL, 0 };

	if (key->p == NULL)
		ok(x509_key_new(c->arena, X509_RSA_2048, key, &c->err) == RC_OK, "a device has a key");
	ok(x509_csr_new(c->arena, &name, *key, challenge, &csr, &c->err) == RC_OK, "and asks");
	return csr;
}

static enum rc
cannot_be_written(struct call *c, const char *enrollment_id, struct bytes certificate, void *arg)
{
	(void)certificate;
	(void)arg;
	return fail(&c->err, RC_UNAVAILABLE, "nothing can be written about %s", enrollment_id);
}

/* What goes along is written with the certificate, or neither is. */
static void
goes_along(struct call *c)
{
	struct bytes key = { NULL, 0 }, csr, certificate;
	const char *challenge, *enrollment;
	struct x509_csr read;
	struct ca_request ask = { .organization_id = "bag", .door = "scep", .csr = &read, .also = cannot_be_written };

	ok(ca_challenge(c, "bag", "OTHER", "scep", &challenge) == RC_OK, "another challenge is made");
	csr = request(c, challenge, &key);
	ask.same = csr;
	ask.challenge_hash = crypto_sha256_text(c->arena, challenge);
	ok(x509_csr_parse(c->arena, csr, &read, &c->err) == RC_OK &&
		ca_issue_read(c, &ask, &certificate, &enrollment) == RC_UNAVAILABLE,
	    "where the event cannot be written, no certificate is issued");
	csr = request(c, challenge, &key);
	ok(ca_issue(c, "bag", csr, challenge, &certificate, &enrollment) == RC_OK,
	    "S-21: and the challenge is still good, for another request too");
}

static void
issues(struct call *c)
{
	struct bytes key = { NULL, 0 }, other_key = { NULL, 0 }, csr, certificate, again, *ca;
	struct ca_certificate found;
	struct x509_info info;
	const char *challenge, *late, *enrollment;
	int n;

	ok(ca_challenge(c, "bag", "ENROLLMENT", "scep", &challenge) == RC_OK && strlen(challenge) == 43,
	    "a challenge is made");
	csr = request(c, challenge, &key);
	ok(ca_issue(c, "bag", csr, challenge, &certificate, &enrollment) == RC_OK, "S-21: it gets a certificate");
	is_str(enrollment, "ENROLLMENT", "S-21: that belongs to its enrollment");
	ok(x509_parse(c->arena, certificate, &info, &c->err) == RC_OK && strcmp(info.cn, "ENROLLMENT") == 0 &&
		strcmp(info.o, "Better Bag") == 0,
	    "S-10: whose subject is ours, whatever the request says");
	ok(keys_certificates(c->keys, c->arena, "ca-bag", &ca, &n, &c->err) == RC_OK &&
		x509_verify(certificate, NULL, 0, ca, n, c->now, false, &c->err) == RC_OK,
	    "S-21: and chains to the CA");
	ok(ca_issue(c, "bag", csr, challenge, &again, &enrollment) == RC_OK && bytes_eq(certificate, again),
	    "S-21: the same request again gets the same certificate");
	ok(ca_issue(c, "bag", request(c, challenge, &other_key), challenge, &again, &enrollment) == RC_FORBIDDEN,
	    "S-21: another request with that challenge does not");
	ok(ca_issue(c, "bag", csr, "unknown", &again, &enrollment) == RC_NOT_FOUND,
	    "S-21: an unknown challenge gets nothing");
	ok(ca_issue(c, "elsewhere", csr, challenge, &again, &enrollment) == RC_NOT_FOUND,
	    "a challenge of one organization is none of another");
	ok(ca_issue(c, "bag", bytes_str("nonsense"), challenge, &again, &enrollment) == RC_BAD_INPUT,
	    "nonsense is refused");
	ca_challenge(c, "bag", "LATE", "scep", &late);
	c->now += CA_CHALLENGE_LIFE_S;
	ok(ca_issue(c, "bag", csr, late, &again, &enrollment) == RC_NOT_FOUND, "S-21: a challenge ends after an hour");
	ok(ca_find(c, crypto_sha256(c->arena, certificate), &found) == RC_OK && found.raw_key.n > 256,
	    "S-23: the certificate is found by its fingerprint, with its key ready to check signatures");
	ok(x509_raw_key(c->arena, info.spki, &again, &c->err) == RC_OK && bytes_eq(again, found.raw_key) &&
		strcmp(info.serial, found.serial) == 0 && info.not_after == found.not_after,
	    "S-23: and the row says what the certificate says");
	ok(ca_revoke(c, found.fingerprint) == RC_OK && ca_find(c, found.fingerprint, &found) == RC_OK &&
		found.revoked_at == c->now,
	    "it is revoked");
	ok(ca_revoke(c, bytes_str("nobody's")) == RC_NOT_FOUND, "once it exists");
}

int
main(void)
{
	struct store *s = testing_store("sqlite::memory:");
	struct call c = testing_call(s);
	struct keys *keys = NULL;
	struct conf conf;
	char dir[64];
	int from, to;

	testing_dir(dir);
	conf_defaults(c.arena, dir, &conf);
	c.conf = &conf;
	ok(store_migrate(s, &from, &to, &c.err) == RC_OK && keys_open(dir, &keys, &c.err) == RC_OK, "store and keys");
	c.keys = keys;
	ok(ca_make(keys, c.arena, "bag", "Better Bag", c.now, &c.err) == RC_OK, "an organization's CA is made");
	ok(ca_make(keys, c.arena, "bag", "Better Bag", c.now, &c.err) == RC_OK, "once");
	goes_along(&c);
	issues(&c);
	testing_free(&c);
	keys_close(keys);
	store_close(s);
	testing_rmtree(dir);
	return done();
}
