/* Disk full, I/O error and out of memory at every step of a unit: it is kept whole, or RC_UNAVAILABLE,
 * never half; and what recovery finds after a power cut agrees with every answer that was given. */
#include "store/faultvfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "base/tap.h"
#include "store/store.h"
#include "store/testing.h"

static char dir[64], dsn[160];

/* ---- one unit, every step ---- */

struct load {
	int64_t key;
	int size; /* octets of each of its three rows; many spill into the log before the COMMIT */
};

/* Three rows and a counter that must always agree. */
static enum rc
write_all(struct call *c, void *arg)
{
	const struct load *l = arg;
	enum rc rc = RC_OK;

	for (int i = 0; i < 3 && rc == RC_OK; i++)
		rc = store_run(c, "INSERT INTO part (key, i, b) VALUES (?1, ?2, ?3)",
		    DB_ARGS(db_int(l->key), db_int(i),
			db_blob(bytes_of(arena_alloc(c->arena, (size_t)l->size), (size_t)l->size))),
		    NULL);
	if (rc == RC_OK)
		rc = store_run(c, "UPDATE total SET n = n + 3", DB_NONE, NULL);
	return rc;
}

static enum rc
write_unit(struct store *s, int64_t key, int size, char text[ERR_TEXT_MAX])
{
	struct call c = testing_call(s);
	struct load l = { .key = key, .size = size };
	enum rc rc = store_unit(&c, write_all, &l);

	memcpy(text, c.err.text, ERR_TEXT_MAX);
	testing_free(&c);
	return rc;
}

static int64_t
rows_of(struct store *s, int64_t key)
{
	char sql[80];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM part WHERE key = %lld", (long long)key);
	return testing_number(s, sql);
}

static bool
is_sound(struct store *s)
{
	struct call c = testing_call(s);
	struct db_rows r;
	bool sound;

	sound = store_run(&c, "PRAGMA integrity_check", DB_NONE, &r) == RC_OK && r.rows == 1 &&
		strcmp(db_get_text(&r, 0, 0), "ok") == 0;
	testing_free(&c);
	return sound && testing_number(s, "SELECT (SELECT count(*) FROM part) - (SELECT n FROM total)") == 0 &&
	       testing_number(s, "SELECT count(*) FROM (SELECT key FROM part GROUP BY key HAVING count(*) <> 3)") == 0;
}

static struct store *
reopen(void)
{
	struct store *s = NULL;
	struct err e = { 0 };

	if (store_open(dsn, false, &s, &e) != RC_OK)
		printf("# reopening: %s\n", e.text);
	return s;
}

struct fault {
	const char *name;
	enum fault_kind kind;
	bool on;
	int size, stride;
	int times; /* that each step is tried, since the disk's choices differ */
};

/* One round: fail at step `at`, then perhaps write `more`, since that may cover up what the first left.
 * Returns what is wrong, or NULL; *hit: the unit got that far. */
static const char *
round_at(const struct fault *f, int64_t at, int64_t key, bool more, bool *hit)
{
	char text[ERR_TEXT_MAX];
	struct store *s = reopen();
	bool broken;
	int64_t seen = -1, found;
	enum rc rc;

	if (s == NULL)
		return "it does not open";
	faultvfs_arm(f->kind, at, f->on);
	rc = write_unit(s, key, f->size, text);
	*hit = faultvfs_steps() >= at;
	faultvfs_disarm();
	broken = store_is_broken(s);
	if (!broken) {
		seen = rows_of(s, key);
		if (seen != (rc == RC_OK ? 3 : 0))
			return "this process sees something else than was answered";
		if (more && write_unit(s, key + 1, 10, text) != RC_OK)
			return "once the fault is over, the store does not go on";
	} else if (write_unit(s, key + 1, 10, text) != RC_UNAVAILABLE)
		return "a broken store writes on";
	faultvfs_power_cut();
	store_close(s);
	faultvfs_power_on();

	if (rc != RC_OK && rc != RC_UNAVAILABLE)
		return rc_name(rc);
	if ((s = reopen()) == NULL)
		return "it does not open after the cut";
	found = rows_of(s, key);
	if (!is_sound(s))
		return "what is left is not sound";
	if (rc == RC_OK && found != 3)
		return "an acknowledged unit is lost";
	if (!broken && (found != seen || rows_of(s, key + 1) != (more ? 3 : 0)))
		return "recovery finds something else than this process saw";
	store_close(s);
	return NULL;
}

