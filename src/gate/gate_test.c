/* The gate: protocol 8.2 in one place, question by question. */
#include "gate/gate.h"

#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "ca/ca.h"
#include "enroll/attempt.h"
#include "enroll/grant.h"
#include "enroll/testing.h"
#include "fmt/base64.h"
#include "fmt/plist.h"
#include "gate/row.h"

/* A device of the scene: enrolled with its certificate and tokens. */
struct device {
	struct bytes key, certificate;
	struct enrollment e;
	struct grant grant;
	struct grant_tokens tokens;
	const char *id_key, *id;
};

struct start {
	struct scene *s;
	struct device *d;
};

static enum rc
start_unit(struct call *c, void *arg)
{
	struct start *in = arg;
	struct attempt t = { .id = in->d->e.attempt_id,
		.organization_id = "bag",
		.kind = "enroll",
		.user_identifier = "eliza@betterbag.com",
		.method = "apple-oauth2" };
	enum rc rc;

	if ((rc = attempt_open(c, &t)) != RC_OK)
		return rc;
	in->d->grant = (struct grant){ .organization_id = "bag",
		.account_id = in->s->eliza.id,
		.attempt_id = t.id,
		.method = "apple-oauth2",
		.client_id = "x" };
	if ((rc = grant_start(c, &in->s->organization, &in->d->grant, &in->d->tokens)) != RC_OK)
		return rc;
	in->d->e.grant_id = in->d->grant.id;
	return enrollment_prepare(c, &in->d->e);
}

/* Up to the profile and the certificate; Authenticate has not come yet. */
static struct device
prepare(struct scene *s, struct call *c, const char *attempt, const char *mode, const char *family, const char *os)
{
	struct device d = { .e = { .organization_id = "bag",
				.mode = mode,
				.account_id = s->eliza.id,
				.attempt_id = attempt,
				.family = family,
				.os_version = os,
				.topic = s->organization.topic,
				.server_url = "https://m",
				.check_in_url = "https://m",
				.assigned_managed_apple_id = "eliza@betterbag.com",
				.identity_proof = "signature",
				.profile_identifier = "p",
				.access_rights = -1 } };
	struct start in = { s, &d };
	struct x509_name name = { .cn = "device" };
	const char *challenge, *enrollment_id;
	struct bytes csr;

	d.id_key = strcmp(mode, "byod") == 0 ? "EnrollmentID" : "UDID";
	d.id = arena_printf(c->arena, "ID-OF-%s", attempt);
	ok(store_unit(c, start_unit, &in) == RC_OK && x509_key_new(c->arena, X509_RSA_2048, &d.key, &c->err) == RC_OK &&
		ca_challenge(c, "bag", d.e.id, "scep", &challenge) == RC_OK &&
		x509_csr_new(c->arena, &name, d.key, challenge, &csr, &c->err) == RC_OK &&
		ca_issue(c, "bag", csr, challenge, &d.certificate, &enrollment_id) == RC_OK,
	    "%s (%s, %s %s) has its profile and certificate", attempt, mode, family, os);
	return d;
}

/* As mdm would after Authenticate and TokenUpdate. */
static void
enroll(struct call *c, struct device *d)
{
	ok(grant_bind(c, d->grant.id, d->e.id) == RC_OK &&
		store_run(c,
		    "UPDATE enrollment SET device_id = ?2, state = 'enrolled', enrolled_at = ?3, certificate_fp = ?4"
		    " WHERE id = ?1",
		    DB_ARGS(db_text(d->e.id), db_text(d->id), db_int(c->now),
			db_blob(crypto_sha256(c->arena, d->certificate))),
		    NULL) == RC_OK,
	    "%s is enrolled", d->id);
}

static struct bytes
message(struct call *c, const struct device *d, const char *type, const char *user)
{
	plist_t m = plist_keep(c->arena, plist_new_dict());

	plist_put_text(m, type != NULL ? "MessageType" : "Status", type != NULL ? type : "Idle");
	plist_put_text(m, d->id_key, d->id);
	if (user != NULL)
		plist_put_text(m, "EnrollmentUserID", user);
	return plist_xml(c->arena, m);
}

struct verdict {
	enum rc rc;
	struct enroll_caller who;
	struct enroll_reply reply;
	struct challenge challenge;
};

