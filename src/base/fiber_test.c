/* What moves between stacks and threads, and comes back. */
#include "base/fiber.h"

#include <pthread.h>
#include <unistd.h>

#include "base/tap.h"

struct counter {
	struct fiber *fiber;
	int n;
	pid_t thread; /* that it last went on in; pthread_self would be asked once only */
};

static void
count(void *arg)
{
	struct counter *c = arg;
	volatile int mine[64] = { 0 };

	for (;;) {
		mine[c->n % 64]++;
		c->n += mine[c->n % 64];
		c->thread = gettid();
		fiber_leave(c->fiber);
	}
}

static void *
enter(void *arg)
{
	fiber_enter(arg);
	return NULL;
}

int
main(void)
{
	struct counter a = { 0 }, b = { 0 };
	pthread_t thread;

	a.fiber = fiber_new(count, &a);
	b.fiber = fiber_new(count, &b);
	if (!ok(a.fiber != NULL && b.fiber != NULL, "two stacks"))
		return done();
	fiber_enter(a.fiber);
	fiber_enter(a.fiber);
	fiber_enter(b.fiber);
	ok(a.n == 2 && b.n == 1, "each goes on where it left off");
	ok(a.thread == gettid(), "it runs on the thread that entered");
	pthread_create(&thread, NULL, enter, a.fiber);
	pthread_join(thread, NULL);
	ok(a.n == 3 && a.thread != gettid(), "... which may be another one the next time");
	fiber_free(a.fiber);
	fiber_free(b.fiber);
	fiber_free(fiber_new(count, &a));
	fiber_free(NULL);
	ok(1, "what never began is freed as well as what left");
	return done();
}
