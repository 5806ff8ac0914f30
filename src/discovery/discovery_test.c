/* Service discovery (protocol 2). */
#include "discovery/discovery.h"

#include "enroll/attempt.h"
#include "enroll/rule.h"
#include "enroll/testing.h"

static struct discovery_answer
ask(struct call *c, const char *identifier, const char *family, const char *host)
{
	struct discovery_request in = { identifier, family, host, NULL };
	struct discovery_answer out;

	ok(discovery_answer(c, &in, &out) == RC_OK, "discovery answers");
	return out;
}

static void
sends_devices(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct discovery_answer a;
	struct attempt_seal seal;
	struct db_rows r;

	a = ask(&c, "Eliza@BetterBag.com", "iPhone", "betterbag.com");
	ok(a.code == EV_discovered, "S-01: a person of ours is sent somewhere");
	is_str(a.version, "mdm-byod", "an iPhone to User Enrollment");
	ok(strncmp(a.base_url, "https://mdm.betterbag.com/enroll/bag/byod/", 42) == 0, "S-02: at an https URL of ours");
	ok(attempt_unseal(&c, strrchr(a.base_url, '/') + 1, &seal) == RC_OK, "whose last part is the sealed attempt");
	is_str(seal.user_identifier, "eliza@betterbag.com", "with the identifier in lower case");
	a = ask(&c, "eliza@betterbag.com", "Mac", NULL);
	is_str(a.version, "mdm-adde", "a Mac to Device Enrollment");
	a = ask(&c, NULL, NULL, "betterbag.com");
	is_str(a.version, "mdm-byod", "S-03: it works with both parameters missing");
	a = ask(&c, NULL, "Mac", "mdm.betterbag.com");
	is_str(a.version, "mdm-adde", "S-03: and with the host of the server itself");
	a = ask(&c, "stranger@betterbag.com", "iPhone", NULL);
	ok(a.code == EV_discovered, "the answer does not tell whether an account exists");
	ok(store_run(&c, "SELECT COUNT(*) FROM attempt", DB_NONE, &r) == RC_OK && db_get_int(&r, 0, 0) == 0,
	    "and nothing is written");
	testing_free(&c);
}

static void
refuses(struct scene *sc)
{
	static const char *const wrong[] = { "", "eliza", "@betterbag.com", "eliza@", "eliza@localhost", "eliza@-x.com",
		"e\x01@betterbag.com" };
	struct call c = scene_call(sc);
	struct discovery_answer a;
	char *longest = arena_alloc(c.arena, 400);

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ok(ask(&c, wrong[i], "iPhone", "betterbag.com").code == EV_discovery_bad_identifier,
		    "S-05: identifier %zu is refused as malformed", i);
	memset(longest, 'a', 300);
	ok(ask(&c, arena_printf(c.arena, "%s@betterbag.com", longest), NULL, NULL).code == EV_discovery_bad_identifier,
	    "S-05: an identifier over the limit is refused");
	a = ask(&c, "eliza@elsewhere.com", "iPhone", "betterbag.com");
	ok(a.code == EV_discovery_unknown_domain && a.message != NULL,
	    "S-05: a domain that is nobody's is refused, in words");
	a = ask(&c, "eliza@betterbag.com", "Watch", NULL);
	ok(a.code == EV_discovery_refused_by_rule && a.message != NULL, "S-05: a rule's refusal says its message");
	testing_free(&c);
}

static void
redirects(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct rule r = { .organization_id = "bag",
		.percent = -1,
		.outcome = "redirect",
		.redirect_url = "https://other.example/x?y=1" };
	struct discovery_answer a;

	ok(rule_add(&c, &r) == RC_OK, "a rule redirects");
	a = ask(&c, "a+b@betterbag.com", "iPad", NULL);
	is_str(a.location, "https://other.example/x?y=1&user-identifier=a%2Bb%40betterbag.com&model-family=iPad",
	    "S-04: both query items are re-attached");
	ok(rule_remove(&c, "bag", r.id) == RC_OK, "the rule goes");
	testing_free(&c);
}

static void
counts(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct discovery_counts *n = discovery_counts_new();
	struct db_rows r;

	for (int i = 0; i < 3; i++)
		discovery_counts_add(n, "bag", EV_discovery_refused_by_rule);
	ok(discovery_counts_flush(&c, n) == RC_OK && discovery_counts_flush(&c, n) == RC_OK,
	    "counts are flushed in batches");
	discovery_counts_add(n, "bag", EV_discovery_refused_by_rule);
	discovery_counts_flush(&c, n);
	ok(store_run(&c, "SELECT count FROM discovery_count", DB_NONE, &r) == RC_OK && r.rows == 1 &&
		db_get_int(&r, 0, 0) == 4,
	    "and add up");
	discovery_counts_free(n);
	testing_free(&c);
}

/* What is registered at Apple (protocol 2.6): the path names the organization, whatever is lost on the way. */
static void
registered(struct scene *sc)
{
	static const char *const domains[] = { "other.example" };
	struct organization other = { .id = "other", .name = "Other", .lab = true };
	struct discovery_request in = { NULL, "Mac", "proxy.example", "bag" };
	struct discovery_answer out;
	struct call c = scene_call(sc);

	ok(organization_add(&c, &other, domains, 1) == RC_OK, "there is another organization");
	ok(discovery_answer(&c, &in, &out) == RC_OK && out.code == EV_discovered &&
		strcmp(out.organization_id, "bag") == 0,
	    "S-03: without an identifier the path that is registered at Apple says whose it is, under any host");
	in.user_identifier = "ann@other.example";
	ok(discovery_answer(&c, &in, &out) == RC_OK && strcmp(out.organization_id, "other") == 0,
	    "S-03: with one its domain does");
	in = (struct discovery_request){ NULL, "Mac", "betterbag.com", "nobody" };
	ok(discovery_answer(&c, &in, &out) == RC_OK && out.code == EV_discovery_unknown_domain,
	    "and a path of nobody's is refused, in words");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	sends_devices(&s);
	refuses(&s);
	redirects(&s);
	counts(&s);
	registered(&s);
	scene_close(&s);
	return done();
}
