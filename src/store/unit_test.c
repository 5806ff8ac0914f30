/* The contract of units of work, on any engine: what is kept, what is rolled back, what ends a unit,
 * and many threads at once. POSTERN_TEST_DSN as in store_test.c. */
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/tap.h"
#include "store/testing.h"

#define THREADS 32

struct script { /* what a unit does */
	const char *const *sql;
	enum rc returns; /* in the end, unless `honest` and a statement failed */
	bool honest; /* pass a statement's failure on */
	bool discard;
	size_t swallow; /* bytes asked of the arena at the end */
	enum rc last; /* of the last statement */
};

static enum rc
play(struct call *c, void *arg)
{
	struct script *s = arg;

	s->last = RC_OK;
	for (int i = 0; s->sql[i] != NULL; i++) {
		s->last = store_run(c, s->sql[i], DB_NONE, NULL);
		if (s->last != RC_OK && s->honest)
			return s->last;
	}
	if (s->discard)
		store_discard(c);
	if (s->swallow > 0)
		arena_alloc(c->arena, s->swallow);
	return s->returns;
}

#define INSERT_1 "INSERT INTO thing (id, n) VALUES (1, 10)"
#define INSERT_2 "INSERT INTO thing (id, n) VALUES (2, 20)"
#define INSERT_1_AGAIN "INSERT INTO thing (id, n) VALUES (1, 30)"
#define INSERT_NULL "INSERT INTO thing (id, n) VALUES (3, NULL)"

static void
outcomes(struct store *s)
{
	static const char *const two[] = { INSERT_1, INSERT_2, NULL };
	static const char *const clash[] = { INSERT_1, INSERT_1_AGAIN, INSERT_2, NULL };
	static const char *const wrong[] = { INSERT_1, INSERT_NULL, INSERT_2, NULL };
	static const char *const returning[] = { INSERT_1 " RETURNING id", INSERT_2 " RETURNING n", NULL };
	static const char *const nothing[] = { NULL };
	/* clang-format off */
	static const struct {
		const char *sentence;
		struct script script;
		enum rc want;
		int rows;	/* in the table afterwards */
	} cases[] = {
		{ "a unit that succeeds is kept",		{ two, RC_OK, true, false, 0, 0 }, RC_OK, 2 },
		{ "a refusal is a result: its traces are kept",	{ two, RC_FORBIDDEN, true, false, 0, 0 }, RC_FORBIDDEN, 2 },
		{ "bad input found in a unit keeps its traces",	{ two, RC_BAD_INPUT, true, false, 0, 0 }, RC_BAD_INPUT, 2 },
		{ "not found keeps its traces",			{ two, RC_NOT_FOUND, true, false, 0, 0 }, RC_NOT_FOUND, 2 },
		{ "a conflict of the function's own is a result", { two, RC_CONFLICT, true, false, 0, 0 }, RC_CONFLICT, 2 },
		{ "a resource that is gone rolls back",		{ two, RC_UNAVAILABLE, true, false, 0, 0 }, RC_UNAVAILABLE, 0 },
		{ "an internal error rolls back",		{ two, RC_INTERNAL, true, false, 0, 0 }, RC_INTERNAL, 0 },
		{ "a discarded unit rolls back, and says what its function said", { two, RC_OK, true, true, 0, 0 }, RC_OK, 0 },
		{ "a taken key ends the unit",			{ clash, RC_OK, true, false, 0, 0 }, RC_CONFLICT, 0 },
		{ "a function that swallows a conflict is not believed", { clash, RC_OK, false, false, 0, 0 }, RC_CONFLICT, 0 },
		{ "a refusal after a conflict keeps nothing",	{ clash, RC_FORBIDDEN, false, false, 0, 0 }, RC_FORBIDDEN, 0 },
		{ "a wrong statement ends the unit",		{ wrong, RC_OK, true, false, 0, 0 }, RC_INTERNAL, 0 },
		{ "a swallowed wrong statement is not believed", { wrong, RC_OK, false, false, 0, 0 }, RC_INTERNAL, 0 },
		{ "rows that nobody takes don't stop the COMMIT", { returning, RC_OK, true, false, 0, 0 }, RC_OK, 2 },
		{ "a unit may do nothing",			{ nothing, RC_OK, true, false, 0, 0 }, RC_OK, 0 },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct call c = testing_call(s);
		struct script script = cases[i].script;
		enum rc rc = store_unit(&c, play, &script);

		if (!ok(rc == cases[i].want, "%s", cases[i].sentence))
			printf("# %s: %s\n", rc_name(rc), c.err.text);
		ok(testing_number(s, "SELECT count(*) FROM thing") == cases[i].rows, "- and leaves %d rows",
		    cases[i].rows);
		ok(c.unit == NULL, "- and is over");
		testing_free(&c);
		testing_run(s, "DELETE FROM thing");
	}
}

