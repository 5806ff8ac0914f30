/* What is PostgreSQL's alone: its address, connections that break, units that meet, two programs that migrate at
 * once. All but the address needs POSTERN_TEST_DSN (tests/with-postgres). */
#include "store/store.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/tap.h"
#include "store/pgsql_dsn.h"
#include "store/testing.h"

static void
addresses(void)
{
	/* clang-format off */
	static const struct {
		const char *rest, *want;	/* want NULL: refused */
		bool prepare;
		int connections, timeout_s;
		const char *sentence;
	} cases[] = {
		{ "//h/d", "postgresql://h/d", true, 20, 20, "an address alone has the defaults" },
		{ "//h/d?prepare=off", "postgresql://h/d", false, 20, 20, "prepare=off is ours, and libpq does not see it" },
		{ "//h/d?prepare=on&connections=3&timeout=5", "postgresql://h/d", true, 3, 5, "all of ours" },
		{ "//u:p@/d?host=/run/x&prepare=off&sslmode=disable", "postgresql://u:p@/d?host=/run/x&sslmode=disable",
		  false, 20, 20, "libpq's own options stay, in their order" },
		{ "//?service=x&timeout=7", "postgresql://?service=x", true, 20, 7, "a service file may know the rest" },
		{ "//h/d?prepare=maybe", NULL, false, 0, 0, "a value of ours that is not known is refused" },
		{ "//h/d?connections=0", NULL, false, 0, 0, "no connections are refused" },
		{ "//h/d?connections=9x", NULL, false, 0, 0, "what only begins like a number is refused" },
		{ "//h/d?timeout=601", NULL, false, 0, 0, "a time that is too long is refused" },
		{ "//h/d?speed=high", NULL, false, 0, 0, "an option that neither knows is refused" },
		{ "h/d", NULL, false, 0, 0, "what is no address is refused" },
	};
	/* clang-format on */
	struct pgsql_options o;
	struct err e;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		enum rc rc = pgsql_dsn_parse(cases[i].rest, &o, &e);

		if (cases[i].want == NULL) {
			ok(rc == RC_UNAVAILABLE && o.dsn == NULL, "%s", cases[i].sentence);
			continue;
		}
		is_str(o.dsn, cases[i].want, cases[i].sentence);
		ok(rc == RC_OK && o.prepare == cases[i].prepare && o.connections == cases[i].connections &&
			o.timeout_s == cases[i].timeout_s,
		    "- and what ours say");
		pgsql_dsn_free(&o);
	}
	ok(pgsql_dsn_parse("//u:secret@[h/d", &o, &e) == RC_UNAVAILABLE && strstr(e.text, "secret") == NULL,
	    "the sentence about a bad address repeats no password");
}

static void
opening(const char *dsn)
{
	struct store *s = NULL;
	struct err e = { 0 };
	char other[TESTING_DSN_MAX + 64];

	snprintf(other, sizeof other, "%s&port=1&connect_timeout=2", dsn);
	ok(store_open(other, false, &s, &e) == RC_UNAVAILABLE && s == NULL, "a server that is not there is refused");
	if (strstr(dsn, "prepare=off") != NULL) {
		skip("a pooler passes no settings on");
		return;
	}
	snprintf(other, sizeof other, "%s&options=-csynchronous_commit%%3Doff", dsn);
	ok(store_open(other, false, &s, &e) == RC_UNAVAILABLE && s == NULL,
	    "synchronous_commit=off loses what was acknowledged: refused");
	ok(strstr(e.text, "synchronous_commit=off") != NULL, "- and the sentence says so");
	snprintf(other, sizeof other, "%s&options=-csynchronous_commit%%3Dlocal", dsn);
	ok(store_open(other, false, &s, &e) == RC_OK, "what only waits for no standby is taken");
	store_close(s);
}

/* ---- connections that break ---- */

