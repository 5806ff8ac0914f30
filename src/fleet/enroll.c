#include "fleet/enroll.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "device/enroll.h"
#include "device/identity.h"

#define SECOND_US INT64_C(1000000)
#define PAUSE_US 200000 /* after a failure: a server that is gone is not asked a thousand times a second */

struct party { /* what the threads share */
	const struct fleet_enroll_plan *plan;
	struct fleet_enroll_result *result;
	pthread_mutex_t lock; /* over all below, and the result */
	int64_t began, measured_from, until, next_due;
	uint64_t next, begun_in_all;
	bool measuring, ended;
	struct device_self self; /* one built-in identity for all */
	struct rusage from;
};

static bool
is_stopped(const struct party *p)
{
	return p->plan->stop != NULL && *p->plan->stop != 0;
}

static void
sleep_until(const struct party *p, int64_t due)
{
	while (!is_stopped(p)) {
		int64_t left = due - clock_mono_us();
		struct timespec wait;

		if (left <= 0)
			return;
		left = left < SECOND_US / 10 ? left : SECOND_US / 10;
		wait = (struct timespec){ left / SECOND_US, left % SECOND_US * 1000 };
		nanosleep(&wait, NULL);
	}
}

/* ---- one enrollment ---- */

static void
note_failure(struct party *p, const struct device *d)
{
	struct fleet_enroll_result *r = p->result;
	int i = 0;

	if (r->failed++ == 0)
		snprintf(r->why, sizeof r->why, "%s: %.480s", d->story.stage, d->err.text);
	while (i < FLEET_ENROLL_STAGES - 1 && r->at[i].stage != NULL && strcmp(r->at[i].stage, d->story.stage) != 0)
		i++;
	r->at[i].stage = d->story.stage;
	r->at[i].n++;
}

static void
note(struct party *p, const struct device *d, bool good, bool counts, int64_t due)
{
	struct fleet_enroll_result *r = p->result;

	pthread_mutex_lock(&p->lock);
	if (!good)
		note_failure(p, d);
	if (good && p->plan->ledger != NULL)
		fprintf(
		    p->plan->ledger, "enrolled %s\n", d->en.enrollment_id != NULL ? d->en.enrollment_id : d->self.udid);
	if (counts && p->measuring) {
		r->exchanges += d->exchanges;
		r->connects += d->connects;
		if (good) {
			r->enrolled++;
			fleet_hist_add(&r->turns, (uint64_t)(clock_mono_us() - due));
		}
	}
	pthread_mutex_unlock(&p->lock);
}

static bool
enroll(struct party *p, uint64_t i, bool counts, int64_t due)
{
	const struct fleet_enroll_plan *plan = p->plan;
	struct device_plan how = { .person = {
				       .identifier = plan->users[i % plan->n_users], .password = plan->password } };
	struct arena *a = arena_new(0);
	struct device d;
	enum rc rc;

	device_init(&d, a, NULL, STORY_QUIET, stdout);
	d.self = p->self;
	d.family = device_family_find(p->self.family);
	d.identity_key = plan->keys[i % (uint64_t)plan->n_keys];
	rc = device_enroll(&d, &how);
	note(p, &d, rc == RC_OK, counts, due);
	device_close(&d);
	arena_free(a);
	return rc == RC_OK;
}

/* Whether there is another one to begin, which one, and when. */
static bool
take(struct party *p, uint64_t *i, int64_t *due, bool *counts)
{
	const struct fleet_enroll_plan *plan = p->plan;
	int64_t now = clock_mono_us();
	bool more;

	pthread_mutex_lock(&p->lock);
	*due = now;
	if (plan->rate > 0) {
		*due = p->next_due;
		p->next_due += (int64_t)(1e6 / plan->rate);
	}
	more = !p->ended && !is_stopped(p) && *due < p->until && (plan->count == 0 || p->next < plan->count);
	*i = p->next;
	p->next += more;
	*counts = *due >= p->measured_from;
	p->result->begun += more && *counts;
	pthread_mutex_unlock(&p->lock);
	return more;
}

static void *
work(void *arg)
{
	struct party *p = arg;
	int64_t due;
	uint64_t i;
	bool counts;

	while (take(p, &i, &due, &counts)) {
		sleep_until(p, due);
		if (!enroll(p, i, counts, due))
			sleep_until(p, clock_mono_us() + PAUSE_US);
	}
	return NULL;
}

/* ---- all of them ---- */

static void
show(struct party *p)
{
	const struct fleet_enroll_result *r = p->result;
	double s = (double)(clock_mono_us() - p->measured_from) / 1e6;

	pthread_mutex_lock(&p->lock);
	fprintf(stderr, "\r%5.0f s%s  %llu enrolled  %.1f/s  p50 %.0f ms  p99 %.0f ms  %llu failed \033[K", s,
	    p->measuring ? "" : " (warm-up)", (unsigned long long)r->enrolled, s > 0 ? (double)r->enrolled / s : 0,
	    (double)fleet_hist_at(&r->turns, 0.5) / 1000, (double)fleet_hist_at(&r->turns, 0.99) / 1000,
	    (unsigned long long)r->failed);
	pthread_mutex_unlock(&p->lock);
}

