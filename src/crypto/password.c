#include "crypto/password.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crypto/hasher.h"

_Static_assert(PASSWORD_MAX <= HASHER_PASSWORD_MAX, "a password fits into what is sent to the hasher");

/* Made once with these costs from a random password that nobody kept. */
static const char nobody[crypto_pwhash_STRBYTES] =
    "$argon2id$v=19$m=19456,t=2,p=1$KvZtNMFoDydAj6MO+Wv90A$C3idc1nfyLbXKy97XYEHrLQSSWOEuzNSHZwFve+Ot3M";

/* Whoever waits stands in line, on its own stack, and is handed the place of someone who leaves: a
 * newcomer can't slip in between, so the order of arrival holds and no one starves. */
struct waiter {
	struct waiter *next;
	pthread_cond_t turn;
	int place; /* -1: none yet */
};

struct password_gate {
	pthread_mutex_t lock;
	struct waiter *first, **last;
	struct hasher *hasher; /* at_once of them */
	bool *busy;
	int at_once;
	int waiting, waiting_max;
	int wait_ms;
	enum sandbox_mode mode;
};

/* Never all of them: with a hash on every processor whatever wakes up waits for the kernel's next tick, however
 * low the hash's priority (measured with two on two, 250 ticks a second: p99 4 ms; with one, as without). */
static int
half_of_processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 3 ? (int)(n / 2) : 1;
}

struct password_gate *
password_gate_new(int at_once, int waiting, int wait_ms, enum sandbox_mode mode)
{
	struct password_gate *g = calloc(1, sizeof *g);

	if (g == NULL || pthread_mutex_init(&g->lock, NULL) != 0)
		abort();
	g->last = &g->first;
	g->mode = mode;
	g->at_once = at_once > 0 ? at_once : half_of_processors();
	g->waiting_max = waiting > 0 ? waiting : 64;
	g->wait_ms = wait_ms > 0 ? wait_ms : 8000;
	g->hasher = calloc((size_t)g->at_once, sizeof *g->hasher);
	g->busy = calloc((size_t)g->at_once, sizeof *g->busy);
	if (g->hasher == NULL || g->busy == NULL)
		abort();
	/* Now, while this process holds no keys that they would have a copy of. */
	for (int i = 0; i < g->at_once; i++)
		(void)hasher_start(&g->hasher[i], mode); /* one that is missing is started when it is needed */
	return g;
}

void
password_gate_free(struct password_gate *g)
{
	if (g == NULL)
		return;
	for (int i = 0; i < g->at_once; i++)
		hasher_stop(&g->hasher[i]);
	pthread_mutex_destroy(&g->lock);
	free(g->hasher);
	free(g->busy);
	free(g);
}

static void
unlink_waiter(struct password_gate *g, struct waiter *w)
{
	struct waiter **at = &g->first;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (g->last == &w->next)
		g->last = at;
	g->waiting--;
}

static struct timespec
in_ms(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* The place that was handed on, or -1 when the time is over. */
static int
wait_in_line(struct password_gate *g)
{
	struct waiter w = { .next = NULL, .place = -1 };
	struct timespec end = in_ms(g->wait_ms);
	pthread_condattr_t monotonic;
	int r = 0;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w.turn, &monotonic);
	pthread_condattr_destroy(&monotonic);

	*g->last = &w;
	g->last = &w.next;
	g->waiting++;
	while (w.place < 0 && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&w.turn, &g->lock, &end);
	if (w.place < 0)
		unlink_waiter(g, &w);
	pthread_cond_destroy(&w.turn);
	return w.place;
}

static int
enter(struct password_gate *g)
{
	int place = 0;

	pthread_mutex_lock(&g->lock);
	while (place < g->at_once && g->busy[place])
		place++;
	if (place < g->at_once)
		g->busy[place] = true;
	else
		place = g->waiting < g->waiting_max ? wait_in_line(g) : -1;
	pthread_mutex_unlock(&g->lock);
	return place;
}

static void
leave(struct password_gate *g, int place)
{
	struct waiter *w;

	pthread_mutex_lock(&g->lock);
	w = g->first;
	if (w == NULL) {
		g->busy[place] = false;
	} else {
		unlink_waiter(g, w);
		w->place = place;
		pthread_cond_signal(&w->turn);
	}
	pthread_mutex_unlock(&g->lock);
}

/* Compute where the gate has a place. A process that ended (the kernel takes from the largest when memory is short) is
 * replaced, and the password tried with the new one; not a third time, since it may be what ended both. */
static enum rc
compute(struct password_gate *g, const struct hasher_work *w, struct hasher_result *out, struct err *e)
{
	int place, r = -1;

	if (g == NULL) {
		hasher_compute(w, out);
		return RC_OK;
	}
	if ((place = enter(g)) < 0)
		return fail(e, RC_UNAVAILABLE, "too many passwords are being checked at the moment");
	for (int tries = 0; tries < 2 && r != 0; tries++) {
		r = g->hasher[place].fd < 0 ? hasher_start(&g->hasher[place], g->mode) : 0;
		if (r == 0)
			r = hasher_ask(&g->hasher[place], w, out);
	}
	leave(g, place);
	return r == 0 ? RC_OK : fail(e, RC_UNAVAILABLE, "the process that checks passwords has ended; try again");
}

static bool
acceptable(const char *password, size_t *n)
{
	*n = strnlen(password, PASSWORD_MAX + 1);
	return *n > 0 && *n <= PASSWORD_MAX;
}

enum rc
password_hash(struct password_gate *g, struct arena *a, const char *password, char **out, struct err *e)
{
	struct hasher_work w = { 0 };
	struct hasher_result result = { .r = -1 };
	enum rc rc;

	if (!acceptable(password, &w.n))
		return fail(e, RC_BAD_INPUT, "a password has 1 to %d octets", PASSWORD_MAX);
	memcpy(w.password, password, w.n);
	rc = compute(g, &w, &result, e);
	explicit_bzero(&w, sizeof w);
	if (rc != RC_OK)
		return rc;
	if (result.r != 0)
		return fail(e, RC_UNAVAILABLE, "no memory for a password hash");
	*out = arena_strdup(a, result.text);
	return RC_OK;
}

enum rc
password_verify(struct password_gate *g, const char *hash, const char *password, struct err *e)
{
	struct hasher_work w = { 0 };
	struct hasher_result result = { .r = -1 };
	enum rc rc;

	/* The answer to such a password tells nothing about an account. */
	if (!acceptable(password, &w.n))
		return fail(e, RC_FORBIDDEN, "wrong password");
	memcpy(w.password, password, w.n);
	snprintf(w.text, sizeof w.text, "%s", hash != NULL && hash[0] != '\0' ? hash : nobody);
	rc = compute(g, &w, &result, e);
	explicit_bzero(&w, sizeof w);
	if (rc != RC_OK)
		return rc;
	if (result.r != 0 || hash == NULL || hash[0] == '\0')
		return fail(e, RC_FORBIDDEN, "wrong password");
	return RC_OK;
}
