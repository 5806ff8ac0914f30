#include "device/signin.h"

#include <string.h>
#include <strings.h>

#include "crypto/hash.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"

const char *
device_signin_web_url(struct arena *a, const struct device_challenge *c, const char *identifier)
{
	if (identifier == NULL)
		return c->url;
	return device_url_set_query(a, c->url, arena_printf(a, "user-identifier=%s", device_url_encode(a, identifier)));
}

const char *
device_signin_oauth_url(struct arena *a, const struct device_challenge *c, const char *identifier, const char *state)
{
	const char *query = arena_printf(a, "response_type=code&client_id=%s&redirect_uri=%s%s%s&state=%s%s%s",
	    device_url_encode(a, c->client_id), device_url_encode(a, c->redirect_url),
	    c->scope != NULL ? "&scope=" : "", c->scope != NULL ? device_url_encode(a, c->scope) : "", state,
	    identifier != NULL ? "&login_hint=" : "", identifier != NULL ? device_url_encode(a, identifier) : "");

	return device_url_add_query(a, c->authorization_url, query);
}

enum rc
device_signin_code(struct arena *a, const char *callback, const char *state, const char **code, struct err *e)
{
	const char *back = device_url_item(a, callback, "state"), *error = device_url_item(a, callback, "error");

	*code = device_url_item(a, callback, "code");
	if (error != NULL)
		return fail(e, RC_FORBIDDEN, "the authorization server refused: %s", error);
	if (*code == NULL || **code == '\0')
		return fail(e, RC_BAD_INPUT, "the callback has no code");
	if (back == NULL || strcmp(back, state) != 0)
		return fail(
		    e, RC_BAD_INPUT, "the callback's state is %s", back == NULL ? "missing" : "not the one sent");
	return RC_OK;
}

enum rc
device_signin_tokens(struct arena *a, struct bytes body, struct device_tokens *out, struct err *e)
{
	const char *type;
	json_t *root;
	enum rc rc;

	if ((rc = json_parse(a, body, &root, e)) != RC_OK)
		return fail_in(e, rc, "the token answer");
	type = json_get_text(root, "token_type");
	*out = (struct device_tokens){ .access = json_get_text(root, "access_token"),
		.refresh = json_get_text(root, "refresh_token"),
		.expires_in_s = json_get_int(root, "expires_in", 0) };
	if (type == NULL || strcasecmp(type, "Bearer") != 0)
		return fail(e, RC_BAD_INPUT, "the token answer's token_type is not Bearer");
	if (out->access == NULL || *out->access == '\0')
		return fail(e, RC_BAD_INPUT, "the token answer has no access_token");
	return RC_OK;
}

static enum rc
ask_tokens(struct device *d, const char *url, const char *body, struct device_tokens *out)
{
	static const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded", "Accept: */*",
		"Accept-Language: en", NULL };
	struct http_client_request request = {
		.method = "POST", .url = url, .headers = headers, .body = bytes_str(body)
	};
	struct http_client_answer answer;
	json_t *root;
	enum rc rc;

	if ((rc = device_exchange(d, d->arena, DEVICE_AGENT_MANAGEMENT, &request, &answer)) != RC_OK)
		return rc;
	if (answer.status != 200) {
		const char *error =
		    json_parse(d->arena, answer.body, &root, NULL) == RC_OK ? json_get_text(root, "error") : NULL;

		return fail(&d->err, RC_FORBIDDEN, "the token endpoint answered %d%s%s", answer.status,
		    error != NULL ? ", " : "", error != NULL ? error : "");
	}
	rc = device_signin_tokens(d->arena, answer.body, out, &d->err);
	if (rc == RC_OK)
		story_detail(&d->story, "tokens", "access token for %lld s, %s", (long long)out->expires_in_s,
		    out->refresh != NULL ? "refresh token" : "no refresh token");
	return rc;
}

static enum rc
signin_oauth(
    struct device *d, const struct device_challenge *c, const struct device_person *person, struct device_tokens *out)
{
	struct arena *a = d->arena;
	const char *state = crypto_uuid(a), *url = device_signin_oauth_url(a, c, person->identifier, state), *callback,
		   *code;
	const char *verifier = NULL;
	uint8_t random[32];
	enum rc rc;

	if (device_is_strict(d, DEVICE_PKCE)) {
		crypto_random(random, sizeof random);
		verifier = base64url_encode(a, bytes_of(random, sizeof random));
		url = device_url_add_query(
		    a, url, arena_printf(a, "code_challenge=%s&code_challenge_method=S256", crypto_s256(a, verifier)));
	}
	rc = device_webview_run(d, url, person, &callback);
	if (rc != RC_OK)
		return rc;
	if (strncmp(callback, c->redirect_url, strlen(c->redirect_url)) != 0)
		return fail(&d->err, RC_BAD_INPUT, "the callback is not the redirect-url of the challenge");
	if ((rc = device_signin_code(a, callback, state, &code, &d->err)) != RC_OK)
		return rc;
	story_step(&d->story, "code", "Exchange the code for tokens");
	/* Written as URL query items, like everything Apple's client sends (protocol 4.3). */
	return ask_tokens(d, c->token_url,
	    arena_printf(a, "grant_type=authorization_code&code=%s&redirect_uri=%s&client_id=%s%s%s",
		device_url_encode(a, code), device_url_encode(a, c->redirect_url), device_url_encode(a, c->client_id),
		verifier != NULL ? "&code_verifier=" : "", verifier != NULL ? verifier : ""),
	    out);
}

static enum rc
signin_web(
    struct device *d, const struct device_challenge *c, const struct device_person *person, struct device_tokens *out)
{
	const char *callback;
	enum rc rc;

	rc = device_webview_run(d, device_signin_web_url(d->arena, c, person->identifier), person, &callback);
	if (rc != RC_OK)
		return rc;
	*out = (struct device_tokens){ .access = device_url_item(d->arena, callback, "access-token") };
	if (out->access == NULL || *out->access == '\0')
		return fail(&d->err, RC_BAD_INPUT, "the callback has no access-token");
	return RC_OK;
}

enum rc
device_signin(
    struct device *d, const struct device_challenge *c, const struct device_person *person, struct device_tokens *out)
{
	bool oauth = strcmp(c->method, "apple-oauth2") == 0;

	if (oauth && !device_can(d, DEVICE_OAUTH2))
		return fail(&d->err, RC_BAD_INPUT, "%s %s does not know the method apple-oauth2", d->family->os_label,
		    d->self.os);
	if (oauth)
		return signin_oauth(d, c, person, out);
	return signin_web(d, c, person, out);
}

enum rc
device_signin_refresh(
    struct device *d, const struct device_challenge *c, const char *refresh, struct device_tokens *out)
{
	story_step(&d->story, "refresh", "The token is over: refresh it silently");
	return ask_tokens(d, c->token_url,
	    arena_printf(d->arena, "grant_type=refresh_token&refresh_token=%s&client_id=%s",
		device_url_encode(d->arena, refresh), device_url_encode(d->arena, c->client_id)),
	    out);
}

void
device_signin_keep(struct device *d, const struct device_tokens *t, int64_t now)
{
	d->en.access_token = arena_strdup(d->arena, t->access);
	d->en.refresh_token = t->refresh != NULL ? arena_strdup(d->arena, t->refresh) : NULL;
	d->en.expires_at = t->expires_in_s > 0 ? now + t->expires_in_s : 0;
	d->en.needs_signin = false;
}