static struct verdict
pass(struct call *c, const struct device *signer, struct bytes body, const char *bearer)
{
	struct gate_request in = { .organization_id = "bag", .bearer = bearer, .body = body };
	struct verdict v = { 0 };
	struct bytes cms;
	plist_t parsed;

	if (signer != NULL &&
	    cms_sign(c->arena, body, signer->certificate, signer->key, NULL, 0, true, &cms, &c->err) == RC_OK)
		in.signature = base64_encode(c->arena, cms);
	c->err.text[0] = '\0';
	v.rc = gate_check(c, &in, &v.who, &parsed, &v.reply, &v.challenge);
	return v;
}

static const char *
state_of(struct call *c, const struct device *d)
{
	struct enrollment e;

	return enrollment_get(c, d->e.id, &e) == RC_OK ? e.state : "gone";
}

static const char *
last_code(struct call *c, const struct device *d)
{
	struct attempt t;

	return attempt_get(c, d->e.attempt_id, &t) == RC_OK ? t.code : "gone";
}

static bool
has_pass(struct call *c, const struct device *d)
{
	struct db_rows r;

	return store_run(c, "SELECT 1 FROM enrollment WHERE id = ?1 AND pass_hash IS NOT NULL",
		   DB_ARGS(db_text(d->e.id)), &r) == RC_OK &&
	       r.rows == 1;
}

static bool
says(struct verdict v, int status, const char *code)
{
	return v.rc == RC_FORBIDDEN && v.reply.status == status && v.reply.body.p != NULL &&
	       strstr((const char *)v.reply.body.p, code) != NULL;
}

static void
identities(struct scene *s, struct call *c, struct device *d, struct device *other)
{
	struct bytes body = message(c, d, NULL, NULL), cms;
	struct gate_request in = { .organization_id = "bag", .bearer = d->tokens.access, .body = body };
	struct verdict v;
	plist_t parsed;

	(void)s;
	v = pass(c, d, body, d->tokens.access);
	ok(v.rc == RC_OK && v.who.bearer_good && strcmp(v.who.enrollment.id, d->e.id) == 0,
	    "S-23: a signature over the raw body by the enrollment's key lets in");
	cms_sign(c->arena, message(c, d, "CheckOut", NULL), d->certificate, d->key, NULL, 0, true, &cms, &c->err);
	in.signature = base64_encode(c->arena, cms);
	v.rc = gate_check(c, &in, &v.who, &parsed, &v.reply, &v.challenge);
	ok(says(v, 403, "identity-signature"), "S-23: a signature over another body does not");
	in.signature = "AAAA";
	v.rc = gate_check(c, &in, &v.who, &parsed, &v.reply, &v.challenge);
	ok(says(v, 403, "identity-signature"), "S-23: neither does nonsense");
	ok(says(pass(c, NULL, body, d->tokens.access), 403, "identity-missing"), "S-23: nor a token alone");
	in.signature = NULL;
	in.client_certificate = d->certificate;
	v.rc = gate_check(c, &in, &v.who, &parsed, &v.reply, &v.challenge);
	ok(v.rc == RC_OK, "S-23: a certificate that TLS or a trusted proxy vouched for lets in");
	ok(says(pass(c, other, body, other->tokens.access), 403, "identity-other-enrollment"),
	    "S-23: another enrollment's certificate does not speak for this one");
	in.organization_id = "elsewhere";
	v.rc = gate_check(c, &in, &v.who, &parsed, &v.reply, &v.challenge);
	ok(says(v, 403, "identity-other-enrollment"), "a certificate of one organization does not count at another");
}

static void
bodies(struct call *c, struct device *d)
{
	static const char *const bad[] = { "", "nonsense", "<plist><array/></plist>",
		"<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"b\">]><plist><dict/></plist>" };
	struct device fresh = *d;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(says(pass(c, d, bytes_str(bad[i]), d->tokens.access), 400, "message-malformed"),
		    "a body that is no property list is refused (%zu)", i);
	fresh.id_key = "UDID";
	ok(says(pass(c, d, message(c, &fresh, NULL, NULL), d->tokens.access), 400, "mode-mismatch"),
	    "a BYOD message with a UDID only is refused");
}

