/* Revocation, introspection and metadata, as a client and another service see them. */
#include "oauth/client.h"

#include "account/service.h"
#include "enroll/grant.h"
#include "fmt/base64.h"
#include "oauth/testing.h"

#define CLIENT "client_id=postern-device-enrollment"

static const char *
started(struct scene *s, struct call *c, const char *method, struct grant_tokens *t)
{
	struct organization o;
	struct account ann;
	struct grant g = { .organization_id = "bag", .method = method, .scope = CHALLENGE_SCOPE };

	scene_attempt(s, method);
	ok(account_find(c, "ann@example.com", &ann) == RC_OK && organization_get(c, "bag", &o) == RC_OK, "ann");
	g.account_id = ann.id;
	g.attempt_id = attempt_id(c->arena, s->attempt);
	g.client_id = strcmp(method, "apple-oauth2") == 0 ? CHALLENGE_CLIENT_ID : NULL;
	ok(grant_start(c, &o, &g, t) == RC_OK, "ann signed in by %s", method);
	return g.id;
}

static const char *
credential_for(struct call *c, const char *organization, const char *purpose, struct service *s)
{
	const char *secret = "";

	*s = (struct service){
		.organization_id = organization, .name = "Wi-Fi", .purpose = purpose, .created_by = "uid 0"
	};
	ok(service_add(c, s, &secret) == RC_OK, "%s has a service for %s", organization, purpose);
	return secret;
}

static json_t *
introspect(struct scene *s, struct call *c, const char *authorization, const char *token, int *status)
{
	json_t *j = NULL;
	struct http_reply r;

	s->authorization = authorization;
	r = scene_request(
	    s, c, "POST", "/oauth2/introspect", NULL, FORM_TYPE, arena_printf(c->arena, "token=%s", token));
	s->authorization = NULL;
	*status = r.status;
	is_str(scene_header(&r, "Cache-Control"), "no-store", "the answer is not stored");
	ok(json_parse(c->arena, r.body, &j, &c->err) == RC_OK, "and JSON");
	return j;
}

static bool
inactive(struct scene *s, struct call *c, const char *authorization, const char *token)
{
	int status;
	json_t *j = introspect(s, c, authorization, token, &status);

	return status == 200 && json_is_false(json_object_get(j, "active")) && json_object_size(j) == 1;
}

static int
revoked_by(struct scene *s, struct call *c, const char *form)
{
	struct http_reply r = scene_request(s, c, "POST", "/oauth2/revoke", NULL, FORM_TYPE, form);

	return r.status;
}

static void
introspection(struct scene *s)
{
	struct call c = scene_call(s);
	struct grant_tokens t, next;
	struct service bag, other, scim;
	const char *secret = credential_for(&c, "bag", "introspection", &bag), *bearer, *basic;
	const char *others = credential_for(&c, "other", "introspection", &other);
	const char *wrong = credential_for(&c, "bag", "scim", &scim);
	const char *bad[] = { NULL, "Bearer guess", arena_printf(c.arena, "Bearer %s", wrong), "Basic !!!",
		"Basic eA==",
		arena_printf(c.arena, "Basic %s",
		    base64_encode(c.arena, bytes_str(arena_printf(c.arena, "%s:%s", other.id, secret)))),
		arena_printf(c.arena, "Digest %s", secret) };
	struct grant g;
	int status;
	json_t *j;

	bearer = arena_printf(c.arena, "Bearer %s", secret);
	basic = arena_printf(
	    c.arena, "Basic %s", base64_encode(c.arena, bytes_str(arena_printf(c.arena, "%s:%s", bag.id, secret))));
	started(s, &c, "apple-oauth2", &t);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		introspect(s, &c, bad[i], t.access, &status);
		ok(status == 401, "nobody asks without a credential for it (RFC 7662 2.1): %zu", i);
	}
	j = introspect(s, &c, basic, t.access, &status);
	ok(status == 200 && json_is_true(json_object_get(j, "active")), "a live access token is active");
	is_str(json_get_text(j, "username"), "ann@example.com", "with its person");
	is_str(json_get_text(j, "token_type"), "Bearer", "its type");
	is_str(json_get_text(j, "client_id"), CHALLENGE_CLIENT_ID, "and its client");
	ok(json_get_int(j, "exp", 0) == s->now + 3600 && json_get_int(j, "iat", 0) == s->now, "and its times");
	j = introspect(s, &c, bearer, t.refresh, &status);
	ok(json_is_true(json_object_get(j, "active")) && json_get_text(j, "token_type") == NULL,
	    "a refresh token is active, and no bearer");
	ok(inactive(s, &c, bearer, "guess"), "an unknown token is just not active (RFC 7662 2.2)");
	ok(inactive(s, &c, arena_printf(c.arena, "Bearer %s", others), t.access),
	    "a token of another organization is none");

	ok(grant_refresh(&c, t.refresh, CHALLENGE_CLIENT_ID, &g, &next) == RC_OK, "the device renews");
	j = introspect(s, &c, bearer, t.refresh, &status);
	ok(json_is_true(json_object_get(j, "active")), "the refresh token before is in its grace");
	j = introspect(s, &c, bearer, next.access, &status);
	ok(json_is_true(json_object_get(j, "active")) &&
		testing_number(s->store, "SELECT confirmed FROM oauth_grant") == 0,
	    "to look at a token is not to use it");
	ok(grant_confirm(&c, g.id, 2) == RC_OK && inactive(s, &c, bearer, t.refresh), "after it, it is not active");
	testing_run(s->store, "UPDATE account SET disabled_at = 5");
	ok(inactive(s, &c, bearer, next.access), "nor is a token of a disabled person");
	testing_run(s->store, "UPDATE account SET disabled_at = NULL");
	c.now += 3600;
	ok(inactive(s, &c, bearer, next.access), "nor one past its life");
	ok(service_remove(&c, bag.id) == RC_OK, "the service is removed");
	introspect(s, &c, bearer, next.access, &status);
	ok(status == 401, "and refused from then on");
	ok(service_remove(&c, bag.id) == RC_NOT_FOUND, "once");
	testing_free(&c);
}

