/* POST /oauth2/token: the door of the token endpoint (RFC 6749 4.1.3, 5, 6). A public client: Apple's
 * sends no secret, no Authorization and no scope (protocol 4.3). */
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "enroll/challenge.h"
#include "fmt/json.h"
#include "fmt/uri.h"
#include "oauth/doors.h"
#include "oauth/token.h"

#define FORM "application/x-www-form-urlencoded"
#define ITEMS_MAX 32

enum token_error { NO_ERROR, INVALID_REQUEST, INVALID_CLIENT, CLIENT_AUTH, INVALID_GRANT, UNSUPPORTED };

/* clang-format off */
static const struct {
	int status;
	const char *error, *description;
} errors[] = {
	[INVALID_REQUEST] = { 400, "invalid_request", "a parameter is missing, repeated or malformed" },
	[INVALID_CLIENT]  = { 400, "invalid_client", "the client is unknown" },
	[CLIENT_AUTH]     = { 401, "invalid_client", "this client is public: it does not authenticate" },
	[INVALID_GRANT]   = { 400, "invalid_grant", "the code or refresh token is unknown, used, expired, revoked"
	                                            " or was issued for another request" },
	[UNSUPPORTED]     = { 400, "unsupported_grant_type", "authorization_code and refresh_token are supported" },
};
/* clang-format on */

struct form { /* the parameters that count; unknown ones are ignored (RFC 6749 3.2) */
	const char *grant_type, *client_id, *code, *redirect_uri, *code_verifier, *refresh_token;
};

/* False: not a form, or a parameter twice. */
static bool
read_form(struct call *c, const struct http_request *r, struct form *f)
{
	const struct {
		const char *name, **value;
	} wanted[] = {
		{ "grant_type", &f->grant_type },
		{ "client_id", &f->client_id },
		{ "code", &f->code },
		{ "redirect_uri", &f->redirect_uri },
		{ "code_verifier", &f->code_verifier },
		{ "refresh_token", &f->refresh_token },
	};
	const char *type = http_header(r, "Content-Type");
	struct uri_items items;

	*f = (struct form){ 0 };
	if (type == NULL || strncasecmp(type, FORM, strlen(FORM)) != 0 || strchr(";, \t", type[strlen(FORM)]) == NULL)
		return false;
	if (uri_items_parse(c->arena, r->body, true, ITEMS_MAX, &items, &c->err) != RC_OK)
		return false;
	for (int i = 0; i < items.n; i++) {
		for (size_t k = 0; k < sizeof wanted / sizeof wanted[0]; k++) {
			if (strcmp(items.item[i].name, wanted[k].name) != 0)
				continue;
			if (*wanted[k].value != NULL)
				return false;
			/* Sent without a value is not sent (RFC 6749 3.2). */
			if (items.item[i].value[0] != '\0')
				*wanted[k].value = items.item[i].value;
		}
	}
	return true;
}

/* A refusal of the request as an error of the table; *rc keeps what is our own trouble. */
static enum token_error
refused(enum rc *rc)
{
	if (*rc != RC_NOT_FOUND && *rc != RC_FORBIDDEN && *rc != RC_CONFLICT)
		return NO_ERROR;
	*rc = RC_OK;
	return INVALID_GRANT;
}

static enum token_error
by_code(struct call *c, const struct form *f, struct grant_tokens *out, enum rc *rc)
{
	struct oauth_redeem in = { f->code, f->client_id, f->redirect_uri, f->code_verifier };

	if (f->code == NULL || f->client_id == NULL)
		return INVALID_REQUEST;
	*rc = token_exchange(c, &in, out);
	return refused(rc);
}

static enum token_error
by_refresh(struct call *c, const struct form *f, struct grant_tokens *out, enum rc *rc)
{
	if (f->refresh_token == NULL || f->client_id == NULL)
		return INVALID_REQUEST;
	if (strlen(f->refresh_token) > GRANT_TOKEN_MAX)
		return INVALID_GRANT;
	*rc = token_refresh(c, f->refresh_token, f->client_id, out);
	return refused(rc);
}

static const struct {
	const char *name;
	enum token_error (*serve)(struct call *c, const struct form *f, struct grant_tokens *out, enum rc *rc);
} grant_types[] = {
	{ "authorization_code", by_code },
	{ "refresh_token", by_refresh },
};

static enum token_error
serve(struct call *c, const struct http_request *r, struct grant_tokens *out, enum rc *rc)
{
	enum token_error error = UNSUPPORTED;
	struct form f;

	if (http_header(r, "Authorization") != NULL)
		return CLIENT_AUTH;
	if (!read_form(c, r, &f) || f.grant_type == NULL)
		return INVALID_REQUEST;
	for (size_t i = 0; i < sizeof grant_types / sizeof grant_types[0]; i++) {
		if (strcmp(grant_types[i].name, f.grant_type) == 0)
			error = grant_types[i].serve(c, &f, out, rc);
	}
	/* Only now, so that a code shown by a client there is not is spent all the same. */
	if (error == INVALID_GRANT && strcmp(f.client_id, CHALLENGE_CLIENT_ID) != 0)
		return INVALID_CLIENT;
	return error;
}

static void
answer(struct call *c, int status, json_t *document, struct http_reply *out)
{
	json_keep(c->arena, document);
	http_answer(out, status, "application/json", json_text(c->arena, document, 0));
}

void
oauth_post_token(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct grant_tokens t = { 0 };
	enum rc rc = RC_OK;
	enum token_error error = serve(c, r, &t, &rc);

	(void)room;
	if (rc != RC_OK) {
		log_error("token endpoint", "error", c->err.text);
		http_fail(out, rc == RC_BAD_INPUT ? RC_BAD_INPUT : RC_UNAVAILABLE);
	} else if (error != NO_ERROR) {
		answer(c, errors[error].status,
		    json_pack(
			"{s:s, s:s}", "error", errors[error].error, "error_description", errors[error].description),
		    out);
		if (errors[error].status == 401)
			http_set(out, "WWW-Authenticate", "Basic realm=\"no client authentication\"");
	} else {
		/* Always with a refresh token: an answer without one makes a device forget its own. */
		answer(c, 200,
		    json_pack("{s:s, s:s, s:I, s:s, s:s}", "token_type", "Bearer", "access_token", t.access,
			"expires_in", (json_int_t)t.expires_in_s, "refresh_token", t.refresh, "scope", CHALLENGE_SCOPE),
		    out);
	}
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Pragma", "no-cache");
}