/* Every other connection to this database ends, as when the server restarts. */
static void
cut_all(struct store *cutter)
{
	ok(testing_number(cutter,
	       "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"
	       " AND pid <> pg_backend_pid()") >= 0,
	    "the server cuts all connections");
	/* Their farewells arrive a moment later. */
	for (int i = 0; i < 200; i++) {
		if (testing_number(cutter, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
					   " AND pid <> pg_backend_pid()") == 0)
			return;
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
}

struct cut_unit {
	struct store *cutter;
	int runs;
};

static enum rc
cut_in_unit(struct call *c, void *arg)
{
	struct cut_unit *u = arg;
	enum rc rc;

	u->runs++;
	if ((rc = store_run(c, "INSERT INTO t (n) VALUES (?1)", DB_ARGS(db_int(u->runs)), NULL)) != RC_OK)
		return rc;
	if (u->runs == 1)
		cut_all(u->cutter);
	return store_run(c, "INSERT INTO t (n) VALUES (?1)", DB_ARGS(db_int(100 + u->runs)), NULL);
}

static void
broken(struct store *s, const char *dsn)
{
	struct store *cutter = testing_store(dsn);
	struct call c = testing_call(s);
	struct cut_unit u = { .cutter = cutter };
	struct db_rows r;

	testing_run(s, "CREATE TABLE t (n BIGINT)");
	testing_number(s, "SELECT count(*) FROM t");
	cut_all(cutter);
	ok(testing_number(s, "SELECT count(*) FROM t") == 0, "a query whose connection is gone takes another one");
	cut_all(cutter);
	ok(testing_run(s, "INSERT INTO t (n) VALUES (0)") == RC_OK, "so does a single write before it was sent");
	ok(store_unit(&c, cut_in_unit, &u) == RC_OK && u.runs == 2,
	    "a unit that loses its connection before COMMIT runs again");
	ok(testing_number(s, "SELECT count(*) FROM t WHERE n IN (2, 102)") == 2 &&
		testing_number(s, "SELECT count(*) FROM t") == 3,
	    "- and only its last run is kept");
	ok(!store_is_broken(s), "a server that went away is no reason to exit");
	/* The server forgets what was prepared, as another one behind a pooler would have. */
	for (int i = 0; i < 3; i++)
		testing_number(s, "SELECT n FROM t WHERE n = 102");
	testing_run(s, "DEALLOCATE ALL");
	ok(testing_number(s, "SELECT n FROM t WHERE n = 102") == 102, "a statement that the server forgot runs again");
	for (int i = 0; i < 3; i++)
		store_run(&c, "SELECT * FROM t ORDER BY n", DB_NONE, &r);
	testing_run(s, "ALTER TABLE t ADD COLUMN late TEXT");
	ok(store_run(&c, "SELECT * FROM t ORDER BY n", DB_NONE, &r) == RC_OK && r.columns == 2,
	    "a table that changed under a prepared statement does not disturb it");
	testing_free(&c);
	store_close(cutter);
}

static void
patience(const char *dsn)
{
	char other[TESTING_DSN_MAX + 64];
	struct store *s;
	struct call c;
	struct db_rows r;
	int64_t before = clock_mono_ms();
	enum rc rc;

	snprintf(other, sizeof other, "%s&timeout=1", dsn);
	s = testing_store(other);
	c = testing_call(s);
	rc = store_run(&c, "SELECT 1 FROM (SELECT pg_sleep(20)) AS slept", DB_NONE, &r);
	ok(rc == RC_UNAVAILABLE && clock_mono_ms() - before < 15000, "an answer is not waited for without end");
	ok(testing_number(s, "SELECT 7") == 7, "and the next one is asked elsewhere");
	testing_free(&c);
	store_close(s);
}

static void
busy(const char *dsn)
{
	char other[TESTING_DSN_MAX + 64];
	struct store *s;

	snprintf(other, sizeof other, "%s&connections=1&timeout=1", dsn);
	s = testing_store(other);
	for (int i = 0; i < 20; i++)
		testing_number(s, "SELECT 1");
	ok(testing_number(s, "SELECT count(*) FROM t") == 3, "one connection is enough for one thread");
	store_close(s);
}

/* ---- values ---- */

static void
values(struct store *s)
{
	struct call c = testing_call(s);
	struct db_rows r;

	ok(store_run(&c, "SELECT SUM(n), SUM(-n), SUM(n * 100000000), SUM(n) * 0, AVG(n) FROM t WHERE n < 1000",
	       DB_NONE, &r) == RC_OK,
	    "sums are read");
	ok(db_get_int(&r, 0, 0) == 104 && db_get_int(&r, 0, 1) == -104 && db_get_int(&r, 0, 2) == 10400000000 &&
		db_get_int(&r, 0, 3) == 0 && db_get_int(&r, 0, 4) == 34,
	    "a number of any length is a whole one of 64 bits");
	ok(store_run(&c, "SELECT SUM(CAST(9223372036854775807 AS BIGINT)) FROM t", DB_NONE, &r) == RC_INTERNAL,
	    "a sum that does not fit is our bug, not another number");
	ok(store_run(&c, "SELECT current_timestamp", DB_NONE, &r) == RC_INTERNAL,
	    "so is a type that the store has not");
	ok(store_run(&c, "SELECT n FROM t WHERE n = ?1", DB_ARGS(db_null()), &r) == RC_OK && r.rows == 0 &&
		store_run(&c, "SELECT n FROM t WHERE n = ?1", DB_ARGS(db_int(102)), &r) == RC_OK && r.rows == 1,
	    "a parameter may be NULL before its type is known");
	ok(store_run(&c, "SELECT n FROM t WHERE n = ?1", DB_ARGS(db_text("102")), &r) == RC_INTERNAL,
	    "one parameter has one type");
	testing_free(&c);
}

/* ---- two at once ---- */

static void *
migrate(void *arg)
{
	struct store *s = arg;
	struct err e = { 0 };
	int from, to;
	enum rc rc = store_migrate(s, &from, &to, &e);

	if (rc != RC_OK)
		printf("# %s\n", e.text);
	return rc == RC_OK ? s : NULL;
}

static void
migrations(const char *dsn)
{
	struct store *s[4];
	pthread_t threads[4];
	void *done_well;
	int well = 0, version = 0;
	struct err e;

	for (int i = 0; i < 4; i++)
		s[i] = testing_store(dsn);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, migrate, s[i]);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &done_well);
		well += done_well != NULL;
	}
	ok(well == 4, "four programs that start at once migrate one after another");
	ok(store_version(s[0], &version, &e) == RC_OK &&
		testing_number(s[0], "SELECT count(*) FROM schema_migration") == version,
	    "each migration ran once");
	ok(testing_number(s[1], "SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema()"
				" AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> "
				"'schema_migration'") == 0,
	    "text sorts by its octets, whatever the database's locale");
	for (int i = 0; i < 4; i++)
		store_close(s[i]);
}

