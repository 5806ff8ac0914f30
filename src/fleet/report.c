#include "fleet/report.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fmt/json.h"

static const struct {
	const char *name, *key;
	double share;
} percentiles[] = { { "p50", "p50_ms", 0.5 }, { "p90", "p90_ms", 0.9 }, { "p99", "p99_ms", 0.99 },
	{ "p99.9", "p999_ms", 0.999 } };
#define PERCENTILES (sizeof percentiles / sizeof percentiles[0])

static double
per_second(uint64_t n, double seconds)
{
	return seconds > 0 ? (double)n / seconds : 0;
}

static double
rps(const struct fleet_result *r)
{
	return per_second(r->requests, r->seconds);
}

/* ---- for people ---- */

static void
hist_line(struct buf *b, const char *name, const struct fleet_hist *h)
{
	if (h->count == 0)
		return;
	buf_printf(b, "  %-14s %9llu  %8.2f", name, (unsigned long long)h->count, fleet_hist_mean(h) / 1000);
	for (size_t i = 0; i < PERCENTILES; i++)
		buf_printf(b, "  %8.2f", (double)fleet_hist_at(h, percentiles[i].share) / 1000);
	buf_printf(b, "  %8.2f\n", (double)h->max / 1000);
}

static void
hist_head(struct buf *b)
{
	buf_printf(b, "  %-14s %9s  %8s", "ms", "requests", "mean");
	for (size_t i = 0; i < PERCENTILES; i++)
		buf_printf(b, "  %8s", percentiles[i].name);
	buf_printf(b, "  %8s\n", "max");
}

static void
latency_table(struct buf *b, const struct fleet_result *r)
{
	hist_head(b);
	for (int i = 0; i < FLEET_MESSAGES; i++)
		hist_line(b, fleet_message_name((enum fleet_message)i), &r->by_message[i]);
	hist_line(b, r->open_loop ? "all, since due" : "all", &r->all);
	if (!r->open_loop)
		hist_line(b, "all, corrected", &r->corrected);
	hist_line(b, "whole turns", &r->turns);
}

static void
count_line(struct buf *b, const char *name, uint64_t n, const char *more)
{
	if (n > 0)
		buf_printf(b, "  %-14s %9llu%s\n", name, (unsigned long long)n, more);
}

static void
other_answers(struct buf *b, const struct fleet_result *r)
{
	char status[16];

	for (int i = 0; i < 600; i++) {
		snprintf(status, sizeof status, "%d", i);
		count_line(b, status, i != 200 ? r->status[i] : 0, "");
	}
	for (int i = 0; i < FLEET_ERRORS; i++)
		count_line(b, fleet_error_name((enum fleet_error)i), r->error[i], "");
	for (int i = 0; i < FLEET_FAULTS; i++)
		count_line(b, fleet_fault_name((enum fleet_fault)i), r->fault[i], "  on purpose");
	if (r->enrollments == NULL)
		return;
	count_line(b, "enroll", r->enrollments->failed - r->enrollments->interrupted, "");
	count_line(b, "enroll-interrupted", r->enrollments->interrupted, "");
	if (r->enrollments->failed > 0)
		buf_printf(b, "  the first enrollment that failed: %s\n", r->enrollments->why);
}

void
fleet_report_table(struct buf *b, const struct fleet_plan *p, const struct fleet_result *r)
{
	buf_printf(b, "%s, %s, %s: %.0f requests/s over %.1f s, %llu errors\n", fleet_scenario_name(p->scenario),
	    p->proof == FLEET_PROOF_PROXY ? "proxy header" : "Mdm-Signature", p->tls ? "TLS" : "plain", rps(r),
	    r->seconds, (unsigned long long)fleet_result_errors(r));
	if (p->scenario == FLEET_SCENARIO_HERD)
		buf_printf(b, "  all woken within a second, at most %d connections\n", p->connections);
	else if (r->open_loop)
		buf_printf(b, "  open loop, %.0f sessions/s, at most %d connections\n", p->rate, p->connections);
	else
		buf_printf(b, "  closed loop, %d connections\n", p->connections);
	buf_printf(b, "  %llu devices' turns, %llu commands acknowledged (%.0f/s), %llu connections made\n",
	    (unsigned long long)r->sessions, (unsigned long long)r->commands,
	    r->seconds > 0 ? (double)r->commands / r->seconds : 0, (unsigned long long)r->connects);
	latency_table(b, r);
	other_answers(b, r);
	if (r->enrollments != NULL)
		buf_printf(b, "  %llu enrolled beside them\n", (unsigned long long)r->enrollments->enrolled);
	if (r->refused_without_retry_after > 0)
		buf_printf(b, "  %llu times 503 came without Retry-After\n",
		    (unsigned long long)r->refused_without_retry_after);
	if (r->unfinished > 0)
		buf_printf(b, "  %llu turns were cut off by the end\n", (unsigned long long)r->unfinished);
	buf_printf(b, "  %.1f MB out, %.1f MB in; the generator took %.1f us of CPU a request\n",
	    (double)r->bytes_out / 1e6, (double)r->bytes_in / 1e6, r->cpu_us);
}

