/* Classes of workers. Each class has its own queue and threads, so that polls never wait behind
 * passwords, nor either behind another server.
 *
 * Waking a thread costs more than a poll's own work, so quick jobs are given to workers that are awake:
 * another one is woken at once only while fewer run than there are cores, and otherwise when a job has
 * waited (http_work_nudge). A worker that is blocked by the store does not count as awake. Of those asleep the one
 * is woken that went to sleep last: its memory is the one that the caches still hold.
 *
 * A job runs on a stack of its own. When its call has to wait for another call's commit, the worker lays the
 * stack aside and takes the next job; the commit puts all of its calls in line again at once, and whoever is
 * awake ends them. */
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "http/channel.h"
#include "http/mem.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/work.h"

#define STACKS_QUICK 4 /* for each quick worker: jobs that wait cost no thread */

/* A stack that runs jobs, one after another. */
struct stack {
	STAILQ_ENTRY(stack) link; /* in the one list that it is in */
	struct class *class;
	struct fiber *fiber;
	struct http_job *job; /* NULL: it is done */
	bool aside; /* its call sleeps */
	bool woken; /* before it was laid aside */
	bool yields; /* ... and lets `behind` others go first */
	int behind;
};
STAILQ_HEAD(stacks, stack);

struct worker {
	SLIST_ENTRY(worker) link; /* while it is asleep */
	struct class *class;
	pthread_t thread;
	pthread_cond_t wake;
	bool woken;
};
SLIST_HEAD(workers, worker);

/* Those to signal once the lock is given back. */
#define ROUSE_MAX 16
struct roused {
	int n;
	struct worker *who[ROUSE_MAX];
};

struct class
{
	struct http_work *work;
	pthread_mutex_t lock;
	struct http_jobs jobs;
	struct stacks ready; /* woken calls; they go first */
	struct stacks later; /* calls that let others go first */
	struct stacks spare; /* without a job, the one used last first */
	int n, bound; /* jobs */
	int n_ready, stacks, stacks_max;
	int asleep; /* calls laid aside */
	struct workers sleepers; /* the last to fall asleep first */
	int workers, idle;
	int waking; /* signalled, not running yet */
	int blocked; /* busy, but blocked by the store */
	int eager; /* workers to have awake before jobs are left to them */
	bool stop;
	struct worker *worker;
};

struct http_work {
	struct http_server *server;
	struct class class[HTTP_CLASSES];
};

/* ---- who is awake ---- */

/* Up to `n` of the sleepers. The signals come after the lock is given back: a worker that woke up under it would
 * wait for it again, one more switch. */
static struct roused
rouse(struct class *q, int n)
{
	struct roused r = { 0 };
	struct worker *w;

	while (r.n < n && r.n < ROUSE_MAX && (w = SLIST_FIRST(&q->sleepers)) != NULL) {
		SLIST_REMOVE_HEAD(&q->sleepers, link);
		w->woken = true;
		q->waking++;
		r.who[r.n++] = w;
	}
	return r;
}

static void
signal_all(const struct roused *r)
{
	for (int i = 0; i < r->n; i++)
		pthread_cond_signal(&r->who[i]->wake);
}

/* Workers that will look at the queue soon. */
static int
awake(const struct class *q)
{
	return q->workers - q->idle - q->blocked + q->waking;
}

/* Whether there is something that a worker can take. */
static bool
work_waits(const struct class *q)
{
	return q->n_ready > 0 || (q->n > 0 && (!STAILQ_EMPTY(&q->spare) || q->stacks < q->stacks_max));
}

/* ---- calls that wait ---- */

static void
on_block(struct call *c, bool begins)
{
	const struct stack *s = c->host_arg;
	struct class *q = s->class;
	struct roused wake = { 0 };

	pthread_mutex_lock(&q->lock);
	q->blocked += begins ? 1 : -1;
	if (begins && q->n + q->n_ready > q->waking && work_waits(q) && awake(q) < q->eager)
		wake = rouse(q, 1);
	pthread_mutex_unlock(&q->lock);
	signal_all(&wake);
}

