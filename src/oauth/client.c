#include "oauth/client.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "fmt/uri.h"

#define FORM "application/x-www-form-urlencoded"
#define ITEMS_MAX 32

/* clang-format off */
static const struct {
	int status;
	const char *error, *description;
	const char *challenge; /* WWW-Authenticate */
} errors[] = {
	[CLIENT_REQUEST]    = { 400, "invalid_request", "a parameter is missing, repeated or malformed", NULL },
	[CLIENT_UNKNOWN]    = { 400, "invalid_client", "the client is unknown", NULL },
	[CLIENT_AUTH]       = { 401, "invalid_client", "this client is public: it does not authenticate",
	                        "Basic realm=\"no client authentication\"" },
	[CLIENT_GRANT]      = { 400, "invalid_grant", "the code or refresh token is unknown, used, expired, revoked"
	                                              " or was issued for another request", NULL },
	[CLIENT_GRANT_TYPE] = { 400, "unsupported_grant_type", "authorization_code and refresh_token are supported", NULL },
	[CLIENT_SECRET]     = { 401, "invalid_client", "the credential is missing or unknown", "Basic realm=\"postern\"" },
};
/* clang-format on */

bool
client_form(struct call *c, const struct http_request *r, const struct client_field *fields, size_t n)
{
	const char *type = http_header(r, "Content-Type");
	struct uri_items items;

	for (size_t k = 0; k < n; k++)
		*fields[k].value = NULL;
	if (type == NULL || strncasecmp(type, FORM, strlen(FORM)) != 0 || strchr(";, \t", type[strlen(FORM)]) == NULL)
		return false;
	if (uri_items_parse(c->arena, r->body, true, ITEMS_MAX, &items, &c->err) != RC_OK)
		return false;
	for (int i = 0; i < items.n; i++) {
		for (size_t k = 0; k < n; k++) {
			if (strcmp(items.item[i].name, fields[k].name) != 0)
				continue;
			if (*fields[k].value != NULL)
				return false;
			/* Sent without a value is not sent (RFC 6749 3.2). */
			if (items.item[i].value[0] != '\0')
				*fields[k].value = items.item[i].value;
		}
	}
	return true;
}

static void
not_stored(struct http_reply *out)
{
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Pragma", "no-cache");
}

void
client_answer(struct call *c, int status, json_t *document, struct http_reply *out)
{
	json_keep(c->arena, document);
	http_answer(out, status, "application/json", json_text(c->arena, document, 0));
	not_stored(out);
}

void
client_refuse(struct call *c, enum client_error error, struct http_reply *out)
{
	client_answer(c, errors[error].status,
	    json_pack("{s:s, s:s}", "error", errors[error].error, "error_description", errors[error].description), out);
	if (errors[error].challenge != NULL)
		http_set(out, "WWW-Authenticate", errors[error].challenge);
}

void
client_fail(struct call *c, enum rc rc, const char *where, struct http_reply *out)
{
	log_error(where, "error", c->err.text);
	http_fail(out, rc == RC_BAD_INPUT ? RC_BAD_INPUT : RC_UNAVAILABLE);
	not_stored(out);
}