/* ---- for programs ---- */

/* Three digits behind the point are more than is known. */
static json_t *
rounded(double d)
{
	return json_real(round(d * 1000) / 1000);
}

static void
put_hist(json_t *o, const struct fleet_hist *h)
{
	for (size_t i = 0; i < PERCENTILES; i++)
		json_object_set_new(
		    o, percentiles[i].key, rounded((double)fleet_hist_at(h, percentiles[i].share) / 1000));
	json_object_set_new(o, "mean_ms", rounded(fleet_hist_mean(h) / 1000));
	json_object_set_new(o, "max_ms", rounded((double)h->max / 1000));
}

static void
put_count(json_t *o, const char *key, uint64_t n)
{
	json_object_set_new(o, key, json_integer((json_int_t)n));
}

static json_t *
errors_object(const struct fleet_result *r)
{
	json_t *o = json_object();
	char status[16];

	for (int i = 0; i < 600; i++) {
		if (r->status[i] == 0 || i == 200)
			continue;
		snprintf(status, sizeof status, "%d", i);
		put_count(o, status, r->status[i]);
	}
	for (int i = 0; i < FLEET_ERRORS; i++)
		if (r->error[i] > 0)
			put_count(o, fleet_error_name((enum fleet_error)i), r->error[i]);
	if (r->enrollments != NULL && r->enrollments->failed > r->enrollments->interrupted)
		put_count(o, "enroll", r->enrollments->failed - r->enrollments->interrupted);
	if (r->enrollments != NULL && r->enrollments->interrupted > 0)
		put_count(o, "enroll-interrupted", r->enrollments->interrupted);
	return o;
}

void
fleet_report_json(struct buf *b, const struct fleet_plan *p, const struct fleet_result *r)
{
	struct arena *a = arena_new(0);
	json_t *o = json_keep(a, json_object()), *faults = json_object(), *corrected = json_object(),
	       *messages = json_object(), *turns = json_object();
	struct bytes text;

	json_object_set_new(o, "scenario", json_string(fleet_scenario_name(p->scenario)));
	json_object_set_new(o, "proof", json_string(p->proof == FLEET_PROOF_PROXY ? "proxy" : "signature"));
	json_object_set_new(o, "tls", json_boolean(p->tls));
	json_object_set_new(o, "loop", json_string(r->open_loop ? "open" : "closed"));
	put_count(o, "connections", (uint64_t)p->connections);
	json_object_set_new(o, "rate", rounded(p->rate));
	put_count(o, "devices", p->count > 0 ? p->count : p->fleet->head->count);
	json_object_set_new(o, "seconds", rounded(r->seconds));
	put_count(o, "requests", r->requests);
	json_object_set_new(o, "rps", rounded(rps(r)));
	put_count(o, "sessions", r->sessions);
	put_count(o, "commands", r->commands);
	if (r->enrollments != NULL) {
		put_count(o, "enrollments", r->enrollments->enrolled);
		if (r->enrollments->failed > 0)
			json_object_set_new(o, "first_error", json_string(r->enrollments->why));
	}
	json_object_set_new(o, "commands_per_s", rounded(r->seconds > 0 ? (double)r->commands / r->seconds : 0));
	put_count(o, "errors_total", fleet_result_errors(r));
	json_object_set_new(o, "errors", errors_object(r));
	put_count(o, "retries", r->retries);
	put_count(o, "refused_without_retry_after", r->refused_without_retry_after);
	put_hist(o, &r->all);
	if (!r->open_loop) {
		put_hist(corrected, &r->corrected);
		json_object_set(o, "corrected", corrected);
	}
	put_hist(turns, &r->turns);
	json_object_set(o, "turns", turns);
	for (int i = 0; i < FLEET_MESSAGES; i++) {
		json_t *m;

		if (r->by_message[i].count == 0)
			continue;
		m = json_object();
		put_count(m, "requests", r->by_message[i].count);
		put_hist(m, &r->by_message[i]);
		json_object_set_new(messages, fleet_message_name((enum fleet_message)i), m);
	}
	json_object_set(o, "messages", messages);
	for (int i = 0; i < FLEET_FAULTS; i++)
		put_count(faults, fleet_fault_name((enum fleet_fault)i), r->fault[i]);
	json_object_set(o, "faults", faults);
	json_object_set_new(o, "generator_cpu_us", rounded(r->cpu_us));
	put_count(o, "bytes_out", r->bytes_out);
	put_count(o, "bytes_in", r->bytes_in);
	put_count(o, "connects", r->connects);
	put_count(o, "unfinished", r->unfinished);
	json_decref(faults);
	json_decref(corrected);
	json_decref(messages);
	json_decref(turns);
	text = json_text(a, o, 0);
	buf_add(b, text.p, text.n);
	buf_char(b, '\n');
	arena_free(a);
}

