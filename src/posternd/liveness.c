#include "posternd/liveness.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"

#define THREADS 4
#define PAUSE_S 1 /* where nothing is due */

struct liveness {
	struct idp *idp;
	void (*begin)(struct call *c, void *ctx);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool stop;
	pthread_t thread[THREADS];
	int n;
};

/* True: somebody was due, and more may be. */
static bool
look(struct liveness *l)
{
	struct call c = { .arena = arena_new(0) };
	bool found = false;

	l->begin(&c, l->ctx);
	if (idp_look(l->idp, &c, &found) != RC_OK) {
		log_warn("sign-ins are not asked for", "attempt", c.trace, "error", c.err.text);
		found = false;
	}
	arena_free(c.arena);
	return found;
}

/* False: it is over. */
static bool
pause_between(struct liveness *l, bool found)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PAUSE_S;
	pthread_mutex_lock(&l->lock);
	if (!found && !l->stop)
		pthread_cond_timedwait(&l->ended, &l->lock, &until);
	stop = l->stop;
	pthread_mutex_unlock(&l->lock);
	return !stop;
}

static void *
run(void *arg)
{
	struct liveness *l = arg;

	while (pause_between(l, look(l)))
		continue;
	return NULL;
}

struct liveness *
liveness_start(struct idp *idp, void (*begin)(struct call *c, void *ctx), void *ctx)
{
	struct liveness *l = calloc(1, sizeof *l);

	if (l == NULL)
		abort();
	l->idp = idp;
	l->begin = begin;
	l->ctx = ctx;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->ended, NULL);
	while (l->n < THREADS && pthread_create(&l->thread[l->n], NULL, run, l) == 0)
		l->n++;
	return l;
}

void
liveness_stop(struct liveness *l)
{
	if (l == NULL)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_cond_broadcast(&l->ended);
	pthread_mutex_unlock(&l->lock);
	for (int i = 0; i < l->n; i++)
		pthread_join(l->thread[i], NULL);
	pthread_cond_destroy(&l->ended);
	pthread_mutex_destroy(&l->lock);
	free(l);
}
