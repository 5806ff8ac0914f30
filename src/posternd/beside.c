#include "posternd/beside.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "http/trace.h"

#define THREADS_MAX 8

struct beside {
	const char *what;
	int pause_ms;
	beside_look *look;
	void *arg;
	void (*begin)(struct call *c, void *ctx);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool stop;
	pthread_t thread[THREADS_MAX];
	int n;
};

/* True: something was due, and more may be. */
static bool
once(struct beside *b)
{
	struct call c = { .arena = arena_new(0) };
	bool more = false;

	b->begin(&c, b->ctx);
	if (b->look(b->arg, &c, &more) != RC_OK) {
		log_warn(b->what, "attempt", c.trace, "trace", http_trace_id(&c), "error", c.err.text);
		more = false;
	}
	arena_free(c.arena);
	return more;
}

/* False: it is over. */
static bool
pause_between(struct beside *b, bool more)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += (long)(b->pause_ms % 1000) * 1000000;
	until.tv_sec += b->pause_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&b->lock);
	if (!more && !b->stop)
		pthread_cond_timedwait(&b->ended, &b->lock, &until);
	stop = b->stop;
	pthread_mutex_unlock(&b->lock);
	return !stop;
}

static void *
run(void *arg)
{
	struct beside *b = arg;

	while (pause_between(b, once(b)))
		continue;
	return NULL;
}

struct beside *
beside_start(const char *what, int threads, int pause_ms, beside_look *look, void *arg,
    void (*begin)(struct call *c, void *ctx), void *ctx)
{
	struct beside *b = calloc(1, sizeof *b);

	if (b == NULL)
		abort();
	b->what = what;
	b->pause_ms = pause_ms;
	b->look = look;
	b->arg = arg;
	b->begin = begin;
	b->ctx = ctx;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->ended, NULL);
	while (b->n < threads && b->n < THREADS_MAX && pthread_create(&b->thread[b->n], NULL, run, b) == 0)
		b->n++;
	return b;
}

void
beside_stop(struct beside *b)
{
	if (b == NULL)
		return;
	pthread_mutex_lock(&b->lock);
	b->stop = true;
	pthread_cond_broadcast(&b->ended);
	pthread_mutex_unlock(&b->lock);
	for (int i = 0; i < b->n; i++)
		pthread_join(b->thread[i], NULL);
	pthread_cond_destroy(&b->ended);
	pthread_mutex_destroy(&b->lock);
	free(b);
}