static enum rc
ended(struct call *c, void *arg)
{
	struct db_rows r;

	(void)arg;
	store_run(c, INSERT_1, DB_NONE, NULL);
	if (store_run(c, INSERT_1_AGAIN, DB_NONE, NULL) != RC_CONFLICT)
		return RC_INTERNAL;
	/* Reading is refused as well: PostgreSQL would. */
	return store_run(c, "SELECT count(*) FROM thing", DB_NONE, &r) == RC_CONFLICT ? RC_FORBIDDEN : RC_INTERNAL;
}

static enum rc
not_ended(struct call *c, void *arg)
{
	struct db_rows r;

	(void)arg;
	store_run(c, INSERT_1, DB_NONE, NULL);
	if (store_run(c, "INSERT INTO thing (id, t) VALUES (5, ?1)", DB_ARGS(db_text("\xff")), NULL) != RC_BAD_INPUT)
		return RC_INTERNAL;
	if (store_run(c, INSERT_1_AGAIN " ON CONFLICT DO NOTHING RETURNING id", DB_NONE, &r) != RC_OK || r.rows != 0)
		return RC_INTERNAL;
	if (store_run(c, "SELECT n FROM thing WHERE id = 1", DB_NONE, &r) != RC_OK || r.rows != 1 ||
	    db_get_int(&r, 0, 0) != 10)
		return RC_INTERNAL;
	return RC_OK;
}

static void
inside(struct store *s)
{
	struct call c = testing_call(s);

	ok(store_unit(&c, ended, NULL) == RC_FORBIDDEN, "after a conflict every statement of the unit is refused");
	ok(testing_number(s, "SELECT count(*) FROM thing") == 0, "and the unit is rolled back");
	ok(store_unit(&c, not_ended, NULL) == RC_OK,
	    "an expected clash and refused input don't end a unit; it reads what it wrote");
	ok(testing_number(s, "SELECT count(*) FROM thing") == 1, "and it is kept");
	testing_run(s, "DELETE FROM thing");
	testing_free(&c);
}

/* A frame of its own: no local of it changes after the guard. */
__attribute__((noinline)) static bool
over_ceiling(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg)
{
	if (ARENA_GUARD(c->arena))
		return true;
	(void)fn(c, arg);
	return false;
}

static enum rc
as_unit(struct call *c, void *arg)
{
	return store_unit(c, play, arg);
}

static enum rc
as_read(struct call *c, void *arg)
{
	struct db_rows r;

	(void)arg;
	return store_run(c,
	    "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 9000) SELECT n FROM k", DB_NONE,
	    &r);
}

static enum rc
read_in_unit(struct call *c, void *arg)
{
	store_run(c, INSERT_1, DB_NONE, NULL);
	return as_read(c, arg);
}

static enum rc
as_unit_read(struct call *c, void *arg)
{
	return store_unit(c, read_in_unit, arg);
}

static void
ceiling(struct store *s)
{
	static const char *const two[] = { INSERT_1, INSERT_2, NULL };
	static const struct {
		const char *sentence;
		enum rc (*fn)(struct call *c, void *arg);
	} cases[] = {
		{ "a unit that passes its arena's ceiling reaches the call's guard", as_unit },
		{ "so does a result that is too large", as_read },
		{ "so does a result that is too large inside a unit", as_unit_read },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct call c = { .arena = arena_new(64 * 1024), .store = s };
		struct script script = { .sql = two, .swallow = 1024 * 1024 };

		ok(over_ceiling(&c, cases[i].fn, &script), "%s", cases[i].sentence);
		ok(c.unit == NULL, "- with no unit left open");
		/* The same call may still write, and nobody else waits for ever. */
		ok(testing_number(s, "SELECT count(*) FROM thing") == 0, "- and nothing kept");
		ok(testing_run(s, INSERT_1) == RC_OK, "- and the writer free");
		testing_run(s, "DELETE FROM thing");
		testing_free(&c);
	}
}

