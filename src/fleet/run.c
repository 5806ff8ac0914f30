#include "fleet/run.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "fleet/engine.h"
#include "fleet/signature.h"

#define SECOND INT64_C(1000000)
#define TURN_US 100000 /* longest sleep: Ctrl-C and time-outs are looked at so often */
#define DRAIN_US 2000000 /* answers under way may still come at the end */
#define HOPELESS_US 10000000 /* no answer at all for so long: nobody is there */
#define BACKLOG_MAX 2000000 /* sessions waiting, before due ones are dropped */

static const char *const scenarios[FLEET_SCENARIOS] = { "poll", "cycle", "checkin", "herd", "reauth", "sync", "mixed",
	"floor", "handshake" };
static const char *const faults[FLEET_FAULTS] = { "answer-lost", "duplicate", "notnow", "expired-token", "stalled",
	"push-token" };
static const char *const errors[FLEET_ERRORS] = { "connect", "lost", "timeout", "malformed", "challenge", "body",
	"repeated", "no-device" };

#define ENROLLING 1.0 /* per cent of the arrivals of a mixed run, as far as threads are free for them */

/* What the others of a mixed run are, in per cent. A cycle of a device without commands is a poll. */
static const struct {
	enum fleet_scenario kind;
	unsigned share;
} mix[] = { { FLEET_SCENARIO_CYCLE, 80 }, { FLEET_SCENARIO_CHECKIN, 15 }, { FLEET_SCENARIO_REAUTH, 5 } };

const char *
fleet_scenario_name(enum fleet_scenario s)
{
	return s < FLEET_SCENARIOS ? scenarios[s] : NULL;
}

const char *
fleet_fault_name(enum fleet_fault f)
{
	return f < FLEET_FAULTS ? faults[f] : NULL;
}

const char *
fleet_error_name(enum fleet_error e)
{
	return e < FLEET_ERRORS ? errors[e] : NULL;
}

uint64_t
fleet_result_errors(const struct fleet_result *r)
{
	uint64_t n = 0;

	for (int i = 0; i < FLEET_ERRORS; i++)
		n += r->error[i];
	for (int i = 300; i < 600; i++)
		n += i != 401 && i != 503 ? r->status[i] : 0;
	if (r->enrollments != NULL)
		n += r->enrollments->failed - r->enrollments->interrupted;
	return n;
}

/* ---- chance ---- */