static double
cpu_between(const struct rusage *a, const struct rusage *b)
{
	return (double)(b->ru_utime.tv_sec - a->ru_utime.tv_sec + b->ru_stime.tv_sec - a->ru_stime.tv_sec) * 1e6 +
	       (double)(b->ru_utime.tv_usec - a->ru_utime.tv_usec + b->ru_stime.tv_usec - a->ru_stime.tv_usec);
}

/* Waits for the beginning of what is measured and for its end, and freezes the result there. */
static void
keep_time(struct party *p)
{
	struct rusage to;

	sleep_until(p, p->measured_from);
	pthread_mutex_lock(&p->lock);
	p->measuring = true;
	getrusage(RUSAGE_SELF, &p->from);
	pthread_mutex_unlock(&p->lock);
	while (clock_mono_us() < p->until && !is_stopped(p)) {
		bool all;

		sleep_until(p, clock_mono_us() + SECOND_US / 5);
		if (p->plan->show)
			show(p);
		pthread_mutex_lock(&p->lock);
		all = p->plan->count > 0 && p->result->enrolled + p->result->failed >= p->plan->count;
		pthread_mutex_unlock(&p->lock);
		if (all)
			break;
	}
	pthread_mutex_lock(&p->lock);
	getrusage(RUSAGE_SELF, &to);
	p->measuring = false;
	p->ended = true;
	p->result->seconds = (double)(clock_mono_us() - p->measured_from) / 1e6;
	p->result->cpu_us = p->result->enrolled > 0 ? cpu_between(&p->from, &to) / (double)p->result->enrolled : 0;
	pthread_mutex_unlock(&p->lock);
	if (p->plan->show)
		fputs("\r\033[K", stderr);
}

/* One built-in identity, as one Mac that tries again and again; its maker is a test CA. */
static enum rc
give_identity(struct party *p, struct arena *a, struct err *e)
{
	const struct fleet_enroll_plan *plan = p->plan;
	const char **connect_to = arena_array(a, 2, sizeof *connect_to);
	struct device d;
	enum rc rc;

	rc = device_ca_make(a, plan->ca_dir, clock_now(), e);
	if (rc != RC_OK && rc != RC_CONFLICT)
		return rc;
	device_init(&d, a, NULL, STORY_QUIET, stdout);
	d.self = (struct device_self){ .family = plan->family != NULL ? plan->family : "iPhone",
		.udid = "00008140-0000000000000000",
		.serial = "FLEET00000",
		.language = "en",
		.ca_file = plan->ca_file,
		.maid_verdict = "accept" };
	d.family = device_family_find(d.self.family);
	d.self.os = plan->os != NULL ? plan->os : d.family->default_os;
	if (plan->connect != NULL) {
		connect_to[0] = arena_printf(a, "::%s", plan->connect);
		d.self.connect_to = connect_to;
	}
	if ((rc = device_identity_make(&d, plan->ca_dir, X509_RSA_2048, clock_now())) != RC_OK)
		*e = d.err;
	p->self = d.self;
	device_close(&d);
	return rc;
}

static enum rc
run_threads(struct party *p, struct err *e)
{
	pthread_t *threads = calloc((size_t)p->plan->threads, sizeof *threads);
	enum rc rc = RC_OK;
	int n = 0;

	if (threads == NULL)
		abort();
	p->began = clock_mono_us();
	p->measured_from = p->began + (int64_t)(p->plan->warmup_s * 1e6);
	p->until = p->measured_from + (int64_t)(p->plan->duration_s * 1e6);
	p->next_due = p->began;
	while (n < p->plan->threads && pthread_create(&threads[n], NULL, work, p) == 0)
		n++;
	if (n < p->plan->threads)
		rc = fail(e, RC_UNAVAILABLE, "only %d of %d threads could be made", n, p->plan->threads);
	else
		keep_time(p);
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	return rc;
}

enum rc
fleet_enroll_run(const struct fleet_enroll_plan *plan, struct fleet_enroll_result *out, struct err *e)
{
	struct party p = { .plan = plan, .result = out };
	struct arena *a = arena_new(0);
	struct http_client *first = NULL;
	enum rc rc;

	memset(out, 0, sizeof *out);
	pthread_mutex_init(&p.lock, NULL);
	/* One client before there are threads: the library sets itself up in the first. */
	if ((rc = http_client_open(&(struct http_client_settings){ 0 }, &first, e)) == RC_OK &&
	    (rc = give_identity(&p, a, e)) == RC_OK)
		rc = run_threads(&p, e);
	http_client_close(first);
	pthread_mutex_destroy(&p.lock);
	arena_free(a);
	return rc;
}
