/* The sign-in pages, as a browser sees them. */
#include "oauth/signin.h"

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "oauth/testing.h"

#define AUTHORIZE_GOOD \
	"&response_type=code&client_id=postern-device-enrollment" \
	"&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection&state="

static const char *
web_path(struct scene *s, struct call *c)
{
	return arena_printf(c->arena, "/signin/%s", s->attempt);
}

/* Open the page and keep its cookie; the hidden field. */
static const char *
open_page(struct scene *s, struct call *c, struct http_reply *out)
{
	*out = scene_request(s, c, "GET", web_path(s, c), "user-identifier=ann@example.com", NULL, NULL);
	scene_cookie(s, out);
	return scene_field(c, out);
}

static struct http_reply
submit(struct scene *s, struct call *c, const char *field, const char *user, const char *password)
{
	const char *body = arena_printf(c->arena, "form=%s&username=%s&password=%s", field, uri_encode(c->arena, user),
	    uri_encode(c->arena, password));

	return scene_request(s, c, "POST", web_path(s, c), NULL, FORM_TYPE, body);
}

static void
the_page(struct scene *s)
{
	struct call c = scene_call(s);
	struct http_reply r;
	const char *field, *body, *policy, *style;
	size_t n;

	scene_attempt(s, "apple-as-web");
	field = open_page(s, &c, &r);
	body = scene_body(&c, &r);
	ok(r.status == 200 && strcmp(scene_header(&r, "Content-Type"), "text/html; charset=utf-8") == 0,
	    "the sign-in page is HTML");
	is_str(scene_header(&r, "Cache-Control"), "no-store", "S-39: and is not stored");
	ok(strstr(body, "value=\"ann@example.com\"") != NULL, "the user name is filled in");
	ok(strstr(body, "Better &lt;Bag&gt;") != NULL && strstr(body, "<Bag>") == NULL,
	    "the organization's name is text, whatever it holds");
	ok(strstr(body, "<script") == NULL && strstr(body, " style=") == NULL && strstr(body, "src=") == NULL,
	    "no script, no style attribute, nothing loaded");
	ok(r.body.n < 40 * 1024 && field[0] != '\0', "it is under 40 kB (%zu) and has its sealed field", r.body.n);

	policy = scene_header(&r, "Content-Security-Policy");
	style = strstr(body, "<style>") + strlen("<style>");
	n = (size_t)(strstr(body, "</style>") - style);
	ok(strstr(policy, base64_encode(c.arena, crypto_sha256(c.arena, bytes_of(style, n)))) != NULL,
	    "the policy names the style by its hash");
	ok(strstr(policy, "default-src 'none'") != NULL &&
		strstr(policy, "form-action 'self' apple-remotemanagement-user-login:") != NULL &&
		strstr(policy, "frame-ancestors 'none'") != NULL && strstr(policy, "base-uri 'none'") != NULL,
	    "the policy lets the form reach the callback, and nothing else happen");
	is_str(scene_header(&r, "Referrer-Policy"), "no-referrer", "the attempt's path goes to nobody as a referrer");
	is_str(scene_header(&r, "X-Content-Type-Options"), "nosniff", "the type is not guessed");
	ok(strncmp(scene_header(&r, "Set-Cookie"), "__Host-postern-signin=", 22) == 0 &&
		strstr(scene_header(&r, "Set-Cookie"), "HttpOnly; SameSite=Lax; Secure") != NULL,
	    "the cookie is for this host, TLS and the server only");
	is_str(scene_last_event(s, &c, s->attempt), "signin-shown", "the timeline has the page");

	s->secure = false;
	s->nonce[0] = '\0';
	open_page(s, &c, &r);
	ok(strncmp(scene_header(&r, "Set-Cookie"), "postern-signin=", 15) == 0 &&
		strstr(scene_header(&r, "Set-Cookie"), "Secure") == NULL,
	    "without TLS (a lab on loopback) the cookie is a plain one");
	s->secure = true;
	s->nonce[0] = '\0';

	r = scene_request(s, &c, "GET", web_path(s, &c), "user-identifier=%22%3E%3Cscript%3E@example.com", NULL, NULL);
	ok(r.status == 200 && strstr(scene_body(&c, &r), "<script") == NULL, "a hostile identifier is text");
	r = scene_request(s, &c, "GET", "/signin/AAAAAAAA", NULL, NULL, NULL);
	ok(r.status == 400 && strstr(scene_body(&c, &r), "Start again in Settings") != NULL,
	    "an edited link is refused with a page");
	testing_free(&c);
}

