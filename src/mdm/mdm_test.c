/* Check-in messages (protocol 7.2, 9): what each does, and what a second one does not. */
#include "mdm/mdm.h"

#include "ca/ca.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "enroll/grant.h"
#include "enroll/testing.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "fmt/plist.h"

#define TOPIC "com.apple.mgmt.External.test"

struct start {
	struct scene *s;
	struct enrollment *e;
	struct grant g;
};

static enum rc
start_unit(struct call *c, void *arg)
{
	struct start *in = arg;
	struct attempt t = { .id = in->e->attempt_id, .organization_id = "bag", .kind = "enroll" };
	struct grant_tokens tokens;
	enum rc rc;

	in->g = (struct grant){
		.organization_id = "bag", .account_id = in->s->eliza.id, .attempt_id = t.id, .method = "apple-oauth2"
	};
	if ((rc = attempt_open(c, &t)) != RC_OK ||
	    (rc = grant_start(c, &in->s->organization, &in->g, &tokens)) != RC_OK)
		return rc;
	in->e->grant_id = in->g.id;
	return enrollment_prepare(c, in->e);
}

/* A caller whose profile was sent and whose certificate is proven. */
static struct enroll_caller
caller(struct scene *s, struct call *c, const char *attempt, const char *mode, const char *family)
{
	struct enrollment e = { .organization_id = "bag",
		.mode = mode,
		.account_id = s->eliza.id,
		.attempt_id = attempt,
		.family = family,
		.os_version = "18.2",
		.topic = TOPIC,
		.server_url = "u",
		.check_in_url = "u",
		.assigned_managed_apple_id = "m",
		.identity_proof = "signature",
		.profile_identifier = "p" };
	struct start in = { .s = s, .e = &e };

	ok(store_unit(c, start_unit, &in) == RC_OK, "%s is waiting for Authenticate", attempt);
	return (struct enroll_caller){
		.enrollment = e, .user_id = "", .certificate_fp = bytes_str("fingerprint"), .bearer_good = true
	};
}

static void
refresh(struct call *c, struct enroll_caller *who)
{
	const char *id = who->enrollment.id;

	ok(enrollment_get(c, id, &who->enrollment) == RC_OK, "the enrollment is there");
}

static plist_t
message(struct call *c, const struct enroll_caller *who, const char *type, const char *id)
{
	plist_t m = plist_keep(c->arena, plist_new_dict());

	plist_put_text(m, "MessageType", type);
	plist_put_text(m, "Topic", TOPIC);
	plist_put_text(m, strcmp(who->enrollment.mode, "byod") == 0 ? "EnrollmentID" : "UDID", id);
	return m;
}

static struct enroll_reply
serve(struct call *c, const struct enroll_caller *who, plist_t m)
{
	struct mdm_room room = { 0 };
	struct enroll_reply out = { 0 };

	mdm_serve(c, who, m, &out, &room);
	return out;
}

static plist_t
token_update(struct call *c, const struct enroll_caller *who, const char *id, const char *token)
{
	plist_t m = message(c, who, "TokenUpdate", id);

	plist_put_data(m, "Token", bytes_str(token));
	plist_put_text(m, "PushMagic", "magic");
	return m;
}

static void
enrolls(struct scene *s, struct call *c)
{
	struct enroll_caller who = caller(s, c, "phone", "byod", "iPhone");
	struct channel *channels;
	struct attempt t;
	plist_t m = message(c, &who, "Authenticate", "ENROLLMENT-1");
	int n;

	plist_put_text(m, "OSVersion", "18.3");
	plist_put_text(m, "SerialNumber", "SECRETSERIAL");
	plist_put_text(m, "IMEI", "SECRETIMEI0");
	who.pass = (struct pass){ .enrollment_id = who.enrollment.id,
		.grant_id = who.enrollment.grant_id,
		.generation = 1,
		.hash = bytes_str("hash"),
		.until = c->now + 60 };
	ok(serve(c, &who, m).status == 200, "S-24: Authenticate is answered 200");
	ok(testing_number(s->store, "SELECT confirmed FROM oauth_grant WHERE attempt_id = 'phone'") == 1,
	    "its token was used, which ends the grace of the one before it");
	refresh(c, &who);
	is_str(who.enrollment.device_id, "ENROLLMENT-1", "S-24: the EnrollmentID is bound");
	is_str(who.enrollment.os_version, "18.3", "S-24: the version is the newest told");
	ok(who.enrollment.serial_number == NULL && who.enrollment.imei == NULL, "S-10: nothing forbidden is stored");
	is_str(who.enrollment.state, "pending", "S-24: after Authenticate it is not enrolled yet");
	ok(serve(c, &who, token_update(c, &who, "ENROLLMENT-1", "one")).status == 200,
	    "S-24: TokenUpdate is answered 200");
	refresh(c, &who);
	is_str(who.enrollment.state, "enrolled", "S-24: the first TokenUpdate makes it enrolled");
	ok(attempt_get(c, "phone", &t) == RC_OK && strcmp(t.state, "enrolled") == 0, "and the attempt says so");
	ok(serve(c, &who, token_update(c, &who, "ENROLLMENT-1", "two")).status == 200 &&
		channel_list(c, who.enrollment.id, &channels, &n) == RC_OK && n == 1 &&
		bytes_eq(channels[0].push_token, bytes_str("two")),
	    "S-24: a later one replaces Token and PushMagic");
	ok(serve(c, &who, message(c, &who, "Authenticate", "ENROLLMENT-1")).status == 200,
	    "Authenticate again is taken");
	refresh(c, &who);
	is_str(who.enrollment.state, "enrolled", "and changes nothing");
	m = token_update(c, &who, "ENROLLMENT-1", "");
	ok(serve(c, &who, m).status == 400, "a TokenUpdate without a token is refused");
	ok(serve(c, &who, message(c, &who, "CheckOut", "ENROLLMENT-1")).status == 200,
	    "S-37: CheckOut is answered 200");
	refresh(c, &who);
	is_str(who.enrollment.state, "unenrolled", "S-37: and leaves nothing behind");
	ok(channel_list(c, who.enrollment.id, &channels, &n) == RC_OK && n == 0, "S-37: no channel");
}

