/* Who sent a request: the user at the other end of the Unix socket, the bearer of a token, or who signed in. */
#include <string.h>
#include <strings.h>

#include "admin/reply.h"
#include "administrator/session.h"
#include "administrator/token.h"

/* The mode of the socket's file has decided that they may. */
static enum rc
from_socket(struct call *c, const struct http_request *r, struct actor *out)
{
	*out = (struct actor){
		.way = ACTOR_SOCKET,
		.role = ACTOR_ADMIN,
		.name = arena_printf(c->arena, "uid %lld", (long long)r->peer_uid),
	};
	return RC_OK;
}

static enum rc
from_token(struct call *c, const char *secret, struct actor *out)
{
	struct api_token t = { 0 };
	enum rc rc = api_token_find(c, secret, &t);

	if (rc != RC_OK)
		return rc;
	*out = (struct actor){
		.way = ACTOR_TOKEN,
		.role = t.role,
		.id = t.id,
		.name = arena_printf(c->arena, "token %s", t.name),
		.organization_id = t.organization_id,
	};
	return RC_OK;
}

/* Browsers send the cookie by themselves, so what changes something must have a header that no form can send, and no
 * script of another site (it would have to ask first, and nobody answers). */
static enum rc
from_session(struct call *c, const struct http_request *r, const char *token, struct actor *out)
{
	bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;
	struct session s = { 0 };
	enum rc rc;

	if (!reads && http_header(r, "Postern-Console") == NULL)
		return fail(&c->err, RC_FORBIDDEN, "with a session a change needs the header Postern-Console: 1");
	rc = session_find(c, token, http_header(r, "Postern-Quiet") != NULL, &s);
	*out = s.actor;
	return rc;
}

enum rc
admin_actor(struct call *c, const struct http_request *r, struct actor *out)
{
	const char *authorization = http_header(r, "Authorization"), *token;

	if (r->door == HTTP_DOOR_UNIX)
		return from_socket(c, r, out);
	if (authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0)
		return from_token(c, authorization + 7 + strspn(authorization + 7, " "), out);
	if ((token = http_cookie(c, r, SESSION_COOKIE, SESSION_TOKEN_MAX)) != NULL)
		return from_session(c, r, token, out);
	return fail(&c->err, RC_UNAUTHENTICATED, "send a token: Authorization: Bearer ... (postern api-token add)");
}
