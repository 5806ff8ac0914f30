/* The challenge, the sign-in, the token endpoint. */
#include <string.h>
#include <strings.h>

#include "conform/check.h"
#include "crypto/hash.h"
#include "device/esso_document.h"
#include "device/signin.h"
#include "device/url.h"
#include "fmt/json.h"

/* ---- the first answer ---- */

static const struct conform_exchange *
first(const struct conform_play *p)
{
	return conform_tape_first(&p->tape, "enroll-first");
}

enum conform_verdict
conform_judge_first_status(struct conform_play *p)
{
	return conform_is_status(p, first(p), 401);
}

static const struct conform_exchange *
first_challenge(const struct conform_play *p)
{
	const struct conform_exchange *x = first(p);

	return x != NULL && x->answered && x->answer.status == 401 ? x : NULL;
}

enum conform_verdict
conform_judge_first_challenge_one(struct conform_play *p)
{
	const struct conform_exchange *x = first_challenge(p);
	const char *value;
	int n;

	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if ((n = conform_headers(x, "WWW-Authenticate")) != 1)
		return conform_deviates(p, "%d WWW-Authenticate headers", n);
	value = conform_header(x, "WWW-Authenticate");
	if (strncmp(value, "Bearer ", 7) != 0)
		return conform_deviates(p, "the scheme is %.*s", (int)strcspn(value, " "), value);
	return CONFORM_PASSED;
}

/* How often a parameter stands in a challenge, outside of quotes. */
static int
times(const char *value, const char *name)
{
	size_t n = strlen(name);
	bool quoted = false;
	int found = 0;

	for (const char *s = value; *s != '\0'; s++) {
		if (*s == '"')
			quoted = !quoted;
		else if (!quoted && (s == value || s[-1] == ' ' || s[-1] == ',') && strncasecmp(s, name, n) == 0 &&
			 s[n] == '=')
			found++;
	}
	return found;
}