/* ---- many at once ---- */

struct crowd {
	struct store *store;
	pthread_barrier_t start;
	int units; /* of each thread */
	atomic_int wrong, kept, clashed;
};

struct one {
	struct crowd *crowd;
	int number, turn;
};

/* A transfer that is read, decided and written in one unit: lost updates would change the sum. Every
 * seventh is rolled back after writing, every eleventh meets a key that is taken. */
static enum rc
transfer(struct call *c, void *arg)
{
	struct one *o = arg;
	int64_t from = (o->number * 7 + o->turn) % 20, to = (from + 1 + o->turn % 18) % 20;
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, "SELECT n FROM thing WHERE id = ?1", DB_ARGS(db_int(from)), &r)) != RC_OK)
		return rc;
	if ((rc = store_run(c, "UPDATE thing SET n = ?2 WHERE id = ?1",
		 DB_ARGS(db_int(from), db_int(db_get_int(&r, 0, 0) - 1)), NULL)) != RC_OK ||
	    (rc = store_run(c, "UPDATE thing SET n = n + 1 WHERE id = ?1", DB_ARGS(db_int(to)), NULL)) != RC_OK)
		return rc;
	if (o->turn % 11 == 10)
		return store_run(c, INSERT_1_AGAIN, DB_NONE, NULL);
	if (o->turn % 7 == 6) {
		store_run(c, "UPDATE thing SET n = n + 1000 WHERE id = ?1", DB_ARGS(db_int(to)), NULL);
		return RC_INTERNAL;
	}
	return store_run(
	    c, "INSERT INTO note (thread, turn) VALUES (?1, ?2)", DB_ARGS(db_int(o->number), db_int(o->turn)), NULL);
}

static void *
work(void *arg)
{
	struct one o = *(struct one *)arg;
	struct crowd *crowd = o.crowd;

	pthread_barrier_wait(&crowd->start);
	for (o.turn = 0; o.turn < crowd->units; o.turn++) {
		struct call c = testing_call(crowd->store);
		enum rc want = o.turn % 11 == 10 ? RC_CONFLICT : o.turn % 7 == 6 ? RC_INTERNAL : RC_OK;
		struct db_rows r;

		if (store_unit(&c, transfer, &o) != want)
			atomic_fetch_add(&crowd->wrong, 1);
		atomic_fetch_add(want == RC_OK ? &crowd->kept : &crowd->clashed, 1);
		/* What was acknowledged is seen at once by every other connection, and whole. */
		if (store_run(&c, "SELECT count(*) FROM note WHERE thread = ?1 AND turn = ?2",
			DB_ARGS(db_int(o.number), db_int(o.turn)), &r) != RC_OK ||
		    db_get_int(&r, 0, 0) != (want == RC_OK))
			atomic_fetch_add(&crowd->wrong, 1);
		if (o.turn % 5 == 0 &&
		    (store_run(&c, "SELECT sum(n) FROM thing", DB_NONE, &r) != RC_OK || db_get_int(&r, 0, 0) != 2000))
			atomic_fetch_add(&crowd->wrong, 1);
		testing_free(&c);
	}
	return NULL;
}

