/* What is SQLite's alone: files, locks, options, the log; and that what was acknowledged survives a
 * process that never closes. */
#include "store/store.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/tap.h"
#include "store/testing.h"

static char dir[64];

static void
files(void)
{
	struct store *s = NULL, *second = NULL;
	struct err e = { 0 };
	struct stat st;

	ok(store_open(testing_path(dir, "store.db"), false, &s, &e) == RC_NOT_FOUND && s == NULL,
	    "a database that is not there is not made unasked");
	ok(access(testing_path(dir, "store.db.lock"), F_OK) != 0, "and nothing is left behind");
	s = testing_store(testing_path(dir, "store.db"));
	ok(testing_run(s, "CREATE TABLE t (n BIGINT)") == RC_OK, "a table");
	ok(stat(testing_path(dir, "store.db"), &st) == 0 && (st.st_mode & 0777) == 0600,
	    "the database is the owner's alone");
	ok(stat(testing_path(dir, "store.db-wal"), &st) == 0 && (st.st_mode & 0777) == 0600, "so is its log");
	ok(stat(testing_path(dir, "store.db.lock"), &st) == 0 && (st.st_mode & 0777) == 0600, "so is its lock");
	ok(store_open(testing_path(dir, "store.db"), false, &second, &e) == RC_CONFLICT && second == NULL,
	    "one process owns the database");
	ok(testing_run(s, "INSERT INTO t (n) VALUES (1)") == RC_OK, "the owner goes on");
	ok(store_checkpoint(s, &e) == RC_OK, "the log is copied on request");
	ok(stat(testing_path(dir, "store.db-wal"), &st) == 0 && st.st_size == 0, "and is empty then");
	store_close(s);
	ok(access(testing_path(dir, "store.db-wal"), F_OK) != 0, "closing leaves no log");
	s = testing_store(testing_path(dir, "store.db"));
	ok(testing_number(s, "SELECT count(*) FROM t") == 1, "what was written is there when opened again");
	store_close(s);
}

static void
options(void)
{
	/* clang-format off */
	static const struct { const char *form; enum rc want; const char *sentence; } cases[] = {
		{ "%s/store.db",				RC_OK,		"a path alone is a database" },
		{ "sqlite:%s/store.db",				RC_OK,		"so is a path with the engine's name" },
		{ "sqlite:%s/store.db?synchronous=off",		RC_OK,		"synchronous=off is for the loss tests" },
		{ "sqlite:%s/store.db?synchronous=full&vfs=unix", RC_OK,	"options are separated by &" },
		{ "sqlite:%s/store.db?cache=large",		RC_OK,		"cache=large is for filling it" },
		{ "sqlite:%s/store.db?synchronous=maybe",	RC_UNAVAILABLE,	"a value that is not known is refused" },
		{ "sqlite:%s/store.db?speed=high",		RC_UNAVAILABLE,	"an option that is not known is refused" },
		{ "sqlite:%s/store.db?vfs=none",		RC_UNAVAILABLE,	"a file system layer that is not there is refused" },
		{ "sqlite:?x%s",				RC_UNAVAILABLE,	"no file is refused" },
		{ "%s/none/store.db",				RC_UNAVAILABLE,	"a folder that is not there is refused" },
		{ "%s",						RC_UNAVAILABLE,	"a folder is no database" },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char dsn[160], form[64];
		struct store *s = NULL;
		struct err e = { 0 };
		enum rc rc;
		char *at;

		snprintf(form, sizeof form, "%s", cases[i].form);
		at = strstr(form, "%s");
		*at = '\0';
		snprintf(dsn, sizeof dsn, "%s%s%s", form, dir, at + 2);
		rc = store_open(dsn, true, &s, &e);
		if (!ok(rc == cases[i].want && (s != NULL) == (rc == RC_OK), "%s", cases[i].sentence))
			printf("# %s: %s: %s\n", dsn, rc_name(rc), e.text);
		store_close(s);
		if (strcmp(cases[i].form, "%s") == 0) {
			snprintf(dsn, sizeof dsn, "%s.lock", dir);
			unlink(dsn);
		}
	}
}

static void
not_a_database(void)
{
	FILE *f = fopen(testing_path(dir, "store.db"), "w");
	struct store *s = NULL;
	struct err e = { 0 };

	for (int i = 0; i < 2000; i++)
		fputs("this is no database\n", f);
	fclose(f);
	ok(store_open(testing_path(dir, "store.db"), true, &s, &e) == RC_UNAVAILABLE && s == NULL,
	    "another kind of file is refused");
	ok(strstr(e.text, "name another file") != NULL, "and the sentence says what to do");
	unlink(testing_path(dir, "store.db"));
}