struct skew {
	struct store *store;
	pthread_barrier_t *both;
	int64_t mine;
	int runs;
};

/* Reads what the other one writes, and decides by it: each alone would leave one row. */
static enum rc
only_one(struct call *c, void *arg)
{
	struct skew *k = arg;
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, "SELECT count(*) FROM skew", DB_NONE, &r)) != RC_OK)
		return rc;
	if (k->runs++ == 0)
		pthread_barrier_wait(k->both);
	if (db_get_int(&r, 0, 0) > 0)
		return RC_FORBIDDEN;
	return store_run(c, "INSERT INTO skew (n) VALUES (?1)", DB_ARGS(db_int(k->mine)), NULL);
}

static void *
insert_if_empty(void *arg)
{
	struct skew *k = arg;
	struct call c = testing_call(k->store);

	(void)store_unit(&c, only_one, k);
	testing_free(&c);
	return NULL;
}

static void
deciding_reads(struct store *s)
{
	pthread_barrier_t both;
	struct skew k[2] = { { s, &both, 1, 0 }, { s, &both, 2, 0 } };
	pthread_t threads[2];

	testing_run(s, "CREATE TABLE skew (n BIGINT PRIMARY KEY)");
	pthread_barrier_init(&both, NULL, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, insert_if_empty, &k[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&both);
	ok(testing_number(s, "SELECT count(*) FROM skew") == 1,
	    "a read that decides a write holds until the unit's end, or the unit runs again");
}

int
main(void)
{
	char dsn[TESTING_DSN_MAX], other[TESTING_DSN_MAX];
	struct store *s;

	addresses();
	if (testing_fresh(dsn)[0] == '\0') {
		skip("POSTERN_TEST_DSN names no PostgreSQL server");
		return done();
	}
	opening(dsn);
	s = testing_store(dsn);
	broken(s, dsn);
	values(s);
	deciding_reads(s);
	store_close(s);
	patience(dsn);
	busy(dsn);
	migrations(testing_fresh(other));
	return done();
}
