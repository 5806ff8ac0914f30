/* One device after another: it lives through everything, then its exchanges are judged. */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "conform/check.h"
#include "device/enroll.h"
#include "device/identity.h"
#include "device/poll.h"

#define HOPS_MAX 10

/* Where the device stopped, by the stage of its story. */
static enum conform_stage
stopped_in(const struct conform_play *p)
{
	static const struct {
		const char *stage;
		enum conform_stage is;
	} known[] = {
		{ "start", CONFORM_DISCOVERY },
		{ "discovery", CONFORM_DISCOVERY },
		{ "authentication", CONFORM_CHALLENGE },
		{ "sso", CONFORM_CHALLENGE },
		{ "sign-in", CONFORM_SIGNIN },
		{ "profile", CONFORM_PROFILE },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(known[i].stage, p->d.story.stage) == 0)
			return known[i].is;
	if (strcmp(p->d.story.stage, "enrollment") != 0)
		return CONFORM_MANAGED;
	if (conform_tape_first(&p->tape, "Authenticate") != NULL)
		return CONFORM_CHECKIN;
	return strcmp(p->d.story.event, "install") == 0 || strcmp(p->d.story.event, "scep") == 0 ||
		       strncmp(p->d.story.event, "acme", 4) == 0
		   ? CONFORM_IDENTITY
		   : CONFORM_PROFILE;
}

/* Follow the redirects of discovery by hand, to see each of them. */
static void
walk(struct conform_play *p)
{
	const char *url;

	if (device_discovery_url(p->arena, p->person->identifier, p->d.family->name, &url, &p->d.err) != RC_OK)
		return;
	for (int i = 0; i < HOPS_MAX && url != NULL; i++)
		url = conform_get(p, "probe-walk", url)->answer.location;
}

/* Discovery alone, or with the first request. */
static enum rc
begin(struct conform_play *p)
{
	struct http_client_answer answer;
	struct bytes body;
	enum rc rc = device_discover(&p->d, p->person->identifier, &p->server);

	if (rc != RC_OK || p->how->until == CONFORM_DISCOVERY)
		return rc;
	story_stage(&p->d.story, "authentication", "authentication");
	story_step(&p->d.story, "enroll-first", "the first request");
	rc = device_machineinfo_signed(&p->d, strcmp(p->server.mode, "BYOD") == 0, &body);
	if (rc == RC_OK)
		rc = device_enroll_post(&p->d, p->server.base_url, body, NULL, &answer);
	return rc;
}

/* Everything that a device does by itself. */
static enum rc
live(struct conform_play *p)
{
	struct device_plan plan = { .person = p->signer,
		/* Ends where the profile was checked, before anything is installed. */
		.account_refused = p->how->until <= CONFORM_PROFILE };
	struct device_poll poll = { 0 };
	struct device_polled polled;
	enum rc rc;

	if (p->how->until <= CONFORM_CHALLENGE)
		return begin(p);
	rc = device_enroll(&p->d, &plan);
	if (plan.account_refused && strcmp(p->d.story.event, "account-sign-in") == 0)
		return RC_OK;
	p->enrolled = p->d.self.phase == DEVICE_ENROLLED;
	if (rc == RC_OK && p->how->until >= CONFORM_MANAGED)
		rc = device_poll(&p->d, &poll, &polled);
	return rc;
}

/* Which stage is judged, on a line of its own. */
static void
tell(const struct conform_play *p, const struct conform_played *out)
{
	unsigned found = 0, passed = 0;

	if (p->how->progress == NULL)
		return;
	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		found += out->results[i].verdict == CONFORM_DEVIATION;
		passed += out->results[i].verdict == CONFORM_PASSED;
	}
	fprintf(p->how->progress, "%s %s, %s: %s, %u checks passed, %u deviation%s, %d exchanges\n", out->family,
	    out->os, out->identifier, out->complete ? "to the end" : conform_stage_names[out->stopped_in], passed,
	    found, found == 1 ? "" : "s", p->tape.n);
	fflush(p->how->progress);
}

static void
describe(struct conform_play *p, const struct device_family *family)
{
	const struct conform_settings *s = p->how;
	struct device_self *self = &p->d.self;

	p->d.family = family;
	*self = (struct device_self){ .family = family->name,
		.os = s->os != NULL ? s->os : family->default_os,
		.udid = device_udid_new(p->arena),
		.serial = device_serial_new(p->arena),
		.language = "en",
		.ca_file = s->ca_file,
		.connect_to = s->connect_to,
		.maid_verdict = "accept" };
	p->d.identity_key = s->identity_key;
}

static const struct conform_person *
somebody_else(const struct conform_settings *s, const struct conform_person *but)
{
	const char *domain = strrchr(but->identifier, '@');

	for (int i = 0; i < s->n_people; i++) {
		const char *other = strrchr(s->people[i].identifier, '@');

		if (&s->people[i] != but && domain != NULL && other != NULL && strcasecmp(domain, other) == 0)
			return &s->people[i];
	}
	return NULL;
}

static enum rc
play(struct arena *a, const struct conform_settings *s, const struct device_authority *ca,
    const struct device_family *family, const struct conform_person *person, const bool *wanted,
    struct conform_played *out, struct err *e)
{
	struct conform_play *p = arena_alloc(a, sizeof *p);
	FILE *nowhere = fopen("/dev/null", "we");
	enum rc rc;