static void
tokens(struct scene *s, struct call *c, struct device *d, struct device *other)
{
	struct bytes idle = message(c, d, NULL, NULL);
	struct verdict v = pass(c, d, idle, NULL);

	ok(v.rc == RC_FORBIDDEN && v.reply.status == 401 && v.challenge.n == 1 && v.reply.body.n == 0,
	    "S-27: an iPhone without a bearer gets 401");
	ok(strstr(v.challenge.header[0].value, "Bearer method=\"apple-oauth2\"") == v.challenge.header[0].value &&
		strstr(v.challenge.header[0].value, "token-url=") != NULL &&
		strstr(v.challenge.header[0].value, "redirect-url=") != NULL &&
		strstr(v.challenge.header[0].value, "client-id=") != NULL,
	    "S-26, S-28: with the complete challenge");
	is_str(state_of(c, d), "reauth", "the enrollment waits for its person");
	ok(pass(c, d, idle, d->tokens.access).rc == RC_OK, "a good token lets in again");
	is_str(state_of(c, d), "enrolled", "and the wait is over");
	ok(pass(c, d, idle, "nonsense").reply.status == 401, "S-28: an unknown token gets 401");
	is_str(last_code(c, d), "bearer-unknown", "and the timeline says so");
	ok(pass(c, d, idle, other->tokens.access).reply.status == 401, "S-16: another enrollment's token gets 401");
	is_str(last_code(c, d), "bearer-other-enrollment", "and the timeline says so");
	pass(c, d, idle, d->tokens.access);
	c->now += 3601;
	v = pass(c, d, idle, d->tokens.access);
	ok(v.reply.status == 401 && v.challenge.n == 1, "S-28: an expired token gets 401 and the challenge");
	is_str(last_code(c, d), "bearer-expired", "and the timeline says so");
	is_str(state_of(c, d), "enrolled", "S-28: the enrollment is kept: the device renews by itself");
	ok(pass(c, d, message(c, d, "CheckOut", NULL), d->tokens.access).rc == RC_OK,
	    "S-29: CheckOut is let in with an expired token");
	c->now -= 3601;
	account_set_disabled(c, s->eliza.id, true);
	ok(pass(c, d, idle, d->tokens.access).reply.status == 401, "a disabled person's device gets 401");
	is_str(last_code(c, d), "person-disabled", "and the timeline says so");
	account_set_disabled(c, s->eliza.id, false);
	ok(pass(c, d, idle, d->tokens.access).rc == RC_OK, "until the person is enabled");
}

static void
macs(struct scene *s, struct call *c)
{
	struct device mac = prepare(s, c, "mac", "byod", "Mac", "15.1");
	struct verdict v;

	enroll(c, &mac);
	v = pass(c, &mac, message(c, &mac, NULL, NULL), NULL);
	ok(v.rc == RC_OK && v.who.user_id[0] == '\0', "S-27: a Mac's device channel needs no bearer");
	ok(pass(c, &mac, message(c, &mac, NULL, "USER-1"), NULL).reply.status == 401, "S-27: its user channel does");
	v = pass(c, &mac, message(c, &mac, NULL, "USER-1"), mac.tokens.access);
	ok(v.rc == RC_OK && strcmp(v.who.user_id, "USER-1") == 0, "S-27: and is let in with it");
	account_set_disabled(c, s->eliza.id, true);
	v = pass(c, &mac, message(c, &mac, NULL, NULL), NULL);
	ok(v.rc == RC_OK && v.who.account_disabled, "a disabled person's Mac is let in on its device channel, marked");
	ok(pass(c, &mac, message(c, &mac, NULL, "USER-1"), mac.tokens.access).reply.status == 401,
	    "and refused on its user channel");
	account_set_disabled(c, s->eliza.id, false);
}

static void
beginnings_and_ends(struct scene *s, struct call *c)
{
	struct device d = prepare(s, c, "fresh", "byod", "iPhone", "18.2"), old;
	const char *way;
	struct verdict v;

	ok(says(pass(c, &d, message(c, &d, "TokenUpdate", NULL), d.tokens.access), 400, "message-unknown"),
	    "TokenUpdate before Authenticate is refused");
	ok(pass(c, &d, message(c, &d, "Authenticate", NULL), d.tokens.access).rc == RC_OK, "Authenticate is let in");
	enroll(c, &d);
	ok(enrollment_evict(c, d.e.id, &way) == RC_OK && strcmp(way, "status") == 0,
	    "S-26: iOS 18 is evicted by status");
	v = pass(c, &d, message(c, &d, NULL, NULL), "expired-or-not");
	ok(says(v, 403, "com.apple.unrecognized.device") && strcmp(v.reply.type, "application/json") == 0,
	    "S-26, S-38: by 403 com.apple.unrecognized.device in JSON, whatever the token");
	is_str(state_of(c, &d), "evicted", "and is evicted then");
	ok(says(pass(c, &d, message(c, &d, NULL, NULL), NULL), 403, "com.apple.unrecognized.device"),
	    "a device that did not hear it hears it again");
	v = pass(c, &d, message(c, &d, "CheckOut", NULL), NULL);
	ok(v.rc == RC_FORBIDDEN && v.reply.status == 200, "its CheckOut is answered 200, whoever ended it");

	old = prepare(s, c, "old", "byod", "iPhone", "16.7");
	enroll(c, &old);
	ok(enrollment_evict(c, old.e.id, &way) == RC_OK && strcmp(way, "profile") == 0,
	    "below iOS 17 by RemoveProfile");
	ok(pass(c, &old, message(c, &old, NULL, NULL), NULL).rc == RC_OK, "for which no token is demanded");
}

