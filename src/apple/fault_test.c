#include "apple/fault.h"

#include "base/tap.h"

static struct arena *a;

static bool
takes(struct faults *f, const char *service, const char *subject, int status)
{
	struct fault got = { 0 };

	return faults_take(f, a, service, subject, &got) && got.status == status;
}

static void
refused(struct faults *f, const char *json, const char *what)
{
	struct err e = { 0 };

	ok(faults_set(f, bytes_str(json), &e) == RC_BAD_INPUT && e.text[0] != '\0', "%s", what);
}

static void
counting(struct faults *f)
{
	struct fault got = { 0 };
	int taken = 0;

	ok(faults_set(f, bytes_str("[{\"service\":\"s\",\"every\":3,\"status\":500,\"times\":2}]"), NULL) == RC_OK,
	    "rules are read");
	for (int i = 1; i <= 12; i++)
		taken += takes(f, "s", "x", 500) && (i == 3 || i == 6);
	ok(taken == 2, "every third is taken, two times");
	ok(!takes(f, "other", "x", 500), "of its service alone");
	ok(faults_set(f,
	       bytes_str("[{\"after\":2,\"then\":\"goaway\"},{\"subject\":\"t\",\"status\":410,\"body\":{\"a\":1}}]"),
	       NULL) == RC_OK,
	    "other rules take their place");
	ok(!faults_take(f, a, "s", "x", &got) && !faults_take(f, a, "s", "x", &got) &&
		faults_take(f, a, "s", "x", &got) && got.then == FAULT_GOAWAY && got.status == 0,
	    "the one behind the second is followed by GOAWAY");
	ok(!faults_take(f, a, "s", "x", &got), "once");
	ok(faults_take(f, a, "s", "t", &got) && got.status == 410, "a rule may be for one subject");
	is_str(got.body, "{\"a\":1}", "with a body");
	ok(faults_set(f, bytes_str("[]"), NULL) == RC_OK && !faults_take(f, a, "s", "t", &got), "no rule, no fault");
}

int
main(void)
{
	struct faults *f = faults_new();

	a = arena_new(0);
	counting(f);
	ok(faults_set(f, bytes_str("[{\"status\":429}]"), NULL) == RC_OK && takes(f, "s", "x", 429), "a rule for all");
	refused(f, "[{\"stat\":429}]", "a key that there is not is refused");
	refused(f, "[{\"status\":\"429\"}]", "and a value of another type");
	refused(f, "[{\"status\":99}]", "and a status that is none");
	refused(f, "[{\"then\":\"explode\"}]", "and what can't follow");
	refused(f, "[1]", "and a rule that is no object");
	refused(f, "{}", "and what is no list");
	ok(takes(f, "s", "x", 429), "the rules before stay");
	faults_free(f);
	arena_free(a);
	return done();
}