	if (nowhere == NULL)
		return fail(e, RC_UNAVAILABLE, "/dev/null can't be opened");
	*p = (struct conform_play){ .arena = a, .how = s, .person = person, .other = somebody_else(s, person) };
	p->signer = (struct device_person){
		.identifier = person->identifier, .password = person->password, .command = s->command
	};
	device_init(&p->d, a, NULL, STORY_QUIET, nowhere);
	describe(p, family);
	conform_tape_init(&p->tape, a, &p->d.story);
	p->d.witness = (struct device_witness){ conform_tape_keep, &p->tape };
	*out = (struct conform_played){ .family = family->name,
		.os = p->d.self.os,
		.identifier = person->identifier,
		.results = arena_array(a, CONFORM_N_CHECKS, sizeof *out->results),
		.tape = &p->tape };
	for (int i = 0; i < CONFORM_N_CHECKS; i++)
		out->results[i].verdict = CONFORM_NOT_REACHED;
	if ((rc = device_identity_by(&p->d, ca, X509_P256, clock_now())) != RC_OK) {
		device_close(&p->d);
		fclose(nowhere);
		return fail(e, rc, "%s", p->d.err.text);
	}
	if (s->mode != NULL && device_discover(&p->d, person->identifier, &p->server) == RC_OK &&
	    strcasecmp(p->server.mode, s->mode) != 0) {
		out->skipped = true;
	} else {
		p->tape.n = 0;
		walk(p);
		if ((rc = live(p)) != RC_OK) {
			p->stop = p->d.err;
			p->stopped_in = stopped_in(p);
			out->stopped = arena_strdup(a, p->stop.text);
		}
		conform_judge_all(p, wanted, out->results);
		out->complete = rc == RC_OK;
		out->stopped_in = p->stopped_in;
		out->mode = p->has_server ? p->server.mode : NULL;
		out->method = p->has_challenge ? p->challenge.method : NULL;
		tell(p, out);
	}
	if (p->d.self.phase == DEVICE_ENROLLED && !p->checked_out)
		(void)device_unenroll(&p->d, "the test is over");
	device_close(&p->d);
	fclose(nowhere);
	return RC_OK;
}

bool
conform_wants(const struct conform_settings *s, const struct conform_check *c)
{
	if (c->plan > s->plan || c->stage > s->until)
		return false;
	if (s->only == NULL || s->only[0] == NULL)
		return true;
	for (int i = 0; s->only[i] != NULL; i++)
		if (strcasecmp(s->only[i], c->rule) == 0 || strcasecmp(s->only[i], c->id) == 0)
			return true;
	return false;
}

/* Nothing is played past the last stage that somebody wants to know about. */
static enum rc
choose(struct arena *a, struct conform_settings *s, bool **wanted, struct err *e)
{
	enum conform_stage last = CONFORM_DISCOVERY;
	bool any = false;

	*wanted = arena_array(a, CONFORM_N_CHECKS, sizeof **wanted);
	for (int i = 0; i < CONFORM_N_CHECKS; i++) {
		const struct conform_check *c = &conform_checks[i];

		if (!((*wanted)[i] = conform_wants(s, c)))
			continue;
		any = true;
		last = c->stage > last ? c->stage : last;
	}
	if (!any)
		return fail(e, RC_BAD_INPUT, "no check of the plan %s is asked for", conform_plan_names[s->plan]);
	s->until = last;
	return RC_OK;
}

static enum rc
make_authority(struct arena *a, const struct conform_settings *s, struct device_authority *out, struct err *e)
{
	struct device_authority root;
	enum rc rc;

	if (s->device_ca != NULL)
		return device_authority_read(a, s->device_ca, "ca", out, e);
	rc = device_authority_new(a, "Conformance Test Root", X509_P256, NULL, clock_now(), &root, e);
	return rc == RC_OK ? device_authority_new(a, "Conformance Test Devices", X509_P256, &root, clock_now(), out, e)
			   : rc;
}

enum rc
conform_run(struct arena *a, const struct conform_settings *settings, struct conform_report *out, struct err *e)
{
	struct conform_settings *s = arena_alloc(a, sizeof *s);
	const struct device_family *family;
	struct device_authority ca;
	enum rc rc;
	int n = 0;

	*s = *settings;
	*out = (struct conform_report){
		.arena = a, .plan = s->plan, .people = settings->people, .n_people = settings->n_people
	};
	if ((rc = choose(a, s, &out->wanted, e)) != RC_OK || (rc = make_authority(a, s, &ca, e)) != RC_OK)
		return rc;
	if (s->identity_key.p == NULL && (rc = x509_key_new(a, X509_RSA_2048, &s->identity_key, e)) != RC_OK)
		return rc;
	out->until = s->until;
	while (device_family_at(n) != NULL)
		n++;
	out->played = arena_array(a, (size_t)n * (size_t)s->n_people, sizeof *out->played);
	for (int f = 0; (family = device_family_at(f)) != NULL; f++) {
		if (s->family != NULL && strcmp(s->family, family->name) != 0)
			continue;
		for (int i = 0; i < s->n_people; i++)
			if ((rc = play(a, s, &ca, family, &s->people[i], out->wanted, &out->played[out->n_played++],
				 e)) != RC_OK)
				return rc;
	}
	return RC_OK;
}
