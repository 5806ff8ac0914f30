#include "webhook/webhook.h"

#include "base/tap.h"
#include "enroll/testing.h"
#include "fmt/base64.h"
#include "webhook/send.h"

static struct scene scene;

static int64_t
number(struct call *c, const char *sql)
{
	struct db_rows r;

	return store_run(c, sql, DB_NONE, &r) == RC_OK && r.rows > 0 ? db_get_int(&r, 0, 0) : -1;
}

static enum rc
add(struct call *c, const char *organization_id, const char *url, const char *event, const char *secret,
    struct webhook *w)
{
	const char *const events[] = { event, NULL };
	const char *shown;

	*w = (struct webhook){ .organization_id = organization_id, .url = url, .created_by = "test" };
	return webhook_add(c, w, events, secret, &shown);
}

static void
signatures(struct call *c)
{
	struct bytes key = base64_decode(c->arena, bytes_str("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), false);

	is_str(webhook_signature(c->arena, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}"),
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "the signature of Standard Webhooks' own test");
}

static void
adding(struct call *c)
{
	static const char *const secrets[] = { "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8=", "whsec_!",
		"whsec_" };
	struct webhook w, got;
	struct bytes key;

	ok(add(c, NULL, "http://a.example/", NULL, NULL, &w) == RC_BAD_INPUT, "a receiver is called by https");
	scene.conf.lab = true;
	ok(add(c, NULL, "http://a.example/", NULL, NULL, &w) == RC_OK, "but in a lab");
	scene.conf.lab = false;
	ok(webhook_remove(c, w.id) == RC_OK && webhook_get(c, w.id, &got) == RC_NOT_FOUND, "it can be removed");
	ok(webhook_remove(c, w.id) == RC_NOT_FOUND, "once");
	ok(add(c, NULL, "https://a.example/", "enrollment", NULL, &w) == RC_BAD_INPUT, "an event is one of the table");
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		ok(add(c, NULL, "https://a.example/", NULL, secrets[i], &w) == RC_BAD_INPUT,
		    "%s is no secret as Standard Webhooks have it", secrets[i]);
	ok(add(c, NULL, "https://a.example/", NULL, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", &w) == RC_OK,
	    "one that is is taken");
	ok(webhook_get(c, w.id, &got) == RC_OK && got.secret.n > 24 &&
		memmem(got.secret.p, got.secret.n, "\x31\xf2\x90\xf6\xbf\x06", 6) == NULL,
	    "and kept sealed");
	ok(webhook_secret(c, &got, &key) == RC_OK && key.n == 24 && memcmp(key.p, "\x31\xf2\x90\xf6", 4) == 0,
	    "to be opened when something is signed");
	ok(webhook_remove(c, w.id) == RC_OK, "it goes");
}

static enum rc
tell(struct call *c, void *arg)
{
	const struct webhook_message *from = arg;
	struct webhook_message m = *from;
	struct webhook_listener *to;
	int n;
	enum rc rc = webhook_listeners(c, m.type, &to, &n);

	m.data = json_pack("{s:s}", "n", "1");
	rc = rc == RC_OK ? webhook_tell(c, to, n, &m) : rc;
	if (rc == RC_OK && m.subject[0] == 'x')
		store_discard(c);
	return rc;
}

static void
telling(struct call *c)
{
	struct webhook all, bag, other, some;
	struct webhook_listener *to;
	int n;

	ok(webhook_listeners(c, WEBHOOK_enrolled, &to, &n) == RC_OK && n == 0, "nobody listens at first");
	ok(add(c, NULL, "https://all.example/", NULL, NULL, &all) == RC_OK &&
		add(c, "bag", "https://bag.example/", NULL, NULL, &bag) == RC_OK &&
		add(c, "other", "https://other.example/", NULL, NULL, &other) == RC_OK &&
		add(c, NULL, "https://some.example/", "enrollment.evicted", NULL, &some) == RC_OK,
	    "four receivers");
	ok(webhook_listeners(c, WEBHOOK_enrolled, &to, &n) == RC_OK && n == 3,
	    "who named another event does not listen to this one");
	for (int i = 0; i < 2; i++)
		ok(store_unit(c, tell, &(struct webhook_message){ WEBHOOK_enrolled, "bag", "s", NULL }) == RC_OK,
		    "told");
	ok(number(c, "SELECT COUNT(*) FROM webhook_delivery") == 4, "two messages for each of two receivers");
	ok(number(c, "SELECT COUNT(*) FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id WHERE"
		     " w.organization_id = 'other'") == 0,
	    "none for another organization's");
	ok(number(c, "SELECT COUNT(DISTINCT id) FROM webhook_delivery") == 4 &&
		number(c, "SELECT COUNT(*) FROM webhook_delivery WHERE seq = 2") == 2,
	    "each with an id of its own and its number within the subject");
	ok(store_unit(c, tell, &(struct webhook_message){ WEBHOOK_enrolled, NULL, "t", NULL }) == RC_OK &&
		number(c, "SELECT COUNT(*) FROM webhook_delivery WHERE subject = 't'") == 1,
	    "what is of the server goes to those who listen to all of it");
	ok(store_unit(c, tell, &(struct webhook_message){ WEBHOOK_enrolled, "bag", "x", NULL }) == RC_OK &&
		number(c, "SELECT COUNT(*) FROM webhook_delivery WHERE subject = 'x'") == 0,
	    "a unit that is not kept tells nobody");
}

static void
letters(struct call *c)
{
	const struct db_page page = { .limit = 9 };
	struct webhook *all;
	struct webhook_dead *dead = NULL;
	int n, replayed;

	ok(webhook_list(c, "bag", &all, &n) == RC_OK && n == 1 && all[0].waiting == 2 && all[0].dead == 0,
	    "a receiver's row says what waits");
	ok(store_run(c, "UPDATE webhook_delivery SET dead_at = 5, trouble = 'why' WHERE seq = 1", DB_NONE, NULL) ==
		    RC_OK &&
		webhook_dead_letters(c, all[0].id, &page, &dead, &n) == RC_OK && n == 1,
	    "and what was given up");
	is_str(dead != NULL ? dead[0].trouble : NULL, "why", "with the reason");
	ok(webhook_replay(c, all[0].id, "msg_none", &replayed) == RC_NOT_FOUND, "only what is there can be replayed");
	ok(webhook_replay(c, all[0].id, NULL, &replayed) == RC_OK && replayed == 1 &&
		webhook_dead_letters(c, all[0].id, &page, &dead, &n) == RC_OK && n == 0,
	    "replaying takes it back into the line");
	ok(webhook_remove(c, all[0].id) == RC_OK &&
		number(c, "SELECT COUNT(*) FROM webhook_delivery d WHERE NOT EXISTS (SELECT 1 FROM webhook w WHERE"
			  " w.id = d.webhook_id)") == 0,
	    "with a receiver goes what it was to be told");
}

/* What a receiver was told of what ends, as "kind days", in that order. */
static const char *
reminded(struct call *c)
{
	const char *out = "";
	struct db_rows r;

	if (store_run(c,
		"SELECT body FROM webhook_delivery WHERE type = 'calendar.ending' ORDER BY created_at, subject, seq",
		DB_NONE, &r) != RC_OK)
		return NULL;
	for (int i = 0; i < r.rows; i++) {
		const char *body = db_get_text(&r, i, 0), *kind = "", *ends = "", *todo = "";
		struct err e;
		json_int_t days = -1000;
		json_t *j = NULL;

		if (json_parse(c->arena, bytes_str(body), &j, &e) == RC_OK)
			(void)json_unpack(j, "{s:{s:s, s:I, s:s, s:s}}", "data", "kind", &kind, "days", &days,
			    "ends_at", &ends, "todo", &todo);
		out = arena_printf(c->arena, "%s%s%s %lld%s", out, i > 0 ? ", " : "", kind, (long long)days,
		    ends[0] == '2' && todo[0] != '\0' ? "" : "!");
	}
	return out;
}

/* A look at the calendar by a server that was just started, `days` before the tokens end. */
static const char *
looked(struct call *c, double days)
{
	struct webhooks *w = webhooks_new();
	bool more;

	c->now = SCENE_NOW + 100 * 86400 - (int64_t)(days * 86400);
	if (webhooks_look(w, c, &more) != RC_OK)
		return NULL;
	webhooks_free(w);
	return reminded(c);
}

static void
calendar(struct call *c)
{
	int64_t end = SCENE_NOW + 100 * 86400, now = c->now;
	struct webhook_listener *to;
	struct webhook w;
	int n;

	ok(webhook_listeners(c, WEBHOOK_ending, &to, &n) == RC_OK, "who listens");
	for (int i = 0; i < n; i++)
		(void)webhook_remove(c, to[i].id);
	ok(store_run(c,
	       "INSERT INTO licence_service (organization_id, secrets, expires_at, turn_until, tries, changed_at)"
	       " VALUES ('bag', ?1, ?2, 0, 0, 0)",
	       DB_ARGS(db_blob(bytes_str("sealed")), db_int(end)), NULL) == RC_OK,
	    "a token of Apps and Books");
	is_str(looked(c, 5), "", "nobody listens: nothing is told, and nothing counts as told");
	ok(add(c, "other", "https://other.example/", "calendar.ending", NULL, &w) == RC_OK,
	    "another organization does");
	is_str(looked(c, 5), "", "it is told nothing of this one, and nothing counts as told");
	ok(add(c, "bag", "https://bag.example/", "calendar.ending", NULL, &w) == RC_OK &&
		store_run(c, "UPDATE webhook_state SET rests_until = ?1", DB_ARGS(db_int(end + 86400)), NULL) == RC_OK,
	    "somebody listens");
	is_str(looked(c, 31), "", "nothing is said more than 30 days before the end");
	is_str(looked(c, 30), "licence-token 30", "30 days before the end it is");
	is_str(looked(c, 29), "licence-token 30", "once, however often it is looked at");
	is_str(
	    looked(c, 13.5), "licence-token 30, licence-token 13", "again 14 days before, or later if nobody looked");
	is_str(looked(c, 7), "licence-token 30, licence-token 13, licence-token 7", "7 days before");
	is_str(
	    looked(c, 0.5), "licence-token 30, licence-token 13, licence-token 7, licence-token 0", "and a day before");
	is_str(looked(c, -3), "licence-token 30, licence-token 13, licence-token 7, licence-token 0",
	    "and not when it is over");
	ok(store_run(c, "UPDATE licence_service SET expires_at = ?1", DB_ARGS(db_int(end + 20 * 86400)), NULL) == RC_OK,
	    "renewed");
	is_str(looked(c, 0), "licence-token 30, licence-token 13, licence-token 7, licence-token 0, licence-token 20",
	    "another end is told of anew");
	ok(number(c, "SELECT COUNT(DISTINCT subject) FROM webhook_delivery WHERE type = 'calendar.ending'") == 1,
	    "in order among themselves");
	ok(store_run(c, "UPDATE webhook_delivery SET dead_at = ?1", DB_ARGS(db_int(c->now - 91 * 86400)), NULL) ==
		    RC_OK &&
		looked(c, 0) != NULL && number(c, "SELECT COUNT(*) FROM webhook_delivery") == 0,
	    "dead letters go after history_days");
	c->now = now;
}

int
main(void)
{
	struct call c;

	scene_open(&scene);
	c = scene_call(&scene);
	signatures(&c);
	adding(&c);
	telling(&c);
	letters(&c);
	calendar(&c);
	testing_free(&c);
	scene_close(&scene);
	return done();
}
