#include "store/bulk.h"

#include "store/migrate.h"
#include "store/testing.h"

/* What comes out of one database, straight into another. */
struct copying {
	struct store_fill *fill;
	struct err *e;
	int64_t rows, stop_at; /* 0: never */
};

static enum rc
copy_row(void *arg, const struct db_value *row, int n)
{
	struct copying *c = arg;

	(void)n;
	if (++c->rows == c->stop_at)
		return fail(c->e, RC_FORBIDDEN, "enough");
	return store_fill_row(c->fill, row, c->e);
}

static void
put_some(struct store *s, int from, int n)
{
	struct call c = testing_call(s);
	enum rc rc = RC_OK;

	for (int i = from; i < from + n && rc == RC_OK; i++)
		rc = store_run(&c,
		    "INSERT INTO certificate (fingerprint, organization_id, serial, enrollment_id, certificate, "
		    "raw_key,"
		    " issued_at, not_after, revoked_at) VALUES (?1, 'o', ?2, 'e', ?3, ?4, ?5, 0, ?6)",
		    DB_ARGS(db_blob(bytes_of(&i, sizeof i)), db_text(i % 2 ? "" : "ö 'x'"),
			db_blob(bytes_of("\0\xff", 2)), db_blob(bytes_of("", 0)), db_int(INT64_MIN + i),
			i % 3 ? db_null() : db_int(-1)),
		    NULL);
	ok(rc == RC_OK, "rows of every type are written");
	testing_free(&c);
}

static enum rc
copy(const char *from, const char *to, int version, int64_t stop_at, struct err *e)
{
	struct arena *a = arena_new(0);
	struct copying c = { .e = e, .stop_at = stop_at };
	struct store_table *tables = NULL;
	struct store_view *v = NULL;
	int n = 0;
	enum rc rc;

	if ((rc = store_view_open(from, &v, e)) == RC_OK && (rc = store_fill_open(to, version, &c.fill, e)) == RC_OK)
		rc = store_view_tables(v, a, &tables, &n, e);
	for (int i = 0; i < n && rc == RC_OK; i++) {
		rc = store_fill_table(c.fill, tables[i].name, tables[i].columns, tables[i].n_columns, e);
		if (rc == RC_OK)
			rc = store_view_each(v, &tables[i], copy_row, &c, e);
	}
	if (rc == RC_OK)
		rc = store_fill_keep(c.fill, e);
	store_fill_close(c.fill);
	store_view_close(v);
	arena_free(a);
	return rc;
}

static const char everything[] =
    "SELECT count(*) FROM certificate WHERE organization_id = 'o' AND serial IN ('', 'ö ''x''') AND length(certificate)"
    " = 2 AND length(raw_key) = 0 AND issued_at < -9000000000000000000 AND coalesce(revoked_at, -1) = -1";

static void
test_view(struct store *s, const char *dsn)
{
	struct arena *a = arena_new(0);
	struct store_table *t = NULL;
	struct store_view *v = NULL;
	struct err e = { 0 };
	int n = 0, version = 0, columns = 0;
	int64_t rows = -1;

	ok(store_view_open(dsn, &v, &e) == RC_OK, "a database that is in use can be looked at");
	put_some(s, 1000, 7);
	ok(store_view_version(v, &version, &e) == RC_OK && version == store_migrations_n, "its schema is known");
	ok(store_view_tables(v, a, &t, &n, &e) == RC_OK, "its tables are listed");
	for (int i = 0; i < n; i++) {
		ok(strcmp(t[i].name, "schema_migration") != 0, "%s is no note of a migration", t[i].name);
		if (strcmp(t[i].name, "certificate") == 0) {
			rows = t[i].rows;
			columns = t[i].n_columns;
		}
	}
	ok(rows == 100 && columns == 9, "what is written after it was opened is not in it");
	store_view_close(v);
	arena_free(a);
}

static void
test_refusals(const char *dir, const char *dsn)
{
	char to[160], log[176];
	struct store_fill *f = NULL;
	struct store_view *v = NULL;
	struct err e = { 0 };

	snprintf(to, sizeof to, "sqlite:%s/other.db", dir);
	ok(store_view_open(to, &v, &e) == RC_NOT_FOUND, "a missing database is called that");
	ok(store_view_open("sqlite::memory:", &v, &e) == RC_BAD_INPUT, "one in memory can't be looked at from outside");
	ok(store_fill_open(dsn, store_migrations_n, &f, &e) == RC_CONFLICT, "a database that is there is not filled");
	ok(store_fill_open(to, store_migrations_n + 1, &f, &e) == RC_CONFLICT, "nor one for a newer program");
	ok(copy(dsn, to, store_migrations_n, 50, &e) == RC_FORBIDDEN && strcmp(e.text, "enough") == 0,
	    "what a row's function says ends the reading");
	ok(access(to + 7, F_OK) != 0, "and a fill that is not kept leaves nothing");
	snprintf(log, sizeof log, "%s-wal", to + 7);
	fclose(fopen(log, "w"));
	ok(store_fill_open(to, store_migrations_n, &f, &e) == RC_CONFLICT && strstr(e.text, log) != NULL,
	    "the log that another database left is not taken for its own: %s", e.text);
	unlink(log);
}

