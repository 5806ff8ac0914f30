/* Rules: the first that matches decides. */
#include "enroll/rule.h"

#include "enroll/testing.h"

static bool
matches(struct call *c, struct rule r, struct rule_subject s)
{
	return rule_matches(c->arena, &r, &s, NULL);
}

static void
conditions(struct scene *sc)
{
	struct call c = scene_call(sc);
	struct rule_subject eliza = { "eliza@betterbag.com", "betterbag.com", "iPhone", &sc->eliza };
	struct rule_subject nobody = { .domain = "betterbag.com", .model_family = "iPhone" };
	const char *why;
	int in_10 = 0, in_30 = 0, only_adds = 1;

	ok(matches(&c, (struct rule){ .percent = -1 }, nobody), "a rule without conditions matches anybody");
	ok(matches(&c, (struct rule){ .domain = "BetterBag.com", .percent = -1 }, eliza), "domains match in any case");
	ok(!matches(&c, (struct rule){ .model_family = "Mac", .percent = -1 }, eliza), "another family does not match");
	ok(matches(&c, (struct rule){ .user_glob = "el*@*", .percent = -1 }, eliza), "a person matches a pattern");
	ok(!matches(&c, (struct rule){ .user_glob = "*", .percent = -1 }, nobody),
	    "without an identifier rules on a person don't match");
	ok(matches(&c, (struct rule){ .group = "staff", .percent = -1 }, eliza), "a person matches by group");
	ok(!matches(&c, (struct rule){ .group = "staff", .percent = -1 }, nobody),
	    "without an identifier rules on a group don't match");
	ok(!matches(&c, (struct rule){ .id = "aa", .percent = 100 }, nobody),
	    "without an identifier rules on a percentage don't match");
	ok(!rule_matches(c.arena, &(struct rule){ .group = "board", .percent = -1 }, &eliza, &why) && why != NULL,
	    "a rule that does not match says why");
	for (int i = 0; i < 2000; i++) {
		struct rule_subject s = { .user_identifier = arena_printf(c.arena, "p%d@betterbag.com", i) };
		bool ten = matches(&c, (struct rule){ .id = "0123456789abcdef", .percent = 10 }, s);
		bool thirty = matches(&c, (struct rule){ .id = "0123456789abcdef", .percent = 30 }, s);

		in_10 += ten;
		in_30 += thirty;
		only_adds &= !ten || thirty;
	}
	ok(in_10 > 120 && in_10 < 280 && in_30 > 480 && in_30 < 720,
	    "a percentage takes about so many people (%d, %d of 2000)", in_10, in_30);
	ok(only_adds, "a larger percentage only adds people");
	testing_free(&c);
}

static void
decisions(struct scene *sc)
{
	static const struct {
		const char *family, *outcome;
	} rows[] = { { "iPhone", "byod" }, { "iPad", "byod" }, { "RealityDevice", "byod" }, { "Mac", "adde" },
		{ "Watch", "refuse" }, { "AppleTV", "refuse" }, { NULL, "byod" } };
	struct call c = scene_call(sc);
	struct rule r, *all;
	int n;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rule_subject s = { .domain = "betterbag.com", .model_family = rows[i].family };

		ok(rule_decide(&c, "bag", &s, &r) == RC_OK && strcmp(r.outcome, rows[i].outcome) == 0,
		    "a new organization gives %s %s", rows[i].family ? rows[i].family : "no family", rows[i].outcome);
	}
	r = (struct rule){ .organization_id = "bag", .percent = -1, .group = "staff", .outcome = "adde" };
	ok(rule_add(&c, &r) == RC_OK, "a rule is added");
	ok(rule_list(&c, "bag", &all, &n) == RC_OK && strcmp(all[0].id, r.id) == 0 && all[0].position == 1,
	    "and stands first unless told otherwise");
	ok(rule_move(&c, "bag", r.id, 3) == RC_OK && rule_list(&c, "bag", &all, &n) == RC_OK &&
		strcmp(all[2].id, r.id) == 0 && all[n - 1].position == n,
	    "a moved rule stands where it was put, and positions have no gaps");
	ok(rule_remove(&c, "bag", r.id) == RC_OK && rule_remove(&c, "bag", r.id) == RC_NOT_FOUND,
	    "a rule is removed once");
	testing_free(&c);
}

static void
nonsense(struct scene *sc)
{
	static const struct rule rows[] = {
		{ .percent = -1, .outcome = "perhaps" },
		{ .percent = 101, .outcome = "byod" },
		{ .percent = -1, .outcome = "redirect", .redirect_url = "http://plain.example/" },
		{ .percent = -1, .outcome = "redirect" },
		{ .percent = -1, .outcome = "refuse" },
		{ .percent = -1, .outcome = "byod", .model_family = "Toaster" },
		{ .percent = -1, .outcome = "byod", .method = "basic" },
		{ .percent = -1, .outcome = "byod", .domain = "localhost" },
	};
	struct call c = scene_call(sc);
	struct rule *all;
	int before, after;

	rule_list(&c, "bag", &all, &before);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct rule r = rows[i];

		r.organization_id = "bag";
		ok(rule_add(&c, &r) == RC_BAD_INPUT, "a bad rule is refused: %s", c.err.text);
	}
	ok(rule_list(&c, "bag", &all, &after) == RC_OK && before == after, "and changes nothing");
	testing_free(&c);
}

static void
methods(void)
{
	struct rule web = { .method = "apple-as-web" }, oauth2 = { .method = "apple-oauth2" };
	bool forced;

	is_str(rule_method(NULL, "iPhone", "18.2", &forced), "apple-oauth2", "apple-oauth2 is the default");
	is_str(rule_method(&web, "iPhone", "18.2", &forced), "apple-as-web", "a rule can say apple-as-web");
	is_str(
	    rule_method(&oauth2, "iPhone", "15.7", &forced), "apple-as-web", "iOS 15 always gets apple-as-web (4.3)");
	ok(forced, "which the timeline is told");
	is_str(rule_method(&oauth2, "Mac", "14.0", &forced), "apple-oauth2", "a Mac is not an iPhone of that number");
	is_str(rule_method(&oauth2, "iPhone", NULL, &forced), "apple-oauth2", "an unknown version counts as current");
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	conditions(&s);
	decisions(&s);
	nonsense(&s);
	methods();
	scene_close(&s);
	return done();
}