static void
renewals(struct scene *s, struct call *c)
{
	struct device d = prepare(s, c, "renew", "byod", "iPhone", "18.2"), renewed = d;
	struct x509_name name = { .cn = "device" };
	const char *challenge, *enrollment_id;
	struct bytes csr, idle;

	enroll(c, &d);
	ok(pass(c, &d, message(c, &d, NULL, NULL), d.tokens.access).rc == RC_OK && has_pass(c, &d) &&
		x509_key_new(c->arena, X509_RSA_2048, &renewed.key, &c->err) == RC_OK &&
		ca_challenge(c, "bag", d.e.id, "scep", &challenge) == RC_OK &&
		x509_csr_new(c->arena, &name, renewed.key, challenge, &csr, &c->err) == RC_OK &&
		ca_issue(c, "bag", csr, challenge, &renewed.certificate, &enrollment_id) == RC_OK,
	    "the device's certificate is renewed");
	idle = message(c, &d, NULL, NULL);
	ok(pass(c, &d, idle, d.tokens.access).rc == RC_OK, "the one before is good until the new one is used");
	ok(pass(c, &renewed, idle, d.tokens.access).rc == RC_OK, "the new one takes the enrollment over");
	ok(!has_pass(c, &d), "and the pass, which has the old one's key, is taken");
	is_str(last_code(c, &d), "certificate-renewed", "and the timeline says so");
	ok(says(pass(c, &d, idle, d.tokens.access), 403, "identity-unknown"), "then the one before is revoked");
	ok(pass(c, &renewed, idle, d.tokens.access).rc == RC_OK, "and the new one goes on, with the same tokens");
	ok(has_pass(c, &d) && pass(c, &renewed, idle, d.tokens.access).rc == RC_OK, "and with a pass");
}

/* ---- passes: whatever ends what one stands for is heard at the next request ---- */

static void
end_person(struct scene *s, struct call *c, struct device *d)
{
	(void)d;
	account_set_disabled(c, s->eliza.id, true);
}

static void
end_grant(struct scene *s, struct call *c, struct device *d)
{
	(void)s;
	grant_revoke(c, d->grant.id, "token-revoked");
}

static void
end_grants_of_person(struct scene *s, struct call *c, struct device *d)
{
	(void)d;
	grant_revoke_account(c, s->eliza.id, "token-revoked", NULL);
}

static void
end_certificate(struct scene *s, struct call *c, struct device *d)
{
	(void)s;
	ca_revoke(c, crypto_sha256(c->arena, d->certificate));
}

static void
end_enrollment(struct scene *s, struct call *c, struct device *d)
{
	(void)s;
	enrollment_end(c, d->e.id, "unenrolled");
}

static void
end_token(struct scene *s, struct call *c, struct device *d)
{
	(void)s, (void)d;
	c->now += 3601;
}

static void
end_by_eviction(struct scene *s, struct call *c, struct device *d)
{
	const char *way;

	(void)s;
	enrollment_evict(c, d->e.id, &way);
}

static const struct {
	const char *what;
	void (*end)(struct scene *s, struct call *c, struct device *d);
	int status;
	const char *code; /* of the timeline's newest event */
	bool keeps; /* the pass stays in the row, and does not count */
} ends[] = {
	/* clang-format off */
	{ "a person is disabled",	end_person,		401, "person-disabled",		false },
	{ "a grant is revoked",		end_grant,		401, "bearer-revoked",		false },
	{ "all of a person's are",	end_grants_of_person,	401, "bearer-revoked",		false },
	{ "a certificate is revoked",	end_certificate,	403, "identity-unknown",	false },
	{ "an enrollment ended",	end_enrollment,		403, "unknown-device-turned-away", false },
	{ "a token expired",		end_token,		401, "bearer-expired",		true },
	{ "a device is evicted",	end_by_eviction,	403, "evicted",			true },
	/* clang-format on */
};

