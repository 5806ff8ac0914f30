#include "assignment/client.h"

#include <ctype.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "http/trace.h"

#define ANSWER_MAX (256 * 1024)
#define SESSION_MAX 4096
#define PROTOCOL "X-Server-Protocol-Version: 3" /* from 3 on AccountDetail has urls */

/* ---- what Apple refuses ---- */

#define PORTAL "Apple School Manager or Apple Business"
#define NEW_TOKEN "download a new server token there, then postern apple setup --token-file FILE"

static const struct {
	bool session; /* GET /session alone */
	int status; /* 0: any */
	const char *said; /* in the body; "": whatever it is */
	enum rc rc;
	const char *sentence;
} errors[] = {
	{ false, 403, "T_C_NOT_SIGNED", RC_FORBIDDEN,
	    "new terms of Apple wait for consent: an administrator of the organization agrees to them in " PORTAL },
	{ false, 403, "", RC_FORBIDDEN,
	    "Apple denies this server access: see in " PORTAL " that it is still there, and " NEW_TOKEN },
	{ true, 401, "consumer key", RC_FORBIDDEN,
	    "Apple does not know the server token: the server was removed in " PORTAL
	    ", or a newer token was made for it; " NEW_TOKEN },
	{ true, 401, "token", RC_FORBIDDEN,
	    "Apple does not accept the server token: it has expired, or a newer one was made in " PORTAL
	    "; " NEW_TOKEN },
	{ true, 401, "signature", RC_FORBIDDEN,
	    "Apple does not accept the signature: the secrets of the server token are not those that Apple has; "
	    "in " PORTAL " " NEW_TOKEN },
	{ true, 401, "timestamp", RC_FORBIDDEN, "Apple says that this server's clock is wrong: set it (NTP)" },
	{ true, 401, "nonce", RC_UNAVAILABLE,
	    "Apple says that the request was sent before: a proxy on the way repeats requests, or the clock was set "
	    "back" },
	{ true, 401, "", RC_FORBIDDEN,
	    "Apple does not accept the server token: see in " PORTAL
	    " that the server is still there, and " NEW_TOKEN },
	{ true, 400, "", RC_FORBIDDEN,
	    "Apple can't read this server's signature: a proxy on the way that changes requests, or a new rule of "
	    "Apple's" },
	{ false, 401, "", RC_UNAVAILABLE, "Apple ended two sessions in a row" },
	{ false, 400, "ORG_NOT_SUPPORTED", RC_FORBIDDEN,
	    "Apple does not offer account-driven enrollment to this organization: see in " PORTAL
	    " that its domain is verified and the organization's enrollment is complete" },
	{ false, 400, "MDM_SERVICE_DISCOVERY_URL_REQUIRED", RC_BAD_INPUT, "Apple wants a discovery URL" },
	{ false, 400, "MDM_SERVICE_DISCOVERY_URL_NOT_VALID", RC_BAD_INPUT,
	    "Apple does not take the discovery URL: it must be whole and begin with https://" },
	{ false, 404, "NOT_FOUND", RC_NOT_FOUND,
	    "Apple has no discovery URL of this server: postern apple discovery set" },
	{ false, 429, "", RC_UNAVAILABLE, "Apple was asked too often" },
};

enum rc
assignment_error(
    struct err *e, bool session, int status, const char *said, const char *retry_after, int64_t clock_off_s)
{
	size_t n = sizeof errors / sizeof errors[0], i = 0;
	long long off = clock_off_s < 0 ? -clock_off_s : clock_off_s;

	/* A wrong clock comes out as any of them, and is the one thing that is seen from here. */
	if (session && status == 401 && off > ASSIGNMENT_CLOCK_S)
		return fail(e, RC_FORBIDDEN,
		    "this server's clock is %lld seconds %s Apple's, which refuses its signature for it: set it (NTP)",
		    off, clock_off_s < 0 ? "behind" : "ahead of");
	while (i < n && ((errors[i].session && !session) || errors[i].status != status ||
			    strcasestr(said, errors[i].said) == NULL))
		i++;
	if (i == n && retry_after != NULL && strspn(retry_after, "0123456789") == strlen(retry_after))
		return fail(e, RC_UNAVAILABLE, "Apple answered %d, and wants to be left alone for %.10s seconds",
		    status, retry_after);
	if (i == n)
		return fail(
		    e, RC_UNAVAILABLE, "Apple answered %d: %.100s", status, *said != '\0' ? said : "nothing more");
	return fail(e, errors[i].rc, "%s (%d %.60s)", errors[i].sentence, status, said);
}