static void
web(struct scene *s)
{
	static const char callback[] = "apple-remotemanagement-user-login://authentication-results?access-token=";
	struct call c = scene_call(s);
	struct http_reply r;
	struct attempt a;
	const char *field, *token;

	scene_attempt(s, "apple-as-web");
	field = open_page(s, &c, &r);
	r = submit(s, &c, field, "ann@example.com", "wrong");
	ok(r.status == 200 && strstr(scene_body(&c, &r), "role=\"alert\"") != NULL &&
		strstr(scene_body(&c, &r), "match.") != NULL,
	    "a wrong password is the form again with an error text, not an HTTP error (protocol 4.2)");
	is_str(scene_last_event(s, &c, s->attempt), "signin-wrong-password", "and an event");
	r = submit(s, &c, field, "eve@other.example", PASSWORD);
	ok(r.status == 200 && scene_header(&r, "Location") == NULL,
	    "the right password of another organization's person signs in to nothing");
	r = submit(s, &c, field, "", "");
	ok(r.status == 200, "an empty form comes back");

	r = submit(s, &c, field, "ann", PASSWORD);
	ok(strstr(scene_header(&r, "Location"), "token") == NULL, "no token is in a path");
	r = scene_follow(s, &c, &r);
	ok(r.status == 308 && r.body.n == 0, "S-12: success is 308 without a body");
	ok(scene_header(&r, "Location") != NULL &&
		strncmp(scene_header(&r, "Location"), callback, strlen(callback)) == 0,
	    "S-12: to the exact callback URL");
	is_str(scene_header(&r, "Cache-Control"), "no-store", "S-39: the callback is not stored");
	ok(strstr(scene_header(&r, "Set-Cookie"), "Max-Age=0") != NULL, "and its cookie goes");
	token = scene_header(&r, "Location") + strlen(callback);
	ok(strlen(token) == 43 &&
		strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == 43,
	    "S-12: the token alphabet needs no percent-encoding");
	ok(challenge_attempt(&c, s->attempt, &a) == RC_OK && strcmp(a.state, "signed-in") == 0 && a.account_id != NULL,
	    "the attempt knows who signed in");
	is_str(a.code, "token-issued", "and that a token was issued");
	ok(testing_number(s->store, "SELECT count(*) FROM oauth_grant WHERE method = 'apple-as-web'") == 1,
	    "one grant was started");
	ok(testing_number(s->store, "SELECT count(*) FROM throttle WHERE subject LIKE 'person:%'") == 0,
	    "and whoever knows their password, also one of another organization, starts their count anew");

	r = scene_request(s, &c, "GET", "/oauth2/authorize",
	    arena_printf(c.arena, "attempt=%s" AUTHORIZE_GOOD "x", s->attempt), NULL, NULL);
	ok(r.status == 403, "an attempt that was challenged for one method is not signed in to by the other");
	attempt_set_state(&c, attempt_id(c.arena, s->attempt), "enrolled", NULL);
	open_page(s, &c, &r);
	ok(r.status == 403 && strstr(scene_body(&c, &r), "finished") != NULL, "after the enrollment the link is over");
	testing_free(&c);
}

static void
forgery(struct scene *s)
{
	struct call c = scene_call(s);
	struct http_reply r;
	const char *field, *mine;

	scene_attempt(s, "apple-as-web");
	field = open_page(s, &c, &r);
	mine = arena_strdup(c.arena, s->nonce);
	s->nonce[0] = '\0';
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	ok(r.status == 403 && scene_header(&r, "Location") == NULL, "a form without the cookie of its page is refused");
	is_str(scene_last_event(s, &c, s->attempt), "signin-form-invalid", "with an event");
	snprintf(s->nonce, sizeof s->nonce, "%s", crypto_token(c.arena));
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	ok(r.status == 403, "as is one with another browser's cookie (login CSRF)");

	snprintf(s->nonce, sizeof s->nonce, "%s", mine);
	r = submit(s, &c, "AAAA", "ann@example.com", PASSWORD);
	ok(r.status == 403, "a form that this server did not make is refused");
	scene_attempt(s, "apple-as-web");
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	ok(r.status == 403, "a form of another attempt is refused");

	field = open_page(s, &c, &r);
	is_str(s->nonce, mine, "a browser keeps its cookie, so that two pages work side by side");
	c.now += SIGNIN_FORM_LIFE_S;
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	ok(r.status == 403, "a page left open for an hour is refused");
	c.now -= SIGNIN_FORM_LIFE_S;
	r = scene_request(s, &c, "POST", web_path(s, &c), NULL, FORM_TYPE,
	    arena_printf(c.arena, "form=%s&username=ann&password=&cancel=1", field));
	ok(r.status == 403 && strstr(scene_body(&c, &r), "Nothing was changed") != NULL,
	    "Cancel ends with a page that says so; its status ends the enrollment on the device");
	is_str(scene_last_event(s, &c, s->attempt), "signin-cancelled", "and with an event");
	testing_free(&c);
}

