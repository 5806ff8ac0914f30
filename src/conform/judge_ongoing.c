/* Ongoing authentication: tokens that are over, renewed or somebody else's; and the end. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "conform/message.h"
#include "crypto/hash.h"
#include "device/command.h"
#include "device/enroll.h"
#include "device/signin.h"
#include "fmt/json.h"

/* ---- ongoing ---- */

enum conform_verdict
conform_judge_no_token(struct conform_play *p)
{
	return conform_is_challenge(p, conform_idle_with(p, "probe-no-token", NULL));
}

/* The answer to a token that was never issued; asked once for all checks. */
static const struct conform_exchange *
stale(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "probe-stale");

	return x != NULL ? x : conform_idle_with(p, "probe-stale", crypto_token(p->arena));
}

enum conform_verdict
conform_judge_stale_token(struct conform_play *p)
{
	return conform_sends_token(p) ? conform_is_challenge(p, stale(p)) : CONFORM_NOT_APPLICABLE;
}

enum conform_verdict
conform_judge_stale_empty(struct conform_play *p)
{
	return conform_sends_token(p) && stale(p)->answer.status == 401 ? conform_is_empty(p, stale(p))
									: CONFORM_NOT_REACHED;
}

enum conform_verdict
conform_judge_stale_kept(struct conform_play *p)
{
	if (!conform_sends_token(p))
		return CONFORM_NOT_APPLICABLE;
	stale(p);
	return conform_is_status(p, conform_idle_with(p, "probe-after-stale", p->d.en.access_token), 200);
}

/* One silent refresh, as of a 401; asked once. *kept: what the device held before. */
static const struct conform_exchange *
refreshed(struct conform_play *p)
{
	const struct conform_exchange *x = conform_tape_first(&p->tape, "refresh");
	struct device_challenge c = p->challenge;
	struct device_tokens t;

	if (x != NULL || p->d.en.refresh_token == NULL)
		return x;
	/* With the parameters of this challenge, as a device does it. */
	(void)device_challenge_find(p->arena, &stale(p)->answer, &c, NULL);
	if (c.token_url == NULL)
		return NULL;
	p->old_refresh = p->d.en.refresh_token;
	if (device_signin_refresh(&p->d, &c, p->d.en.refresh_token, &t) == RC_OK)
		device_signin_keep(&p->d, &t, clock_now());
	return conform_tape_first(&p->tape, "refresh");
}

static json_t *
refreshed_document(struct conform_play *p)
{
	const struct conform_exchange *x = refreshed(p);
	json_t *root = NULL;

	if (x == NULL || !x->answered || x->answer.status != 200 ||
	    json_parse(p->arena, x->answer.body, &root, &p->d.err) != RC_OK)
		return NULL;
	return root;
}

