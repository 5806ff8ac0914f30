#include "fleet/enroll.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/hash.h"
#include "device/enroll.h"
#include "device/identity.h"
#include "fmt/base64.h"

#define SECOND_US INT64_C(1000000)
#define PAUSE_US 200000 /* after a failure: a server that is gone is not asked a thousand times a second */

struct fleet_enroll { /* what the threads share */
	const struct fleet_enroll_plan *plan;
	struct fleet_enroll_result *result;
	struct arena *arena;
	struct http_client *first;
	pthread_t *threads;
	int n_threads;
	pthread_mutex_t lock; /* over all below, and the result */
	pthread_cond_t due; /* one was offered, or it is over */
	int offered, busy;
	int64_t began, measured_from, until, next_due;
	uint64_t next, begun_in_all;
	bool measuring, ended;
	struct device_self self; /* one built-in identity for all */
	struct rusage from;
};

static bool
is_stopped(const struct fleet_enroll *p)
{
	return p->plan->stop != NULL && *p->plan->stop != 0;
}

static void
sleep_until(const struct fleet_enroll *p, int64_t due)
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
note_failure(struct fleet_enroll *p, const struct device *d)
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

/* What the server acknowledged: a certificate by sending it, the enrollment by its answer to the first TokenUpdate. */
static void
note_ledger(FILE *ledger, const struct device *d, bool enrolled)
{
	if (d->en.certificate.p != NULL)
		fprintf(ledger, "issued %s\n", hex_encode(d->arena, crypto_sha256(d->arena, d->en.certificate)));
	if (enrolled)
		fprintf(ledger, "enrolled %s\n", d->en.enrollment_id != NULL ? d->en.enrollment_id : d->self.udid);
	fflush(ledger);
}

static void
note(struct fleet_enroll *p, const struct device *d, enum rc rc, bool counts, int64_t due)
{
	struct fleet_enroll_result *r = p->result;

	pthread_mutex_lock(&p->lock);
	p->busy--;
	if (rc != RC_OK)
		note_failure(p, d);
	r->interrupted += rc != RC_OK && (d->answered == 0 || d->answered == 503);
	if (p->plan->ledger != NULL)
		note_ledger(p->plan->ledger, d, rc == RC_OK);
	if (counts && p->measuring) {
		r->exchanges += d->exchanges;
		r->connects += d->connects;
		if (rc == RC_OK) {
			r->enrolled++;
			fleet_hist_add(&r->turns, (uint64_t)(clock_mono_us() - due));
		}
	}
	pthread_mutex_unlock(&p->lock);
}

static bool
enroll(struct fleet_enroll *p, uint64_t i, bool counts, int64_t due)
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
	note(p, &d, rc, counts, due);
	device_close(&d);
	arena_free(a);
	return rc == RC_OK;
}

/* Whether there is another one to begin, which one, and when. */
static bool
take(struct fleet_enroll *p, uint64_t *i, int64_t *due, bool *counts)
{
	const struct fleet_enroll_plan *plan = p->plan;
	int64_t now = clock_mono_us();
	bool more;

	pthread_mutex_lock(&p->lock);
	while (plan->offered && p->offered == 0 && !p->ended)
		pthread_cond_wait(&p->due, &p->lock);
	p->offered -= plan->offered && !p->ended;
	*due = now;
	if (plan->rate > 0) {
		*due = p->next_due;
		p->next_due += (int64_t)(1e6 / plan->rate);
	}
	more = !p->ended && !is_stopped(p) && *due < p->until && (plan->count == 0 || p->next < plan->count);
	*i = p->next;
	p->next += more;
	p->busy += more;
	*counts = *due >= p->measured_from;
	p->result->begun += more && *counts;
	pthread_mutex_unlock(&p->lock);
	return more;
}

static void *
work(void *arg)
{
	struct fleet_enroll *p = arg;
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
show(struct fleet_enroll *p)
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
keep_time(struct fleet_enroll *p)
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
give_identity(struct fleet_enroll *p, struct arena *a, struct err *e)
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
begin_threads(struct fleet_enroll *p, struct err *e)
{
	const struct fleet_enroll_plan *plan = p->plan;

	if ((p->threads = calloc((size_t)plan->threads, sizeof *p->threads)) == NULL)
		abort();
	p->began = clock_mono_us();
	p->measured_from = p->began + (int64_t)(plan->warmup_s * 1e6);
	p->until = p->measured_from + (int64_t)(plan->duration_s * 1e6);
	p->next_due = p->began;
	while (p->n_threads < plan->threads && pthread_create(&p->threads[p->n_threads], NULL, work, p) == 0)
		p->n_threads++;
	if (p->n_threads < plan->threads)
		return fail(e, RC_UNAVAILABLE, "only %d of %d threads could be made", p->n_threads, plan->threads);
	return RC_OK;
}

enum rc
fleet_enroll_begin(
    const struct fleet_enroll_plan *plan, struct fleet_enroll_result *out, struct fleet_enroll **party, struct err *e)
{
	struct fleet_enroll *p = calloc(1, sizeof *p);
	enum rc rc;

	*party = NULL;
	if (p == NULL)
		abort();
	memset(out, 0, sizeof *out);
	p->plan = plan;
	p->result = out;
	p->arena = arena_new(0);
	p->measuring = plan->offered;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->due, NULL);
	/* One client before there are threads: the library sets itself up in the first. */
	if ((rc = http_client_open(&(struct http_client_settings){ 0 }, &p->first, e)) == RC_OK &&
	    (rc = give_identity(p, p->arena, e)) == RC_OK && (rc = begin_threads(p, e)) == RC_OK) {
		*party = p;
		return RC_OK;
	}
	fleet_enroll_end(p);
	return rc;
}

bool
fleet_enroll_offer(struct fleet_enroll *p)
{
	bool taken;

	pthread_mutex_lock(&p->lock);
	taken = !p->ended && p->offered + p->busy < p->n_threads;
	p->offered += taken;
	if (taken)
		pthread_cond_signal(&p->due);
	pthread_mutex_unlock(&p->lock);
	return taken;
}

void
fleet_enroll_end(struct fleet_enroll *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->ended = true;
	pthread_cond_broadcast(&p->due);
	pthread_mutex_unlock(&p->lock);
	for (int i = 0; i < p->n_threads; i++)
		pthread_join(p->threads[i], NULL);
	free(p->threads);
	http_client_close(p->first);
	pthread_cond_destroy(&p->due);
	pthread_mutex_destroy(&p->lock);
	arena_free(p->arena);
	free(p);
}

enum rc
fleet_enroll_run(const struct fleet_enroll_plan *plan, struct fleet_enroll_result *out, struct err *e)
{
	struct fleet_enroll *p;
	enum rc rc = fleet_enroll_begin(plan, out, &p, e);

	if (rc == RC_OK)
		keep_time(p);
	fleet_enroll_end(p);
	return rc;
}
