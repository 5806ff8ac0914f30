/* The token endpoint, as a device's client sees it. */
#include "oauth/token.h"

#include <pthread.h>

#include "crypto/hash.h"
#include "fmt/json.h"
#include "oauth/signin.h"
#include "oauth/testing.h"

#define CLIENT "client_id=postern-device-enrollment"
#define REDIRECT "redirect_uri=apple-remotemanagement-user-login:/oauth2/redirection"

/* A code for ann's attempt, straight from the table: the pages have their own test. */
static const char *
code_for(struct scene *s, struct call *c, const char *challenge)
{
	struct account ann;
	struct oauth_code g = { "bag", NULL, attempt_id(c->arena, s->attempt), CHALLENGE_CLIENT_ID, CHALLENGE_REDIRECT,
		CHALLENGE_SCOPE, challenge };
	const char *code = "";

	account_find(c, "ann@example.com", &ann);
	g.account_id = ann.id;
	ok(oauth_code_issue(c, &g, &code) == RC_OK, "a code is issued");
	return code;
}

static json_t *
post(struct scene *s, struct call *c, const char *body, struct http_reply *r)
{
	json_t *j = NULL;

	*r = scene_request(s, c, "POST", "/oauth2/token", NULL, FORM_TYPE, body);
	if (json_parse(c->arena, r->body, &j, &c->err) != RC_OK)
		ok(false, "every answer is JSON: %s", c->err.text);
	return j;
}

static json_t *
redeem(struct scene *s, struct call *c, const char *code, struct http_reply *r)
{
	return post(
	    s, c, arena_printf(c->arena, "grant_type=authorization_code&code=%s&" REDIRECT "&" CLIENT, code), r);
}

static json_t *
renew(struct scene *s, struct call *c, const char *token, struct http_reply *r)
{
	return post(s, c, arena_printf(c->arena, "grant_type=refresh_token&refresh_token=%s&" CLIENT, token), r);
}

static bool
refused(const struct http_reply *r, json_t *j, const char *error)
{
	const char *got = json_get_text(j, "error");

	return r->status == 400 && got != NULL && strcmp(got, error) == 0 && json_get_text(j, "access_token") == NULL;
}

static void
exchanging(struct scene *s)
{
	struct call c = scene_call(s);
	struct grant_bearer b;
	struct http_reply r;
	const char *code, *access, *fresh;
	json_t *j;

	scene_attempt(s, "apple-oauth2");
	code = code_for(s, &c, NULL);
	ok(strlen(code) == 43 && strpbrk(code, "+&=% ") == NULL, "S-15: no '+' in a code");
	j = redeem(s, &c, code, &r);
	ok(r.status == 200, "S-15: a public client exchanges its code");
	is_str(json_get_text(j, "token_type"), "Bearer", "S-15: token_type is Bearer");
	ok(json_get_int(j, "expires_in", 0) == 3600 && json_is_integer(json_object_get(j, "expires_in")),
	    "expires_in is integer seconds");
	ok((access = json_get_text(j, "access_token")) != NULL && json_get_text(j, "refresh_token") != NULL,
	    "both tokens are there");
	is_str(scene_header(&r, "Cache-Control"), "no-store", "S-39: token answers are not stored");
	is_str(scene_header(&r, "Content-Type"), "application/json", "and JSON");
	is_str(scene_last_event(s, &c, s->attempt), "token-issued", "the timeline has it");
	ok(grant_find(&c, access, &b) == RC_OK && !b.revoked && !b.expired, "the access token is good");

	j = redeem(s, &c, code, &r);
	ok(refused(&r, j, "invalid_grant"), "S-16: a code redeemed twice is refused the second time (RFC 6749 4.1.2)");
	is_str(scene_header(&r, "Cache-Control"), "no-store", "S-39: errors are not stored either");
	ok(grant_find(&c, access, &b) == RC_OK && b.revoked, "S-16: and revokes what the first use got");
	is_str(scene_last_event(s, &c, s->attempt), "code-replayed", "with an event");

	scene_attempt(s, "apple-oauth2");
	code = code_for(s, &c, NULL);
	c.now += OAUTH_CODE_TTL;
	j = redeem(s, &c, code, &r);
	ok(refused(&r, j, "invalid_grant"), "a code is good for a minute");
	is_str(scene_last_event(s, &c, s->attempt), "code-invalid", "and an event says that it came too late");
	c.now = s->now;
	j = redeem(s, &c, "guess", &r);
	ok(refused(&r, j, "invalid_grant"), "an unknown code gets the same answer");

	scene_attempt(s, "apple-oauth2");
	code = code_for(s, &c, NULL);
	testing_run(s->store, "UPDATE account SET disabled_at = 5 WHERE user_identifier = 'ann@example.com'");
	j = redeem(s, &c, code, &r);
	ok(refused(&r, j, "invalid_grant"), "a person disabled since the sign-in gets no token");
	testing_run(s->store, "UPDATE account SET disabled_at = NULL");

	scene_attempt(s, "apple-oauth2");
	j = redeem(s, &c, code_for(s, &c, NULL), &r);
	fresh = json_get_text(j, "refresh_token");
	for (int i = 0; i < 3; i++) {
		j = renew(s, &c, fresh, &r);
		fresh = json_get_text(j, "refresh_token");
		ok(r.status == 200 && fresh != NULL, "S-15: every refresh answer has a refresh token");
	}
	ok(strpbrk(fresh, "+&=% ") == NULL, "S-15: no '+' in refresh tokens");
	is_str(scene_last_event(s, &c, s->attempt), "token-refreshed", "the timeline has it");
	testing_free(&c);
}

