#include "crypto/password.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#define PASSES 2
#define MEMORY (19u * 1024 * 1024)

/* Made once with these costs from a random password that nobody kept. */
static const char nobody[crypto_pwhash_STRBYTES] =
    "$argon2id$v=19$m=19456,t=2,p=1$KvZtNMFoDydAj6MO+Wv90A$C3idc1nfyLbXKy97XYEHrLQSSWOEuzNSHZwFve+Ot3M";

/* Whoever waits stands in line, on its own stack, and is handed the place of someone who leaves: a
 * newcomer can't slip in between, so the order of arrival holds and no one starves. */
struct waiter {
	struct waiter *next;
	pthread_cond_t turn;
	bool has_place;
};

struct password_gate {
	pthread_mutex_t lock;
	struct waiter *first, **last;
	int running, at_once;
	int waiting, waiting_max;
	int wait_ms;
};

struct password_gate *
password_gate_new(int at_once, int waiting, int wait_ms)
{
	struct password_gate *g = calloc(1, sizeof *g);

	if (g == NULL || pthread_mutex_init(&g->lock, NULL) != 0)
		abort();
	g->last = &g->first;
	g->at_once = at_once > 0 ? at_once : 2;
	g->waiting_max = waiting > 0 ? waiting : 64;
	g->wait_ms = wait_ms > 0 ? wait_ms : 8000;
	return g;
}

void
password_gate_free(struct password_gate *g)
{
	if (g == NULL)
		return;
	pthread_mutex_destroy(&g->lock);
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

static bool
wait_in_line(struct password_gate *g)
{
	struct waiter w = { .next = NULL, .has_place = false };
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
	while (!w.has_place && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&w.turn, &g->lock, &end);
	if (!w.has_place)
		unlink_waiter(g, &w);
	pthread_cond_destroy(&w.turn);
	return w.has_place;
}

static enum rc
enter(struct password_gate *g, struct err *e)
{
	bool in = true;

	if (g == NULL)
		return RC_OK;
	pthread_mutex_lock(&g->lock);
	if (g->running < g->at_once)
		g->running++;
	else
		in = g->waiting < g->waiting_max && wait_in_line(g);
	pthread_mutex_unlock(&g->lock);
	return in ? RC_OK : fail(e, RC_UNAVAILABLE, "too many passwords are being checked at the moment");
}

static void
leave(struct password_gate *g)
{
	struct waiter *w;

	if (g == NULL)
		return;
	pthread_mutex_lock(&g->lock);
	w = g->first;
	if (w == NULL) {
		g->running--;
	} else {
		unlink_waiter(g, w);
		w->has_place = true;
		pthread_cond_signal(&w->turn);
	}
	pthread_mutex_unlock(&g->lock);
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
	char *text;
	size_t n;
	int r;

	if (!acceptable(password, &n))
		return fail(e, RC_BAD_INPUT, "a password has 1 to %d octets", PASSWORD_MAX);
	if (sodium_init() < 0)
		return fail(e, RC_INTERNAL, "libsodium does not start");
	text = arena_alloc(a, crypto_pwhash_STRBYTES);
	if (enter(g, e) != RC_OK)
		return RC_UNAVAILABLE;
	r = crypto_pwhash_str_alg(text, password, n, PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13);
	leave(g);
	if (r != 0)
		return fail(e, RC_UNAVAILABLE, "no memory for a password hash");
	*out = text;
	return RC_OK;
}

enum rc
password_verify(struct password_gate *g, const char *hash, const char *password, struct err *e)
{
	char stored[crypto_pwhash_STRBYTES] = { 0 };
	size_t n;
	int r;

	/* The answer to such a password tells nothing about an account. */
	if (!acceptable(password, &n))
		return fail(e, RC_FORBIDDEN, "wrong password");
	if (sodium_init() < 0)
		return fail(e, RC_INTERNAL, "libsodium does not start");
	if (enter(g, e) != RC_OK)
		return RC_UNAVAILABLE;
	/* The library takes an array of that size, whatever the text's length. */
	snprintf(stored, sizeof stored, "%s", hash != NULL ? hash : nobody);
	r = crypto_pwhash_str_verify(stored, password, n);
	leave(g);
	if (r != 0 || hash == NULL)
		return fail(e, RC_FORBIDDEN, "wrong password");
	return RC_OK;
}