static void
throttled(struct scene *s)
{
	struct call c = scene_call(s);
	struct http_reply r;
	const char *field;
	int tries = 0;

	scene_attempt(s, "apple-as-web");
	field = open_page(s, &c, &r);
	do
		r = submit(s, &c, field, "bob@example.com", "wrong");
	while (r.status == 200 && ++tries < 20);
	ok(r.status == 429 && tries == 6, "too many wrong passwords are 429 with a page");
	is_str(scene_header(&r, "Retry-After"), "5", "which says when to come back");
	is_str(scene_last_event(s, &c, s->attempt), "signin-throttled", "and an event");
	testing_free(&c);
}

static struct http_reply
authorize(struct scene *s, struct call *c, const char *rest)
{
	return scene_request(
	    s, c, "GET", "/oauth2/authorize", arena_printf(c->arena, "attempt=%s%s", s->attempt, rest), NULL, NULL);
}

static void
authorization(struct scene *s)
{
	static const struct {
		const char *rest, *why;
	} wrong[] = {
		{ "", "without anything" },
		{ "&response_type=token&client_id=postern-device-enrollment"
		  "&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection",
		    "with another response_type" },
		{ "&response_type=code&client_id=mallory"
		  "&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection",
		    "with another client_id" },
		{ "&response_type=code&client_id=postern-device-enrollment&redirect_uri=https://evil.example/",
		    "with another redirect_uri" },
		{ "&response_type=code&client_id=postern-device-enrollment"
		  "&redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection/..",
		    "with a redirect_uri that only begins right" },
		{ AUTHORIZE_GOOD "a&state=b", "with a parameter twice" },
		{ AUTHORIZE_GOOD "a&code_challenge=abc&code_challenge_method=S256", "with a malformed code_challenge" },
		{ AUTHORIZE_GOOD "a&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
		    "with PKCE's method plain" },
	};
	struct call c = scene_call(s);
	struct http_reply r;
	const char *location, *query;

	scene_attempt(s, "apple-oauth2");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		r = authorize(s, &c, wrong[i].rest);
		ok(r.status == 400 && scene_header(&r, "Location") == NULL,
		    "S-14: %s the request is a page, never a redirect", wrong[i].why);
	}
	is_str(scene_last_event(s, &c, s->attempt), "authorize-invalid", "and an event");
	r = authorize(s, &c, arena_printf(c.arena, AUTHORIZE_GOOD "%0513d", 1));
	ok(r.status == 400, "S-14: state is bounded");
	r = scene_request(s, &c, "GET", "/oauth2/authorize", "response_type=code", NULL, NULL);
	ok(r.status == 400, "without an attempt there is nothing to sign in to");

	r = authorize(s, &c, AUTHORIZE_GOOD "8E1C%2640&scope=mdm&login_hint=ann@example.com");
	ok(r.status == 200 && strstr(scene_body(&c, &r), "value=\"ann@example.com\"") != NULL,
	    "S-14: without PKCE the page is shown, with login_hint filled in");
	scene_cookie(s, &r);
	query = arena_printf(c.arena, "attempt=%s&state=edited", s->attempt);
	r = scene_request(s, &c, "POST", "/oauth2/authorize", query, FORM_TYPE,
	    arena_printf(c.arena, "form=%s&username=ann%%40example.com&password=correct+horse", scene_field(&c, &r)));
	r = scene_follow(s, &c, &r);
	location = scene_header(&r, "Location");
	ok(r.status == 308 && location != NULL &&
		strncmp(location, "apple-remotemanagement-user-login:/oauth2/redirection?code=", 59) == 0,
	    "S-14: success is 308 to the redirect URL with a code");
	ok(location != NULL && strcmp(location + 59 + 43, "&state=8E1C%2640") == 0,
	    "S-14: state is echoed as it was first sent, encoded, whatever the form's URL says");
	testing_free(&c);
}