static void
passes(struct scene *s, struct call *c)
{
	const int64_t now = c->now;

	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
		struct device d = prepare(s, c, arena_printf(c->arena, "pass-%zu", i), "byod", "iPhone", "18.2");
		struct bytes idle = message(c, &d, NULL, NULL);
		struct verdict v;

		ok(pass(c, &d, message(c, &d, "Authenticate", NULL), d.tokens.access).rc == RC_OK && !has_pass(c, &d),
		    "an enrollment that is not bound yet gets no pass");
		enroll(c, &d);
		ok(pass(c, &d, idle, d.tokens.access).rc == RC_OK && has_pass(c, &d), "a good request leaves a pass");
		v = pass(c, &d, idle, d.tokens.access);
		ok(v.rc == RC_OK && v.who.bearer_good && v.who.pass.hash.p == NULL &&
			strcmp(v.who.enrollment.id, d.e.id) == 0,
		    "the next one is let in by it");
		ok(says(pass(c, NULL, idle, d.tokens.access), 403, "identity-missing"),
		    "S-23: but not without a proof");
		ends[i].end(s, c, &d);
		ok(has_pass(c, &d) == ends[i].keeps, "%s: the pass is taken at once", ends[i].what);
		v = pass(c, &d, idle, d.tokens.access);
		ok(v.rc == RC_FORBIDDEN && v.reply.status == ends[i].status, "%s: the next request is refused",
		    ends[i].what);
		if (ends[i].end != end_enrollment) /* told without a timeline of its own */
			is_str(last_code(c, &d), ends[i].code, "and the timeline says why");
		account_set_disabled(c, s->eliza.id, false);
		c->now = now;
	}
}

/* Rotation: the new token takes the pass over when it is used, the one before is good by its own row. */
static void
passes_and_rotation(struct scene *s, struct call *c)
{
	struct device d = prepare(s, c, "rotation", "byod", "iPhone", "18.2");
	struct bytes idle = message(c, &d, NULL, NULL);
	struct grant_tokens next;
	struct grant g;

	enroll(c, &d);
	ok(pass(c, &d, idle, d.tokens.access).rc == RC_OK && has_pass(c, &d), "a device has a pass");
	ok(grant_refresh(c, d.tokens.refresh, "x", &g, &next) == RC_OK && !has_pass(c, &d), "its renewal takes it");
	ok(pass(c, &d, idle, d.tokens.access).rc == RC_OK && !has_pass(c, &d),
	    "S-28: the token before is good for a while, without a pass");
	ok(pass(c, &d, idle, next.access).rc == RC_OK && has_pass(c, &d), "the new one gets it when it is used");
	ok(grant_refresh(c, next.refresh, "x", &g, &next) == RC_OK &&
		pass(c, &d, idle, d.tokens.access).reply.status == 401,
	    "S-16: a token of two renewals ago is unknown");
}

/* Found by the beginning of the fingerprint. An equality with the whole beside it once made it a scan. */
static void
pass_is_found(struct scene *s, struct call *c)
{
	const char *sql = arena_printf(c->arena, "EXPLAIN QUERY PLAN %s", gate_row_pass_statement), *step = "";
	struct db_rows r;

	if (strcmp(store_engine(s->store), "SQLite") != 0)
		return;
	if (store_run(c, sql, DB_ARGS(db_null(), db_null(), db_int(0)), &r) == RC_OK && r.rows > 0)
		step = db_get_text(&r, 0, 3);
	ok(strstr(step, "SEARCH e USING INDEX enrollment_certificate") != NULL,
	    "a pass is found by its certificate: %s", step);
}

int
main(void)
{
	struct device d, other;
	struct scene s;
	struct call c;

	scene_open(&s);
	c = scene_call(&s);
	ok(ca_make(s.keys, c.arena, "bag", "Better Bag", SCENE_NOW, &c.err) == RC_OK, "the CA is made");
	d = prepare(&s, &c, "phone", "byod", "iPhone", "18.2");
	other = prepare(&s, &c, "other", "byod", "iPad", "18.2");
	enroll(&c, &d);
	enroll(&c, &other);
	identities(&s, &c, &d, &other);
	bodies(&c, &d);
	tokens(&s, &c, &d, &other);
	macs(&s, &c);
	beginnings_and_ends(&s, &c);
	renewals(&s, &c);
	passes(&s, &c);
	passes_and_rotation(&s, &c);
	pass_is_found(&s, &c);
	testing_free(&c);
	scene_close(&s);
	return done();
}
