/* Power cuts: a child acknowledges rows on the simulated disk until it is killed; every row that it
 * acknowledged must be in what is left. The same with synchronous=off must lose some, or the test
 * would prove nothing (measured: without the simulated disk, five kills lost none of 39,000 rows). */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/tap.h"
#include "store/faultvfs.h"
#include "store/store.h"
#include "store/testing.h"

#define THREADS 8
#define ROWS_MAX 20000 /* read from one child */
#define ROUND_IDS 1000000 /* apart: a child may write on after the last that was read */
#define KILL_AFTER 3000 /* where the plan may let the child live */

struct message { /* one acknowledged unit, in one atomic write to the pipe */
	int64_t id;
};

struct child {
	struct store *s;
	int pipe;
	atomic_llong next;
};

static enum rc
write_row(struct call *c, void *arg)
{
	const int64_t *id = arg;
	enum rc rc = store_run(c, "INSERT INTO kept (id, half) VALUES (?1, 1)", DB_ARGS(db_int(*id)), NULL);

	if (rc == RC_OK)
		rc = store_run(c, "INSERT INTO kept (id, half) VALUES (?1, 2)", DB_ARGS(db_int(*id)), NULL);
	return rc;
}

static void *
write_rows(void *arg)
{
	struct child *child = arg;

	for (;;) {
		struct call c = testing_call(child->s);
		struct message m = { .id = atomic_fetch_add(&child->next, 1) };
		enum rc rc = store_unit(&c, write_row, &m.id);

		testing_free(&c);
		if (rc != RC_OK || write(child->pipe, &m, sizeof m) != (ssize_t)sizeof m)
			return NULL;
		if (m.id % 97 == 0) /* the copying of the log is cut as well */
			(void)store_checkpoint(child->s, NULL);
	}
}

/* Never returns: it is killed, or stops when nothing can be written. */
static void
be_child(const char *dsn, int pipe, int64_t first)
{
	struct child child = { .pipe = pipe, .next = first };
	pthread_t threads[THREADS];

	if (store_open(dsn, false, &child.s, NULL) != RC_OK)
		_exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, write_rows, &child);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

struct round {
	const char *options; /* of the DSN */
	const char *faults; /* POSTERN_FAULT */
	int kill_after; /* acknowledged rows; 0: the plan cuts the power, or KILL_AFTER */
};

/* Run a child to its end. Returns how many ids it acknowledged into `ids`. */
static int
run_child(const char *dir, const struct round *r, int64_t first, int64_t ids[ROWS_MAX])
{
	char dsn[160];
	struct message m;
	int pipes[2], n = 0;
	pid_t child;

	snprintf(dsn, sizeof dsn, "sqlite:%s/store.db?vfs=" FAULTVFS_NAME "%s", dir, r->options);
	fflush(stdout);
	if (pipe(pipes) != 0 || (child = fork()) < 0)
		return 0;
	if (child == 0) {
		close(pipes[0]);
		setenv(FAULTVFS_ENVIRONMENT, r->faults, 1);
		be_child(dsn, pipes[1], first);
	}
	close(pipes[1]);
	while (n < ROWS_MAX && read(pipes[0], &m, sizeof m) == (ssize_t)sizeof m) {
		ids[n++] = m.id;
		if (n == (r->kill_after > 0 ? r->kill_after : KILL_AFTER))
			kill(child, SIGKILL);
	}
	close(pipes[0]);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return n;
}

/* What is left, read through the system's own file layer by another process: SQLite's state and the
 * fault layer of this one stay unused, so that every child begins afresh. */
struct found {
	int lost, halves, sound;
};

static struct found
look(const char *dir, const int64_t *ids, int n)
{
	struct found f = { .lost = -1 };
	int pipes[2];
	pid_t child;

	fflush(stdout);
	if (pipe(pipes) != 0 || (child = fork()) < 0)
		return f;
	if (child == 0) {
		struct store *s = NULL;
		struct call c;
		struct db_rows r;
		struct err e;

		if (store_open(testing_path(dir, "store.db"), false, &s, &e) != RC_OK) {
			printf("# %s\n", e.text);
			_exit(1);
		}
		c = testing_call(s);
		f.lost = 0;
		for (int i = 0; i < n; i++)
			f.lost += store_run(&c, "SELECT half FROM kept WHERE id = ?1", DB_ARGS(db_int(ids[i])), &r) !=
				      RC_OK ||
				  r.rows != 2;
		f.halves = (int)testing_number(
		    s, "SELECT count(*) FROM (SELECT id FROM kept GROUP BY id HAVING count(*) <> 2)");
		f.sound = store_run(&c, "PRAGMA integrity_check", DB_NONE, &r) == RC_OK && r.rows == 1 &&
			  strcmp(db_get_text(&r, 0, 0), "ok") == 0;
		testing_free(&c);
		store_close(s);
		fflush(stdout);
		if (write(pipes[1], &f, sizeof f) != (ssize_t)sizeof f)
			_exit(1);
		_exit(0);
	}
	close(pipes[1]);
	if (read(pipes[0], &f, sizeof f) != (ssize_t)sizeof f)
		f.lost = -1;
	close(pipes[0]);
	waitpid(child, NULL, 0);
	return f;
}

