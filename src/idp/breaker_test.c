#include "idp/breaker.h"

#include "base/tap.h"

/* `n` questions at `now` that nobody answers. */
static void
fail_often(struct idp_breaker *b, int64_t now, int n)
{
	for (int i = 0; i < n; i++)
		idp_breaker_heard(b, now, false);
}

int
main(void)
{
	struct idp_breaker b = { 0 };
	int64_t now = 5;

	ok(idp_breaker_lets(&b, now), "nobody is left alone from the start, even where the clock has just begun");
	fail_often(&b, now, IDP_FAILURES - 1);
	ok(idp_breaker_lets(&b, now), "a failure or two are no reason");
	idp_breaker_heard(&b, now, true);
	fail_often(&b, now, IDP_FAILURES - 1);
	ok(idp_breaker_lets(&b, now), "and an answer in between takes them away");
	fail_often(&b, now, 1);
	ok(!idp_breaker_lets(&b, now) && !idp_breaker_lets(&b, now + IDP_REST_S - 1),
	    "after IDP_FAILURES in a row it is left alone, until the rest is over");

	now += IDP_REST_S;
	ok(idp_breaker_lets(&b, now), "then one goes and looks");
	ok(!idp_breaker_lets(&b, now) && !idp_breaker_lets(&b, now + 4), "and no second one while that one waits");
	idp_breaker_heard(&b, now + 5, false);
	ok(!idp_breaker_lets(&b, now + 5 + IDP_REST_S - 1), "no answer: the rest begins when that is known");
	now += 5 + IDP_REST_S;
	ok(idp_breaker_lets(&b, now), "and over again");
	idp_breaker_heard(&b, now, true);
	ok(idp_breaker_lets(&b, now) && idp_breaker_lets(&b, now), "an answer: everybody asks again, at once");
	fail_often(&b, now, IDP_FAILURES - 1);
	ok(idp_breaker_lets(&b, now), "and what was before counts no more");

	/* One that looked and never came back. */
	fail_often(&b, now, 1);
	now += IDP_REST_S;
	ok(idp_breaker_lets(&b, now) && !idp_breaker_lets(&b, now + 1) && idp_breaker_lets(&b, now + IDP_REST_S),
	    "who was sent to look and is lost keeps the others away for one rest only");
	return done();
}