enum conform_verdict
conform_judge_refresh_status(struct conform_play *p)
{
	enum conform_verdict v = conform_is_status(p, refreshed(p), 200);
	const char *type;
	json_t *root;

	if (v != CONFORM_PASSED)
		return v;
	root = refreshed_document(p);
	type = json_get_text(root, "token_type");
	if (root == NULL || type == NULL || strcasecmp(type, "Bearer") != 0 ||
	    json_get_text(root, "access_token") == NULL)
		return conform_deviates(p, "200 without a Bearer token");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_refresh_refresh(struct conform_play *p)
{
	json_t *root = refreshed_document(p);
	const char *token = json_get_text(root, "refresh_token");

	if (root == NULL)
		return CONFORM_NOT_REACHED;
	if (token == NULL || *token == '\0' || !conform_is_plain_token(token))
		return conform_deviates(p, "refresh_token is %s", token == NULL ? "missing" : "not plain");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_refresh_no_store(struct conform_play *p)
{
	return refreshed_document(p) == NULL ? CONFORM_NOT_REACHED : conform_is_no_store(p, refreshed(p));
}

enum conform_verdict
conform_judge_refresh_good(struct conform_play *p)
{
	if (refreshed_document(p) == NULL || !conform_sends_token(p))
		return CONFORM_NOT_REACHED;
	return conform_is_status(p, conform_idle_with(p, "probe-refreshed", p->d.en.access_token), 200);
}

enum conform_verdict
conform_judge_refresh_retried(struct conform_play *p)
{
	struct device_tokens t;

	if (refreshed_document(p) == NULL || p->old_refresh == NULL)
		return CONFORM_NOT_REACHED;
	story_step(&p->d.story, "probe-old-refresh", "probe-old-refresh");
	if (device_signin_refresh(&p->d, &p->challenge, p->old_refresh, &t) != RC_OK)
		return conform_deviates(p, "%s", p->d.err.text);
	device_signin_keep(&p->d, &t, clock_now());
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_sign_in_again(struct conform_play *p)
{
	struct device_challenge c;
	struct device_tokens t;

	if (!conform_sends_token(p))
		return CONFORM_NOT_APPLICABLE;
	if (device_challenge_find(p->arena, &stale(p)->answer, &c, NULL) != RC_OK)
		return CONFORM_NOT_REACHED;
	if (device_signin(&p->d, &c, &p->signer, &t) != RC_OK)
		return conform_deviates(p, "%s", p->d.err.text);
	device_signin_keep(&p->d, &t, clock_now());
	return conform_is_status(p, conform_idle_with(p, "probe-again", p->d.en.access_token), 200);
}

enum conform_verdict
conform_judge_other_person(struct conform_play *p)
{
	struct device_person other = { .command = p->signer.command };
	struct device_server mine = p->server;
	struct device_challenge c;
	struct device_tokens t;
	enum rc rc;

	if (p->other == NULL || !conform_sends_token(p))
		return CONFORM_NOT_APPLICABLE;
	other.identifier = p->other->identifier;
	other.password = p->other->password;
	rc = conform_attempt(p, other.identifier, &c);
	p->server = mine;
	if (rc != RC_OK || device_signin(&p->d, &c, &other, &t) != RC_OK)
		return conform_saw(p, CONFORM_NOT_REACHED, "%s", p->d.err.text);
	return conform_is_challenge(p, conform_idle_with(p, "probe-other", t.access));
}

enum conform_verdict
conform_judge_unauthorized_challenged(struct conform_play *p)
{
	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (x->agent == DEVICE_AGENT_MDM && !conform_is_probe(x) && x->answered && x->answer.status == 401 &&
		    conform_is_challenge(p, x) != CONFORM_PASSED)
			return conform_deviates(p, "%s: %s", x->event, p->why);
	}
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_errors_in_json(struct conform_play *p)
{
	json_t *root;

	for (int i = 0; i < p->tape.n; i++) {
		const struct conform_exchange *x = p->tape.all[i];

		if (x->agent == DEVICE_AGENT_WEB || x->agent == DEVICE_AGENT_SCEP || !x->answered ||
		    x->answer.status != 403 || x->answer.body.n == 0)
			continue;
		if (!conform_is_type(x, "application/json") ||
		    json_parse(p->arena, x->answer.body, &root, NULL) != RC_OK || json_get_text(root, "code") == NULL)
			return conform_deviates(
			    p, "%s: 403 as %s", x->event, x->answer.type != NULL ? x->answer.type : "no media type");
	}
	return CONFORM_PASSED;
}

/* ---- the end ---- */

static const char *const *
topic(struct conform_play *p)
{
	const char **pairs = arena_array(p->arena, 3, sizeof *pairs);

	pairs[0] = "Topic";
	pairs[1] = p->d.profile.topic;
	return pairs;
}

enum conform_verdict
conform_judge_check_out_taken(struct conform_play *p)
{
	enum conform_verdict v = conform_is_status(p, conform_checkin(p, "CheckOut", "CheckOut", topic(p)), 200);

	p->checked_out = true;
	return v;
}

enum conform_verdict
conform_judge_gone_unrecognized(struct conform_play *p)
{
	struct conform_put put;
	const struct conform_exchange *x;
	const char *code;
	json_t *root;

	if (!p->checked_out)
		return CONFORM_NOT_REACHED;
	put = conform_proper(p, DEVICE_DOOR_COMMAND, device_command_idle(&p->d, p->arena, DEVICE_CHANNEL_DEVICE));
	x = conform_mdm(p, "probe-gone", &put);
	if (!x->answered || x->answer.status != 403)
		return conform_deviates(p, "%s", conform_status_text(p, x));
	code = json_parse(p->arena, x->answer.body, &root, NULL) == RC_OK ? json_get_text(root, "code") : NULL;
	if (!conform_is_type(x, "application/json") || code == NULL ||
	    strcmp(code, "com.apple.unrecognized.device") != 0)
		return conform_deviates(p, "403 without the code");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_enroll_again(struct conform_play *p)
{
	struct device_plan plan = { .person = p->signer };

	if (p->d.self.phase == DEVICE_ENROLLED && device_forget(&p->d, "to enroll again") != RC_OK)
		return conform_saw(p, CONFORM_NOT_REACHED, "%s", p->d.err.text);
	p->checked_out = false;
	if (device_enroll(&p->d, &plan) != RC_OK)
		return conform_deviates(p, "%s: %s", p->d.story.stage, p->d.err.text);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_judge_check_out_stale(struct conform_play *p)
{
	struct conform_put put;

	if (p->d.self.phase != DEVICE_ENROLLED || p->checked_out)
		return CONFORM_NOT_REACHED;
	put = conform_proper(p, DEVICE_DOOR_CHECKIN, conform_message(p, "CheckOut", topic(p)));
	if (put.token != NULL)
		put.token = crypto_token(p->arena);
	p->checked_out = true;
	return conform_is_status(p, conform_mdm(p, "probe-check-out", &put), 200);
}