/* The worker that entered this stack lays it aside. */
static void
on_sleep(struct call *c)
{
	const struct stack *s = c->host_arg;

	fiber_leave(s->fiber);
}

/* q->lock is held. */
static void
make_ready(struct class *q, struct stack *s)
{
	s->woken = false;
	STAILQ_INSERT_TAIL(&q->ready, s, link);
	q->n_ready++;
}

static void
on_wake(struct call *c)
{
	struct stack *s = c->host_arg;
	struct class *q = s->class;
	struct roused wake = { 0 };

	pthread_mutex_lock(&q->lock);
	s->woken = true;
	if (s->aside) {
		s->aside = false;
		q->asleep--;
		make_ready(q, s);
		if (awake(q) < q->eager)
			wake = rouse(q, 1);
	}
	pthread_mutex_unlock(&q->lock);
	signal_all(&wake);
}

static bool
on_yield(struct call *c)
{
	struct stack *s = c->host_arg;
	struct class *q = s->class;

	if (q != &q->work->class[HTTP_QUICK]) /* a password would take too long */
		return false;
	pthread_mutex_lock(&q->lock);
	s->behind = q->n_ready + q->n < q->workers ? q->n_ready + q->n : q->workers;
	s->yields = s->behind > 0;
	pthread_mutex_unlock(&q->lock);
	if (s->behind == 0)
		return false;
	fiber_leave(s->fiber);
	return true;
}

static const struct call_host host = { on_block, on_sleep, on_wake, on_yield };

/* ---- one job ---- */

/* The handler under its arena's ceiling. A hook that hits the ceiling again ends itself only. */
static void
handle(struct stack *stack, struct http_job *j, struct http_reply *out)
{
	struct http_server *s = stack->class->work->server;
	struct call c = { .arena = j->arena, .host = &host, .host_arg = stack, .request = &j->req };
	volatile int step = 0;

	if (ARENA_GUARD(j->arena)) {
		if (step == 0) {
			log_warn(
			    "a request passed its memory ceiling", "method", j->req.method, "route", j->route->path);
			http_reply_refusal(out, 413, &j->req, s->set.problems);
		}
		step++;
	}
	if (step == 0) {
		if (s->hooks.begin != NULL)
			s->hooks.begin(&c, s->hooks.ctx);
		j->route->handler(&c, &j->req, out, j->room);
		step = 1;
	}
	if (step == 1) {
		if (out->status == 0)
			http_fail(out, RC_INTERNAL);
		if (s->hooks.done != NULL)
			s->hooks.done(&c, &j->req, out, clock_mono_us() - j->complete_us, s->hooks.ctx);
	}
}

static void
run(struct stack *stack, struct http_job *j)
{
	struct http_server *s = stack->class->work->server;
	struct http_reply out = { 0 };

	handle(stack, j, &out);
	j->close = j->close || out.close || atomic_load(&s->draining);
	j->out = http_reply_render(&out, j->head, j->close, clock_now(), &j->out_n);
	/* What the request was is wiped on this thread, and not kept until the reply is sent. */
	arena_free(j->arena);
	j->arena = NULL;
	atomic_fetch_sub(&s->held, j->payload_n);
	http_payload_free(j->payload, j->payload_n);
	j->payload = NULL;
	http_intake_give(j);
}

static void
run_jobs(void *arg)
{
	struct stack *s = arg;

	for (;;) {
		assert(s->job != NULL); /* take gave one before it was entered, every time */
		run(s, s->job);
		s->job = NULL;
		fiber_leave(s->fiber);
	}
}

/* ---- workers ---- */

static struct stack *
stack_new(struct class *q)
{
	struct stack *s = http_need(calloc(1, sizeof *s));

	s->class = q;
	s->fiber = http_need(fiber_new(run_jobs, s));
	return s;
}