/* xorshift64*: of the seed, so that a run can be repeated. */
static double
dice(struct fleet_engine *g)
{
	g->random ^= g->random >> 12;
	g->random ^= g->random << 25;
	g->random ^= g->random >> 27;
	return (double)(g->random * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

bool
fleet_engine_chance(struct fleet_engine *g, enum fleet_fault f)
{
	double share = g->plan->fault[f];
	bool hit;

	if (!(share > 0) || (f == FLEET_FAULT_EXPIRED_TOKEN && !g->plan->fleet->head->has_expired))
		return false;
	hit = dice(g) * 100 < share;
	g->result->fault[f] += hit;
	return hit;
}

void
fleet_engine_error(struct fleet_engine *g, enum fleet_error why)
{
	g->result->error[why]++;
}

/* ---- the ledger ---- */

void
fleet_engine_ledger(struct fleet_engine *g, const char *what, uint64_t device, const char *which)
{
	char id[FLEET_UUID];

	if (g->plan->ledger == NULL)
		return;
	fleet_uuid(id, g->plan->fleet->head->tag, FLEET_UUID_DEVICE, device);
	fprintf(g->plan->ledger, "%s %s%s%s\n", what, id, which != NULL ? " " : "", which != NULL ? which : "");
}

/* ---- devices ---- */

static bool
is_busy(const struct fleet_engine *g, uint64_t i)
{
	return (g->busy[i / 8] >> (i % 8) & 1) != 0;
}

/* The next of the sample that has no session, and whose person need not sign in. False: there is none. */
static bool
take_device(struct fleet_engine *g, uint64_t *device)
{
	for (uint64_t tries = 0; tries < g->sample.count; tries++) {
		uint64_t n = fleet_sample_at(&g->sample, g->next_device++ % g->sample.count);

		if (is_busy(g, n) || (fleet_at(g->plan->fleet, n)->flags & FLEET_NEEDS_SIGNIN))
			continue;
		g->busy[n / 8] |= (uint8_t)(1u << (n % 8));
		*device = n;
		return true;
	}
	return false;
}

static enum fleet_scenario
choose(struct fleet_engine *g)
{
	double roll = dice(g) * 100;

	if (g->plan->scenario != FLEET_SCENARIO_MIXED)
		return g->plan->scenario;
	for (size_t i = 0; i < sizeof mix / sizeof mix[0]; i++) {
		if (roll < mix[i].share && (mix[i].kind != FLEET_SCENARIO_REAUTH || g->plan->fleet->head->has_expired))
			return mix[i].kind;
		roll -= mix[i].share;
	}
	return FLEET_SCENARIO_CYCLE;
}

/* In these each device comes once. */
static bool
visits_once(const struct fleet_engine *g)
{
	return g->plan->scenario == FLEET_SCENARIO_CYCLE || g->plan->scenario == FLEET_SCENARIO_HERD;
}

/* Whether this arrival is somebody who enrolls, on connections of its own: in a closed loop beside the turn that its
 * place is for, since nothing else may wait for it. */
static bool
enrolls(struct fleet_engine *g)
{
	struct fleet_enroll *party = g->plan->enrolling;

	return party != NULL && dice(g) * 100 < ENROLLING && fleet_enroll_offer(party) && g->plan->rate > 0;
}

static void
new_session(struct fleet_engine *g, int64_t due_us)
{
	struct fleet_session *s = g->spare;
	uint64_t device;

	if (g->ending || (visits_once(g) && g->visited >= g->sample.count) || enrolls(g))
		return;
	if (g->alive >= BACKLOG_MAX || !take_device(g, &device)) {
		fleet_engine_error(g, FLEET_ERROR_NO_DEVICE);
		return;
	}
	if (s != NULL)
		g->spare = s->next;
	else if ((s = malloc(sizeof *s)) == NULL)
		abort();
	*s = (struct fleet_session){ .device = device, .woken_us = due_us, .kind = choose(g) };
	g->alive++;
	g->visited++;
	fleet_session_begin(g, s);
	fleet_engine_ready(g, s);
}

void
fleet_engine_over(struct fleet_engine *g, struct fleet_session *s)
{
	g->busy[s->device / 8] &= (uint8_t) ~(1u << (s->device % 8));
	g->alive--;
	if (g->measuring) {
		g->result->sessions++;
		fleet_hist_add(&g->result->turns, (uint64_t)(g->now_us - s->woken_us));
	}
	s->next = g->spare;
	g->spare = s;
	if (!(g->plan->rate > 0) && g->plan->scenario != FLEET_SCENARIO_HERD)
		new_session(g, g->now_us);
}

/* ---- who waits for what ---- */

void
fleet_engine_ready(struct fleet_engine *g, struct fleet_session *s)
{
	struct fleet_conn *c = g->idle;

	if (c != NULL) {
		g->idle = c->next;
		c->session = s;
		fleet_session_say(g, c);
		return;
	}
	if (g->closed != NULL && g->n_open - g->n_stalled < g->plan->connections) {
		c = g->closed;
		g->closed = c->next;
		c->session = s;
		fleet_net_open(g, c);
		return;
	}
	s->next = NULL;
	*g->ready_end = s;
	g->ready_end = &s->next;
}

static struct fleet_session *
first_ready(struct fleet_engine *g)
{
	struct fleet_session *s = g->ready;

	if (s == NULL)
		return NULL;
	if ((g->ready = s->next) == NULL)
		g->ready_end = &g->ready;
	return s;
}

void
fleet_engine_free_conn(struct fleet_engine *g, struct fleet_conn *c)
{
	struct fleet_session *s = g->ending ? NULL : first_ready(g);

	if (s != NULL) {
		c->session = s;
		fleet_session_say(g, c);
		return;
	}
	c->state = FLEET_CONN_IDLE;
	c->next = g->idle;
	g->idle = c;
}

/* Connections were lost: who waits may open new ones. */
static void
pump(struct fleet_engine *g)
{
	while (g->ready != NULL && g->closed != NULL && g->n_open - g->n_stalled < g->plan->connections)
		fleet_engine_ready(g, first_ready(g));
}

/* A heap: parent i, children 2i + 1 and 2i + 2. */
void
fleet_engine_later(struct fleet_engine *g, struct fleet_session *s, int64_t at_us)
{
	size_t i = g->n_later++;

	s->due_us = at_us;
	if (g->n_later > g->later_room) {
		g->later_room = g->later_room == 0 ? 1024 : g->later_room * 2;
		if ((g->later = realloc(g->later, g->later_room * sizeof *g->later)) == NULL)
			abort();
	}
	for (; i > 0 && g->later[(i - 1) / 2]->due_us > at_us; i = (i - 1) / 2)
		g->later[i] = g->later[(i - 1) / 2];
	g->later[i] = s;
}

static struct fleet_session *
take_later(struct fleet_engine *g)
{
	struct fleet_session *s = g->later[0], *last = g->later[--g->n_later];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < g->n_later) {
		child += child + 1 < g->n_later && g->later[child + 1]->due_us < g->later[child]->due_us;
		if (last->due_us <= g->later[child]->due_us)
			break;
		g->later[i] = g->later[child];
		i = child;
	}
	g->later[i] = last;
	return s;
}

/* ---- time ---- */

struct clockwork {
	int64_t began, measured_from, until, next_arrival, next_second;
	struct rusage from;
	uint64_t shown_errors, arrivals;
};

static double
cpu_us(const struct rusage *a, const struct rusage *b)
{
	return (double)(b->ru_utime.tv_sec - a->ru_utime.tv_sec + b->ru_stime.tv_sec - a->ru_stime.tv_sec) * 1e6 +
	       (double)(b->ru_utime.tv_usec - a->ru_utime.tv_usec + b->ru_stime.tv_usec - a->ru_stime.tv_usec);
}

static void
end_second(struct fleet_engine *g, struct clockwork *k)
{
	struct fleet_result *r = g->result;
	uint64_t all = fleet_result_errors(r);
	struct fleet_second *s = &r->series[r->n_series < FLEET_SECONDS_MAX ? r->n_series : FLEET_SECONDS_MAX - 1];

	*s = (struct fleet_second){ .requests = (uint32_t)g->second.count,
		.errors = (uint32_t)(all - k->shown_errors),
		.p50_us = (uint32_t)fleet_hist_at(&g->second, 0.5),
		.p99_us = (uint32_t)fleet_hist_at(&g->second, 0.99),
		.max_us = (uint32_t)g->second.max };
	if (r->n_series < FLEET_SECONDS_MAX)
		r->n_series++;
	if (g->plan->show)
		fprintf(stderr,
		    "\r%5lld s%s  %7u requests/s  p50 %.1f ms  p99 %.1f ms  %llu errors  %d connections \033[K",
		    (long long)((g->now_us - k->began) / SECOND), g->measuring ? "" : " (warm-up)", s->requests,
		    s->p50_us / 1000.0, s->p99_us / 1000.0, (unsigned long long)all, g->n_open);
	k->shown_errors = all;
	memset(&g->second, 0, sizeof g->second);
	k->next_second += SECOND;
	if (g->plan->ledger != NULL)
		fflush(g->plan->ledger);
}

static void
begin_measuring(struct fleet_engine *g, struct clockwork *k)
{
	g->measuring = true;
	k->measured_from = g->now_us;
	getrusage(RUSAGE_SELF, &k->from);
}

static void
end_measuring(struct fleet_engine *g, struct clockwork *k)
{
	struct fleet_result *r = g->result;
	struct rusage to;
	double every;

	if (!g->measuring)
		begin_measuring(g, k);
	getrusage(RUSAGE_SELF, &to);
	g->measuring = false;
	r->seconds = (double)(g->now_us - k->measured_from) / 1e6;
	r->cpu_us = r->requests > 0 ? cpu_us(&k->from, &to) / (double)r->requests : 0;
	r->connections = g->n_open;
	r->open_loop = g->plan->rate > 0 || g->plan->scenario == FLEET_SCENARIO_HERD;
	/* A closed loop of C connections asks on each of them every C / rate. */
	every = r->requests > 0 && !r->open_loop ? r->seconds * 1e6 * g->plan->connections / (double)r->requests : 0;
	fleet_hist_corrected(&r->all, (uint64_t)every, &r->corrected);
}

/* Sessions that are due by now. A herd comes within one second; else the times between two are
 * exponential, as of people who know nothing of each other. */
static void
arrive(struct fleet_engine *g, struct clockwork *k)
{
	bool herd = g->plan->scenario == FLEET_SCENARIO_HERD;

	if (!herd && !(g->plan->rate > 0))
		return;
	while (!g->ending && k->next_arrival <= g->now_us) {
		if (herd && k->arrivals >= g->sample.count)
			return;
		new_session(g, k->next_arrival);
		k->arrivals++;
		if (herd)
			k->next_arrival = k->began + (int64_t)((double)k->arrivals * SECOND / (double)g->sample.count);
		else
			k->next_arrival += (int64_t)(-log(1 - dice(g)) * 1e6 / g->plan->rate);
	}
}

static void
go_on_later(struct fleet_engine *g)
{
	while (!g->ending && g->n_later > 0 && g->later[0]->due_us <= g->now_us)
		fleet_engine_ready(g, take_later(g));
}

static int64_t
earliest(const struct fleet_engine *g, const struct clockwork *k)
{
	int64_t at = g->now_us + TURN_US;

	if ((g->plan->rate > 0 || (g->plan->scenario == FLEET_SCENARIO_HERD && k->arrivals < g->sample.count)) &&
	    k->next_arrival < at)
		at = k->next_arrival;
	if (g->n_later > 0 && g->later[0]->due_us < at)
		at = g->later[0]->due_us;
	if (k->next_second < at)
		at = k->next_second;
	return k->until < at ? k->until : at;
}

static bool
is_over(const struct fleet_engine *g, const struct clockwork *k)
{
	if (g->answers == 0 && g->result->error[FLEET_ERROR_CONNECT] > 0 && g->now_us - k->began > HOPELESS_US)
		return true;
	if (g->plan->stop != NULL && *g->plan->stop != 0)
		return true;
	return g->now_us >= k->until || (visits_once(g) && g->visited >= g->sample.count && g->alive == 0);
}

static void
loop(struct fleet_engine *g, struct clockwork *k)
{
	int64_t drained;

	while (!is_over(g, k)) {
		fleet_net_wait(g, earliest(g, k));
		if (!g->measuring && g->now_us >= k->began + (int64_t)(g->plan->warmup_s * 1e6))
			begin_measuring(g, k);
		arrive(g, k);
		go_on_later(g);
		pump(g);
		if (g->now_us >= k->next_second) {
			end_second(g, k);
			fleet_net_expire(g);
		}
	}
	end_measuring(g, k);
	/* What is under way is heard to its end, since the server may have done it. */
	g->ending = true;
	drained = g->now_us + DRAIN_US;
	while (g->now_us < drained) {
		bool waiting = false;

		for (int i = 0; i < g->n_conns && !waiting; i++)
			waiting = g->conns[i].session != NULL;
		if (!waiting)
			break;
		fleet_net_wait(g, g->now_us + TURN_US / 10);
	}
	g->result->unfinished = g->alive;
	if (g->plan->show)
		fputs("\r\033[K", stderr);
	if (g->plan->ledger != NULL)
		fflush(g->plan->ledger);
}

/* ---- begin and end ---- */

static enum rc
prepare_signatures(struct fleet_engine *g, struct err *e)
{
	static const struct {
		enum fleet_message message;
		unsigned scenarios; /* bits */
	} rows[] = {
		{ FLEET_IDLE, ~(1u << FLEET_SCENARIO_CHECKIN) },
		{ FLEET_AUTHENTICATE, 1u << FLEET_SCENARIO_CHECKIN },
		{ FLEET_TOKEN_UPDATE, 1u << FLEET_SCENARIO_CHECKIN },
	};
	const struct fleet_plan *p = g->plan;
	uint64_t made;
	enum rc rc;

	if (p->proof != FLEET_PROOF_SIGNATURE || p->scenario >= FLEET_SCENARIO_FLOOR)
		return RC_OK;
	if ((rc = fleet_signatures_open(p->dir, p->fleet, g->wire, &g->signatures, e)) != RC_OK)
		return rc;
	for (size_t i = 0; rc == RC_OK && i < sizeof rows / sizeof rows[0]; i++) {
		if (rows[i].scenarios & 1u << p->scenario)
			rc = fleet_signatures_prepare(g->signatures, rows[i].message, &g->sample, p->stop, &made, e);
	}
	return rc;
}

static void
start(struct fleet_engine *g, struct clockwork *k)
{
	bool closed_loop = !(g->plan->rate > 0) && g->plan->scenario != FLEET_SCENARIO_HERD;

	g->now_us = clock_mono_us();
	*k = (struct clockwork){ .began = g->now_us,
		.next_arrival = g->now_us,
		.next_second = g->now_us + SECOND,
		.until = g->now_us + (int64_t)((g->plan->warmup_s + g->plan->duration_s) * 1e6) };
	if (!(g->plan->warmup_s > 0))
		begin_measuring(g, k);
	for (int i = 0; closed_loop && i < g->plan->connections; i++)
		new_session(g, g->now_us);
}

static void
finish(struct fleet_engine *g)
{
	struct fleet_session *s, *next;

	for (int i = 0; i < g->n_conns; i++)
		free(g->conns[i].session);
	while ((s = first_ready(g)) != NULL)
		free(s);
	for (size_t i = 0; i < g->n_later; i++)
		free(g->later[i]);
	for (s = g->spare; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
	fleet_net_end(g);
	free(g->later);
	free(g->busy);
	fleet_signatures_close(g->signatures);
	fleet_wire_free(g->wire);
}

enum rc
fleet_run(const struct fleet_plan *plan, struct fleet_result *out, struct err *e)
{
	const struct fleet_wire_plan wire = { .fleet = plan->fleet,
		.proof = plan->proof,
		.proxy_secret = plan->proxy_secret,
		.proxy_header = "Client-Cert" };
	struct fleet_engine *g = calloc(1, sizeof *g);
	uint64_t total = plan->fleet->head->count;
	struct clockwork k;
	enum rc rc;

	if (g == NULL)
		abort();
	memset(out, 0, sizeof *out);
	g->plan = plan;
	g->result = out;
	g->ready_end = &g->ready;
	g->random = plan->seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
	g->sample = fleet_sample_new(total, plan->count > 0 ? plan->count : total, plan->seed);
	g->busy = calloc(1, total / 8 + 1);
	if (g->busy == NULL)
		abort();
	if ((rc = fleet_wire_new(&wire, &g->wire, e)) == RC_OK && (rc = fleet_net_begin(g, e)) == RC_OK &&
	    (rc = prepare_signatures(g, e)) == RC_OK) {
		start(g, &k);
		loop(g, &k);
		if (g->answers == 0 && out->connects > 0 && out->error[FLEET_ERROR_CONNECT] > 0)
			rc = fail(e, RC_UNAVAILABLE,
			    "no connection was ever answered: does the server listen there, with TLS or without as "
			    "said?");
	}
	finish(g);
	free(g);
	return rc;
}