static void
prepare(const char *dir)
{
	pid_t child;

	fflush(stdout);
	if ((child = fork()) == 0) {
		struct store *s = NULL;

		if (store_open(testing_path(dir, "store.db"), true, &s, NULL) != RC_OK ||
		    testing_run(
			s, "CREATE TABLE kept (id BIGINT NOT NULL, half BIGINT NOT NULL, PRIMARY KEY (id, half))") !=
			RC_OK)
			_exit(1);
		store_close(s);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void
play(const char *dir, const struct round *r, int64_t first, int64_t ids[ROWS_MAX])
{
	int n = run_child(dir, r, first, ids);
	struct found f = look(dir, ids, n);

	/* A plan may cut before the first unit is acknowledged; an early cut must leave a sound file. */
	if (!ok((n > 0 || r->kill_after == 0) && f.lost == 0 && f.halves == 0 && f.sound,
		"power cut (%s): all of %d acknowledged units are there, none is half", r->faults, n))
		printf("# lost %d, halves %d, sound %d\n", f.lost, f.halves, f.sound);
}

/* A round of its own for each seed: how early writes reach the disk, and what cuts the power when. */
static struct round
chosen(unsigned seed, char faults[64])
{
	static const char *const early[] = { "drop", "reorder", "tear" };
	unsigned at = seed * 2654435761u >> 8;
	struct round r = { "", faults, 0 };

	if (at % 3 == 0) {
		snprintf(faults, 64, "%s,seed=%u", early[seed % 3], seed);
		r.kill_after = 1 + (int)(at / 3 % 1500);
	} else
		snprintf(faults, 64, "%s,seed=%u,%s@%u", early[seed % 3], seed, at % 7 == 0 ? "io" : "kill",
		    1 + at / 3 % 900);
	return r;
}

/* POSTERN_LOSS_ROUNDS: how many rounds more, with seeds from POSTERN_LOSS_SEED (1) on. */
static int
number(const char *name, int otherwise)
{
	const char *value = getenv(name);

	return value != NULL ? (int)strtol(value, NULL, 10) : otherwise;
}

int
main(void)
{
	/* clang-format off */
	static const struct round rounds[] = {
		{ "", "drop",				300 },
		{ "", "drop",				900 },
		{ "", "reorder,seed=1",			300 },
		{ "", "reorder,seed=2",			700 },
		{ "", "tear,seed=3",			300 },
		{ "", "tear,seed=4",			800 },
		{ "", "drop,kill@57",			0 },
		{ "", "reorder,seed=5,kill@150",	0 },
		{ "", "tear,seed=6,kill@203",		0 },
		{ "", "tear,seed=7,kill@412",		0 },
		{ "", "tear,seed=8,io@301",		0 },
		{ "", "tear,seed=9,full@350+",		0 },
		{ "", "oom@20000",			1200 },
	};
	/* clang-format on */
	static const struct round off = { "&synchronous=off", "drop", 600 };
	static int64_t ids[ROWS_MAX];
	int64_t first = 1;
	char dir[64];
	struct found f;
	int n;

	testing_dir(dir);
	prepare(dir);
	for (size_t i = 0; i < sizeof rounds / sizeof rounds[0]; i++, first += ROUND_IDS)
		play(dir, &rounds[i], first, ids);
	for (int i = 0; i < number("POSTERN_LOSS_ROUNDS", 0); i++, first += ROUND_IDS) {
		char faults[64];
		struct round r = chosen((unsigned)(number("POSTERN_LOSS_SEED", 1) + i), faults);

		play(dir, &r, first, ids);
	}
	n = run_child(dir, &off, first, ids);
	f = look(dir, ids, n);
	ok(n >= off.kill_after && f.lost > 0, "the same cut with synchronous=off loses acknowledged units: %d of %d",
	    f.lost, n);
	testing_rmdir(dir);
	return done();
}