/* Another engine, and back: the same rows, and as many indexes as migrations make there. */
static void
test_engines(const char *sqlite, const char *dir)
{
	static const char indexes[] = "SELECT count(*) FROM pg_indexes WHERE schemaname = current_schema()";
	char there[TESTING_DSN_MAX], other[TESTING_DSN_MAX], migrated[TESTING_DSN_MAX], back[160];
	struct store *t, *m;
	struct store_fill *f = NULL;
	struct err e = { 0 };
	int from, version;

	if (testing_fresh(there)[0] == '\0') {
		skip("POSTERN_TEST_DSN names no PostgreSQL server");
		return;
	}
	snprintf(back, sizeof back, "sqlite:%s/back.db", dir);
	ok(copy(sqlite, there, store_migrations_n, 50, &e) == RC_FORBIDDEN, "a copy to PostgreSQL that fails");
	ok(copy(sqlite, there, store_migrations_n, 0, &e) == RC_OK, "leaves an empty database: %s", e.text);
	ok(store_fill_open(there, store_migrations_n, &f, &e) == RC_CONFLICT, "which is filled once: %s", e.text);
	ok(copy(there, testing_fresh(other), store_migrations_n, 0, &e) == RC_OK, "from PostgreSQL to PostgreSQL: %s",
	    e.text);
	ok(copy(other, back, store_migrations_n, 0, &e) == RC_OK, "and back to SQLite: %s", e.text);
	t = testing_store(other);
	m = testing_store(testing_fresh(migrated));
	ok(store_migrate(m, &from, &version, &e) == RC_OK, "a database with tables of its own");
	ok(testing_number(t, everything) == 107, "all rows are there, to the octet");
	ok(testing_number(t, indexes) == testing_number(m, indexes), "and all indexes");
	ok(store_migrate(t, &from, &version, &e) == RC_OK && from == version, "and it is at its schema");
	store_close(m);
	store_close(t);
	t = testing_store(back);
	ok(testing_number(t, everything) == 107, "and in the one that came back");
	store_close(t);
}

static off_t
size_of(const char *dir, const char *name)
{
	struct stat st;

	return stat(testing_path(dir, name), &st) == 0 ? st.st_size : -1;
}

/* Write `n` rows of 1 MB. */
static void
write_much(struct store *s, int n)
{
	static uint8_t much[1 << 20];
	struct call c = testing_call(s);
	enum rc rc = RC_OK;

	for (int i = 0; i < n && rc == RC_OK; i++)
		rc = store_run(&c,
		    "INSERT INTO command (uuid, enrollment_id, user_id, position, request_type, status, answer, "
		    "dropped, put_off,"
		    " queued_at, answered_at) VALUES (?1, 'e', '', 0, 't', 's', ?2, 0, 0, 0, 0)",
		    DB_ARGS(
			db_text(arena_printf(c.arena, "%d %p", i, (void *)&rc)), db_blob(bytes_of(much, sizeof much))),
		    NULL);
	ok(rc == RC_OK, "%d MB are written: %s", n, c.err.text);
	rc = store_run(&c, "DELETE FROM command WHERE enrollment_id = 'e'", DB_NONE, NULL);
	ok(rc == RC_OK, "and deleted");
	testing_free(&c);
}

/* The log can't be emptied while somebody looks at what was before: nobody waits for that, and it ends. */
static void
test_long_view(const char *dir)
{
	struct store *s = testing_store(testing_path(dir, "long.db?synchronous=off"));
	char dsn[160];
	struct store_view *v = NULL;
	struct err e = { 0 };
	int from, to;

	snprintf(dsn, sizeof dsn, "sqlite:%s/long.db", dir);
	ok(store_migrate(s, &from, &to, &e) == RC_OK && store_view_open(dsn, &v, &e) == RC_OK, "a view stays open");
	write_much(s, 80);
	ok(size_of(dir, "long.db-wal") > 80 << 20, "the log grows past what it is emptied at");
	store_view_close(v);
	for (int i = 0; i < 200 && size_of(dir, "long.db-wal") > 64 << 20; i++) {
		write_much(s, 5);
		usleep(50000);
	}
	ok(size_of(dir, "long.db-wal") <= 64 << 20, "and shrinks once the view is closed");
	store_close(s);
}

int
main(void)
{
	char dir[64], dsn[160], to[160];
	struct store *s, *t;
	struct err e = { 0 };
	int from, version;

	testing_dir(dir);
	snprintf(dsn, sizeof dsn, "sqlite:%s/store.db", dir);
	snprintf(to, sizeof to, "sqlite:%s/copy.db", dir);
	s = testing_store(dsn);
	ok(store_migrate(s, &from, &version, &e) == RC_OK, "the database has its tables");
	put_some(s, 0, 100);
	test_view(s, dsn);
	test_refusals(dir, dsn);
	test_long_view(dir);
	ok(copy(dsn, to, store_migrations_n, 0, &e) == RC_OK, "a database is copied while it is open: %s", e.text);
	t = testing_store(to);
	ok(store_migrate(t, &from, &version, &e) == RC_OK && from == version, "the copy is at its schema");
	ok(testing_number(t, everything) == 107 && testing_number(s, everything) == 107,
	    "with all its rows, to the octet");
	ok(testing_number(t, "SELECT count(*) FROM sqlite_schema WHERE type = 'index'") ==
		testing_number(s, "SELECT count(*) FROM sqlite_schema WHERE type = 'index'"),
	    "and all its indexes");
	store_close(t);
	test_engines(dsn, dir);
	store_close(s);
	testing_rmtree(dir);
	return done();
}