/* A call that can go on, or else a new job; NULL: neither. q->lock is held. */
static struct stack *
take(struct class *q)
{
	struct stack *s = STAILQ_FIRST(&q->later);

	if (s != NULL && (s->behind-- == 0 || !work_waits(q))) {
		STAILQ_REMOVE_HEAD(&q->later, link);
		return s;
	}
	if ((s = STAILQ_FIRST(&q->ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->ready, link);
		q->n_ready--;
		return s;
	}
	if (q->stop || !work_waits(q))
		return NULL;
	if ((s = STAILQ_FIRST(&q->spare)) != NULL) {
		STAILQ_REMOVE_HEAD(&q->spare, link);
	} else {
		s = stack_new(q);
		q->stacks++;
	}
	s->job = STAILQ_FIRST(&q->jobs);
	STAILQ_REMOVE_HEAD(&q->jobs, link);
	q->n--;
	return s;
}

/* What becomes of a stack that was left. q->lock is held. */
static void
put_down(struct class *q, struct stack *s)
{
	if (s->job == NULL) {
		STAILQ_INSERT_HEAD(&q->spare, s, link);
	} else if (s->yields) {
		s->yields = false;
		STAILQ_INSERT_TAIL(&q->later, s, link);
	} else if (s->woken) {
		make_ready(q, s);
	} else {
		s->aside = true;
		q->asleep++;
	}
}

/* q->lock is held. */
static void
sleep_until_roused(struct class *q, struct worker *w)
{
	w->woken = false;
	SLIST_INSERT_HEAD(&q->sleepers, w, link);
	q->idle++;
	while (!w->woken)
		pthread_cond_wait(&w->wake, &q->lock);
	q->idle--;
	q->waking--;
}

/* Everybody looks again. */
static void
rouse_all(struct class *q)
{
	struct roused wake;

	do {
		pthread_mutex_lock(&q->lock);
		wake = rouse(q, ROUSE_MAX);
		pthread_mutex_unlock(&q->lock);
		signal_all(&wake);
	} while (wake.n > 0);
}

static void *
worker(void *arg)
{
	struct worker *w = arg;
	struct class *q = w->class;
	struct stack *s;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while ((s = take(q)) == NULL && !(q->stop && q->asleep == 0))
			sleep_until_roused(q, w);
		if (s == NULL)
			break;
		pthread_mutex_unlock(&q->lock);
		fiber_enter(s->fiber);
		pthread_mutex_lock(&q->lock);
		put_down(q, s);
	}
	pthread_mutex_unlock(&q->lock);
	rouse_all(q); /* who waits for the last call that slept is not woken by a job any more */
	return NULL;
}

/* ---- the queue ---- */

bool
http_work_post(struct http_work *w, enum http_class class, struct http_jobs *jobs)
{
	struct class *q = &w->class[class];
	struct http_job *j;
	struct roused wake;
	bool waiting;
	int n = 0;

	pthread_mutex_lock(&q->lock);
	/* Jobs that an idle worker is about to take don't wait. */
	while ((j = STAILQ_FIRST(jobs)) != NULL && q->n < q->bound + q->idle && !q->stop) {
		STAILQ_REMOVE_HEAD(jobs, link);
		STAILQ_INSERT_TAIL(&q->jobs, j, link);
		q->n++;
		n++;
	}
	wake = rouse(q, n < q->eager - awake(q) ? n : q->eager - awake(q));
	waiting = work_waits(q) && q->idle > q->waking;
	pthread_mutex_unlock(&q->lock);
	signal_all(&wake);
	return waiting;
}

bool
http_work_nudge(struct http_work *w, enum http_class class)
{
	struct class *q = &w->class[class];
	struct roused wake;
	bool waiting;

	pthread_mutex_lock(&q->lock);
	wake = rouse(q, work_waits(q) && q->n + q->n_ready > q->waking ? 1 : 0);
	waiting = work_waits(q) && q->n + q->n_ready > q->waking && q->idle > q->waking;
	pthread_mutex_unlock(&q->lock);
	signal_all(&wake);
	return waiting;
}

