#include "check/check.h"

#include <stdio.h>
#include <string.h>

#include "check/walk.h"
#include "device/discovery.h"
#include "fmt/uri.h"

/* ---- names ---- */

static const struct check_cause causes[] = {
#define CHECK_CAUSE_ROW(id, code, stage, severity, phone, cause, todo, snippet) \
	{ code, CHECK_##stage, CHECK_##severity, phone, cause, todo, CHECK_SNIPPET_##snippet },
	CHECK_CAUSES(CHECK_CAUSE_ROW)
};

const struct check_cause *
check_cause(enum check_cause_id id)
{
	return &causes[id];
}

const char *
check_stage_name(enum check_stage s)
{
#define CHECK_STAGE_NAME(id, name) name,
	static const char *const names[] = { CHECK_STAGES(CHECK_STAGE_NAME) };

	return names[s];
}

const char *
check_state_name(enum check_state s)
{
	static const char *const names[] = { "not asked", "not reached", "ok", "unknown", "warning", "critical" };

	return names[s];
}

const char *
check_family(int i)
{
	const struct device_family *f = device_family_at(i);

	return f != NULL && i < CHECK_FAMILIES ? f->name : NULL;
}

/* ---- what is told ---- */

void
walk_reach(struct walk *w, enum check_stage s)
{
	s = w->apple ? CHECK_APPLE : s;
	if (w->report->stage[s].state < CHECK_OK)
		w->report->stage[s].state = CHECK_OK;
	w->report->stage[s].reached |= w->bit;
}

void
walk_note(struct walk *w, enum check_stage s, const char *format, ...)
{
	struct check_note **at;
	const char *text;
	va_list ap;

	va_start(ap, format);
	text = arena_vprintf(w->a, format, ap);
	va_end(ap);
	s = w->apple ? CHECK_APPLE : s;
	for (at = &w->report->stage[s].notes; *at != NULL && strcmp((*at)->text, text) != 0; at = &(*at)->next)
		continue;
	if (*at == NULL) {
		*at = arena_alloc(w->a, sizeof **at);
		(*at)->text = text;
	}
	(*at)->families |= w->bit;
}

void
walk_find(struct walk *w, enum check_cause_id id, const char *about, const char *format, ...)
{
	const struct check_cause *cause = check_cause(id);
	enum check_stage s = w->apple ? CHECK_APPLE : cause->stage;
	struct check_finding **at, *f;
	const char *seen;
	va_list ap;

	va_start(ap, format);
	seen = arena_vprintf(w->a, format, ap);
	va_end(ap);
	walk_reach(w, s);
	for (at = &w->report->findings; (f = *at) != NULL; at = &f->next) {
		if (f->cause == cause && strcmp(f->about, about) == 0 && strcmp(f->seen, seen) == 0)
			break;
	}
	if (f == NULL) {
		f = *at = arena_alloc(w->a, sizeof *f);
		*f = (struct check_finding){
			.cause = cause, .stage = s, .severity = cause->severity, .about = about, .seen = seen
		};
	}
	f->families |= w->bit;
}

/* ---- the walk ---- */

static enum rc
open_agents(struct walk *w)
{
	struct http_client_settings s = {
		.ca_file = w->plan->ca_file,
		.connect_to = w->plan->connect_to,
		.user_agent = "DeviceManagementClient/1.0",
		.timeout_ms = w->plan->timeout_s * 1000,
		.https_only = true,
	};
	enum rc rc = http_tls_probe_open(w->plan->ca_file, &w->probe, &w->err);

	return rc == RC_OK ? http_client_open(&s, &w->management, &w->err) : rc;
}

static enum rc
open_view(struct walk *w)
{
	struct http_client_settings s = {
		.ca_file = w->plan->ca_file,
		.connect_to = w->plan->connect_to,
		.user_agent = device_safari(w->a, w->family, w->family->default_os),
		.timeout_ms = w->plan->timeout_s * 1000,
		.cookies = true,
	};

	http_client_close(w->web);
	w->web = NULL;
	return http_client_open(&s, &w->web, &w->err);
}

/* The domain's document failed: what a device from iOS 18.2 on does then. Whoever relies on it is no alarm. */
static bool
fall_back(struct walk *w)
{
	bool good;

	if (w->plan->apple_url == NULL)
		return false;
	w->apple = true;
	walk_reach(w, CHECK_APPLE);
	good = walk_discovery(
	    w, device_discovery_fallback_url(w->a, w->plan->apple_url, w->plan->identifier, w->family->name));
	if (!good)
		walk_find(w, CAUSE_apple_failed, w->plan->apple_url, "asked for a %s", w->family->name);
	w->apple = false;
	for (struct check_finding *f = w->report->findings; good && f != NULL; f = f->next) {
		if (f->stage < CHECK_APPLE && f->severity > CHECK_WARNING)
			f->severity = CHECK_WARNING;
	}
	return good;
}

static void
one_family(struct walk *w, int i)
{
	const char *url;

	w->family = device_family_at(i);
	w->bit = 1u << i;
	w->challenge = (struct device_challenge){ 0 };
	if (device_discovery_url(w->a, w->plan->identifier, w->family->name, &url, &w->err) != RC_OK ||
	    open_view(w) != RC_OK)
		return;
	if ((walk_discovery(w, url) || fall_back(w)) && walk_enrollment(w))
		walk_signin(w);
}

static bool
identifier(struct walk *w)
{
	const char *user;

	if (uri_identifier_split(w->a, w->plan->identifier, &user, &w->domain, &w->err) != RC_OK) {
		walk_find(w, CAUSE_identifier_malformed, w->plan->identifier, "%s", w->err.text);
		return false;
	}
	walk_reach(w, CHECK_IDENTIFIER);
	walk_note(w, CHECK_IDENTIFIER, "%s, so the device asks https://%s/.well-known/com.apple.remotemanagement",
	    w->plan->identifier, w->domain);
	if (w->domain[strlen(w->domain) - 1] == '.')
		walk_find(w, CAUSE_identifier_dot, w->domain, "%s", w->domain);
	return true;
}

/* Stages that nothing calls for are no stages that were not reached. */
static void
begin(struct walk *w)
{
	for (int s = 0; s < CHECK_N_STAGES; s++)
		w->report->stage[s].state = CHECK_NOT_REACHED;
	w->report->stage[CHECK_APPLE].state = CHECK_NOT_ASKED;
	if (w->plan->scep_url == NULL && w->plan->data == NULL)
		w->report->stage[CHECK_SCEP].state = CHECK_NOT_ASKED;
	if (w->plan->data == NULL)
		w->report->stage[CHECK_PUSH].state = CHECK_NOT_ASKED;
}

static void
finish(struct walk *w)
{
	struct check_report *r = w->report;

	if (r->stage[CHECK_TOKEN].state == CHECK_NOT_REACHED && r->stage[CHECK_SIGN_IN].state >= CHECK_OK &&
	    w->challenge.token_url == NULL)
		r->stage[CHECK_TOKEN].state = CHECK_NOT_ASKED; /* apple-as-web has none */
	if (r->stage[CHECK_ESSO].state == CHECK_NOT_REACHED && r->stage[CHECK_CHALLENGE].state >= CHECK_OK)
		r->stage[CHECK_ESSO].state = CHECK_NOT_ASKED; /* the server offers none */
	r->verdict = CHECK_OK;
	for (const struct check_finding *f = r->findings; f != NULL; f = f->next) {
		if (f->severity > r->stage[f->stage].state)
			r->stage[f->stage].state = f->severity;
		if (f->severity > r->verdict)
			r->verdict = f->severity;
	}
}

enum rc
check_run(struct arena *a, const struct check_plan *plan, struct check_report *out, struct err *e)
{
	struct walk w = { .a = a, .plan = plan, .report = out };
	enum rc rc;

	*out = (struct check_report){ 0 };
	begin(&w);
	rc = open_agents(&w);
	if (rc == RC_OK && identifier(&w)) {
		for (int i = 0; i < CHECK_FAMILIES; i++) {
			if (plan->families & 1u << i)
				one_family(&w, i);
		}
		w.bit = 0;
		walk_scep(&w);
		walk_push(&w);
		walk_snippets(&w);
	}
	finish(&w);
	http_tls_probe_close(w.probe);
	http_client_close(w.management);
	http_client_close(w.web);
	return rc == RC_OK ? RC_OK : fail(e, rc, "%s", w.err.text);
}