static void
many(struct store *s)
{
	struct crowd crowd = { .store = s, .units = 40 };
	struct one ones[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < 20; i++) {
		struct call c = testing_call(s);

		store_run(&c, "INSERT INTO thing (id, n) VALUES (?1, 100)", DB_ARGS(db_int(i)), NULL);
		testing_free(&c);
	}
	pthread_barrier_init(&crowd.start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++) {
		ones[i] = (struct one){ .crowd = &crowd, .number = i };
		pthread_create(&threads[i], NULL, work, &ones[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd.start);
	ok(crowd.wrong == 0, "%d threads: every unit ends as it should, and is seen whole", THREADS);
	ok(testing_number(s, "SELECT sum(n) FROM thing") == 2000, "no update is lost, no half unit is kept");
	ok(testing_number(s, "SELECT count(*) FROM note") == crowd.kept,
	    "every acknowledged unit is there, and no other");
	testing_run(s, "DELETE FROM thing");
}

/* ---- what is asked first ---- */

struct question {
	int64_t seen; /* what is added to n of row 1 counts only while it is this */
	int asked;
};

static enum rc
is_still(struct call *c, void *arg)
{
	struct question *q = arg;
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT n FROM thing WHERE id = 1", DB_NONE, &r);

	q->asked++;
	if (rc == RC_OK && db_get_int(&r, 0, 0) != q->seen) {
		store_run(c, INSERT_2, DB_NONE, NULL);
		rc = fail(&c->err, RC_CONFLICT, "another one was first");
	}
	return rc;
}

#define ADD "UPDATE thing SET n = n + 1 WHERE id = 1"

static void *
add_first(void *arg)
{
	struct crowd *crowd = arg;
	struct call c = testing_call(crowd->store);
	struct question q = { .seen = 10 };
	enum rc rc;

	store_ask_first(&c, is_still, &q);
	pthread_barrier_wait(&crowd->start);
	rc = store_run(&c, ADD, DB_NONE, NULL);
	atomic_fetch_add(rc == RC_OK ? &crowd->kept : rc == RC_CONFLICT ? &crowd->clashed : &crowd->wrong, 1);
	testing_free(&c);
	return NULL;
}

static void
asked_first(struct store *s)
{
	struct script add = { .sql = (const char *const[]){ ADD, NULL } };
	struct crowd crowd = { .store = s };
	struct question q = { .seen = 10 };
	struct call c = testing_call(s);
	pthread_t threads[THREADS];

	testing_run(s, INSERT_1);
	store_ask_first(&c, is_still, &q);
	ok(store_run(&c, "SELECT 1", DB_NONE, NULL) == RC_OK && q.asked == 0, "reading asks nothing first");
	ok(store_unit(&c, play, &add) == RC_OK && q.asked >= 1 && c.first == NULL, "a unit asks first");
	ok(store_unit(&c, play, &add) == RC_OK && testing_number(s, "SELECT n FROM thing") == 12,
	    "the one after it does not");
	store_ask_first(&c, is_still, &q);
	ok(store_unit(&c, play, &add) == RC_CONFLICT && testing_number(s, "SELECT n FROM thing") == 12,
	    "where the answer is no the unit does nothing");
	ok(testing_number(s, "SELECT count(*) FROM thing") == 1, "and keeps nothing");
	store_ask_first(&c, is_still, &q);
	store_ask_first(&c, NULL, NULL);
	ok(store_run(&c, "UPDATE thing SET n = 10", DB_NONE, NULL) == RC_OK, "a question can be taken back");
	testing_free(&c);

	pthread_barrier_init(&crowd.start, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, add_first, &crowd);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&crowd.start);
	ok(crowd.kept == 1 && crowd.clashed == THREADS - 1 && testing_number(s, "SELECT n FROM thing") == 11,
	    "of %d that decided on the same row one writes", THREADS);
	testing_run(s, "DELETE FROM thing");
}

static void
all(const char *dsn)
{
	struct store *s = testing_store(dsn);

	printf("# %s\n", dsn);
	if (s == NULL)
		return;
	testing_run(s, "CREATE TABLE thing (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, t TEXT)");
	testing_run(s, "CREATE TABLE note (thread BIGINT NOT NULL, turn BIGINT NOT NULL, PRIMARY KEY (thread, turn))");
	outcomes(s);
	inside(s);
	ceiling(s);
	asked_first(s);
	many(s);
	testing_drop(s, "thing");
	testing_drop(s, "note");
	store_close(s);
}

int
main(void)
{
	char dsn[TESTING_DSN_MAX];

	if (testing_fresh(dsn)[0] != '\0') {
		all(dsn);
	} else {
		char dir[64];

		testing_dir(dir);
		all(":memory:");
		all(testing_path(dir, "store.db"));
		testing_rmdir(dir);
	}
	return done();
}