void
http_work_stats(struct http_work *w, enum http_class class, struct http_stats *out)
{
	struct class *q = &w->class[class];

	pthread_mutex_lock(&q->lock);
	out->queued[class] = q->n;
	out->workers[class] = q->workers;
	out->busy[class] = q->workers - q->idle;
	pthread_mutex_unlock(&q->lock);
}

/* ---- start and stop ---- */

static bool
class_start(struct http_work *w, enum http_class k)
{
	struct class *q = &w->class[k];
	int want = w->server->set.workers[k], cores = (int)sysconf(_SC_NPROCESSORS_ONLN);

	q->work = w;
	pthread_mutex_init(&q->lock, NULL);
	SLIST_INIT(&q->sleepers);
	STAILQ_INIT(&q->jobs);
	STAILQ_INIT(&q->ready);
	STAILQ_INIT(&q->later);
	STAILQ_INIT(&q->spare);
	q->stacks_max = k == HTTP_QUICK ? want * STACKS_QUICK : want;
	q->bound = w->server->set.queue[k];
	q->eager = k == HTTP_QUICK && cores < want ? cores : want;
	q->worker = http_need(calloc((size_t)want, sizeof *q->worker));
	for (int i = 0; i < want; i++) {
		q->worker[i].class = q;
		pthread_cond_init(&q->worker[i].wake, NULL);
	}
	/* Counted before it runs, under the lock, so that a post never sees fewer awake than there are. */
	pthread_mutex_lock(&q->lock);
	while (q->workers < want &&
	       pthread_create(&q->worker[q->workers].thread, NULL, worker, &q->worker[q->workers]) == 0)
		q->workers++;
	pthread_mutex_unlock(&q->lock);
	return q->workers == want;
}

/* Called with all signals blocked, which the threads inherit: signals are the program's, and a peer that
 * left is an EPIPE, not a SIGPIPE. */
struct http_work *
http_work_start(struct http_server *s)
{
	struct http_work *w = http_need(calloc(1, sizeof *w));
	bool good = true;

	w->server = s;
	for (int k = 0; k < HTTP_CLASSES; k++)
		good = class_start(w, (enum http_class)k) && good;
	if (!good) {
		http_work_stop(w);
		http_work_free(w);
		return NULL;
	}
	return w;
}

void
http_work_stop(struct http_work *w)
{
	for (int k = 0; w != NULL && k < HTTP_CLASSES; k++) {
		struct class *q = &w->class[k];
		struct http_job *j;

		pthread_mutex_lock(&q->lock);
		q->stop = true;
		while ((j = STAILQ_FIRST(&q->jobs)) != NULL) {
			STAILQ_REMOVE_HEAD(&q->jobs, link);
			http_job_free(j);
		}
		q->n = 0;
		pthread_mutex_unlock(&q->lock);
		rouse_all(q);
	}
	for (int k = 0; w != NULL && k < HTTP_CLASSES; k++) {
		for (int i = 0; i < w->class[k].workers; i++)
			pthread_join(w->class[k].worker[i].thread, NULL);
		w->class[k].workers = 0;
	}
}

void
http_work_free(struct http_work *w)
{
	for (int k = 0; w != NULL && k < HTTP_CLASSES; k++) {
		struct stack *s;

		while ((s = STAILQ_FIRST(&w->class[k].spare)) != NULL) {
			STAILQ_REMOVE_HEAD(&w->class[k].spare, link);
			fiber_free(s->fiber);
			free(s);
		}
		for (int i = 0; i < w->server->set.workers[k]; i++)
			pthread_cond_destroy(&w->class[k].worker[i].wake);
		pthread_mutex_destroy(&w->class[k].lock);
		free(w->class[k].worker);
	}
	free(w);
}