static void
mismatches(struct scene *s)
{
	static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
			  challenge[] = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"; /* RFC 7636, appendix B */
	static const struct {
		const char *challenge, *rest, *error, *why;
	} cases[] = {
		{ NULL, "&client_id=mallory&" REDIRECT, "invalid_client", "another client" },
		{ NULL, "&" CLIENT "&redirect_uri=https://evil.example/", "invalid_grant", "another redirect URI" },
		{ NULL, "&" CLIENT, "invalid_grant", "no redirect URI" },
		{ NULL, "&" CLIENT "&" REDIRECT "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		    "invalid_grant", "a verifier where no challenge was" },
		{ challenge, "&" CLIENT "&" REDIRECT, "invalid_grant", "no verifier where a challenge was" },
		{ challenge, "&" CLIENT "&" REDIRECT "&code_verifier=xBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		    "invalid_grant", "another verifier" },
	};
	struct call c = scene_call(s);
	struct http_reply r;
	const char *code;
	json_t *j;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		scene_attempt(s, "apple-oauth2");
		code = code_for(s, &c, cases[i].challenge);
		j = post(
		    s, &c, arena_printf(c.arena, "grant_type=authorization_code&code=%s%s", code, cases[i].rest), &r);
		ok(refused(&r, j, cases[i].error), "%s is refused", cases[i].why);
		is_str(scene_last_event(s, &c, s->attempt), "code-mismatch", "the timeline shows it");
		j = redeem(s, &c, code, &r);
		ok(refused(&r, j, "invalid_grant"), "and the code is spent by it");
	}
	scene_attempt(s, "apple-oauth2");
	code = code_for(s, &c, challenge);
	post(s, &c,
	    arena_printf(c.arena, "grant_type=authorization_code&code=%s&" CLIENT "&" REDIRECT "&code_verifier=%s",
		code, verifier),
	    &r);
	ok(r.status == 200, "S-14: PKCE is honoured where it was asked for (RFC 7636 appendix B)");
	testing_free(&c);
}

static void
malformed(struct scene *s)
{
	static const struct {
		const char *body, *error;
	} cases[] = {
		{ "", "invalid_request" },
		{ "grant_type=password&username=ann&password=x&" CLIENT, "unsupported_grant_type" },
		{ "grant_type=authorization_code&" REDIRECT "&" CLIENT, "invalid_request" },
		{ "grant_type=authorization_code&code=a&code=b&" REDIRECT "&" CLIENT, "invalid_request" },
		{ "grant_type=authorization_code&code=a&" REDIRECT, "invalid_request" },
		{ "grant_type=refresh_token&" CLIENT, "invalid_request" },
		{ "grant_type=refresh_token&refresh_token=&" CLIENT, "invalid_request" },
		{ "grant_type=refresh_token&refresh_token=%00&" CLIENT, "invalid_request" },
		{ "grant_type=refresh_token&refresh_token=a.b&" CLIENT, "invalid_grant" },
		{ "grant_type=refresh_token&refresh_token=a.b&client_id=mallory", "invalid_client" },
		{ "unknown=1&grant_type=refresh_token&refresh_token=a&more=2&" CLIENT, "invalid_grant" },
	};
	struct call c = scene_call(s);
	struct http_reply r;
	json_t *j;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		j = post(s, &c, cases[i].body, &r);
		ok(refused(&r, j, cases[i].error), "%s: %s (RFC 6749 5.2)", cases[i].error, cases[i].body);
	}
	j = post(s, &c, arena_printf(c.arena, "grant_type=refresh_token&refresh_token=%0200d&" CLIENT, 1), &r);
	ok(refused(&r, j, "invalid_grant"), "a token longer than any of ours is not looked up");
	r = scene_request(s, &c, "POST", "/oauth2/token", NULL, "application/json", "{}");
	ok(r.status == 400, "the body is a form");
	r = scene_request(s, &c, "GET", "/oauth2/token", "grant_type=refresh_token", NULL, NULL);
	ok(r.status == 405, "tokens are asked for by POST only");
	testing_free(&c);
}