static void
revocation(struct scene *s)
{
	struct call c = scene_call(s);
	struct grant_tokens t, next;
	struct grant_bearer b;
	struct grant g;

	started(s, &c, "apple-oauth2", &t);
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%s", t.access)) == 400, "the client says who it is");
	ok(revoked_by(s, &c, CLIENT) == 400, "and which token");
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%s&client_id=mallory", t.access)) == 400,
	    "another client can't");
	ok(grant_find(&c, t.access, &b) == RC_OK && !b.revoked, "so far nothing is revoked");
	ok(revoked_by(s, &c, "token=guess&" CLIENT) == 200, "an unknown token is no error (RFC 7009 2.2)");
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%s&token_type_hint=refresh_token&" CLIENT, t.access)) == 200,
	    "an access token is revoked, whatever the hint (RFC 7009 2.1)");
	ok(grant_find(&c, t.access, &b) == RC_OK && b.revoked, "it is refused from now on");
	is_str(b.grant.revoked_why, "client-revoked", "with the reason");
	is_str(scene_last_event(s, &c, s->attempt), "client-revoked", "which the timeline has");
	ok(grant_refresh(&c, t.refresh, CHALLENGE_CLIENT_ID, &g, &next) == RC_NOT_FOUND,
	    "and the refresh token with it");
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%s&" CLIENT, t.access)) == 200, "twice is no error");

	started(s, &c, "apple-oauth2", &t);
	ok(grant_refresh(&c, t.refresh, CHALLENGE_CLIENT_ID, &g, &next) == RC_OK &&
		grant_confirm(&c, g.id, 2) == RC_OK &&
		grant_refresh(&c, next.refresh, CHALLENGE_CLIENT_ID, &g, &next) == RC_OK,
	    "a device renewed twice");
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%s&" CLIENT, t.refresh)) == 200 &&
		grant_find(&c, next.access, &b) == RC_OK && b.revoked,
	    "a refresh token that was rotated away ends what came of it");
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%.*s&" CLIENT, 43, next.refresh)) == 200,
	    "half a token is unknown");

	started(s, &c, "apple-as-web", &t);
	ok(revoked_by(s, &c, arena_printf(c.arena, "token=%s&" CLIENT, t.access)) == 200 &&
		grant_find(&c, t.access, &b) == RC_OK && b.revoked,
	    "an apple-as-web token, which is no client's, is ended by who holds it");
	testing_free(&c);
}

static void
metadata(struct scene *s)
{
	struct call c = scene_call(s);
	struct http_reply r;
	json_t *j = NULL;

	r = scene_request(s, &c, "GET", "/.well-known/oauth-authorization-server", NULL, NULL, NULL);
	ok(r.status == 200 && json_parse(c.arena, r.body, &j, &c.err) == RC_OK, "RFC 8414: there is metadata");
	is_str(
	    json_get_text(j, "issuer"), "https://mdm.example.com", "its issuer is the URL that it is asked at (3.3)");
	is_str(json_get_text(j, "token_endpoint"), "https://mdm.example.com/oauth2/token", "endpoints have full URLs");
	ok(json_object_get(j, "response_types_supported") != NULL, "response_types_supported is REQUIRED");
	testing_free(&c);
}

int
main(void)
{
	struct scene s;

	scene_open(&s);
	s.conf.url = "https://mdm.example.com";
	introspection(&s);
	revocation(&s);
	metadata(&s);
	scene_close(&s);
	return done();
}
