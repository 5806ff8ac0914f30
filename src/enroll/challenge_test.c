/* The challenge, the attempt that its paths lead back to, and signing in again. */
#include "enroll/challenge.h"

#include "base/tap.h"
#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "enroll/testing.h"

static void
values(struct scene *s)
{
	struct call c = scene_call(s);

	is_str(challenge_value(c.arena, "https://mdm.example.com", "apple-as-web", "SEALED"),
	    "Bearer method=\"apple-as-web\", url=\"https://mdm.example.com/signin/SEALED\"",
	    "S-11: the url of apple-as-web has its state in the path and no query");
	is_str(challenge_value(c.arena, "https://mdm.example.com", "apple-oauth2", "SEALED"),
	    "Bearer method=\"apple-oauth2\","
	    " authorization-url=\"https://mdm.example.com/oauth2/authorize?attempt=SEALED\","
	    " token-url=\"https://mdm.example.com/oauth2/token\","
	    " redirect-url=\"apple-remotemanagement-user-login:/oauth2/redirection\","
	    " client-id=\"postern-device-enrollment\", scope=\"mdm\"",
	    "S-13: apple-oauth2 has all six parameters, https endpoints and the fixed scheme");
	testing_free(&c);
}

static void
paths(struct scene *s)
{
	struct call c = scene_call(s);
	struct attempt_seal seal = { .at = SCENE_NOW,
		.user_identifier = "eliza@betterbag.com",
		.model_family = "iPhone" },
			    nameless = { .at = SCENE_NOW };
	struct attempt a;
	const char *sealed, *id;
	int chance = 0;

	ok(attempt_seal(&c, &seal, &sealed) == RC_OK && challenge_attempt(&c, sealed, &a) == RC_OK,
	    "a sealed path leads to its attempt, made where it is missing");
	is_str(a.organization_id, "bag", "of the organization that the identifier's domain belongs to");
	is_str(a.user_identifier, "eliza@betterbag.com", "with what discovery sealed");
	id = a.id;
	ok(challenge_attempt(&c, sealed, &a) == RC_OK && strcmp(a.id, id) == 0, "and again to the same");
	ok(challenge_attempt(&c, arena_printf(c.arena, "r-%s", id), &a) == RC_NOT_FOUND,
	    "its id alone does not: only attempts to sign in again are named by id");
	ok(challenge_attempt(&c, "r-0123456789abcdef", &a) == RC_NOT_FOUND, "an id that is not there leads nowhere");
	ok(challenge_attempt(&c, "nonsense", &a) == RC_BAD_INPUT, "nor does what was not sealed here");
	ok(attempt_seal(&c, &nameless, &sealed) == RC_OK && challenge_attempt(&c, sealed, &a) == RC_OK &&
		strcmp(a.organization_id, "bag") == 0,
	    "without an identifier the only organization is meant");
	/* About one sealed string in 4096 begins like the path of an attempt to sign in again. */
	for (int i = 0; i < 100000 && chance == 0; i++) {
		struct call each = scene_call(s);

		if (attempt_seal(&each, &seal, &sealed) == RC_OK && strncmp(sealed, "r-", 2) == 0)
			chance = challenge_attempt(&each, sealed, &a) == RC_OK ? 1 : -1;
		testing_free(&each);
	}
	ok(chance == 1, "a sealed path that begins with r- by chance is read as sealed");
	attempt_seal(&c, &seal, &sealed);
	c.now += ATTEMPT_LIFE_S + 1;
	ok(challenge_attempt(&c, sealed, &a) == RC_FORBIDDEN, "a path older than a day starts nothing");
	testing_free(&c);
}

static void
again(struct scene *s)
{
	struct call c = scene_call(s);
	struct enrollment e = {
		.id = "enr", .organization_id = "bag", .mode = "byod", .family = "iPhone", .account_id = s->eliza.id
	};
	const char *path, *other;
	struct attempt a;

	store_run(&c,
	    "INSERT INTO enrollment (id, organization_id, mode, account_id, attempt_id, state, topic, server_url,"
	    " check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier,"
	    " created_at) VALUES ('enr', 'bag', 'byod', ?1, 't', 'enrolled', '', '', '', '', 0, 'signature', '', 1)",
	    DB_ARGS(db_text(s->eliza.id)), NULL);
	ok(challenge_reauth(&c, &e, "apple-oauth2", &path) == RC_OK && challenge_attempt(&c, path, &a) == RC_OK,
	    "an enrollment is challenged to sign in again");
	is_str(a.kind, "reauth", "by an attempt of that kind");
	ok(a.enrollment_id != NULL && strcmp(a.enrollment_id, "enr") == 0 && a.account_id != NULL &&
		strcmp(a.user_identifier, "eliza@betterbag.com") == 0,
	    "S-30: which knows its enrollment and its one person");
	e.reauth_attempt_id = a.id;
	ok(challenge_reauth(&c, &e, "apple-oauth2", &other) == RC_OK && strcmp(other, path) == 0,
	    "there is one for the enrollment, however often it asks");
	e.reauth_attempt_id = NULL;
	ok(challenge_reauth(&c, &e, "apple-as-web", &other) == RC_OK && strcmp(other, path) == 0 &&
		challenge_attempt(&c, path, &a) == RC_OK && strcmp(a.method, "apple-as-web") == 0,
	    "also for a caller that read the enrollment before; the newest method counts");
	e.id = "none";
	ok(challenge_reauth(&c, &e, "apple-as-web", &other) == RC_NOT_FOUND,
	    "an enrollment that is not there has none");
	testing_free(&c);
}

static void
headers(struct scene *s)
{
	static const struct conf conf = { .url = "https://mdm.example.com" };
	static const char insert[] =
	    "INSERT INTO esso_document (organization_id, developer, document, set_at) VALUES (?1, ?2, ?3, 1)";
	struct call c = scene_call(s);
	struct challenge out;

	c.conf = &conf;
	ok(challenge_make(&c, "bag", "apple-as-web", "A", &out) == RC_OK && out.n == 1,
	    "S-08: without documents a challenge is one header");
	is_str(out.header[0].name, "WWW-Authenticate", "which asks to sign in");
	store_run(&c, insert, DB_ARGS(db_text("bag"), db_int(1), db_blob(bytes_str("{}"))), NULL);
	store_run(&c, insert, DB_ARGS(db_text("other"), db_int(0), db_blob(bytes_str("{}"))), NULL);
	ok(challenge_make(&c, "bag", "apple-as-web", "A", &out) == RC_OK && out.n == 2,
	    "S-36: a document adds the header of its kind, another organization's none");
	is_str(out.header[1].name, "X-Apple-MDM-ESSO-Developer", "S-36: the developer document's");
	is_str(out.header[1].value, "https://mdm.example.com/esso/bag/developer", "S-36: and where it is");
	store_run(&c, insert, DB_ARGS(db_text("bag"), db_int(0), db_blob(bytes_str("{}"))), NULL);
	ok(challenge_make(&c, "bag", "apple-as-web", "A", &out) == RC_OK && out.n == 3,
	    "S-36: both documents add both");
	is_str(out.header[1].name, "X-Apple-MDM-ESSO", "S-36: the standard document's");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	values(&s);
	paths(&s);
	again(&s);
	headers(&s);
	scene_close(&s);
	return done();
}