static void
enrolls_again(struct scene *s, struct call *c)
{
	struct enroll_caller first = caller(s, c, "first", "adde", "iPhone"),
			     second = caller(s, c, "second", "adde", "iPhone");
	struct attempt t;

	serve(c, &first, message(c, &first, "Authenticate", "UDID-1"));
	refresh(c, &first);
	serve(c, &first, token_update(c, &first, "UDID-1", "one"));
	ok(serve(c, &second, message(c, &second, "Authenticate", "UDID-1")).status == 200,
	    "a known UDID enrolls again");
	refresh(c, &first);
	is_str(first.enrollment.state, "replaced", "which ends the earlier enrollment");
	ok(attempt_get(c, "first", &t) == RC_OK && strcmp(t.code, "replaced") == 0, "and its timeline says so");
	refresh(c, &second);
	is_str(second.enrollment.device_id, "UDID-1", "the new one has the device");
}

static void
refuses(struct scene *s, struct call *c)
{
	static const char *const types[] = { "Nonsense", "UserAuthenticate", "GetBootstrapToken", "SetBootstrapToken",
		"ReturnToService" };
	struct enroll_caller who = caller(s, c, "refused", "byod", "iPhone");
	plist_t m = message(c, &who, "Authenticate", "X");
	struct attempt t;

	plist_put_text(m, "Topic", "com.apple.mgmt.External.other");
	ok(serve(c, &who, m).status == 403, "S-24: a Topic that is not ours is 403");
	ok(attempt_get(c, "refused", &t) == RC_OK && strcmp(t.code, "topic-mismatch") == 0, "and an event");
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		ok(serve(c, &who, message(c, &who, types[i], "X")).status == 400,
		    "S-24: %s under User Enrollment is 400", types[i]);
}

static void
get_token(struct scene *s, struct call *c)
{
	struct enroll_caller who = caller(s, c, "maid", "byod", "iPhone");
	plist_t m = message(c, &who, "GetToken", "X"), answer = NULL, answer2 = NULL;
	struct enroll_reply r;
	struct bytes payload;
	const char *token, *dot, *jti, *end;
	json_t *claims;

	plist_put_text(m, "TokenServiceType", "com.apple.maid");
	r = serve(c, &who, m);
	ok(r.status == 400 &&
		strstr(arena_strndup(c->arena, (const char *)r.body.p, r.body.n), "postern.gettoken-no-uuid") != NULL,
	    "S-31: without a server UUID GetToken is 400: a service that the organization does not offer");
	ok(organization_set(c, "bag", "server-uuid", "0F8AD0E6-1C34-4F5C-B2B1-6C0C3E5D7A11") == RC_OK, "it is set");
	r = serve(c, &who, m);
	ok(r.status == 200 && plist_parse(c->arena, r.body, &answer, &c->err) == RC_OK, "S-31: then it is answered");
	payload = plist_data(c->arena, answer, "TokenData");
	token = arena_strndup(c->arena, (const char *)payload.p, payload.n);
	is_str(arena_strndup(
		   c->arena, (const char *)base64url_decode(c->arena, bytes_of(token, strcspn(token, "."))).p, 27),
	    "{\"alg\":\"RS256\",\"typ\":\"JWT\"}", "S-31: its header is RS256");
	dot = strchr(token, '.') + 1;
	end = strchr(dot, '.');
	payload = base64url_decode(c->arena, bytes_of(dot, (size_t)(end - dot)));
	ok(json_parse(c->arena, payload, &claims, &c->err) == RC_OK && json_object_size(claims) == 4,
	    "S-31: it has four claims");
	is_str(json_get_text(claims, "iss"), "0F8AD0E6-1C34-4F5C-B2B1-6C0C3E5D7A11", "S-31: iss is the server's UUID");
	is_str(json_get_text(claims, "service_type"), "com.apple.maid", "S-31: service_type");
	ok(json_get_int(claims, "iat", 0) == c->now, "S-31: iat is now");
	jti = json_get_text(claims, "jti");
	r = serve(c, &who, m);
	plist_parse(c->arena, r.body, &answer2, &c->err);
	payload = plist_data(c->arena, answer2, "TokenData");
	ok(jti != NULL && strstr(arena_strndup(c->arena, (const char *)payload.p, payload.n), token) == NULL,
	    "S-31: each one is made anew");
	plist_put_text(m, "TokenServiceType", "com.apple.watch.pairing");
	ok(serve(c, &who, m).status == 400, "S-31: another service type is 400");
}

int
main(void)
{
	struct scene s;
	struct call c;

	scene_open(&s);
	c = scene_call(&s);
	ok(ca_make(s.keys, c.arena, "bag", "Better Bag", SCENE_NOW, &c.err) == RC_OK, "the CA is made");
	enrolls(&s, &c);
	enrolls_again(&s, &c);
	refuses(&s, &c);
	get_token(&s, &c);
	testing_free(&c);
	scene_close(&s);
	return done();
}
