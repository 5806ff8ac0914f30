/* The table, the loop that walks it, and what several checks ask. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "conform/check.h"
#include "device/url.h"

const char *const conform_stage_names[CONFORM_STAGES + 1] = { "discovery", "challenge", "sign-in", "profile",
	"identity", "check-in", "managed", "ongoing", "end", NULL };
const char *const conform_plan_names[] = { "quick", "full", "destructive", NULL };
const char *const conform_mode_names[] = { "byod", "adde", NULL };
const char *const conform_verdict_names[] = { "not applicable", "passed", "not reached", "advice", "deviation" };

const struct conform_check conform_checks[CONFORM_N_CHECKS] = {
#define X(id, rule, stage, plan, severity, only, source, sentence, device) \
	{ #id, rule, stage, plan, severity, only, source, sentence, device, conform_judge_##id },
	CONFORM_CHECKS(X)
#undef X
};

/* ---- what a judge returns ---- */

enum conform_verdict
conform_saw(struct conform_play *p, enum conform_verdict verdict, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	p->why = arena_vprintf(p->arena, format, ap);
	va_end(ap);
	return verdict;
}

enum conform_verdict
conform_deviates(struct conform_play *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	p->why = arena_vprintf(p->arena, format, ap);
	va_end(ap);
	return CONFORM_DEVIATION;
}

/* ---- whom a check concerns ---- */

/* Of alternatives of one kind: this play is one of them (1), is another (0), or it is not known yet (-1). */
static int
is_among(unsigned only, unsigned kind, unsigned mine)
{
	if ((only & kind) == 0)
		return 1;
	if (mine == 0)
		return -1;
	return (only & mine) != 0;
}

static int
concerns(const struct conform_play *p, const struct conform_check *c)
{
	unsigned mode = 0, method = 0, identity = 0;
	int answers[4], all = 1;

	if (p->has_server)
		mode = strcmp(p->server.mode, "BYOD") == 0 ? BYOD : ADDE;
	if (p->has_challenge)
		method = strcmp(p->challenge.method, "apple-oauth2") == 0 ? OAUTH : WEB;
	if (p->has_profile)
		identity = p->profile.scep.url != NULL ? SCEP : ACME;
	answers[0] = is_among(c->only, FAMILIES, p->d.family->two_channels ? MAC : HANDHELD);
	answers[1] = is_among(c->only, MODES, mode);
	answers[2] = is_among(c->only, METHODS, method);
	answers[3] = is_among(c->only, IDENTITIES, identity);
	for (int i = 0; i < 4; i++) {
		if (answers[i] == 0)
			return 0;
		if (answers[i] < 0)
			all = -1;
	}
	return all;
}

/* Did the play come to a stage? */
static bool
came_to(const struct conform_play *p, enum conform_stage stage)
{
	const struct conform_tape *t = &p->tape;

	switch (stage) {
	case CONFORM_DISCOVERY:
		return t->n > 0;
	case CONFORM_CHALLENGE:
		return conform_tape_first(t, "enroll-first") != NULL;
	case CONFORM_SIGNIN:
		return p->has_challenge && (p->token != NULL || p->stopped_in == CONFORM_SIGNIN ||
					       conform_tape_agent(t, DEVICE_AGENT_WEB) != NULL);
	case CONFORM_PROFILE:
		return conform_tape_first(t, "enroll-second") != NULL;
	case CONFORM_IDENTITY:
		return p->has_profile && (p->enrolled || p->stopped_in >= CONFORM_IDENTITY);
	case CONFORM_CHECKIN:
		return conform_tape_first(t, "Authenticate") != NULL;
	default:
		return p->enrolled;
	}
}

/* ---- the loop ---- */

static struct conform_result
judge(struct conform_play *p, const struct conform_check *c)
{
	struct conform_result r = { .verdict = CONFORM_NOT_REACHED };
	int mine = concerns(p, c);

	if (mine == 0)
		return (struct conform_result){ .verdict = CONFORM_NOT_APPLICABLE };
	if (mine < 0 || c->stage > p->how->until || !came_to(p, c->stage))
		return r;
	p->why = NULL;
	p->d.err = (struct err){ 0 };
	r.verdict = c->judge(p);
	if (r.verdict == CONFORM_DEVIATION && c->severity == CONFORM_ADVISED)
		r.verdict = CONFORM_ADVICE;
	if (r.verdict == CONFORM_DEVIATION)
		p->deviated[c->stage] = true;
	r.why = p->why;
	return r;
}

void
conform_judge_all(struct conform_play *p, const bool *wanted, struct conform_result *results)
{
	conform_learn(p);
	for (int i = 0; i < CONFORM_N_CHECKS; i++)
		if (wanted[i])
			results[i] = judge(p, &conform_checks[i]);
}

