#include "fmt/challenge.h"

#include <stdlib.h>

#include "base/tap.h"

static const struct {
	const char *text;
	enum rc rc;
	const char *method, *url; /* what must come out */
	const char *rule;
} headers[] = {
	/* clang-format off */
	{ "Bearer method=\"apple-as-web\", url=\"https://a.example/x\"", RC_OK, "apple-as-web", "https://a.example/x", "what we write" },
	{ "Bearer method=\"apple-as-web\" url=\"https://a.example/x\"", RC_OK, "apple-as-web", "https://a.example/x", "spaces for commas, as seen in production" },
	{ "Bearer method=apple-as-web,url=https://a.example/x", RC_OK, "apple-as-web", "https://a.example/x", "values without quotes" },
	{ "Bearer method = \"m\" ,, url\t=\tu", RC_OK, "m", "u", "white space and empty members (RFC 9110 5.6.1)" },
	{ "Bearer METHOD=\"m\"", RC_OK, "m", NULL, "names without case (RFC 9110 11.2)" },
	{ "Bearer method=\"a\\\"b\"", RC_OK, "a\"b", NULL, "a quoted pair (RFC 9110 5.6.4)" },
	{ "Bearer method=\"\"", RC_OK, "", NULL, "an empty value between quotes" },
	{ "Bearer method=\"m\", Basic realm=\"r\", url=\"u\"", RC_OK, "m", NULL, "a second challenge, which is not read" },
	{ "Bearer", RC_OK, NULL, NULL, "no parameter" },
	{ " Bearer method=m", RC_OK, "m", NULL, "a space ahead" },
	{ "bearer method=\"m\"", RC_NOT_FOUND, NULL, NULL, "the scheme in another case: the client refuses it" },
	{ "BearerX method=\"m\"", RC_NOT_FOUND, NULL, NULL, "another scheme" },
	{ "Basic realm=\"x\"", RC_NOT_FOUND, NULL, NULL, "Basic" },
	{ "", RC_NOT_FOUND, NULL, NULL, "nothing" },
	{ "Bearer method=\"m", RC_BAD_INPUT, NULL, NULL, "an open quote" },
	{ "Bearer method=\"m\\", RC_BAD_INPUT, NULL, NULL, "a backslash at the end" },
	{ "Bearer method=", RC_BAD_INPUT, NULL, NULL, "no value" },
	{ "Bearer =m", RC_BAD_INPUT, NULL, NULL, "no name" },
	{ "Bearer method=\"m\"x", RC_BAD_INPUT, NULL, NULL, "text behind a value" },
	{ "Bearer method=m\"x", RC_BAD_INPUT, NULL, NULL, "a quote in a bare value" },
	{ "Bearer method=\"m\", method=\"n\"", RC_BAD_INPUT, NULL, NULL, "a name twice" },
	{ "Bearer method=\"a\nb\"", RC_BAD_INPUT, NULL, NULL, "a line end" },
	/* clang-format on */
};

static void
test_parsing(struct arena *a)
{
	struct challenge c;
	struct err e;
	char *longest;

	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		ok(challenge_parse(a, headers[i].text, &c, &e) == headers[i].rc, "protocol 4.1: a challenge with %s",
		    headers[i].rule);
		if (headers[i].rc != RC_OK)
			continue;
		is_str(challenge_get(&c, "method"), headers[i].method, "... its method");
		is_str(challenge_get(&c, "url"), headers[i].url, "... its url");
	}
	longest = calloc(1, 20000);
	memset(longest, ',', 19999);
	memcpy(longest, "Bearer ", 7);
	ok(challenge_parse(a, longest, &c, &e) == RC_BAD_INPUT, "a challenge over 8 kB is refused");
	for (int i = 0; i <= CHALLENGE_PARAMETERS_MAX; i++)
		memcpy(longest + 7 + 6 * i, arena_printf(a, "p%02d=x,", i), 7);
	ok(challenge_parse(a, longest, &c, &e) == RC_BAD_INPUT, "more than 32 parameters are refused");
	free(longest);
}

static void
test_writing(struct arena *a)
{
	const struct challenge_parameter good[] = { { "method", "apple-oauth2" }, { "scope", NULL },
		{ "client-id", "c" } };
	const char *const bad[] = { "a\"b", "a\\b", "a\r\nb", "a\tb", "\xc3\xa9" };
	struct challenge again;
	struct err e;
	char *text;

	ok(challenge_write(a, good, 3, &text, &e) == RC_OK, "a challenge is written");
	is_str(text, "Bearer method=\"apple-oauth2\", client-id=\"c\"", "S-08: exact scheme, quotes, \", \"");
	ok(challenge_parse(a, text, &again, &e) == RC_OK && again.n == 2, "and reads as it was meant");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		const struct challenge_parameter p = { "url", bad[i] };

		ok(challenge_write(a, &p, 1, &text, &e) == RC_BAD_INPUT && text == NULL,
		    "protocol 4.1: a value that no challenge can carry is refused");
	}
	{
		const struct challenge_parameter p = { "u rl", "x" };

		ok(challenge_write(a, &p, 1, &text, &e) == RC_BAD_INPUT, "a name that is no token is refused");
	}
}

int
main(void)
{
	struct arena *a = arena_new(0);

	test_parsing(a);
	test_writing(a);
	arena_free(a);
	return done();
}
