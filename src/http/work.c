/* Classes of workers. Each class has its own queue and threads, so that polls never wait behind
 * passwords, nor either behind another server.
 *
 * Waking a thread costs more than a poll's own work, so quick jobs are given to workers that are awake:
 * another one is woken at once only while fewer run than there are cores, and otherwise when a job has
 * waited (http_work_nudge). A worker that says it waits for the store's commit does not count as awake. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/mem.h"
#include "http/reply.h"
#include "http/serve.h"

struct class
{
	struct http_work *work;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct http_jobs jobs;
	int n, bound;
	int workers, idle;
	int waking; /* signalled, not running yet */
	int waiting; /* busy, but asleep in the store */
	int eager; /* workers to have awake before jobs are left to them */
	bool stop;
	pthread_t *thread;
};

struct http_work {
	struct http_server *server;
	struct class class[HTTP_CLASSES];
};

void
http_job_free(struct http_server *s, struct http_job *j)
{
	arena_free(j->arena);
	if (j->body != NULL) {
		explicit_bzero(j->body, j->body_n);
		free(j->body);
		atomic_fetch_sub(&s->body_bytes, j->body_size);
	}
	if (j->out != NULL) {
		explicit_bzero(j->out, j->out_n);
		free(j->out);
	}
	free(j);
}

/* ---- who is awake ---- */

/* How many to signal, at most `n`. The signals come after the lock is given back: a worker that woke up
 * under it would wait for it again, one more switch. */
static int
rouse(struct class *q, int n)
{
	int sleeping = q->idle - q->waking;

	n = n < sleeping ? n : sleeping;
	if (n <= 0)
		return 0;
	q->waking += n;
	return n;
}

static void
signal_all(struct class *q, int n)
{
	while (n-- > 0)
		pthread_cond_signal(&q->more);
}

/* Workers that will look at the queue soon. */
static int
awake(const struct class *q)
{
	return q->workers - q->idle - q->waiting + q->waking;
}

/* A worker goes to sleep in the store, or comes back. */
static void
on_wait(struct call *c, bool begins)
{
	struct class *q = c->waits_for;
	int wake = 0;

	pthread_mutex_lock(&q->lock);
	q->waiting += begins ? 1 : -1;
	if (begins && q->n > q->waking && awake(q) < q->eager)
		wake = rouse(q, 1);
	pthread_mutex_unlock(&q->lock);
	signal_all(q, wake);
}

/* ---- one job ---- */

/* The handler under its arena's ceiling. A hook that hits the ceiling again ends itself only. */
static void
handle(struct class *q, struct http_job *j, struct http_reply *out)
{
	struct http_server *s = q->work->server;
	struct call c = { .arena = j->arena, .waits = on_wait, .waits_for = q };
	volatile int step = 0;
	volatile int64_t began = clock_mono_us();

	if (ARENA_GUARD(j->arena)) {
		if (step == 0) {
			log_warn(
			    "a request passed its memory ceiling", "method", j->req.method, "route", j->route->path);
			http_reply_fixed(out, 413);
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
			s->hooks.done(&c, &j->req, out, clock_mono_us() - began, s->hooks.ctx);
	}
}

static void
run(struct class *q, struct http_job *j)
{
	struct http_server *s = q->work->server;
	struct http_reply out = { 0 };

	handle(q, j, &out);
	j->close = j->close || out.close || atomic_load(&s->draining);
	j->out = http_reply_render(&out, j->head, j->close, clock_now(), &j->out_n);
	arena_free(j->arena);
	j->arena = NULL;
	http_loop_give(j->loop, j);
}

static void *
worker(void *arg)
{
	struct class *q = arg;
	struct http_job *j;

	pthread_mutex_lock(&q->lock);
	for (;;) {
		while (!q->stop && STAILQ_EMPTY(&q->jobs)) {
			q->idle++;
			pthread_cond_wait(&q->more, &q->lock);
			q->idle--;
			if (q->waking > 0)
				q->waking--;
		}
		if (q->stop)
			break;
		j = STAILQ_FIRST(&q->jobs);
		STAILQ_REMOVE_HEAD(&q->jobs, link);
		q->n--;
		pthread_mutex_unlock(&q->lock);
		run(q, j);
		pthread_mutex_lock(&q->lock);
	}
	pthread_mutex_unlock(&q->lock);
	return NULL;
}

/* ---- the queue ---- */

bool
http_work_post(struct http_work *w, enum http_class class, struct http_jobs *jobs)
{
	struct class *q = &w->class[class];
	struct http_job *j;
	bool waiting;
	int n = 0, wake;

	pthread_mutex_lock(&q->lock);
	/* Jobs that an idle worker is about to take don't wait. */
	while ((j = STAILQ_FIRST(jobs)) != NULL && q->n < q->bound + q->idle && !q->stop) {
		STAILQ_REMOVE_HEAD(jobs, link);
		STAILQ_INSERT_TAIL(&q->jobs, j, link);
		q->n++;
		n++;
	}
	wake = rouse(q, n < q->eager - awake(q) ? n : q->eager - awake(q));
	waiting = q->n > 0 && q->idle > q->waking;
	pthread_mutex_unlock(&q->lock);
	signal_all(q, wake);
	return waiting;
}

bool
http_work_nudge(struct http_work *w, enum http_class class)
{
	struct class *q = &w->class[class];
	bool waiting;
	int wake;

	pthread_mutex_lock(&q->lock);
	wake = rouse(q, q->n > q->waking ? 1 : 0);
	waiting = q->n > q->waking && q->idle > q->waking;
	pthread_mutex_unlock(&q->lock);
	signal_all(q, wake);
	return waiting;
}

int
http_work_queued(struct http_work *w, enum http_class class)
{
	struct class *q = &w->class[class];
	int n;

	pthread_mutex_lock(&q->lock);
	n = q->n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

/* ---- start and stop ---- */

static bool
class_start(struct http_work *w, enum http_class k)
{
	struct class *q = &w->class[k];
	int want = w->server->set.workers[k], cores = (int)sysconf(_SC_NPROCESSORS_ONLN);

	q->work = w;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->more, NULL);
	STAILQ_INIT(&q->jobs);
	q->bound = w->server->set.queue[k];
	q->eager = k == HTTP_QUICK && cores < want ? cores : want;
	q->thread = http_need(calloc((size_t)want, sizeof *q->thread));
	/* Counted before it runs, under the lock, so that a post never sees fewer awake than there are. */
	pthread_mutex_lock(&q->lock);
	while (q->workers < want && pthread_create(&q->thread[q->workers], NULL, worker, q) == 0)
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
		pthread_cond_broadcast(&q->more);
		while ((j = STAILQ_FIRST(&q->jobs)) != NULL) {
			STAILQ_REMOVE_HEAD(&q->jobs, link);
			http_loop_give(j->loop, j);
		}
		q->n = 0;
		pthread_mutex_unlock(&q->lock);
	}
	for (int k = 0; w != NULL && k < HTTP_CLASSES; k++) {
		for (int i = 0; i < w->class[k].workers; i++)
			pthread_join(w->class[k].thread[i], NULL);
		w->class[k].workers = 0;
	}
}

void
http_work_free(struct http_work *w)
{
	for (int k = 0; w != NULL && k < HTTP_CLASSES; k++) {
		pthread_cond_destroy(&w->class[k].more);
		pthread_mutex_destroy(&w->class[k].lock);
		free(w->class[k].thread);
	}
	free(w);
}
