#include "device/challenge.h"

#include "base/tap.h"

int
main(void)
{
	static const char oauth[] =
	    "method=\"apple-oauth2\", authorization-url=\"https://h/a?t=1\", token-url=\"https://h/t\", "
	    "redirect-url=\"apple-remotemanagement-user-login:/oauth2/redirection\", client-id=\"c\"";
	static const struct {
		const char *value;
		enum rc rc;
		const char *rule;
	} cases[] = {
		{ "Bearer method=\"apple-as-web\", url=\"https://h/s\"", RC_OK, "D-08: quoted, with commas" },
		{ "Bearer method=\"apple-as-web\" url=\"https://h/s\"", RC_OK, "D-08: separated by spaces" },
		{ "Bearer method=apple-as-web,url=https://h/s", RC_OK, "D-08: not quoted" },
		{ "Bearer url=\"http://h/s\", method=\"apple-as-web\"", RC_OK,
		    "D-08: any order; as-web may be plain http" },
		{ "bearer method=\"apple-as-web\", url=\"https://h/s\"", RC_NOT_FOUND,
		    "D-08: the scheme is exactly Bearer" },
		{ "Basic realm=\"x\"", RC_NOT_FOUND, "D-08: another scheme is no challenge for a device" },
		{ "Bearer", RC_NOT_FOUND, "D-08: a scheme alone is no challenge" },
		{ "Bearer realm=\"x\"", RC_BAD_INPUT, "D-08: a challenge without method is unusable" },
		{ "Bearer method=\"apple-maid\", url=\"https://h/s\"", RC_BAD_INPUT,
		    "D-08: an unknown method is unusable" },
		{ "Bearer method=\"apple-as-web\"", RC_BAD_INPUT, "D-08: apple-as-web needs url" },
		{ "Bearer method=\"apple-as-web\", url=\"ftp://h/s\"", RC_BAD_INPUT, "D-08: url is http or https" },
		{ "Bearer method=\"apple-as-web\", url=\"\"", RC_BAD_INPUT,
		    "D-08: an empty parameter is a missing one" },
		{ "Bearer method=\"apple-oauth2\", url=\"https://h/s\"", RC_BAD_INPUT,
		    "D-08: apple-oauth2 needs its own" },
		{ "Bearer method=\"apple-as-web\", url=\"https://h/unterminated", RC_OK,
		    "a missing quote ends at the end" },
		{ "Bearer \"stray\" , =x , method=\"apple-as-web\", url=\"https://h/s\"", RC_OK,
		    "what is no pair is stepped over" },
	};
	struct arena *a = arena_new(0);
	struct device_challenge c;
	struct err e;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ok(device_challenge_parse(a, cases[i].value, &c, &e) == cases[i].rc, "%s", cases[i].rule);

	ok(device_challenge_parse(a, arena_printf(a, "Bearer %s", oauth), &c, &e) == RC_OK,
	    "D-08: apple-oauth2 without scope is usable");
	is_str(c.authorization_url, "https://h/a?t=1", "D-08: a value may hold '='");
	is_str(c.scope, NULL, "D-10: an absent scope is absent");
	ok(c.url == NULL, "D-08: parameters of the other method are left aside");
	ok(device_challenge_parse(a,
	       "Bearer method=\"apple-oauth2\", authorization-url=\"http://h/a\", token-url=\"https://h/t\", "
	       "redirect-url=\"apple-remotemanagement-user-login:/x\", client-id=\"c\"",
	       &c, &e) == RC_BAD_INPUT,
	    "D-10: the endpoints are https");
	ok(device_challenge_parse(a,
	       "Bearer method=\"apple-oauth2\", authorization-url=\"https://h/a\", token-url=\"https://h/t\", "
	       "redirect-url=\"https://h/back\", client-id=\"c\"",
	       &c, &e) == RC_BAD_INPUT,
	    "D-10: the redirect-url has the callback scheme");

	const char *const names[] = { "WWW-Authenticate", "www-authenticate" };
	const char *const values[] = { "Basic realm=\"x\"", "Bearer method=\"apple-as-web\", url=\"https://h/s\"" };
	struct http_client_answer answer = {
		.status = 401, .header_names = names, .header_values = values, .n_headers = 2
	};

	ok(device_challenge_find(a, &answer, &c, &e) == RC_OK, "D-08: of two headers the first Bearer counts");
	answer.n_headers = 1;
	ok(device_challenge_find(a, &answer, &c, &e) == RC_NOT_FOUND, "D-08: no Bearer challenge at all");
	arena_free(a);
	return done();
}