/* ---- enrollments ---- */

void
fleet_report_enroll_table(struct buf *b, const struct fleet_enroll_plan *p, const struct fleet_enroll_result *r)
{
	buf_printf(b, "enroll: %.1f enrollments/s over %.1f s, %llu enrolled, %llu failed\n",
	    per_second(r->enrolled, r->seconds), r->seconds, (unsigned long long)r->enrolled,
	    (unsigned long long)r->failed);
	if (p->rate > 0)
		buf_printf(b, "  open loop, %.0f enrollments/s, at most %d at once\n", p->rate, p->threads);
	else
		buf_printf(b, "  closed loop, %d at once\n", p->threads);
	buf_printf(b, "  %llu requests, %.1f for each; keys were made before (%d, shared)\n",
	    (unsigned long long)r->exchanges, r->enrolled > 0 ? (double)r->exchanges / (double)r->enrolled : 0,
	    p->n_keys);
	hist_head(b);
	hist_line(b, "enrollment", &r->turns);
	for (int i = 0; i < FLEET_ENROLL_STAGES && r->at[i].stage != NULL; i++)
		buf_printf(b, "  %llu failed at %s\n", (unsigned long long)r->at[i].n, r->at[i].stage);
	if (r->failed > 0)
		buf_printf(b, "  the first: %s\n", r->why);
	buf_printf(b, "  the generator took %.2f ms of CPU an enrollment\n", r->cpu_us / 1000);
}

void
fleet_report_enroll_json(struct buf *b, const struct fleet_enroll_plan *p, const struct fleet_enroll_result *r)
{
	struct arena *a = arena_new(0);
	json_t *o = json_keep(a, json_object()), *errors = json_object();
	struct bytes text;

	json_object_set_new(o, "scenario", json_string("enroll"));
	json_object_set_new(o, "tls", json_true());
	json_object_set_new(o, "loop", json_string(p->rate > 0 ? "open" : "closed"));
	put_count(o, "connections", (uint64_t)p->threads);
	json_object_set_new(o, "rate", json_real(p->rate));
	json_object_set_new(o, "seconds", rounded(r->seconds));
	put_count(o, "requests", r->exchanges);
	put_count(o, "connects", r->connects);
	json_object_set_new(o, "rps", rounded(per_second(r->exchanges, r->seconds)));
	put_count(o, "sessions", r->enrolled);
	put_count(o, "enrollments", r->enrolled);
	json_object_set_new(o, "enrollments_per_s", rounded(per_second(r->enrolled, r->seconds)));
	put_count(o, "errors_total", r->failed);
	for (int i = 0; i < FLEET_ENROLL_STAGES && r->at[i].stage != NULL; i++)
		put_count(errors, r->at[i].stage, r->at[i].n);
	json_object_set_new(o, "errors", errors);
	if (r->failed > 0)
		json_object_set_new(o, "first_error", json_string(r->why));
	put_hist(o, &r->turns);
	json_object_set_new(o, "generator_cpu_us",
	    rounded(r->exchanges > 0 ? r->cpu_us * (double)r->enrolled / (double)r->exchanges : 0));
	json_object_set_new(o, "generator_cpu_us_per_enrollment", rounded(r->cpu_us));
	text = json_text(a, o, 0);
	buf_add(b, text.p, text.n);
	buf_char(b, '\n');
	arena_free(a);
}
