/* The contract of store.h: opening, values, single statements. Runs on any engine: POSTERN_TEST_DSN
 * names an empty database; without it SQLite in memory and in a file take turns. */
#include "store/store.h"

#include <stdlib.h>

#include "base/tap.h"
#include "store/testing.h"

static struct db_rows
run(struct call *c, const char *sql, struct db_args args, enum rc want, const char *sentence)
{
	struct db_rows r = { 0 };
	enum rc rc = store_run(c, sql, args, &r);

	if (!ok(rc == want, "%s", sentence))
		printf("# %s: %s\n", rc_name(rc), c->err.text);
	return r;
}

static void
values(struct store *s)
{
	struct call c = testing_call(s);
	struct bytes octets = bytes_of("\0\1\xff\0", 4), none = bytes_of("", 0);
	struct db_rows r;

	run(&c, "CREATE TABLE value (id BIGINT PRIMARY KEY, t TEXT, n BIGINT, b BYTEA)", DB_NONE, RC_OK,
	    "a table is made");
	r = run(&c, "INSERT INTO value (id, t, n, b) VALUES (?1, ?2, ?3, ?4)",
	    DB_ARGS(db_int(1), db_text("gr\xc3\xbc\xc3\x9f"), db_int(INT64_MIN), db_blob(octets)), RC_OK,
	    "a row is written");
	ok(r.changed == 1 && r.rows == 0, "changed counts written rows");
	run(&c, "INSERT INTO value (id, t, n, b) VALUES (?1, ?2, ?3, ?4)",
	    DB_ARGS(db_int(2), db_text(NULL), db_null(), db_blob((struct bytes){ NULL, 0 })), RC_OK,
	    "absent values are NULL");
	run(&c, "INSERT INTO value (id, t, n, b) VALUES (?4, ?3, ?2, ?1)",
	    DB_ARGS(db_blob(none), db_int(INT64_MAX), db_text(""), db_int(3)), RC_OK,
	    "placeholders are numbered, not counted as they come");
	r = run(&c, "SELECT id, t, n, b FROM value ORDER BY id", DB_NONE, RC_OK, "rows are read");
	if (!ok(r.rows == 3 && r.columns == 4 && r.changed == 0, "three rows of four columns; reading changes none"))
		return;
	is_str(db_get_text(&r, 0, 1), "gr\xc3\xbc\xc3\x9f", "text comes back as it went");
	ok(db_get_int(&r, 0, 2) == INT64_MIN && db_get_int(&r, 2, 2) == INT64_MAX, "integers have 64 bits");
	ok(bytes_eq(db_get_blob(&r, 0, 3), octets), "octets come back with their NULs");
	ok(db_is_null(&r, 1, 1) && db_is_null(&r, 1, 2) && db_is_null(&r, 1, 3), "NULL is NULL in every type");
	ok(db_get_text(&r, 1, 1) == NULL && db_get_int(&r, 1, 2) == 0 && db_get_blob(&r, 1, 3).p == NULL,
	    "NULL reads as absent text, 0, absent octets");
	ok(!db_is_null(&r, 2, 3) && db_get_blob(&r, 2, 3).p != NULL && db_get_blob(&r, 2, 3).n == 0,
	    "no octets are not NULL");
	is_str(db_get_text(&r, 2, 1), "", "empty text is not NULL");

	r = run(&c, "UPDATE value SET n = ?2 WHERE id > ?1 RETURNING id, n", DB_ARGS(db_int(1), db_int(7)), RC_OK,
	    "a statement writes and returns rows");
	ok(r.rows == 2 && r.changed == 2 && db_get_int(&r, 1, 1) == 7, "RETURNING has every changed row");
	r = run(&c, "DELETE FROM value WHERE id = ?1", DB_ARGS(db_int(99)), RC_OK, "deleting nothing is no error");
	ok(r.changed == 0, "and changes nothing");
	r = run(&c, "SELECT t FROM value WHERE id = ?1", DB_ARGS(db_int(99)), RC_OK, "finding nothing is no error");
	ok(r.rows == 0 && r.columns == 1, "no rows, but columns");
	ok(store_run(&c, "UPDATE value SET n = n", DB_NONE, NULL) == RC_OK, "nobody has to take the rows");
	testing_free(&c);
}

