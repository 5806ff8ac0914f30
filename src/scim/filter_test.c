/* Filters and paths, as Entra ID and Okta send them, and as nobody should. */
#include "scim/filter.h"

#include <string.h>

#include "base/tap.h"

static void
filters(struct arena *a)
{
	static const char *const bad[] = { "", "userName", "userName eq", "userName ne \"a\"", "userName eq \"a",
		"userName eq \"a\" or id eq \"b\"", "userName eq \"\\u0041\"", "(userName eq \"a\")",
		"a eq \"1\" and b eq \"2\" and c eq \"3\" and d eq \"4\" and e eq \"5\"", "a eq \"1\" and",
		"a eq \"1\" b" };
	struct filter f;
	struct err e;
	char *large = arena_alloc(a, FILTER_MAX + 2);

	ok(filter_parse(a, NULL, &f, &e) == RC_OK && f.n == 0, "no filter, no term");
	ok(filter_parse(a, "userName eq \"ada@example.com\"", &f, &e) == RC_OK && f.n == 1, "Entra ID's filter");
	is_str(f.term[0].value, "ada@example.com", "has its value");
	ok(filter_parse(a, "displayName EQ \"a \\\"b\\\" \\\\\" AND  id eq x", &f, &e) == RC_OK && f.n == 2,
	    "RFC 7644 3.4.2.2: operators have no case");
	is_str(f.term[0].value, "a \"b\" \\", "quotes inside are escaped");
	is_str(f.term[1].value, "x", "a bare word is one, too");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(filter_parse(a, bad[i], &f, &e) == RC_BAD_INPUT, "refused: %s", bad[i]);
	memset(large, 'a', FILTER_MAX + 1);
	ok(filter_parse(a, large, &f, &e) == RC_BAD_INPUT, "a filter has a bound");
}

static void
paths(struct arena *a)
{
	static const char *const bad[] = { "", "[", "a[", "a[b", "a[b eq]", "a[b eq \"c\"", "a b" };
	const char *attribute, *value;
	struct err e;

	ok(filter_path(a, "members[value eq \"4711\"]", &attribute, &value, &e) == RC_OK, "RFC 7644 3.5.2: a bracket");
	is_str(attribute, "members", "of an attribute");
	is_str(value, "4711", "chooses a value");
	ok(filter_path(a, "emails[type eq \"work\"].value", &attribute, &value, &e) == RC_OK, "or a part of it");
	is_str(attribute, "emails.value", "which belongs to the name");
	ok(filter_path(a, "active", &attribute, &value, &e) == RC_OK && value == NULL, "a plain path");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(filter_path(a, bad[i], &attribute, &value, &e) == RC_BAD_INPUT, "refused: '%s'", bad[i]);
}

int
main(void)
{
	struct arena *a = arena_new(0);

	filters(a);
	paths(a);
	arena_free(a);
	return done();
}