static void
the_way_back(struct scene *s)
{
	struct call c = scene_call(s);
	const char *sealed, *location;

	ok(signin_callback_seal(&c, "one", "nonce", "app://x?y", &sealed) == RC_OK &&
		signin_callback_open(&c, sealed, "one", "nonce", &location) == RC_OK,
	    "the way back opens for its attempt in its browser");
	is_str(location, "app://x?y", "and leads where it should");
	ok(signin_callback_open(&c, sealed, "two", "nonce", &location) == RC_FORBIDDEN, "not for another attempt");
	ok(signin_callback_open(&c, sealed, "one", "other", &location) == RC_FORBIDDEN, "not in another browser");
	ok(signin_callback_open(&c, NULL, "one", "nonce", &location) == RC_FORBIDDEN, "not without a sign-in");
	c.now += SIGNIN_CALLBACK_LIFE_S;
	ok(signin_callback_open(&c, sealed, "one", "nonce", &location) == RC_FORBIDDEN, "and not a minute later");
	testing_free(&c);
}

/* ---- signing in again ---- */

static const char *
enrolled(struct scene *s, struct call *c)
{
	struct enrollment e = { .id = "enr", .organization_id = "bag", .mode = "byod", .family = "iPhone" };
	struct account ann;
	const char *path = "";

	account_find(c, "ann@example.com", &ann);
	e.account_id = ann.id;
	ok(store_run(c,
	       "INSERT INTO enrollment (id, organization_id, mode, family, account_id, attempt_id, state, topic, "
	       "server_url,"
	       " check_in_url, assigned_managed_apple_id, per_user_connections, identity_proof, profile_identifier,"
	       " created_at) VALUES ('enr', 'bag', 'byod', 'iPhone', ?1, 't', 'reauth', '', '', '', 'ann@example.com', "
	       "0,"
	       " 'signature', '', 1)",
	       DB_ARGS(db_text(ann.id)), NULL) == RC_OK,
	    "an enrolled iPhone");
	ok(challenge_reauth(c, &e, "apple-as-web", &path) == RC_OK && strncmp(path, "r-", 2) == 0,
	    "is challenged to sign in again");
	s->attempt = arena_strdup(s->arena, path);
	ok(challenge_reauth(c, &e, "apple-as-web", &path) == RC_OK && strcmp(path, s->attempt) == 0,
	    "by one attempt, however often it asks");
	return ann.id;
}

static void
signing_in_again(struct scene *s)
{
	struct call c = scene_call(s);
	struct http_reply r;
	const char *field;

	enrolled(s, &c);
	r = scene_request(s, &c, "GET", web_path(s, &c), "user-identifier=bob@example.com", NULL, NULL);
	ok(r.status == 200 && strstr(scene_body(&c, &r), "value=\"ann@example.com\"") != NULL &&
		strstr(scene_body(&c, &r), " readonly") != NULL &&
		strstr(scene_body(&c, &r), "Sign in again to") != NULL,
	    "S-30: signing in again is for the enrollment's own person, whatever the query says");
	scene_cookie(s, &r);
	field = scene_field(&c, &r);
	r = submit(s, &c, field, "bob@example.com", PASSWORD);
	ok(r.status == 403 && strstr(scene_body(&c, &r), "belongs to another account") != NULL,
	    "S-30: someone else is refused with a page");
	is_str(scene_last_event(s, &c, s->attempt), "signin-other-person", "S-30: and an event");
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	r = scene_follow(s, &c, &r);
	ok(r.status == 308, "the same person signs in");
	is_str(scene_last_event(s, &c, s->attempt), "signed-in-again", "and the enrollment goes on");
	ok(testing_number(s->store, "SELECT count(*) FROM oauth_grant g JOIN enrollment e ON e.grant_id = g.id"
				    " WHERE g.enrollment_id = 'enr' AND e.state = 'enrolled'") == 1,
	    "S-16: with a grant that is bound to the enrollment at issue");

	testing_run(s->store, "UPDATE account SET managed_apple_account = 'new@example.com' WHERE user_identifier ="
			      " 'ann@example.com'");
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	ok(r.status == 403, "S-30: another Managed Apple Account than the enrollment's is another person");
	testing_run(s->store, "UPDATE account SET managed_apple_account = 'ann@example.com' WHERE user_identifier ="
			      " 'ann@example.com'");

	testing_run(s->store, "UPDATE enrollment SET ended_at = 9");
	r = submit(s, &c, field, "ann@example.com", PASSWORD);
	ok(r.status == 403 && strstr(scene_body(&c, &r), "no longer needed") != NULL,
	    "after the enrollment's end there is nothing to sign in to");
	scene_attempt(s, "apple-as-web");
	s->attempt = arena_printf(s->arena, "r-%s", attempt_id(c.arena, s->attempt));
	open_page(s, &c, &r);
	ok(r.status == 404, "the id of an attempt to enroll opens nothing: it takes the sealed string");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	the_page(&s);
	web(&s);
	forgery(&s);
	throttled(&s);
	authorization(&s);
	the_way_back(&s);
	signing_in_again(&s);
	scene_close(&s);
	return done();
}
