#include "device/mdm.h"

#include <string.h>

#include "base/clock.h"
#include "crypto/cms.h"
#include "device/esso.h"
#include "device/signin.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define REDIRECTS_MAX 5

bool
device_mdm_bearer(const struct device_family *f, enum device_channel channel)
{
	return !f->two_channels || channel == DEVICE_CHANNEL_USER;
}

enum rc
device_mdm_signature(struct device *d, struct arena *a, struct bytes body, const char **value)
{
	struct bytes der;
	enum rc rc = cms_sign(a, body, d->en.certificate, d->en.key, NULL, 0, true, &der, &d->err);

	if (rc != RC_OK)
		return fail_in(&d->err, rc, "Mdm-Signature");
	*value = base64_encode(a, der);
	return RC_OK;
}

/* One PUT as it stands, redirects followed: each keeps method and body, none is remembered. */
static enum rc
put(struct device *d, struct arena *a, enum device_channel channel, enum device_door door, struct bytes body,
    struct http_client_answer *answer)
{
	bool bearer = device_mdm_bearer(d->family, channel);
	const char *headers[6], *signature = NULL;
	struct http_client_request request = { .method = "PUT",
		.url = door == DEVICE_DOOR_CHECKIN ? d->profile.checkin_url : d->profile.server_url,
		.headers = headers,
		.body = body };
	enum rc rc;
	int n = 0;

	headers[n++] = door == DEVICE_DOOR_CHECKIN ? "Content-Type: application/x-apple-aspen-mdm-checkin"
						   : "Content-Type: application/x-apple-aspen-mdm; charset=UTF-8";
	headers[n++] = "Cache-Control: no-cache";
	if (bearer && d->en.access_token != NULL)
		headers[n++] = arena_printf(a, "Authorization: Bearer %s", d->en.access_token);
	if (d->profile.sign_message) {
		if ((rc = device_mdm_signature(d, a, body, &signature)) != RC_OK)
			return rc;
		headers[n++] = arena_printf(a, "Mdm-Signature: %s", signature);
	}
	headers[n] = NULL;
	for (int i = 0;; i++) {
		const char *location;

		if ((rc = device_exchange(d, a, DEVICE_AGENT_MDM, &request, answer)) != RC_OK)
			return rc;
		if (i == 0)
			story_detail(&d->story, "proof", "%s%s",
			    signature != NULL ? "Mdm-Signature" : "TLS client certificate", bearer ? ", bearer" : "");
		if (answer->status < 300 || answer->status > 399)
			return RC_OK;
		location = http_client_header(answer, "Location");
		if (location == NULL || i == REDIRECTS_MAX)
			return fail(&d->err, RC_UNAVAILABLE, "the server redirects without end or target");
		request.url = device_url_resolve(a, request.url, location);
	}
}

static const char *
error_code(struct arena *a, const struct http_client_answer *answer)
{
	json_t *root;

	if (answer->type == NULL || strcmp(answer->type, "application/json") != 0 ||
	    json_parse(a, answer->body, &root, NULL) != RC_OK)
		return NULL;
	return json_get_text(root, "code");
}

/* Evicted: everything goes, and nothing is said to the server (protocol 7.4). */
static enum rc
evicted(struct device *d)
{
	enum rc rc;

	story_step(&d->story, "evicted", "The server does not know this device any more");
	if ((rc = device_forget(d, "the server ended the enrollment (com.apple.unrecognized.device)")) != RC_OK)
		return rc;
	return fail(&d->err, RC_NOT_FOUND, "the server ended the enrollment; all managed data was destroyed");
}

static enum rc
must_sign_in(struct device *d, const char *because)
{
	enum rc rc;

	d->en.needs_signin = true;
	if ((rc = device_save_enrollment(d)) != RC_OK)
		return rc;
	story_step(&d->story, "sign-in-needed", "The person must sign in again; the device stays enrolled");
	story_detail(&d->story, "because", "%s", because);
	return fail(&d->err, RC_UNAUTHENTICATED,
	    "the person must sign in again (%s): run `postern-device reauth --state %s --password-stdin`", because,
	    d->dir != NULL ? d->dir : "DIR");
}

static void
keep_challenge(struct device *d, const struct device_challenge *c)
{
	struct arena *a = d->arena;
	const char *const *from = (const char *const *)c;
	const char **to = (const char **)&d->en.challenge;

	for (size_t i = 0; i < sizeof *c / sizeof *from; i++)
		to[i] = from[i] != NULL ? arena_strdup(a, from[i]) : NULL;
}

