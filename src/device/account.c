#include "device/account.h"

#include <string.h>

#include "device/checkin.h"
#include "device/url.h"
#include "fmt/base64.h"
#include "fmt/json.h"

/* Of postern-apple: how a device says it to Apple is not public. */
#define SIGN_IN "/managed-apple-account/sign-in"
#define INVITATION "/apps-and-books/invitation"

enum rc
device_maid_token_check(struct arena *a, struct bytes token, struct err *e)
{
	static const char *const claims[] = { "iss", "jti", "service_type" };
	char *rest = arena_strndup(a, (const char *)token.p, token.n), *part[3];
	json_t *header, *payload;
	struct bytes b;
	const char *algorithm, *service;

	for (int i = 0; i < 3; i++)
		if ((part[i] = strsep(&rest, ".")) == NULL || *part[i] == '\0')
			return fail(e, RC_BAD_INPUT, "the token is no compact JWS");
	if (rest != NULL)
		return fail(e, RC_BAD_INPUT, "the token is no compact JWS");
	b = base64url_decode(a, bytes_str(part[0]));
	if (b.p == NULL || json_parse(a, b, &header, NULL) != RC_OK)
		return fail(e, RC_BAD_INPUT, "the token's header is no JSON");
	b = base64url_decode(a, bytes_str(part[1]));
	if (b.p == NULL || json_parse(a, b, &payload, NULL) != RC_OK)
		return fail(e, RC_BAD_INPUT, "the token's claims are no JSON");
	algorithm = json_get_text(header, "alg");
	if (algorithm == NULL || strcmp(algorithm, "RS256") != 0)
		return fail(e, RC_BAD_INPUT, "the token is not signed with RS256");
	for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
		if (json_get_text(payload, claims[i]) == NULL)
			return fail(e, RC_BAD_INPUT, "the token has no %s", claims[i]);
	if (json_get_int(payload, "iat", 0) == 0)
		return fail(e, RC_BAD_INPUT, "the token has no iat");
	service = json_get_text(payload, "service_type");
	if (strcmp(service, "com.apple.maid") != 0)
		return fail(e, RC_BAD_INPUT, "the token's service_type is %s", service);
	return RC_OK;
}

/* ---- Apple, by postern-apple ---- */

enum rc
device_account_verdict(struct arena *a, int status, struct bytes body, const char *account, struct err *e)
{
	json_t *said = NULL;
	const char *sentence = NULL, *error = NULL;

	if (status == 200)
		return RC_OK;
	if (json_parse(a, body, &said, NULL) == RC_OK) {
		sentence = json_get_text(said, "sentence");
		error = json_get_text(said, "error");
	}
	if (status != 403 || sentence == NULL)
		return fail(e, RC_UNAVAILABLE, "Apple answered the sign-in of %s with %d", account, status);
	return fail(e, RC_FORBIDDEN, "Apple refused the sign-in of the Managed Apple Account %s: %s (%s %lld)", account,
	    sentence, error != NULL ? error : "error", (long long)json_get_int(said, "code", 0));
}

static enum rc
post(struct device *d, struct arena *a, const char *path, const json_t *said, struct http_client_answer *answer)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct http_client_request request = { .method = "POST",
		.url = device_url_resolve(a, d->self.apple_url, path),
		.headers = headers,
		.body = json_text(a, said, 0) };

	return device_exchange(d, a, DEVICE_AGENT_APPLE, &request, answer);
}

/* `key` and `value` are what the second request says beside the first; NULL: nothing. */
static enum rc
ask_apple(struct device *d, const char *key, const char *value)
{
	/* Account-driven Device Enrollment supervises a Mac, and nothing else (protocol 9.1). */
	bool supervised = d->family->os == DEVICE_MACOS && !device_is_byod(d);
	struct arena *a = arena_new(0);
	json_t *said = json_keep(a, json_pack("{s:s,s:s,s:b}", "account", d->profile.assigned_account, "mode",
					d->en.mode, "supervised", supervised));
	struct http_client_answer answer;
	enum rc rc;

	if (key != NULL)
		json_object_set_new(said, key, json_string(value));
	if ((rc = post(d, a, SIGN_IN, said, &answer)) == RC_OK)
		rc = device_account_verdict(a, answer.status, answer.body, d->profile.assigned_account, &d->err);
	arena_free(a);
	return rc;
}

enum rc
device_account_sign_in(struct device *d, bool refused)
{
	story_step(&d->story, "account-sign-in", "Sign in to the Managed Apple Account %s%s",
	    d->profile.assigned_account, d->self.apple_url == NULL ? " (simulated)" : "");
	if (d->self.apple_url != NULL)
		return ask_apple(d, NULL, NULL);
	return refused ? fail(&d->err, RC_FORBIDDEN, "the sign-in to the Managed Apple Account %s failed",
			     d->profile.assigned_account)
		       : RC_OK;
}

