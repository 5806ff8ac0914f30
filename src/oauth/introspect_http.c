/* POST /oauth2/introspect (RFC 7662): another service of the organization was shown a token, and asks what it is
 * worth. It proves itself by a credential of `postern service add`, as HTTP Basic (its id and secret) or as bearer. */
#include <string.h>
#include <strings.h>

#include "account/service.h"
#include "config/config.h"
#include "enroll/grant.h"
#include "fmt/base64.h"
#include "fmt/uri.h"
#include "oauth/client.h"
#include "oauth/doors.h"

#define AUTHORIZATION_MAX 1024

/* The two halves of a Basic credential, which are form-encoded for OAuth (RFC 6749 2.3.1). *id NULL: a bearer. */
static bool
credential(struct call *c, const struct http_request *r, const char **id, const char **secret)
{
	const char *value = http_header(r, "Authorization"), *space = value != NULL ? strchr(value, ' ') : NULL, *colon;
	struct bytes plain;

	*id = NULL;
	if (space == NULL || strlen(value) > AUTHORIZATION_MAX)
		return false;
	if (strncasecmp(value, "Bearer ", 7) == 0) {
		*secret = value + 7;
		return true;
	}
	if (strncasecmp(value, "Basic ", 6) != 0)
		return false;
	plain = base64_decode(c->arena, bytes_str(value + 6), false);
	if (plain.p == NULL || memchr(plain.p, '\0', plain.n) != NULL)
		return false;
	value = arena_strndup(c->arena, (const char *)plain.p, plain.n);
	if ((colon = strchr(value, ':')) == NULL)
		return false;
	*id = uri_decode(c->arena, bytes_of(value, (size_t)(colon - value)), true);
	*secret = uri_decode(c->arena, bytes_str(colon + 1), true);
	return *id != NULL && *secret != NULL;
}

/* RC_UNAUTHENTICATED: nobody whom we know. */
static enum rc
who_asks(struct call *c, const struct http_request *r, struct service *out)
{
	const char *id, *secret;
	enum rc rc;

	if (!credential(c, r, &id, &secret)) {
		(void)fail(&c->err, RC_UNAUTHENTICATED, "no credential");
		return RC_UNAUTHENTICATED;
	}
	rc = service_find(c, secret, "introspection", out);
	if (rc == RC_NOT_FOUND || (rc == RC_OK && id != NULL && strcmp(id, out->id) != 0))
		return fail(&c->err, RC_UNAUTHENTICATED, "the credential is unknown");
	return rc;
}

/* A token that is not good for whatever reason, and one of another organization, are one answer (2.2). */
static json_t *
description(struct call *c, const struct grant_shown *s)
{
	const struct grant *g;
	json_t *j;

	if (s == NULL || !s->active)
		return json_pack("{s:b}", "active", 0);
	g = &s->bearer.grant;
	j = json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:s*, s:s*}", "active", 1, "iss", c->conf->url, "sub",
	    g->account_id, "username", s->bearer.user_identifier, "iat", (json_int_t)s->issued_at, "exp",
	    (json_int_t)s->bearer.expires_at, "client_id", g->client_id, "scope", g->scope);
	if (!s->refresh)
		json_object_set_new(j, "token_type", json_string("Bearer"));
	return j;
}

void
oauth_post_introspect(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *token;
	const struct client_field fields[] = { { "token", &token } };
	struct service service = { 0 };
	struct grant_shown s = { 0 };
	enum rc rc = who_asks(c, r, &service);

	(void)room;
	if (rc == RC_UNAUTHENTICATED) {
		client_refuse(c, CLIENT_SECRET, out);
		return;
	}
	if (rc == RC_OK && (!client_form(c, r, fields, 1) || token == NULL)) {
		client_refuse(c, CLIENT_REQUEST, out);
		return;
	}
	if (rc == RC_OK)
		rc = grant_show(c, token, &s);
	if (rc == RC_OK)
		s.active = s.active && strcmp(s.bearer.grant.organization_id, service.organization_id) == 0;
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		client_fail(c, rc, "introspection endpoint", out);
	else
		client_answer(c, 200, description(c, rc == RC_OK ? &s : NULL), out);
}