/* ---- what the exchanges say ---- */

static const char *
bearer_of(const struct conform_exchange *x)
{
	const char *value = x != NULL ? conform_sent_header(x, "Authorization") : NULL;

	return value != NULL && strncmp(value, "Bearer ", 7) == 0 ? value + 7 : NULL;
}

void
conform_learn(struct conform_play *p)
{
	const struct conform_exchange *discovery = conform_tape_last(&p->tape, "ask-fallback"),
				      *first = conform_tape_first(&p->tape, "enroll-first"),
				      *second = conform_tape_first(&p->tape, "enroll-second");

	if (discovery == NULL)
		discovery = conform_tape_first(&p->tape, "ask-domain");
	if (discovery != NULL && discovery->answered && !p->has_server)
		p->has_server = device_discovery_read(p->arena, discovery->answer.body, &p->server, NULL) == RC_OK;
	if (first != NULL && first->answered && first->answer.status == 401 && !p->has_challenge)
		p->has_challenge = device_challenge_find(p->arena, &first->answer, &p->challenge, NULL) == RC_OK;
	if (first != NULL)
		p->machineinfo = first->sent;
	p->token = bearer_of(second);
	if (second != NULL && second->answered && second->answer.status == 200 && !p->has_profile)
		p->has_profile = device_profile_read(p->arena, second->answer.body, &p->profile, NULL) == RC_OK;
}

/* ---- questions of our own ---- */

const struct conform_exchange *
conform_ask(
    struct conform_play *p, const char *event, enum device_agent agent, const struct http_client_request *request)
{
	struct http_client_answer answer;
	int before = p->tape.n;

	story_step(&p->d.story, event, "%s", event);
	if (device_exchange(&p->d, p->arena, agent, request, &answer) != RC_OK && p->tape.n == before)
		return &p->tape.spare;
	return p->tape.n > before ? p->tape.all[p->tape.n - 1] : &p->tape.spare;
}

const struct conform_exchange *
conform_get(struct conform_play *p, const char *event, const char *url)
{
	static const char *const headers[] = { "Accept: */*", "Accept-Language: en", NULL };
	struct http_client_request request = { .method = "GET", .url = url, .headers = headers };

	return conform_ask(p, event, DEVICE_AGENT_MANAGEMENT, &request);
}

const struct conform_exchange *
conform_post(struct conform_play *p, const char *event, const char *content_type, struct bytes body, const char *token)
{
	const char *headers[] = {
		arena_printf(p->arena, "Content-Type: %s", content_type),
		"Accept: */*",
		"Accept-Language: en",
		token != NULL ? arena_printf(p->arena, "Authorization: Bearer %s", token) : NULL,
		NULL,
	};
	struct http_client_request request = {
		.method = "POST", .url = p->server.base_url, .headers = headers, .body = body
	};

	return conform_ask(p, event, DEVICE_AGENT_MANAGEMENT, &request);
}

const struct conform_exchange *
conform_mdm(struct conform_play *p, const char *event, const struct conform_put *put)
{
	const char *headers[6], *signature;
	struct http_client_request request = { .method = "PUT",
		.url = put->door == DEVICE_DOOR_CHECKIN ? p->d.profile.checkin_url : p->d.profile.server_url,
		.headers = headers,
		.body = put->body };
	int n = 0;

	headers[n++] = put->door == DEVICE_DOOR_CHECKIN ? "Content-Type: application/x-apple-aspen-mdm-checkin"
							: "Content-Type: application/x-apple-aspen-mdm; charset=UTF-8";
	headers[n++] = "Cache-Control: no-cache";
	if (put->token != NULL)
		headers[n++] = arena_printf(p->arena, "Authorization: Bearer %s", put->token);
	if (put->proven.p != NULL && device_mdm_signature(&p->d, p->arena, put->proven, &signature) == RC_OK)
		headers[n++] = arena_printf(p->arena, "Mdm-Signature: %s", signature);
	headers[n] = NULL;
	return conform_ask(p, event, DEVICE_AGENT_MDM, &request);
}

enum rc
conform_attempt(struct conform_play *p, const char *identifier, struct device_challenge *c)
{
	const struct conform_exchange *x;
	enum rc rc = device_discover(&p->d, identifier, &p->server);

	if (rc != RC_OK)
		return rc;
	x = conform_post(p, "probe-attempt", "application/pkcs7-signature", p->machineinfo, NULL);
	if (!x->answered)
		return fail(&p->d.err, RC_UNAVAILABLE, "%s", x->why);
	return device_challenge_find(p->arena, &x->answer, c, &p->d.err);
}

/* ---- what several checks ask ---- */

const char *
conform_status_text(struct conform_play *p, const struct conform_exchange *x)
{
	if (!x->answered)
		return arena_printf(p->arena, "no answer: %s", x->why);
	return arena_printf(p->arena, "%d", x->answer.status);
}