static void
every_step(void)
{
	/* clang-format off */
	static const struct fault faults[] = {
		{ "disk full, once",		FAULT_FULL,	false,	10,	1,	2 },
		{ "disk full from then on",	FAULT_FULL,	true,	10,	1,	2 },
		{ "disk full in a large unit",	FAULT_FULL,	true,	200000,	5,	1 },
		{ "I/O error, once",		FAULT_IO,	false,	10,	1,	8 },
		{ "I/O error from then on",	FAULT_IO,	true,	10,	1,	8 },
		{ "I/O error in a large unit",	FAULT_IO,	false,	200000,	5,	1 },
		{ "out of memory, once",	FAULT_OOM,	false,	10,	1,	1 },
		{ "out of memory from then on",	FAULT_OOM,	true,	10,	1,	1 },
		{ "out of memory in a large unit", FAULT_OOM,	true,	200000,	5,	1 },
	};
	/* clang-format on */
	int64_t key = 1000;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		const char *wrong = NULL;
		bool hit = true;
		int64_t at = 1;

		faultvfs_early(i % 2 == 0 ? FAULT_DROP : FAULT_TEAR, i + 1);
		for (; hit && wrong == NULL && at < 5000; at += faults[i].stride) {
			for (int k = 0; k < faults[i].times && wrong == NULL; k++)
				wrong = round_at(&faults[i], at, key += 2, (k + at) % 2 == 0, &hit);
		}
		if (!ok(wrong == NULL && !hit && at > faults[i].stride,
			"%s, at each of its steps: whole or unavailable, never half", faults[i].name))
			printf("# at step %lld: %s\n", (long long)(at - faults[i].stride),
			    wrong != NULL ? wrong : "no end");
		printf("# %lld steps\n", (long long)(at - faults[i].stride));
		if (wrong != NULL)
			exit(done()); /* the store may still hold its lock */
	}
}

/* ---- opened again by a system that did not notice ---- */

enum then { THEN_NOTHING, THEN_COPY, THEN_WRITE, THENS };

/* A unit meets an I/O error at step `at`; the process ends, as it does when its store is broken, and the power is cut
 * after the next one did nothing, copied the log, or acknowledged a unit. Returns what is wrong, or NULL. */
static const char *
restart_at(int64_t at, int64_t key, enum then then, bool *hit)
{
	char text[ERR_TEXT_MAX];
	struct store *s = reopen();
	enum rc first, second = RC_OK;

	if (s == NULL || write_unit(s, key + 2, 10, text) != RC_OK)
		return "it does not open";
	if (key % 2 == 0 && store_checkpoint(s, NULL) != RC_OK) /* then the log begins anew */
		return "the log is not copied";
	faultvfs_arm(FAULT_IO, at, false);
	first = write_unit(s, key, 10, text);
	*hit = faultvfs_steps() >= at;
	faultvfs_disarm();
	store_close(s);
	if ((s = reopen()) == NULL)
		return "it does not open after the fault";
	if (then == THEN_WRITE)
		second = write_unit(s, key + 1, 10, text);
	else if (then == THEN_COPY)
		second = store_checkpoint(s, NULL);
	faultvfs_power_cut();
	store_close(s);
	faultvfs_power_on();
	if ((s = reopen()) == NULL)
		return "it does not open after the cut";
	if (!is_sound(s))
		return "what is left is not sound";
	if (second != RC_OK)
		return "the store does not go on";
	if (rows_of(s, key + 2) != 3 || (first == RC_OK && rows_of(s, key) != 3) ||
	    (then == THEN_WRITE && rows_of(s, key + 1) != 3))
		return "an acknowledged unit is lost";
	store_close(s);
	return NULL;
}