static void
thieves(struct scene *s)
{
	struct call c = scene_call(s);
	struct http_reply r;
	const char *first, *second;
	json_t *j;

	scene_attempt(s, "apple-oauth2");
	j = redeem(s, &c, code_for(s, &c, NULL), &r);
	first = json_get_text(j, "refresh_token");
	second = json_get_text(renew(s, &c, first, &r), "refresh_token");
	ok(renew(s, &c, first, &r) != NULL && r.status == 200, "a device that lost the answer asks again and gets one");
	renew(s, &c, second, &r);
	j = renew(s, &c, first, &r);
	ok(refused(&r, j, "invalid_grant"), "a refresh token used after its successor was is refused (RFC 9700 4.14)");
	is_str(scene_last_event(s, &c, s->attempt), "refresh-reused", "the timeline says that the grant is revoked");
	j = renew(s, &c, second, &r);
	ok(refused(&r, j, "invalid_grant"), "for everybody");
	is_str(scene_last_event(s, &c, s->attempt), "refresh-invalid", "with an event");
	testing_free(&c);
}

struct racer {
	pthread_t thread;
	struct scene *s;
	const char *code;
	int status;
};

static void *
race(void *arg)
{
	struct racer *me = arg;
	struct call c = scene_call(me->s);
	struct http_reply r;

	redeem(me->s, &c, me->code, &r);
	me->status = r.status;
	testing_free(&c);
	return NULL;
}

static void
one_winner(struct scene *s)
{
	struct call c = scene_call(s);
	struct racer r[6];
	int won = 0;

	scene_attempt(s, "apple-oauth2");
	for (int i = 0; i < 6; i++)
		r[i] = (struct racer){ .s = s, .code = i == 0 ? code_for(s, &c, NULL) : r[0].code };
	for (int i = 0; i < 6; i++)
		pthread_create(&r[i].thread, NULL, race, &r[i]);
	for (int i = 0; i < 6; i++) {
		pthread_join(r[i].thread, NULL);
		won += r[i].status == 200;
	}
	ok(won == 1, "S-16: of racing requests with one code one wins");
	ok(testing_number(s->store, "SELECT count(*) FROM oauth_grant WHERE revoked_why = 'code-replayed'") >= 1,
	    "and what it won is revoked, since the code was seen twice");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	exchanging(&s);
	mismatches(&s);
	malformed(&s);
	thieves(&s);
	one_winner(&s);
	scene_close(&s);
	return done();
}