enum conform_verdict
conform_is_status(struct conform_play *p, const struct conform_exchange *x, int status)
{
	if (x == NULL)
		return CONFORM_NOT_REACHED;
	if (x->answered && x->answer.status == status)
		return CONFORM_PASSED;
	return conform_deviates(p, "%s", conform_status_text(p, x));
}

enum conform_verdict
conform_is_refused(struct conform_play *p, const struct conform_exchange *x)
{
	if (x->answered && x->answer.status >= 400 && x->answer.status < 500)
		return CONFORM_PASSED;
	return conform_deviates(p, "%s", conform_status_text(p, x));
}

enum conform_verdict
conform_is_empty(struct conform_play *p, const struct conform_exchange *x)
{
	if (x == NULL || !x->answered)
		return CONFORM_NOT_REACHED;
	if (x->answer.body.n > 0)
		return conform_deviates(p, "a body of %zu octets", x->answer.body.n);
	return CONFORM_PASSED;
}

enum conform_verdict
conform_is_no_store(struct conform_play *p, const struct conform_exchange *x)
{
	const char *value;

	if (x == NULL || !x->answered)
		return CONFORM_NOT_REACHED;
	value = conform_header(x, "Cache-Control");
	if (value == NULL || strcasestr(value, "no-store") == NULL)
		return conform_deviates(p, "Cache-Control is %s", value != NULL ? value : "missing");
	return CONFORM_PASSED;
}

enum conform_verdict
conform_is_challenge(struct conform_play *p, const struct conform_exchange *x)
{
	struct device_challenge challenge;
	struct err e = { 0 };

	if (!x->answered || x->answer.status != 401)
		return conform_deviates(p, "%s instead of 401", conform_status_text(p, x));
	if (device_challenge_find(p->arena, &x->answer, &challenge, &e) != RC_OK)
		return conform_deviates(p, "401, and %s", e.text);
	return CONFORM_PASSED;
}

bool
conform_is_plain_token(const char *text)
{
	for (; *text != '\0'; text++)
		if (!isalnum((unsigned char)*text) && strchr("._~-", *text) == NULL)
			return false;
	return true;
}

enum conform_verdict
conform_are_payloads_allowed(struct conform_play *p, plist_t profile)
{
	struct device_schema rules = { .os = p->d.family->os,
		.version = device_version(p->d.self.os),
		.byod = strcmp(p->server.mode, "BYOD") == 0 };
	plist_t content = plist_array(profile, "PayloadContent");
	uint32_t n = content != NULL ? plist_array_get_size(content) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(content, i);
		const char *type =
		    plist_get_node_type(item) == PLIST_DICT ? plist_text(p->arena, item, "PayloadType") : NULL;

		if (type == NULL)
			return conform_deviates(p, "a payload without PayloadType");
		if (device_schema_verdict(&rules, DEVICE_PAYLOAD, type, NULL, false) == DEVICE_FORBIDDEN)
			return conform_deviates(p, "%s", type);
	}
	return CONFORM_PASSED;
}

/* ---- the device as a check of its own ---- */

/* What stopped it in this stage, unless another check of the stage has said so already. */
static enum conform_verdict
gone_through(struct conform_play *p, enum conform_stage stage)
{
	if (p->stop.rc == RC_OK || p->stopped_in > stage)
		return CONFORM_PASSED;
	if (p->stopped_in < stage)
		return CONFORM_NOT_REACHED;
	/* Nobody's fault but of who typed it. */
	if (stage == CONFORM_SIGNIN && p->stop.rc == RC_UNAUTHENTICATED)
		return conform_saw(p, CONFORM_NOT_REACHED, "%s", p->stop.text);
	if (p->deviated[stage])
		return conform_saw(p, CONFORM_NOT_REACHED, "the device stops here: %s", p->stop.text);
	return conform_deviates(p, "%s", p->stop.text);
}

#define GONE_THROUGH(id, stage) \
	enum conform_verdict conform_judge_##id(struct conform_play *p) \
	{ \
		return gone_through(p, stage); \
	}
GONE_THROUGH(discovery_gone_through, CONFORM_DISCOVERY)
GONE_THROUGH(challenge_gone_through, CONFORM_CHALLENGE)
GONE_THROUGH(signin_gone_through, CONFORM_SIGNIN)
GONE_THROUGH(profile_gone_through, CONFORM_PROFILE)
GONE_THROUGH(identity_gone_through, CONFORM_IDENTITY)
GONE_THROUGH(acme_gone_through, CONFORM_IDENTITY)
GONE_THROUGH(checkin_gone_through, CONFORM_CHECKIN)
GONE_THROUGH(managed_gone_through, CONFORM_MANAGED)