bool
assignment_can(const json_t *account, const char *path, const char *method)
{
	const json_t *url, *m;
	size_t i, k;

	json_array_foreach(json_object_get(account, "urls"), i, url)
	{
		const char *uri = json_get_text(url, "uri");

		if (uri == NULL || strcmp(uri, path) != 0)
			continue;
		json_array_foreach(json_object_get(url, "http_method"), k, m)
		{
			if (json_is_string(m) && strcmp(json_string_value(m), method) == 0)
				return true;
		}
	}
	return false;
}

/* ---- asking ---- */

/* What Apple says in words: printable, for one line of a terminal. */
static const char *
words(struct arena *a, struct bytes body)
{
	size_t n = body.n < 100 ? body.n : 100, k = 0;
	char *text = arena_alloc(a, n + 1);

	for (size_t i = 0; i < n; i++) {
		if (body.p[i] >= ' ' && body.p[i] <= '~')
			text[k++] = (char)body.p[i];
	}
	text[k] = '\0';
	return text;
}

/* It goes into a header. */
static bool
is_session(const char *text)
{
	size_t n = text != NULL ? strlen(text) : 0;

	for (size_t i = 0; i < n; i++) {
		if (!isgraph((unsigned char)text[i]))
			return false;
	}
	return n > 0 && n <= SESSION_MAX;
}

static enum rc
send(struct call *c, struct assignment_way *w, const struct http_client_request *r, struct http_client_answer *x)
{
	struct http_client_request traced = *r;
	enum rc rc;
	int64_t at;

	traced.traceparent = http_trace(c);
	rc = http_client_send(w->http, c->arena, &traced, x, &c->err);

	if (rc != RC_OK)
		return fail_in(&c->err, RC_UNAVAILABLE, "Device Assignment Services can't be reached");
	w->heard = true;
	if ((at = clock_from_http(http_client_header(x, "Date"))) != 0)
		w->clock_off_s = c->now - at;
	return RC_OK;
}

static enum rc
refused(struct call *c, const struct assignment_way *w, bool session, const struct http_client_answer *x)
{
	return assignment_error(&c->err, session, x->status, words(c->arena, x->body),
	    http_client_header(x, "Retry-After"), w->clock_off_s);
}

static enum rc
begin_session(struct call *c, struct assignment_way *w)
{
	const char *url = arena_printf(c->arena, "%s/session", c->conf->assignment_url), *headers[4] = { PROTOCOL };
	const struct http_client_request r = {
		.method = "GET", .url = url, .headers = headers, .max_body = ANSWER_MAX
	};
	struct http_client_answer x;
	struct uri u;
	json_t *said = NULL;
	enum rc rc;

	if ((rc = uri_parse(c->arena, url, &u, &c->err)) != RC_OK)
		return rc;
	headers[1] = "Accept: application/json";
	headers[2] = arena_printf(c->arena, "Authorization: %s",
	    assignment_oauth1(c->arena, "GET", &u, &w->secrets, c->now, crypto_token(c->arena)));
	if ((rc = send(c, w, &r, &x)) != RC_OK)
		return rc;
	if (x.status != 200)
		return refused(c, w, true, &x);
	if (json_parse(c->arena, x.body, &said, NULL) == RC_OK)
		w->session = json_get_text(said, "auth_session_token");
	if (said == NULL || !is_session(w->session))
		return fail(&c->err, RC_UNAVAILABLE, "Apple answered without a session");
	return RC_OK;
}

enum rc
assignment_ask(
    struct call *c, struct assignment_way *w, const char *method, const char *path, const json_t *body, json_t **out)
{
	const char *headers[] = { PROTOCOL, "Accept: application/json", NULL,
		body != NULL ? "Content-Type: application/json;charset=UTF8" : NULL, NULL };
	struct http_client_request r = { .method = method,
		.url = arena_printf(c->arena, "%s%s", c->conf->assignment_url, path),
		.headers = headers,
		.max_body = ANSWER_MAX };
	struct http_client_answer x = { 0 };
	const char *session;
	enum rc rc;

	*out = NULL;
	if (body != NULL)
		r.body = json_text(c->arena, body, 0);
	for (int tries = 0; tries < 2 && (tries == 0 || x.status == 401); tries++) {
		if (tries > 0)
			w->session = NULL;
		if (w->session == NULL && (rc = begin_session(c, w)) != RC_OK)
			return rc;
		headers[2] = arena_printf(c->arena, "X-ADM-Auth-Session: %s", w->session);
		if ((rc = send(c, w, &r, &x)) != RC_OK)
			return rc;
		session = http_client_header(&x, "X-ADM-Auth-Session");
		if (is_session(session))
			w->session = session;
	}
	if (x.status != 200)
		return refused(c, w, false, &x);
	if (json_parse(c->arena, x.body, out, NULL) != RC_OK || !json_is_object(*out))
		*out = NULL;
	return RC_OK;
}