static void
refusals(struct store *s)
{
	/* clang-format off */
	static const struct { const char *text, *sentence; } bad[] = {
		{ "\xff",		"an octet that is never UTF-8 is bad input" },
		{ "\xc3",		"a cut sequence is bad input" },
		{ "\xe2\x82",		"a cut sequence of three is bad input" },
		{ "\xc0\xaf",		"an overlong slash is bad input (RFC 3629 3)" },
		{ "\xe0\x80\xaf",	"an overlong sequence of three is bad input (RFC 3629 3)" },
		{ "\xed\xa0\x80",	"a surrogate is bad input (RFC 3629 3)" },
		{ "\xf4\x90\x80\x80",	"beyond U+10FFFF is bad input (RFC 3629 3)" },
		{ "\x80",		"a stray continuation is bad input" },
	};
	/* clang-format on */
	struct call c = testing_call(s);
	struct db_rows r;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		run(&c, "INSERT INTO value (id, t) VALUES (?1, ?2)", DB_ARGS(db_int(50), db_text(bad[i].text)),
		    RC_BAD_INPUT, bad[i].sentence);
	r = run(&c, "SELECT count(*) FROM value WHERE id = ?1", DB_ARGS(db_int(50)), RC_OK, "none of it");
	ok(r.rows == 1 && db_get_int(&r, 0, 0) == 0, "bad input reaches no table");
	run(&c, "INSERT INTO value (id, t) VALUES (?1, ?2)",
	    DB_ARGS(db_int(51), db_text("\xf0\x9f\x93\xb1 \xef\xbf\xbd \xf4\x8f\xbf\xbf")), RC_OK,
	    "the far ends of UTF-8 are text");

	run(&c, "INSERT INTO value (id) VALUES (?1)", DB_ARGS(db_int(1)), RC_CONFLICT,
	    "a key that is taken is a conflict");
	r = run(&c, "INSERT INTO value (id) VALUES (?1) ON CONFLICT DO NOTHING RETURNING id", DB_ARGS(db_int(1)), RC_OK,
	    "an expected clash is no error");
	ok(r.rows == 0 && r.changed == 0, "and is seen by the count");
	run(&c, "SELECT n FROM nowhere", DB_NONE, RC_INTERNAL, "a statement that is wrong is our bug");
	ok(strstr(c.err.text, "nowhere") != NULL, "and the sentence says what is wrong");
	run(&c, "SELECT n FROM value WHERE id = ?1", DB_NONE, RC_INTERNAL, "a missing argument is our bug");
	run(&c, "SELECT n FROM value WHERE id = ?1", DB_ARGS(db_int(1), db_int(2)), RC_INTERNAL,
	    "an argument too many is our bug");
	run(&c, "DELETE FROM value WHERE id = 1; DELETE FROM value", DB_NONE, RC_INTERNAL,
	    "two statements in one text are our bug");
	r = run(&c, "SELECT id FROM value", DB_NONE, RC_OK, "after refusals the store goes on");
	ok(r.rows == 4, "and none of them wrote");
	testing_free(&c);
}

static void
many(struct store *s)
{
	struct call c = testing_call(s);
	struct db_rows r;
	int bad = 0;

	r = run(&c,
	    "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 1000) SELECT n, 'row ' || n FROM "
	    "k",
	    DB_NONE, RC_OK, "a thousand rows are read");
	for (int i = 0; i < r.rows; i++)
		bad += db_get_int(&r, i, 0) != i + 1 || strtol(db_get_text(&r, i, 1) + 4, NULL, 10) != i + 1;
	ok(r.rows == 1000 && bad == 0, "all of them, in order");
	for (int i = 0; i < 400; i++)
		bad += store_run(&c, arena_printf(c.arena, "SELECT %d", i), DB_NONE, &r) != RC_OK ||
		       db_get_int(&r, 0, 0) != i;
	ok(bad == 0, "more statements than are kept prepared still run");
	testing_free(&c);
}

static void
migrations(struct store *s)
{
	struct err e;
	int from = -1, to = -1, version = -1;

	ok(store_version(s, &version, &e) == RC_OK && version == 0, "a new database is at version 0");
	ok(store_migrate(s, &from, &to, &e) == RC_OK && from == 0 && to > 0, "migrations run in order");
	ok(store_version(s, &version, &e) == RC_OK && version == to, "the version is kept");
	ok(store_migrate(s, &from, &to, &e) == RC_OK && from == version && to == version,
	    "a second run changes nothing");
	struct call c = testing_call(s);
	run(&c, "INSERT INTO schema_migration (version, name, applied_at) VALUES (?1, 'later', 0)",
	    DB_ARGS(db_int(9000)), RC_OK, "a newer program was here");
	ok(store_migrate(s, &from, &to, &e) == RC_CONFLICT, "a database that is newer than the program is left alone");
	run(&c, "DELETE FROM schema_migration WHERE version = ?1", DB_ARGS(db_int(9000)), RC_OK,
	    "and can be taken back");
	testing_free(&c);
}

static void
all(const char *dsn)
{
	struct store *s = testing_store(dsn);

	printf("# %s\n", dsn);
	if (s == NULL)
		return;
	migrations(s);
	values(s);
	refusals(s);
	many(s);
	testing_drop(s, "value");
	store_close(s);
}

int
main(void)
{
	char dsn[TESTING_DSN_MAX];

	store_close(NULL);
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