static void
restarts(void)
{
	const char *wrong = NULL;
	int64_t at = 1, key = 500000;
	bool hit = true;

	faultvfs_early(FAULT_DROP, 1);
	for (; hit && wrong == NULL && at < 100; at++)
		for (int k = 0; k < 8 * THENS && wrong == NULL; k++)
			wrong = restart_at(at, key += 3, (enum then)(k % THENS), &hit);
	if (!ok(wrong == NULL && !hit && at > 2,
		"what is acknowledged after a restart does not stand behind what a failed flush dropped"))
		printf("# at step %lld: %s\n", (long long)at - 1, wrong != NULL ? wrong : "no end");
	if (wrong != NULL)
		exit(done());
}

/* ---- copying the log ---- */

/* A first copy leaves its pages unflushed, since a reader keeps it from the log's end; the next one meets an I/O
 * error at step `at`; a third is asked for, and one of the next process. With `stays`, the reader has the database open
 * meanwhile, as a backup or a shell may, and with it what the copies said of the log. */
static const char *
copy_at(int64_t at, int64_t key, bool stays, bool *hit)
{
	char text[ERR_TEXT_MAX];
	struct store *s = reopen();
	sqlite3 *reader = NULL, *copier = NULL;

	if (s == NULL)
		return "it does not open";
	if (write_unit(s, key, 20000, text) != RC_OK ||
	    sqlite3_open_v2(testing_path(dir, "store.db"), &reader, SQLITE_OPEN_READWRITE, FAULTVFS_NAME) !=
		SQLITE_OK ||
	    sqlite3_open_v2(testing_path(dir, "store.db"), &copier, SQLITE_OPEN_READWRITE, FAULTVFS_NAME) !=
		SQLITE_OK ||
	    sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM part", NULL, NULL, NULL) != SQLITE_OK ||
	    write_unit(s, key + 1, 10, text) != RC_OK ||
	    sqlite3_exec(copier, "SELECT count(*) FROM part", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_wal_checkpoint_v2(copier, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL) != SQLITE_OK)
		return "the first copy";
	sqlite3_close(copier);
	sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL);
	if (!stays)
		sqlite3_close(reader);
	faultvfs_arm(FAULT_IO, at, false);
	(void)store_checkpoint(s, NULL);
	*hit = faultvfs_steps() >= at;
	faultvfs_disarm();
	(void)store_checkpoint(s, NULL);
	store_close(s);
	if ((s = reopen()) == NULL || store_checkpoint(s, NULL) != RC_OK || write_unit(s, key + 2, 10, text) != RC_OK)
		return "the next process does not go on";
	faultvfs_power_cut();
	if (stays)
		sqlite3_close(reader);
	store_close(s);
	faultvfs_power_on();
	if ((s = reopen()) == NULL)
		return "it does not open after the cut";
	if (!is_sound(s))
		return "what is left is not sound";
	if (rows_of(s, key) != 3 || rows_of(s, key + 1) != 3 || rows_of(s, key + 2) != 3)
		return "an acknowledged unit is lost";
	store_close(s);
	return NULL;
}

static void
copies(void)
{
	const char *wrong = NULL;
	int64_t at = 1, key = 700000;
	bool hit = true;

	faultvfs_early(FAULT_DROP, 1);
	for (; hit && wrong == NULL && at < 200; at++)
		for (int k = 0; k < 16 && wrong == NULL; k++)
			wrong = copy_at(at, key += 3, k % 2 == 0, &hit);
	if (!ok(wrong == NULL && !hit && at > 5,
		"pages that a failed flush dropped are in the log until they are copied again"))
		printf("# at step %lld: %s\n", (long long)at - 1, wrong != NULL ? wrong : "no end");
	if (wrong != NULL)
		exit(done());
}

