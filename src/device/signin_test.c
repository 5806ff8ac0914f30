#include "device/signin.h"

#include "base/tap.h"

int
main(void)
{
	struct arena *a = arena_new(0);
	struct device_challenge web = { .method = "apple-as-web", .url = "https://h/signin/abc?lost=1" };
	struct device_challenge oauth = { .method = "apple-oauth2",
		.authorization_url = "https://h/a?attempt=1",
		.token_url = "https://h/t",
		.redirect_url = "apple-remotemanagement-user-login:/oauth2/redirection",
		.client_id = "c" };
	struct device_tokens t;
	const char *code;
	struct device d;
	struct err e;

	is_str(device_signin_web_url(a, &web, "ann@example.org"),
	    "https://h/signin/abc?user-identifier=ann@example.org", "D-09: the query is replaced by user-identifier");
	is_str(device_signin_web_url(a, &web, NULL), "https://h/signin/abc?lost=1",
	    "D-09: without identifier the URL stays");
	is_str(device_signin_oauth_url(a, &oauth, "ann@example.org", "S"),
	    "https://h/a?attempt=1&response_type=code&client_id=c"
	    "&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection&state=S&login_hint=ann@example.org",
	    "D-10: the items of the authorization request, an existing query kept, no scope when none is offered");
	oauth.scope = "mdm x";
	ok(strstr(device_signin_oauth_url(a, &oauth, "u", "S"), "&scope=mdm%20x&state=S&login_hint=u") != NULL,
	    "D-10: scope stands before state");

	ok(device_signin_code(a, "x:/p?code=C&state=S", "S", &code, &e) == RC_OK && strcmp(code, "C") == 0,
	    "D-10: the code");
	ok(device_signin_code(a, "x:/p?code=C&state=T", "S", &code, &e) == RC_BAD_INPUT,
	    "D-10: another state is refused");
	ok(device_signin_code(a, "x:/p?code=C", "S", &code, &e) == RC_BAD_INPUT, "D-10: a missing state is refused");
	ok(device_signin_code(a, "x:/p?state=S", "S", &code, &e) == RC_BAD_INPUT, "D-10: a missing code is refused");
	ok(device_signin_code(a, "x:/p?error=access_denied&state=S", "S", &code, &e) == RC_FORBIDDEN,
	    "D-10: error= is a refusal");

	ok(device_signin_tokens(a,
	       bytes_str(
		   "{\"token_type\":\"bearer\",\"access_token\":\"A\",\"expires_in\":3600,\"refresh_token\":\"R\"}"),
	       &t, &e) == RC_OK &&
		t.expires_in_s == 3600 && strcmp(t.refresh, "R") == 0,
	    "D-10: token_type is compared without case");
	ok(device_signin_tokens(a, bytes_str("{\"token_type\":\"mac\",\"access_token\":\"A\"}"), &t, &e) ==
		RC_BAD_INPUT,
	    "D-10: another type is refused");
	ok(device_signin_tokens(a, bytes_str("{\"token_type\":\"Bearer\"}"), &t, &e) == RC_BAD_INPUT,
	    "D-10: access_token is required");

	device_init(&d, a, "/nonexistent", STORY_QUIET, stdout);
	d.en.refresh_token = "old";
	ok(device_signin_tokens(a, bytes_str("{\"token_type\":\"Bearer\",\"access_token\":\"B\"}"), &t, &e) == RC_OK,
	    "an answer without refresh_token");
	device_signin_keep(&d, &t, 1000);
	ok(d.en.refresh_token == NULL, "D-11: a missing refresh_token makes the device forget the one it had");
	is_str(d.en.access_token, "B", "D-11: the triple is replaced");
	device_close(&d);
	arena_free(a);
	return done();
}
