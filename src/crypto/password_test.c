#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tap.h"
#include "crypto/password.h"

#define THREADS 6

struct
try {
	struct password_gate *gate;
	const char *hash;
	pthread_barrier_t *together;
	enum rc rc;
};

static void *
check(void *p)
{
	struct try *t = p;

	pthread_barrier_wait(t->together);
	t->rc = password_verify(t->gate, t->hash, "correct horse", NULL);
	return NULL;
}

/* THREADS at the same time; how many ended with `rc`? */
static int
crowd(struct password_gate *g, const char *hash, enum rc rc)
{
	struct try t[THREADS];
	pthread_t thread[THREADS];
	pthread_barrier_t together;
	int n = 0;

	pthread_barrier_init(&together, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		t[i] = (struct try){ g, hash, &together, RC_INTERNAL };
		if (pthread_create(&thread[i], NULL, check, &t[i]) != 0)
			return -1;
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		n += t[i].rc == rc;
	}
	pthread_barrier_destroy(&together);
	return n;
}

/* Microseconds of processor, the least of a few; computed by this thread, not by a process of the gate. */
static int64_t
cost(const char *hash)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		int64_t t = clock_cpu_us();

		password_verify(NULL, hash, "wrong", NULL);
		t = clock_cpu_us() - t;
		least = t < least ? t : least;
	}
	return least;
}

/* Kill what this process has started; how many there were. */
static int
kill_children(void)
{
	char path[64];
	int pid, n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	if ((f = fopen(path, "re")) == NULL)
		return -1;
	while (fscanf(f, "%d", &pid) == 1)
		n += kill(pid, SIGKILL) == 0;
	fclose(f);
	return n;
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct password_gate *g = password_gate_new(0, 0, 60000, SANDBOX_ON),
			     *narrow = password_gate_new(1, 1, 60000, SANDBOX_ON),
			     *hasty = password_gate_new(1, 0, 1, SANDBOX_ON);
	char *hash, *hash2, *long_one = arena_alloc(a, PASSWORD_MAX + 2);
	int64_t known, unknown;
	struct err e;
	long cpus;

	memset(long_one, 'x', PASSWORD_MAX + 1);
	ok(password_hash(g, a, "correct horse", &hash, &e) == RC_OK, "a password is hashed");
	ok(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31) == 0, "argon2id with 19 MiB and two passes (design 6)");
	ok(password_hash(NULL, a, "correct horse", &hash2, &e) == RC_OK && strcmp(hash, hash2) != 0,
	    "the same password has another hash each time; no gate is needed");
	ok(password_verify(g, hash, "correct horse", &e) == RC_OK, "the right password is right");
	ok(password_verify(g, hash, "correct hors", &e) == RC_FORBIDDEN, "a wrong one is refused");
	ok(password_verify(g, hash, "", &e) == RC_FORBIDDEN && password_hash(g, a, "", &hash2, &e) == RC_BAD_INPUT,
	    "an empty password is none");
	ok(password_hash(g, a, long_one, &hash2, &e) == RC_BAD_INPUT &&
		password_verify(g, hash, long_one, &e) == RC_FORBIDDEN,
	    "over PASSWORD_MAX is refused before it costs anything");
	long_one[PASSWORD_MAX] = '\0';
	ok(password_hash(g, a, long_one, &hash2, &e) == RC_OK, "PASSWORD_MAX octets are fine");
	ok(password_verify(g, "$argon2id$nonsense", "x", &e) == RC_FORBIDDEN, "a damaged hash refuses");

	ok(password_verify(g, NULL, "wrong", &e) == RC_FORBIDDEN, "a missing account is refused");
	known = cost(hash);
	unknown = cost(NULL);
	ok(unknown > known / 4 && known > unknown / 4, "and costs about the same (%lld and %lld us)", (long long)known,
	    (long long)unknown);

	ok(crowd(g, hash, RC_OK) == THREADS, "whoever waits in line gets its turn");
	ok(crowd(narrow, hash, RC_UNAVAILABLE) >= 1, "past the line callers are refused at once");
	ok(crowd(hasty, hash, RC_UNAVAILABLE) >= 1, "and after the waiting time");
	ok(password_verify(narrow, hash, "correct horse", &e) == RC_OK &&
		password_verify(hasty, hash, "correct horse", &e) == RC_OK,
	    "the gate works as before after both");

	/* One of narrow, one of hasty, and those of g: one for every two processors, at least one. */
	cpus = sysconf(_SC_NPROCESSORS_ONLN);
	ok(kill_children() == 2 + (cpus > 3 ? cpus / 2 : 1) &&
		password_verify(narrow, hash, "correct horse", &e) == RC_OK,
	    "a hashing process that was killed is replaced, and costs nobody a try");

	password_gate_free(g);
	password_gate_free(narrow);
	password_gate_free(hasty);
	password_gate_free(NULL);
	ok(kill_children() == 0, "no hashing process outlives its gate");
	arena_free(a);
	return done();
}
