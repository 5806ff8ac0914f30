/* The rewriter: placeholders and nothing else change, and a script falls into its statements. */
#include "store/rewrite.h"

#include <stdlib.h>

#include "base/tap.h"

static void
placeholders(void)
{
	/* clang-format off */
	static const struct { const char *sql, *want; int params; bool writes; const char *sentence; } cases[] = {
		{ "SELECT 1", "SELECT 1", 0, false, "a statement without placeholders stays" },
		{ "SELECT a FROM t WHERE a = ?1 AND b = ?2", "SELECT a FROM t WHERE a = $1 AND b = $2", 2, false,
		  "?N becomes $N" },
		{ "UPDATE t SET a = ?2 WHERE b = ?1", "UPDATE t SET a = $2 WHERE b = $1", 2, true, "numbers stay, in any order" },
		{ "SELECT ?1, ?1, ?12", "SELECT $1, $1, $12", 12, false, "the same number may come twice; the highest counts" },
		{ "SELECT '?1', ?2", "SELECT '?1', $2", 2, false, "a literal is left alone" },
		{ "SELECT 'it''s ?1', ?2", "SELECT 'it''s ?1', $2", 2, false, "a doubled quote stays inside the literal" },
		{ "SELECT '', ?1, ''", "SELECT '', $1, ''", 1, false, "an empty literal ends" },
		{ "SELECT \"a?1\", ?2 FROM \"q\"\"?3\"", "SELECT \"a?1\", $2 FROM \"q\"\"?3\"", 2, false, "a quoted name is left alone" },
		{ "SELECT ?1 -- and ?2\n, ?3", "SELECT $1 -- and ?2\n, $3", 3, false, "a comment ends with its line" },
		{ "SELECT ?1 /* ?2 /* ?3 */ ?4 */ , ?5", "SELECT $1 /* ?2 /* ?3 */ ?4 */ , $5", 5, false, "block comments nest" },
		{ "SELECT 4 / 2 - 1, ?1", "SELECT 4 / 2 - 1, $1", 1, false, "operators begin no comment" },
		{ "SELECT 'INSERT' FROM t", "SELECT 'INSERT' FROM t", 0, false, "a word in a literal says nothing" },
		{ "SELECT updated FROM deleted_t", "SELECT updated FROM deleted_t", 0, false, "a part of a word says nothing" },
		{ "-- why\nINSERT INTO t (a) VALUES (?1)", "-- why\nINSERT INTO t (a) VALUES ($1)", 1, true, "INSERT writes" },
		{ "WITH k AS (SELECT 1) SELECT * FROM k", "WITH k AS (SELECT 1) SELECT * FROM k", 0, false, "WITH may only read" },
		{ "with k as (delete from t returning a) select a from k", "with k as (delete from t returning a) select a from k",
		  0, true, "WITH may write" },
		{ "CREATE TABLE t (a TEXT)", "CREATE TABLE t (a TEXT)", 0, true, "what is not known to read writes" },
		{ "", "", 0, false, "nothing stays nothing" },
	};
	static const struct { const char *sql, *sentence; } bad[] = {
		{ "SELECT ?", "a placeholder without a number is our bug" },
		{ "SELECT ?0", "placeholders count from 1" },
		{ "SELECT ?65", "placeholders are bounded" },
		{ "SELECT ?99999999999999999999", "a number that overflows is refused" },
		{ "SELECT a ?| b", "the operator of another language is refused" },
		{ "SELECT 'a", "a literal that never ends is refused" },
		{ "SELECT \"a", "a name that never ends is refused" },
		{ "SELECT /* a", "a comment that never ends is refused" },
	};
	/* clang-format on */
	struct rewrite_about about;
	struct err e;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char *sql = strdup(cases[i].sql);
		enum rc rc = rewrite_placeholders(sql, &about, &e);

		is_str(sql, cases[i].want, cases[i].sentence);
		ok(rc == RC_OK && about.params == cases[i].params && about.writes == cases[i].writes,
		    "- %d placeholders, %s", cases[i].params, cases[i].writes ? "writes" : "reads");
		free(sql);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char *sql = strdup(bad[i].sql);

		ok(rewrite_placeholders(sql, &about, &e) == RC_INTERNAL, "%s", bad[i].sentence);
		free(sql);
	}
}

static void
scripts(void)
{
	static const char script[] =
	    "-- Tables; of a test.\nCREATE TABLE t (a TEXT PRIMARY KEY, -- a; b\n b text NOT NULL, c BIGINT);\n;\n"
	    "/* ; */ INSERT INTO t (a, b) VALUES ('TEXT; x', CAST(1 AS TEXT));\n"
	    "ALTER TABLE t ADD COLUMN context TEXT DEFAULT ''\n";
	static const char *const want[] = {
		"CREATE TABLE t (a TEXT COLLATE \"C\" PRIMARY KEY, -- a; b\n b text COLLATE \"C\" NOT NULL, c BIGINT)",
		"INSERT INTO t (a, b) VALUES ('TEXT; x', CAST(1 AS TEXT))",
		"ALTER TABLE t ADD COLUMN context TEXT COLLATE \"C\" DEFAULT ''\n",
	};
	const char *at = script;
	struct buf b;
	size_t n = 0;

	buf_init(&b, 4096);
	for (; rewrite_next(&at, &b) && n < sizeof want / sizeof want[0]; n++)
		is_str(b.p, want[n], "a script falls into its statements; columns of text compare by octets");
	ok(n == sizeof want / sizeof want[0] && !rewrite_next(&at, &b), "and ends after the last one");
	at = " \n-- nothing here\n;; /* nor here */";
	ok(!rewrite_next(&at, &b), "a script of comments has no statement");
	at = "SELECT 'open";
	ok(rewrite_next(&at, &b) && strcmp(b.p, "SELECT 'open") == 0 && !rewrite_next(&at, &b),
	    "what never ends is left to the engine to refuse");
	buf_free(&b);
}

int
main(void)
{
	placeholders();
	scripts();
	return done();
}
