#include "device/wait.h"

#include <string.h>

#include "base/clock.h"
#include "device/enroll.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define ONCE_S 30 /* of one question */

/* Whose push that is. False: nobody's here. */
static bool
take(const struct device *d, struct arena *a, const json_t *push, bool *user)
{
	const struct device_channel_state *const channels[] = { &d->en.device, &d->en.user };
	const char *token = json_get_text(push, "token"), *magic = json_get_text(push, "mdm");

	for (int i = 0; i < 2; i++) {
		const struct device_channel_state *c = channels[i];

		if (token == NULL || magic == NULL || c->push_token.p == NULL || c->push_magic == NULL ||
		    strcmp(token, hex_encode(a, c->push_token)) != 0 || strcmp(magic, c->push_magic) != 0)
			continue;
		*user = i == 1;
		return true;
	}
	return false;
}

static enum rc
ask(struct device *d, struct http_client *h, const char *tokens, const char *url, int64_t seconds, bool *user)
{
	struct arena *a = arena_new(0);
	const struct http_client_request r = { .method = "GET",
		.url = arena_printf(a, "%s/devices/%s/wait?seconds=%lld", url, tokens, (long long)seconds) };
	struct http_client_answer answer;
	json_t *push;
	enum rc rc = http_client_send(h, a, &r, &answer, &d->err);

	if (rc == RC_OK && answer.status != 200 && answer.status != 204)
		rc = fail(&d->err, RC_UNAVAILABLE, "%s answered %d", url, answer.status);
	if (rc == RC_OK &&
	    (answer.status == 204 || json_parse(a, answer.body, &push, NULL) != RC_OK || !take(d, a, push, user)))
		rc = RC_NOT_FOUND;
	arena_free(a);
	return rc;
}

enum rc
device_wait_push(struct device *d, const char *url, int64_t seconds, bool *user)
{
	const struct http_client_settings settings = { .user_agent = "apsd" };
	int64_t until = clock_mono_ms() + seconds * 1000, left;
	struct http_client *h = NULL;
	const char *tokens;
	enum rc rc;

	if ((rc = device_need_enrolled(d)) != RC_OK)
		return rc;
	if (d->en.device.push_token.p == NULL)
		return fail(&d->err, RC_CONFLICT, "this device has no push token: its enrollment is not finished");
	tokens = hex_encode(d->arena, d->en.device.push_token);
	if (d->en.user.push_token.p != NULL)
		tokens = arena_printf(d->arena, "%s,%s", tokens, hex_encode(d->arena, d->en.user.push_token));
	if ((rc = http_client_open(&settings, &h, &d->err)) != RC_OK)
		return rc;
	story_step(&d->story, "asleep", "Wait for a push");
	rc = RC_NOT_FOUND;
	while (rc == RC_NOT_FOUND && (left = until - clock_mono_ms()) > 0)
		rc = ask(d, h, tokens, url, left < ONCE_S * 1000 ? (left + 999) / 1000 : ONCE_S, user);
	http_client_close(h);
	if (rc == RC_OK)
		story_step(&d->story, "woken", "A push came%s", *user ? " for the person's channel" : "");
	return rc == RC_NOT_FOUND ? fail(&d->err, rc, "no push came in %lld seconds", (long long)seconds) : rc;
}