/* ---- many units, one fault ---- */

struct worker {
	struct store *s;
	int64_t first;
	int acknowledged[20], n;
	atomic_int *odd;
};

static void *
work(void *arg)
{
	struct worker *w = arg;
	char text[ERR_TEXT_MAX];

	for (int i = 0; i < 20; i++) {
		enum rc rc = write_unit(w->s, w->first + i, 100, text);

		if (rc == RC_OK)
			w->acknowledged[w->n++] = i;
		else if (rc != RC_UNAVAILABLE)
			atomic_fetch_add(w->odd, 1);
	}
	return NULL;
}

/* Eight threads, a fault somewhere: returns how many acknowledged units the cut took. */
static int
crowd(const struct fault *f, int64_t at, int64_t key, atomic_int *odd, int *acknowledged)
{
	struct worker w[8];
	pthread_t threads[8];
	struct store *s = reopen();
	int lost = 0;

	faultvfs_arm(f->kind, at, f->on);
	for (int i = 0; i < 8; i++) {
		w[i] = (struct worker){ .s = s, .first = key + i * 20, .odd = odd };
		pthread_create(&threads[i], NULL, work, &w[i]);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
	faultvfs_disarm();
	faultvfs_power_cut();
	store_close(s);
	faultvfs_power_on();
	s = reopen();
	if (s == NULL || !is_sound(s))
		atomic_fetch_add(odd, 1);
	for (int i = 0; i < 8; i++) {
		*acknowledged += w[i].n;
		for (int j = 0; j < w[i].n; j++)
			lost += rows_of(s, w[i].first + w[i].acknowledged[j]) != 3;
	}
	store_close(s);
	return lost;
}

static void
crowds(void)
{
	/* clang-format off */
	static const struct fault faults[] = {
		{ "disk full",		FAULT_FULL,	true,	0,	1,	1 },
		{ "I/O error",		FAULT_IO,	false,	0,	1,	1 },
		{ "out of memory",	FAULT_OOM,	false,	0,	1,	1 },
	};
	/* clang-format on */
	int64_t key = 1000000;

	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
		int lost = 0, acknowledged = 0;
		atomic_int odd = 0;

		for (int round = 0; round < 12; round++, key += 1000) {
			faultvfs_early((enum fault_early)(round % 3), (uint64_t)round + 1);
			lost += crowd(&faults[i], 1 + round * round * 5, key, &odd, &acknowledged);
		}
		ok(lost == 0 && odd == 0,
		    "%s under eight threads: none of %d acknowledged units is lost, the rest is sound", faults[i].name,
		    acknowledged);
	}
}

/* ---- all of it ---- */

static void
prepare(void)
{
	struct store *s = testing_store(dsn);

	ok(testing_run(s, "CREATE TABLE part (key BIGINT NOT NULL, i BIGINT NOT NULL, b BYTEA NOT NULL,"
			  " PRIMARY KEY (key, i))") == RC_OK &&
		testing_run(s, "CREATE TABLE total (n BIGINT NOT NULL)") == RC_OK &&
		testing_run(s, "INSERT INTO total (n) VALUES (0)") == RC_OK,
	    "tables are made on the simulated disk");
	store_close(s);
}

int
main(void)
{
	struct err e = { 0 };

	testing_dir(dir);
	snprintf(dsn, sizeof dsn, "sqlite:%s/store.db?vfs=" FAULTVFS_NAME, dir);
	setenv(FAULTVFS_ENVIRONMENT, "tear,seed=1,explode@3", 1);
	ok(faultvfs_register(&e) == RC_BAD_INPUT, "a word that is not known is refused");
	setenv(FAULTVFS_ENVIRONMENT, "tear,seed=1", 1);
	ok(faultvfs_register(&e) == RC_OK, "the simulated disk is there");
	unsetenv(FAULTVFS_ENVIRONMENT);
	prepare();
	every_step();
	restarts();
	copies();
	crowds();
	testing_rmdir(dir);
	return done();
}
