/* POST /oauth2/token: the door of the token endpoint (RFC 6749 4.1.3, 5, 6). A public client: Apple's
 * sends no secret, no Authorization and no scope (protocol 4.3). */
#include <string.h>

#include "enroll/challenge.h"
#include "oauth/client.h"
#include "oauth/doors.h"
#include "oauth/token.h"

struct form {
	const char *grant_type, *client_id, *code, *redirect_uri, *code_verifier, *refresh_token;
};

/* A refusal of the request as an error of the table; *rc keeps what is our own trouble. */
static enum client_error
refused(enum rc *rc)
{
	if (*rc != RC_NOT_FOUND && *rc != RC_FORBIDDEN && *rc != RC_CONFLICT)
		return CLIENT_OK;
	*rc = RC_OK;
	return CLIENT_GRANT;
}

static enum client_error
by_code(struct call *c, const struct form *f, struct grant_tokens *out, enum rc *rc)
{
	struct oauth_redeem in = { f->code, f->client_id, f->redirect_uri, f->code_verifier };

	if (f->code == NULL || f->client_id == NULL)
		return CLIENT_REQUEST;
	*rc = token_exchange(c, &in, out);
	return refused(rc);
}

static enum client_error
by_refresh(struct call *c, const struct form *f, struct grant_tokens *out, enum rc *rc)
{
	if (f->refresh_token == NULL || f->client_id == NULL)
		return CLIENT_REQUEST;
	if (strlen(f->refresh_token) > GRANT_TOKEN_MAX)
		return CLIENT_GRANT;
	*rc = token_refresh(c, f->refresh_token, f->client_id, out);
	return refused(rc);
}

static const struct {
	const char *name;
	enum client_error (*serve)(struct call *c, const struct form *f, struct grant_tokens *out, enum rc *rc);
} grant_types[] = {
	{ "authorization_code", by_code },
	{ "refresh_token", by_refresh },
};

static enum client_error
serve(struct call *c, const struct http_request *r, struct grant_tokens *out, enum rc *rc)
{
	enum client_error error = CLIENT_GRANT_TYPE;
	struct form f;
	const struct client_field fields[] = {
		{ "grant_type", &f.grant_type },
		{ "client_id", &f.client_id },
		{ "code", &f.code },
		{ "redirect_uri", &f.redirect_uri },
		{ "code_verifier", &f.code_verifier },
		{ "refresh_token", &f.refresh_token },
	};

	if (http_header(r, "Authorization") != NULL)
		return CLIENT_AUTH;
	if (!client_form(c, r, fields, sizeof fields / sizeof fields[0]) || f.grant_type == NULL)
		return CLIENT_REQUEST;
	for (size_t i = 0; i < sizeof grant_types / sizeof grant_types[0]; i++) {
		if (strcmp(grant_types[i].name, f.grant_type) == 0)
			error = grant_types[i].serve(c, &f, out, rc);
	}
	/* Only now, so that a code shown by a client there is not is spent all the same. */
	if (error == CLIENT_GRANT && strcmp(f.client_id, CHALLENGE_CLIENT_ID) != 0)
		return CLIENT_UNKNOWN;
	return error;
}

void
oauth_post_token(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct grant_tokens t = { 0 };
	enum rc rc = RC_OK;
	enum client_error error = serve(c, r, &t, &rc);

	(void)room;
	if (rc != RC_OK)
		client_fail(c, rc, "token endpoint", out);
	else if (error != CLIENT_OK)
		client_refuse(c, error, out);
	else
		/* Always with a refresh token: an answer without one makes a device forget its own. */
		client_answer(c, 200,
		    json_pack("{s:s, s:s, s:I, s:s, s:s}", "token_type", "Bearer", "access_token", t.access,
			"expires_in", (json_int_t)t.expires_in_s, "refresh_token", t.refresh, "scope", CHALLENGE_SCOPE),
		    out);
}