/* Silently, where a refresh token is held. *why: it is not, or was refused; NULL: there are new tokens. */
static enum rc
refresh(struct device *d, struct device_tokens *tokens, const char **why)
{
	enum rc rc;

	*why = NULL;
	if (strcmp(d->en.challenge.method, "apple-oauth2") != 0)
		*why = "this method has no refresh";
	else if (d->en.refresh_token == NULL)
		*why = "no refresh token is held";
	if (*why != NULL)
		return RC_OK;
	rc = device_signin_refresh(d, &d->en.challenge, d->en.refresh_token, tokens);
	if (rc == RC_UNAVAILABLE) /* no answer: the refresh token is as good as before */
		return rc;
	if (rc != RC_OK)
		*why = arena_strdup(d->arena, d->err.text);
	return RC_OK;
}

/* What a 401 without a usable challenge means is open (protocol 7.4). */
static enum rc
unusable(struct device *d, struct arena *a)
{
	const char *why = arena_strdup(a, d->err.text);
	enum rc rc;

	if (!device_is_strict(d, DEVICE_BARE_401))
		return fail(&d->err, RC_UNAVAILABLE,
		    "401 without a usable challenge, which may make a device drop its enrollment: %s", why);
	story_step(&d->story, "evicted", "401 without a usable challenge ends the enrollment");
	if ((rc = device_forget(d, "the server answered 401 without a challenge")) != RC_OK)
		return rc;
	return fail(&d->err, RC_NOT_FOUND, "401 without a challenge ended the enrollment: %s", why);
}

/* A 401 on an enrolled device: refresh, else the SSO app, else the person (protocol 8.1). RC_OK: there is a new token, ask again. */
static enum rc
renew(struct device *d, struct arena *a, const struct http_client_answer *answer)
{
	struct device_person extension;
	struct device_challenge challenge;
	struct device_tokens tokens = { 0 };
	const char *why;
	enum rc rc;

	if (device_challenge_find(a, answer, &challenge, &d->err) != RC_OK)
		return unusable(d, a);
	keep_challenge(d, &challenge);
	story_detail(&d->story, "challenge", "%s", challenge.method);
	if ((rc = refresh(d, &tokens, &why)) != RC_OK)
		return rc;
	if (why != NULL && device_esso_answers(d, &extension) == RC_OK) {
		story_step(&d->story, "esso-renewal", "The SSO app signs in again");
		story_detail(&d->story, "because", "%s", why);
		rc = device_signin(d, &d->en.challenge, &extension, &tokens);
		why = rc == RC_OK ? NULL : arena_strdup(a, d->err.text);
	}
	if (why != NULL)
		return must_sign_in(d, why);
	device_signin_keep(d, &tokens, clock_now());
	return device_save_enrollment(d);
}

#define EARLY_S 300

/* A device that refreshes by itself; what goes wrong then is met again with the 401. */
static enum rc
refresh_early(struct device *d, enum device_channel channel)
{
	struct device_tokens tokens = { 0 };
	const char *why;

	if (!device_is_strict(d, DEVICE_EARLY_REFRESH) || !device_mdm_bearer(d->family, channel) ||
	    d->en.refresh_token == NULL || d->en.expires_at == 0 || clock_now() < d->en.expires_at - EARLY_S)
		return RC_OK;
	if (refresh(d, &tokens, &why) != RC_OK || why != NULL)
		return RC_OK;
	device_signin_keep(d, &tokens, clock_now());
	return device_save_enrollment(d);
}

enum rc
device_mdm_put(struct device *d, struct arena *a, enum device_channel channel, enum device_door door, struct bytes body,
    struct http_client_answer *answer)
{
	const char *code;
	enum rc rc;

	if ((rc = refresh_early(d, channel)) != RC_OK || (rc = put(d, a, channel, door, body, answer)) != RC_OK)
		return rc;
	if (answer->status == 401) {
		if ((rc = renew(d, a, answer)) != RC_OK)
			return rc;
		story_step(&d->story, "repeat", "Ask again with the new token");
		if ((rc = put(d, a, channel, door, body, answer)) != RC_OK)
			return rc;
		if (answer->status == 401)
			return must_sign_in(d, "the new token was refused too");
	}
	if (answer->status >= 200 && answer->status < 300)
		return RC_OK;
	code = error_code(a, answer);
	if (code != NULL)
		story_detail(&d->story, "code", "%s", code);
	if (answer->status == 403 && code != NULL && strcmp(code, "com.apple.unrecognized.device") == 0 &&
	    device_can(d, DEVICE_EVICTION))
		return evicted(d);
	return fail(&d->err, RC_UNAVAILABLE, "the server answered %d%s%s", answer->status, code != NULL ? " " : "",
	    code != NULL ? code : "");
}

enum rc
device_mdm_put_once(struct device *d, struct arena *a, enum device_channel channel, enum device_door door,
    struct bytes body, struct http_client_answer *answer)
{
	enum rc rc = put(d, a, channel, door, body, answer);

	if (rc == RC_OK && (answer->status < 200 || answer->status > 299))
		return fail(&d->err, RC_UNAVAILABLE, "the server answered %d", answer->status);
	return rc;
}