enum conform_verdict
conform_judge_first_challenge_complete(struct conform_play *p)
{
	static const char *const names[] = { "method", "url", "authorization-url", "token-url", "redirect-url",
		"client-id", "scope" };
	const struct conform_exchange *x = first_challenge(p);
	const char *value = x != NULL ? conform_header(x, "WWW-Authenticate") : NULL;
	enum conform_verdict v;

	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if ((v = conform_is_challenge(p, x)) != CONFORM_PASSED)
		return v;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (times(value, names[i]) > 1)
			return conform_deviates(p, "%s stands twice", names[i]);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_first_empty(struct conform_play *p)
{
	return conform_is_empty(p, first_challenge(p));
}

enum conform_verdict
conform_judge_first_no_store(struct conform_play *p)
{
	return conform_is_no_store(p, first_challenge(p));
}

enum conform_verdict
conform_judge_web_url_https(struct conform_play *p)
{
	if (!device_url_is(p->challenge.url, "https"))
		return conform_deviates(p, "%s", p->challenge.url);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_web_url_no_query(struct conform_play *p)
{
	const char *query = strchr(p->challenge.url, '?');

	if (query != NULL)
		return conform_deviates(p, "a query of %zu octets", strlen(query + 1));
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_oauth_parameters(struct conform_play *p)
{
	/* Without the others it is no challenge at all. */
	if (p->challenge.scope == NULL || *p->challenge.scope == '\0')
		return conform_deviates(p, "scope is missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_oauth_https(struct conform_play *p)
{
	if (!device_url_is(p->challenge.authorization_url, "https"))
		return conform_deviates(p, "authorization-url is %s", p->challenge.authorization_url);
	if (!device_url_is(p->challenge.token_url, "https"))
		return conform_deviates(p, "token-url is %s", p->challenge.token_url);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_oauth_redirect(struct conform_play *p)
{
	const char *url = p->challenge.redirect_url;

	if (!device_url_is(url, DEVICE_CALLBACK_SCHEME))
		return conform_deviates(p, "redirect-url is %s", url);
	if (url[strlen(DEVICE_CALLBACK_SCHEME) + 1] == '\0')
		return conform_deviates(p, "redirect-url has no path");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_any_content_type(struct conform_play *p)
{
	static const char *const types[] = { "application/x-www-form-urlencoded", "application/xml" };
	enum conform_verdict v;

	if (!p->has_challenge)
		return CONFORM_NOT_REACHED;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		v = conform_is_challenge(p, conform_post(p, "probe-content-type", types[i], p->machineinfo, NULL));
		if (v != CONFORM_PASSED)
			return conform_deviates(p, "as %s: %s", types[i], p->why);
	}
	return CONFORM_PASSED;
}

#define CMS_TYPE "application/pkcs7-signature"

enum conform_verdict
conform_judge_unsigned_refused(struct conform_play *p)
{
	struct bytes copy = arena_copy(p->arena, p->machineinfo);
	uint8_t *last = (uint8_t *)(uintptr_t)copy.p;

	if (copy.n == 0)
		return CONFORM_NOT_REACHED;
	last[copy.n - 1] ^= 0x55; /* the signature is what comes last */
	return conform_is_refused(p, conform_post(p, "probe-forged", CMS_TYPE, copy, NULL)) == CONFORM_PASSED &&
		       p->tape.all[p->tape.n - 1]->answer.status != 401
		   ? CONFORM_PASSED
		   : conform_deviates(p, "%s", conform_status_text(p, p->tape.all[p->tape.n - 1]));
}

enum conform_verdict
conform_judge_nonsense_refused(struct conform_play *p)
{
	return conform_is_refused(
	    p, conform_post(p, "probe-nonsense", CMS_TYPE, bytes_str("user=ann&password=secret"), NULL));
}

/* ---- Enrollment SSO ---- */

enum conform_verdict
conform_judge_esso_document(struct conform_play *p)
{
	const struct conform_exchange *x = first_challenge(p);
	const char *url = x != NULL ? conform_header(x, "X-Apple-MDM-ESSO") : NULL;
	struct device_esso document;

	if (url == NULL)
		return CONFORM_NOT_APPLICABLE;
	if (!device_url_is(url, "https"))
		return conform_deviates(p, "the header names %s", url);
	x = conform_get(p, "probe-esso", url);
	if (!x->answered || x->answer.status != 200)
		return conform_deviates(p, "%s", conform_status_text(p, x));
	if (!conform_is_type(x, "application/json"))
		return conform_deviates(p, "the media type is %s", x->answer.type != NULL ? x->answer.type : "missing");
	if (device_esso_read(p->arena, x->answer.body, false, false, &document, &p->d.err) != RC_OK)
		return conform_deviates(p, "%s", p->d.err.text);
	return CONFORM_PASSED;
}

/* ---- the way back ---- */

/* The redirect of the main sign-in that ends at the device; NULL: there was none, or a script saw it. */
static const struct conform_exchange *
callback(const struct conform_play *p)
{
	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (x->agent == DEVICE_AGENT_WEB && !conform_is_probe(x) && x->answer.location != NULL &&
		    device_url_is(x->answer.location, DEVICE_CALLBACK_SCHEME))
			return x;
	}
	return NULL;
}

static enum conform_verdict
unseen(const struct conform_play *p)
{
	return p->signer.command != NULL ? CONFORM_NOT_APPLICABLE : CONFORM_NOT_REACHED;
}

enum conform_verdict
conform_judge_signin_over_https(struct conform_play *p)
{
	bool any = false;

	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (x->agent != DEVICE_AGENT_WEB || conform_is_probe(x))
			continue;
		any = true;
		if (!device_url_is(x->url, "https"))
			return conform_deviates(p, "%s", device_url_masked(p->arena, x->url));
	}
	return any ? CONFORM_PASSED : unseen(p);
}

enum conform_verdict
conform_judge_callback_status(struct conform_play *p)
{
	const struct conform_exchange *x = callback(p);

	return x != NULL ? conform_is_status(p, x, 308) : unseen(p);
}

enum conform_verdict
conform_judge_callback_address(struct conform_play *p)
{
	static const char start[] = DEVICE_CALLBACK_SCHEME "://authentication-results?access-token=";
	const struct conform_exchange *x = callback(p);

	if (x == NULL)
		return unseen(p);
	if (strncmp(x->answer.location, start, strlen(start)) != 0)
		return conform_deviates(p, "%s", device_url_masked(p->arena, x->answer.location));
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_callback_empty(struct conform_play *p)
{
	const struct conform_exchange *x = callback(p);

	return x != NULL ? conform_is_empty(p, x) : unseen(p);
}

enum conform_verdict
conform_judge_callback_no_store(struct conform_play *p)
{
	const struct conform_exchange *x = callback(p);

	return x != NULL ? conform_is_no_store(p, x) : unseen(p);
}

/* What stands in a URL for an item, as it is written. */
static const char *
written(struct arena *a, const char *url, const char *name)
{
	const char *at = strchr(url, '?');
	size_t n = strlen(name);

	while (at != NULL) {
		if (strncmp(at + 1, name, n) == 0 && at[1 + n] == '=')
			return arena_strndup(a, at + n + 2, strcspn(at + n + 2, "&#"));
		at = strchr(at + 1, '&');
	}
	return NULL;
}

static enum conform_verdict
is_plain(struct conform_play *p, const char *what, const char *text)
{
	size_t n;

	if (text == NULL || *text == '\0')
		return conform_deviates(p, "%s is missing", what);
	if (conform_is_plain_token(text))
		return CONFORM_PASSED;
	n = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-");
	return conform_deviates(p, "%s has the character '%c'", what, text[n]);
}

enum conform_verdict
conform_judge_token_plain(struct conform_play *p)
{
	const struct conform_exchange *x = callback(p);
	const char *token = x != NULL ? written(p->arena, x->answer.location, "access-token") : NULL;

	return x == NULL ? unseen(p) : token == NULL ? CONFORM_NOT_REACHED : is_plain(p, "the token", token);
}

enum conform_verdict
conform_judge_state_returned(struct conform_play *p)
{
	const struct conform_exchange *x = callback(p), *opened = conform_tape_agent(&p->tape, DEVICE_AGENT_WEB);
	const char *location = x != NULL ? x->answer.location : NULL, *sent, *back;
	size_t n = strlen(p->challenge.redirect_url);

	if (x == NULL)
		return unseen(p);
	if (strncmp(location, p->challenge.redirect_url, n) != 0 || (location[n] != '?' && location[n] != '&'))
		return conform_deviates(p, "it leads to %s", device_url_masked(p->arena, location));
	if (device_url_item(p->arena, location, "code") == NULL)
		return conform_deviates(p, "there is no code");
	sent = device_url_item(p->arena, opened->url, "state");
	back = device_url_item(p->arena, location, "state");
	if (sent == NULL || back == NULL || strcmp(sent, back) != 0)
		return conform_deviates(p, "state is %s", back == NULL ? "missing" : "another");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_code_plain(struct conform_play *p)
{
	const struct conform_exchange *x = callback(p);
	const char *code = x != NULL ? written(p->arena, x->answer.location, "code") : NULL;

	return x == NULL ? unseen(p) : code == NULL ? CONFORM_NOT_REACHED : is_plain(p, "the code", code);
}

/* ---- the token endpoint ---- */

static const struct conform_exchange *
tokens(const struct conform_play *p)
{
	return conform_tape_first(&p->tape, "code");
}

/* The JSON of a 200; NULL: there is none. */
static json_t *
granted(struct conform_play *p, const struct conform_exchange *x)
{
	json_t *root = NULL;

	if (x == NULL || !x->answered || x->answer.status != 200 ||
	    json_parse(p->arena, x->answer.body, &root, &p->d.err) != RC_OK || !json_is_object(root))
		return NULL;
	return root;
}

enum conform_verdict
conform_judge_token_status(struct conform_play *p)
{
	return conform_is_status(p, tokens(p), 200);
}

enum conform_verdict
conform_judge_token_document(struct conform_play *p)
{
	const struct conform_exchange *x = tokens(p);

	if (x == NULL || !x->answered || x->answer.status != 200)
		return CONFORM_NOT_REACHED;
	if (!conform_is_type(x, "application/json"))
		return conform_deviates(p, "the media type is %s", x->answer.type != NULL ? x->answer.type : "missing");
	if (granted(p, x) == NULL)
		return conform_deviates(p, "%s", p->d.err.rc != RC_OK ? p->d.err.text : "no object");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_token_type(struct conform_play *p)
{
	json_t *root = granted(p, tokens(p));
	const char *type = json_get_text(root, "token_type");

	if (root == NULL)
		return CONFORM_NOT_REACHED;
	if (type == NULL || strcasecmp(type, "Bearer") != 0)
		return conform_deviates(p, "token_type is %s", type != NULL ? type : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_token_access(struct conform_play *p)
{
	json_t *root = granted(p, tokens(p));

	return root == NULL ? CONFORM_NOT_REACHED : is_plain(p, "access_token", json_get_text(root, "access_token"));
}

enum conform_verdict
conform_judge_token_refresh(struct conform_play *p)
{
	json_t *root = granted(p, tokens(p));

	return root == NULL ? CONFORM_NOT_REACHED : is_plain(p, "refresh_token", json_get_text(root, "refresh_token"));
}

enum conform_verdict
conform_judge_token_expires(struct conform_play *p)
{
	json_t *root = granted(p, tokens(p)), *expires = json_object_get(root, "expires_in");

	if (root == NULL)
		return CONFORM_NOT_REACHED;
	if (expires != NULL && (!json_is_integer(expires) || json_integer_value(expires) <= 0))
		return conform_deviates(p, "expires_in is no such number");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_token_no_store(struct conform_play *p)
{
	const struct conform_exchange *x = tokens(p);

	return granted(p, x) == NULL ? CONFORM_NOT_REACHED : conform_is_no_store(p, x);
}

enum conform_verdict
conform_judge_token_in_time(struct conform_play *p)
{
	const struct conform_exchange *x = tokens(p);

	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if (x->took_ms > p->how->patience_ms)
		return conform_deviates(p, "%lld ms", (long long)x->took_ms);
	return CONFORM_PASSED;
}

/* ---- questions to the authorization server ---- */

static const struct conform_exchange *
authorize(struct conform_play *p, const char *client, const char *redirect, const char *more)
{
	struct device_challenge c = p->challenge;
	struct http_client_request request = { .method = "GET", .follow = false };

	if (client != NULL)
		c.client_id = client;
	if (redirect != NULL)
		c.redirect_url = redirect;
	request.url = device_signin_oauth_url(p->arena, &c, p->person->identifier, crypto_uuid(p->arena));
	if (more != NULL)
		request.url = device_url_add_query(p->arena, request.url, more);
	device_agent_reset(&p->d, DEVICE_AGENT_WEB);
	return conform_ask(p, "probe-authorize", DEVICE_AGENT_WEB, &request);
}

enum conform_verdict
conform_judge_wrong_client(struct conform_play *p)
{
	const struct conform_exchange *x = authorize(p, "nobody.of.that.name", NULL, NULL);

	if (x->answer.location != NULL && device_url_is(x->answer.location, DEVICE_CALLBACK_SCHEME))
		return conform_deviates(p, "%s to the callback", conform_status_text(p, x));
	return conform_is_refused(p, x);
}

enum conform_verdict
conform_judge_wrong_redirect(struct conform_play *p)
{
	const struct conform_exchange *x =
	    authorize(p, NULL, DEVICE_CALLBACK_SCHEME "://somewhere.else.example/", NULL);

	if (x->answer.location != NULL && strstr(x->answer.location, "somewhere.else.example") != NULL &&
	    device_url_is(x->answer.location, DEVICE_CALLBACK_SCHEME))
		return conform_deviates(p, "%s to it", conform_status_text(p, x));
	return conform_is_refused(p, x);
}

static const struct conform_exchange *
redeem(struct conform_play *p, const char *event, const char *code)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", "Accept: */*", NULL };
	struct device_challenge *c = &p->challenge;
	struct http_client_request request = { .method = "POST",
		.url = c->token_url,
		.headers = headers,
		.body = bytes_str(
		    arena_printf(p->arena, "grant_type=authorization_code&code=%s&redirect_uri=%s&client_id=%s",
			device_url_encode(p->arena, code), device_url_encode(p->arena, c->redirect_url),
			device_url_encode(p->arena, c->client_id))) };

	return conform_ask(p, event, DEVICE_AGENT_MANAGEMENT, &request);
}

static enum conform_verdict
is_grant_refused(struct conform_play *p, const struct conform_exchange *x)
{
	json_t *root;

	if (!x->answered || x->answer.status < 400 || x->answer.status > 499)
		return conform_deviates(p, "%s", conform_status_text(p, x));
	if (json_parse(p->arena, x->answer.body, &root, NULL) != RC_OK || json_get_text(root, "error") == NULL)
		return conform_deviates(p, "%d without an error in JSON", x->answer.status);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_wrong_code(struct conform_play *p)
{
	return is_grant_refused(p, redeem(p, "probe-code", crypto_token(p->arena)));
}

/* Sign in once more with an attempt of its own. *code NULL: it did not come so far. */
static void
another_code(struct conform_play *p, const char *more, const char **code)
{
	struct device_challenge c;
	const char *back, *url;

	*code = NULL;
	if (conform_attempt(p, p->person->identifier, &c) != RC_OK || strcmp(c.method, "apple-oauth2") != 0)
		return;
	url = device_signin_oauth_url(p->arena, &c, p->person->identifier, crypto_uuid(p->arena));
	if (more != NULL)
		url = device_url_add_query(p->arena, url, more);
	if (device_webview_run(&p->d, url, &p->signer, &back) == RC_OK)
		*code = device_url_item(p->arena, back, "code");
}

enum conform_verdict
conform_judge_pkce_honoured(struct conform_play *p)
{
	const char *code;

	another_code(p,
	    arena_printf(p->arena, "code_challenge=%s&code_challenge_method=S256",
		crypto_s256(p->arena, crypto_token(p->arena))),
	    &code);
	if (code == NULL)
		return conform_saw(p, CONFORM_NOT_REACHED, "no code: %s", p->d.err.text);
	return is_grant_refused(p, redeem(p, "probe-code", code));
}

enum conform_verdict
conform_judge_code_once(struct conform_play *p)
{
	const char *code;
	const struct conform_exchange *x;

	another_code(p, NULL, &code);
	if (code == NULL)
		return conform_saw(p, CONFORM_NOT_REACHED, "no code: %s", p->d.err.text);
	x = redeem(p, "probe-code", code);
	if (!x->answered || x->answer.status != 200)
		return conform_saw(p, CONFORM_NOT_REACHED, "the first time: %s", conform_status_text(p, x));
	return is_grant_refused(p, redeem(p, "probe-code", code));
}

enum conform_verdict
conform_judge_wrong_password(struct conform_play *p)
{
	struct device_person other = p->signer;
	struct device_challenge c;
	struct device_tokens t;

	if (p->signer.command != NULL)
		return CONFORM_NOT_APPLICABLE;
	other.password = crypto_token(p->arena);
	if (conform_attempt(p, p->person->identifier, &c) != RC_OK)
		return conform_saw(p, CONFORM_NOT_REACHED, "%s", p->d.err.text);
	if (device_signin(&p->d, &c, &other, &t) == RC_OK)
		return conform_deviates(p, "signed in");
	return CONFORM_PASSED;
}
