/* What tests share that need a store: a store, a call, a folder of their own.
 *
 * POSTERN_TEST_DSN names a PostgreSQL server on which the tests may make databases (tests/with-postgres
 * starts one): what would be a database in memory is then a fresh one there, dropped at the end. */
#ifndef STORE_TESTING_H
#define STORE_TESTING_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/tap.h"
#include "store/store.h"

static inline struct call
testing_call(struct store *s)
{
	return (struct call){ .arena = arena_new(0), .store = s, .now = 1764000000 };
}

static inline void
testing_free(struct call *c)
{
	arena_free(c->arena);
	*c = (struct call){ 0 };
}

#define TESTING_DSN_MAX 512

static struct testing_databases {
	const char *server; /* address */
	char name[16][48];
	int n;
} testing_databases_;

/* One statement on the server's own database. */
static inline bool
testing_on_server(const char *verb, const char *name, const char *options)
{
	struct store *s = NULL;
	struct err e = { 0 };
	struct call c;
	bool good;

	if (store_open(testing_databases_.server, false, &s, &e) != RC_OK) {
		printf("# %s\n", e.text);
		return false;
	}
	c = (struct call){ .arena = arena_new(0), .store = s };
	good = store_run(&c, arena_printf(c.arena, "%s DATABASE %s%s", verb, name, options), DB_NONE, NULL) == RC_OK;
	if (!good)
		printf("# %s\n", c.err.text);
	arena_free(c.arena);
	store_close(s);
	return good;
}

static inline void
testing_drop_databases(void)
{
	for (int i = 0; i < testing_databases_.n; i++)
		testing_on_server("DROP", testing_databases_.name[i], " WITH (FORCE)");
}

/* The address of a fresh database on the tests' server, in `dsn`; "" where there is no such server. */
static inline const char *
testing_fresh(char dsn[TESTING_DSN_MAX])
{
	struct testing_databases *t = &testing_databases_;
	char *name = t->name[t->n];

	dsn[0] = '\0';
	if ((t->server = getenv("POSTERN_TEST_DSN")) == NULL)
		return dsn;
	snprintf(name, sizeof t->name[0], "unit_%d_%d", (int)getpid(), t->n);
	if (t->n == 0)
		atexit(testing_drop_databases);
	if (!testing_on_server("CREATE", name, "") || ++t->n == sizeof t->name / sizeof t->name[0])
		exit(1);
	snprintf(dsn, TESTING_DSN_MAX, "%s%cdbname=%s", t->server, strchr(t->server, '?') != NULL ? '&' : '?', name);
	return dsn;
}

static inline struct store *
testing_store(const char *dsn)
{
	struct store *s = NULL;
	struct err e = { 0 };
	char fresh[TESTING_DSN_MAX];

	if (strstr(dsn, ":memory:") != NULL && testing_fresh(fresh)[0] != '\0')
		dsn = fresh;
	if (!ok(store_open(dsn, true, &s, &e) == RC_OK, "the store opens"))
		printf("# %s: %s\n", dsn, e.text);
	return s;
}

/* Run a statement without rows in a call of its own. */
static inline enum rc
testing_run(struct store *s, const char *sql)
{
	struct call c = testing_call(s);
	enum rc rc = store_run(&c, sql, DB_NONE, NULL);

	if (rc != RC_OK)
		printf("# %s: %s\n", rc_name(rc), c.err.text);
	testing_free(&c);
	return rc;
}

/* The one number that a query answers, or -1. */
static inline int64_t
testing_number(struct store *s, const char *sql)
{
	struct call c = testing_call(s);
	struct db_rows r;
	int64_t n = -1;

	if (store_run(&c, sql, DB_NONE, &r) == RC_OK && r.rows == 1)
		n = db_get_int(&r, 0, 0);
	else
		printf("# %s: %s\n", sql, c.err.text);
	testing_free(&c);
	return n;
}

static inline void
testing_drop(struct store *s, const char *table)
{
	char sql[128];

	snprintf(sql, sizeof sql, "DROP TABLE %s", table);
	ok(testing_run(s, sql) == RC_OK, "the test's table is dropped");
}

static inline void
testing_dir(char dir[64])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, 64, "%.40s/postern-XXXXXX", tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(dir) == NULL) {
		perror(dir);
		exit(1);
	}
}

/* A path in the folder; static, for one at a time. */
static inline const char *
testing_path(const char *dir, const char *name)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

/* Remove the folder and what a database leaves in it. */
static inline void
testing_rmdir(const char *dir)
{
	static const char *const left[] = { "store.db", "store.db-wal", "store.db-shm", "store.db.lock",
		"store.db-journal" };

	for (size_t i = 0; i < sizeof left / sizeof left[0]; i++)
		unlink(testing_path(dir, left[i]));
	ok(rmdir(dir) == 0, "the database leaves no other files");
}

static inline int
testing_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

/* Remove a folder and everything in it. */
static inline void
testing_rmtree(const char *dir)
{
	nftw(dir, testing_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