static enum rc
end_early(struct call *c, void *arg)
{
	(void)arg;
	store_run(c, "INSERT INTO v (n) VALUES (1)", DB_NONE, NULL);
	store_run(c, "ROLLBACK", DB_NONE, NULL);
	store_run(c, "INSERT INTO v (n) VALUES (2)", DB_NONE, NULL);
	return RC_OK;
}

/* SQLite ends a transaction by itself on some errors; here a statement does, which is as good. */
static void
dropped(void)
{
	struct store *s = testing_store(testing_path(dir, "store.db"));
	struct call c = testing_call(s);

	testing_run(s, "CREATE TABLE v (n BIGINT)");
	ok(store_unit(&c, end_early, NULL) == RC_UNAVAILABLE, "a unit whose transaction is gone is not believed");
	ok(testing_number(s, "SELECT count(*) FROM v") == 0, "and what it does afterwards is not kept by accident");
	ok(testing_run(s, "INSERT INTO v (n) VALUES (3)") == RC_OK && !store_is_broken(s), "the store goes on");
	testing_free(&c);
	store_close(s);
}

/* Another program may read the file, as a backup does, and may even lock it for a moment. */
static void
beside(void)
{
	struct store *s = testing_store(testing_path(dir, "store.db"));
	sqlite3 *other = NULL;

	testing_run(s, "CREATE TABLE u (n BIGINT)");
	testing_run(s, "INSERT INTO u (n) VALUES (1)");
	ok(sqlite3_open(testing_path(dir, "store.db"), &other) == SQLITE_OK &&
		sqlite3_exec(other, "BEGIN; SELECT count(*) FROM u", NULL, NULL, NULL) == SQLITE_OK,
	    "another program reads");
	ok(testing_run(s, "INSERT INTO u (n) VALUES (2)") == RC_OK, "and does not stop the writer");
	ok(testing_number(s, "SELECT count(*) FROM u") == 2, "nor the readers");
	store_close(s);
	s = testing_store(testing_path(dir, "store.db"));
	ok(testing_run(s, "INSERT INTO u (n) VALUES (3)") == RC_OK && testing_number(s, "SELECT count(*) FROM u") == 3,
	    "nor a start");
	sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
	sqlite3_close(other);
	store_close(s);
}

/* The log is bounded by itself: 120 MB are written, and the file never held them all. */
static void
log_is_bounded(void)
{
	struct store *s = testing_store(testing_path(dir, "store.db"));
	struct stat st = { 0 };
	bool seen;

	testing_run(s, "CREATE TABLE big (id BIGINT PRIMARY KEY, b BYTEA)");
	for (int i = 0; i < 50; i++) {
		testing_run(s,
		    "WITH RECURSIVE k(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM k WHERE n < 60)"
		    " INSERT INTO big (id, b) SELECT (SELECT count(*) FROM big) + n, zeroblob(40000) FROM k");
	}
	ok(testing_number(s, "SELECT count(*) FROM big") == 3000, "many pages are written");
	seen = stat(testing_path(dir, "store.db-wal"), &st) == 0;
	ok(seen && st.st_size < 80 * 1024 * 1024, "the log is bounded while units run (%lld MB)",
	    (long long)st.st_size / 1024 / 1024);
	store_close(s);
}

/* The child acknowledges rows until it is killed; what it acknowledged is there afterwards. */
static void
killed(void)
{
	int pipes[2], acknowledged = 0;
	char octet;
	pid_t child;
	struct store *s;

	fflush(stdout);
	if (pipe(pipes) != 0 || (child = fork()) < 0) {
		ok(0, "a child is made");
		return;
	}
	if (child == 0) {
		struct err e;

		close(pipes[0]);
		if (store_open(testing_path(dir, "store.db"), true, &s, &e) != RC_OK)
			_exit(1);
		testing_run(s, "CREATE TABLE k (n BIGINT)");
		while (testing_run(s, "INSERT INTO k (n) VALUES (1)") == RC_OK && write(pipes[1], "x", 1) == 1)
			;
		_exit(1);
	}
	close(pipes[1]);
	while (acknowledged < 200 && read(pipes[0], &octet, 1) == 1)
		acknowledged++;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	while (read(pipes[0], &octet, 1) == 1)
		acknowledged++;
	close(pipes[0]);
	s = testing_store(testing_path(dir, "store.db"));
	ok(acknowledged >= 200 && testing_number(s, "SELECT count(*) FROM k") >= acknowledged,
	    "a killed process loses nothing that it acknowledged, and its lock is gone");
	store_close(s);
}

int
main(void)
{
	testing_dir(dir);
	files();
	options();
	not_a_database();
	beside();
	dropped();
	log_is_bounded();
	killed();
	testing_rmdir(dir);
	return done();
}