/* ---- Apple, by script ---- */

/* `token` absent: d->err says why. */
static enum rc
scripted_verdict(struct device *d, struct arena *a, struct bytes token)
{
	const char *verdict = d->self.maid_verdict != NULL ? d->self.maid_verdict : "accept";
	enum rc rc = token.p != NULL ? device_maid_token_check(a, token, &d->err) : RC_BAD_INPUT;

	story_detail(&d->story, "token", "%s", rc == RC_OK ? "well-formed" : d->err.text);
	if (rc != RC_OK && device_is_strict(d, DEVICE_TOKEN_OR_NOTHING))
		return fail_in(&d->err, RC_FORBIDDEN, "Apple refused the sign-in of the Managed Apple Account");
	if (strcmp(verdict, "refuse") == 0)
		return fail(&d->err, RC_FORBIDDEN, "Apple refused the sign-in of the Managed Apple Account");
	if (rc != RC_OK && strcmp(verdict, "check") == 0)
		return fail_in(&d->err, RC_FORBIDDEN, "Apple refused the sign-in of the Managed Apple Account");
	story_detail(&d->story, "Apple", rc == RC_OK ? "accepts" : "accepts without it (simulated)");
	return RC_OK;
}

/* ---- the token ---- */

static enum rc
prove(struct device *d, struct arena *a)
{
	struct bytes token = { 0 };
	enum rc rc;

	if (!d->profile.wants_token || !device_can(d, DEVICE_GET_TOKEN)) {
		const char *why =
		    d->profile.wants_token ? "this OS is too old" : "the server does not offer com.apple.mdm.token";

		story_step(&d->story, "GetToken", "No token is fetched for Apple: %s", why);
		return d->self.apple_url != NULL ? ask_apple(d, "token_error", why) : RC_OK;
	}
	rc = device_get_token(d, a, &token);
	/* Evicted, a sign-in is due, or no answer: not Apple's affair. */
	if (rc == RC_NOT_FOUND || rc == RC_UNAUTHENTICATED || rc == RC_UNAVAILABLE)
		return rc;
	if (d->self.apple_url == NULL)
		return scripted_verdict(d, a, token);
	rc = rc == RC_OK ? ask_apple(d, "token", arena_strndup(a, (const char *)token.p, token.n))
			 : ask_apple(d, "token_error", arena_strdup(a, d->err.text));
	if (rc == RC_OK)
		story_detail(&d->story, "Apple", "accepts");
	return rc;
}

enum rc
device_account_prove(struct device *d)
{
	struct arena *a = arena_new(0);
	enum rc rc = prove(d, a);

	arena_free(a);
	return rc;
}

/* ---- invitations ---- */

static enum rc
ask_for_invitation(struct device *d, struct arena *a, const char *code, const char *account)
{
	json_t *said = json_keep(a, json_pack("{s:s,s:s}", "inviteCode", code, "account", account)), *told;
	struct http_client_answer answer;
	const char *sentence = NULL;
	enum rc rc = post(d, a, INVITATION, said, &answer);

	if (rc != RC_OK || answer.status == 200)
		return rc;
	if (answer.status == 404)
		return fail(&d->err, RC_NOT_FOUND, "Apple knows no such invitation");
	if (answer.status == 403 && json_parse(a, answer.body, &told, NULL) == RC_OK)
		sentence = json_get_text(told, "sentence");
	if (sentence == NULL)
		return fail(&d->err, RC_UNAVAILABLE, "Apple answered the invitation with %d", answer.status);
	return fail(
	    &d->err, RC_FORBIDDEN, "%s can't accept an invitation to an organization's apps: %s", account, sentence);
}

enum rc
device_account_invited(struct device *d, const char *code, const char *account)
{
	const char *managed = d->self.phase == DEVICE_ENROLLED ? d->profile.assigned_account : NULL;
	struct arena *a;
	enum rc rc = RC_OK;

	if (account == NULL && (rc = device_need_enrolled(d)) != RC_OK)
		return rc;
	if (account == NULL)
		account = managed;
	if (d->self.apple_url != NULL) {
		a = arena_new(0);
		rc = ask_for_invitation(d, a, code, account);
		arena_free(a);
	} else if (managed == NULL || strcasecmp(account, managed) != 0) {
		(void)fail(&d->err, RC_FORBIDDEN,
		    "%s can't accept an invitation to an organization's apps: it is a personal Apple Account", account);
		return RC_FORBIDDEN;
	}
	if (rc == RC_OK)
		story_step(&d->story, "invitation", "%s accepts the invitation", account);
	return rc;
}
