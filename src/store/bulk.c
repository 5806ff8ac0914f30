#include "store/bulk.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "store/driver.h"
#include "store/migrate.h"

#define SQL_MAX (64 * 1024)
#define BATCH_MAX (4 << 20) /* octets of rows that are sent together */

struct store_view {
	const struct db_driver *driver;
	struct db_conn *conn;
};

struct store_fill {
	const struct db_driver *driver;
	struct db_conn *conn;
	struct arena *a; /* the indexes that are made at the end */
	struct db_rows indexes;
	struct arena *table; /* the statements of the table under way */
	char *insert, *insert_many; /* of one row; of `together` */
	int n_columns, together;
	struct arena *batch; /* rows that wait to be sent together */
	struct db_value *waiting;
	int n_waiting;
	size_t octets;
};

/* Names come from the database or from an archive: they are put into statements. */
static bool
is_name(const char *s)
{
	return *s != '\0' && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

/* ---- reading ---- */

enum rc
store_view_open(const char *dsn, struct store_view **out, struct err *e)
{
	struct store_view *v = calloc(1, sizeof *v);
	const char *rest;
	enum rc rc;

	if (v == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	v->driver = store_driver_of(dsn, &rest);
	if ((rc = v->driver->view_begin(rest, &v->conn, e)) != RC_OK) {
		free(v);
		return rc;
	}
	*out = v;
	return RC_OK;
}

void
store_view_close(struct store_view *v)
{
	if (v == NULL)
		return;
	v->driver->view_end(v->conn);
	free(v);
}

/* The one number of a query; 0 when it is NULL. */
static enum rc
number(
    const struct db_driver *d, struct db_conn *conn, const char *sql, struct db_args args, int64_t *out, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_rows r;
	enum rc rc = d->run(conn, a, sql, args, &r, NULL, e);

	if (rc == RC_OK)
		*out = r.rows > 0 ? db_get_int(&r, 0, 0) : 0;
	arena_free(a);
	return rc;
}

enum rc
store_view_version(struct store_view *v, int *version, struct err *e)
{
	int64_t n = 0;
	enum rc rc;

	*version = 0;
	rc = number(v->driver, v->conn, v->driver->count_tables, DB_ARGS(db_text("schema_migration")), &n, e);
	if (rc == RC_OK && n > 0)
		rc = number(v->driver, v->conn, "SELECT max(version) FROM schema_migration", DB_NONE, &n, e);
	*version = (int)n;
	return rc;
}

static enum rc
describe(struct store_view *v, struct arena *a, const char *name, struct store_table *out, struct err *e)
{
	const char **columns;
	struct db_rows r;
	enum rc rc;

	if (!is_name(name))
		return fail(e, RC_BAD_INPUT, "the database has a table that is not postern's: %.60s", name);
	*out = (struct store_table){ .name = name };
	if ((rc = v->driver->run(v->conn, a, v->driver->list_columns, DB_ARGS(db_text(name)), &r, NULL, e)) != RC_OK)
		return rc;
	columns = arena_array(a, (size_t)r.rows + 1, sizeof *columns);
	for (int i = 0; i < r.rows; i++)
		columns[i] = db_get_text(&r, i, 0);
	out->columns = columns;
	out->n_columns = r.rows;
	return number(v->driver, v->conn, arena_printf(a, "SELECT count(*) FROM %s", name), DB_NONE, &out->rows, e);
}

enum rc
store_view_tables(struct store_view *v, struct arena *a, struct store_table **out, int *n, struct err *e)
{
	struct store_table *tables;
	struct db_rows r;
	enum rc rc;

	*n = 0;
	if ((rc = v->driver->run(v->conn, a, v->driver->list_tables, DB_NONE, &r, NULL, e)) != RC_OK)
		return rc;
	*out = tables = arena_array(a, (size_t)r.rows + 1, sizeof *tables);
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		if (strcmp(db_get_text(&r, i, 0), "schema_migration") != 0)
			rc = describe(v, a, db_get_text(&r, i, 0), &tables[(*n)++], e);
	}
	return rc;
}

static enum rc
put_columns(struct buf *b, const char *const *columns, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		if (!is_name(columns[i]))
			return fail(e, RC_BAD_INPUT, "'%.60s' is no column", columns[i]);
		buf_printf(b, "%s%s", i > 0 ? ", " : "", columns[i]);
	}
	return n > 0 ? RC_OK : fail(e, RC_BAD_INPUT, "a table without columns");
}

static enum rc
each(const struct db_driver *d, struct db_conn *conn, const struct store_table *t, store_row_fn *fn, void *arg,
    struct err *e)
{
	struct buf b;
	enum rc rc;

	buf_init(&b, SQL_MAX);
	buf_str(&b, "SELECT ");
	rc = put_columns(&b, t->columns, t->n_columns, e);
	buf_printf(&b, " FROM %s", t->name);
	if (rc == RC_OK)
		rc = d->each(conn, b.p, fn, arg, e);
	buf_free(&b);
	return rc;
}

enum rc
store_view_each(struct store_view *v, const struct store_table *t, store_row_fn *fn, void *arg, struct err *e)
{
	return each(v->driver, v->conn, t, fn, arg, e);
}

enum rc
store_view_query(struct store_view *v, const char *sql, store_row_fn *fn, void *arg, struct err *e)
{
	return v->driver->each(v->conn, sql, fn, arg, e);
}

/* ---- keeping it small ---- */

enum rc
store_vacuum(const char *dsn, store_vacuum_fn *watch, void *arg, int *tables, struct err *e)
{
	const char *rest;
	const struct db_driver *d = store_driver_of(dsn, &rest);
	struct arena *a = arena_new(0);
	struct db_conn *conn = NULL;
	struct db_rows names = { 0 };
	enum rc rc = RC_OK;

	*tables = 0;
	if (d->alone_begin != NULL && (rc = d->alone_begin(rest, &conn, e)) == RC_OK)
		rc = d->run(conn, a, d->list_tables, DB_NONE, &names, NULL, e);
	for (int i = 0; rc == RC_OK && i < names.rows; i++) {
		const char *name = db_get_text(&names, i, 0);

		watch(arg, i, names.rows);
		if (is_name(name)) /* ours are; the schema may hold others */
			rc = d->run(conn, a, arena_printf(a, "VACUUM (ANALYZE) %s", name), DB_NONE, NULL, NULL, e);
		*tables += is_name(name);
	}
	d->view_end(conn);
	arena_free(a);
	return rc;
}

/* ---- filling ---- */

static enum rc
migrate_to(struct store_fill *f, int version, struct err *e)
{
	static const char note[] = "INSERT INTO schema_migration (version, name, applied_at) VALUES (?1, ?2, ?3)";
	enum rc rc = f->driver->script(f->conn, store_migration_table, e);

	for (int i = 0; i < store_migrations_n && rc == RC_OK; i++) {
		const struct store_migration *m = &store_migrations[i];

		if (m->version > version)
			break;
		if ((rc = f->driver->script(f->conn, m->sql, e)) == RC_OK)
			rc = f->driver->run(f->conn, f->a, note,
			    DB_ARGS(db_int(m->version), db_text(m->name), db_int(clock_now())), NULL, NULL, e);
	}
	return rc;
}

/* Sorted once at the end an index costs a tenth of what it costs row by row. */
static enum rc
drop_indexes(struct store_fill *f, struct err *e)
{
	enum rc rc = f->driver->run(f->conn, f->a, f->driver->list_indexes, DB_NONE, &f->indexes, NULL, e);

	for (int i = 0; i < f->indexes.rows && rc == RC_OK; i++)
		rc = f->driver->script(f->conn, arena_printf(f->a, "DROP INDEX %s", db_get_text(&f->indexes, i, 0)), e);
	return rc;
}

enum rc
store_fill_open(const char *dsn, int version, struct store_fill **out, struct err *e)
{
	int newest = store_migrations_n == 0 ? 0 : store_migrations[store_migrations_n - 1].version;
	struct store_fill *f;
	const char *rest;
	enum rc rc;

	if (version < 1 || version > newest)
		return fail(e, RC_CONFLICT, "the rows are of schema %d and this program knows %d: use a newer one",
		    version, newest);
	if ((f = calloc(1, sizeof *f)) == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	f->a = arena_new(0);
	f->driver = store_driver_of(dsn, &rest);
	if ((rc = f->driver->fill_begin(rest, &f->conn, e)) != RC_OK || (rc = migrate_to(f, version, e)) != RC_OK ||
	    (rc = drop_indexes(f, e)) != RC_OK) {
		store_fill_close(f);
		return rc;
	}
	*out = f;
	return RC_OK;
}

/* ---- rows, several at a time ---- */

static void
begin_batch(struct store_fill *f)
{
	arena_free(f->batch);
	f->batch = arena_new(0);
	f->waiting = arena_array(f->batch, (size_t)f->together * (size_t)f->n_columns, sizeof *f->waiting);
	f->n_waiting = 0;
	f->octets = 0;
}

static enum rc
send(struct store_fill *f, const char *sql, const struct db_value *v, int n, struct err *e)
{
	return f->driver->run(f->conn, f->batch, sql, (struct db_args){ v, n }, NULL, NULL, e);
}

/* What waits: all at once where it is a full batch, else one by one, so that two statements do for a table. */
static enum rc
flush(struct store_fill *f, struct err *e)
{
	enum rc rc = RC_OK;

	if (f->n_waiting == f->together && f->n_waiting > 0)
		rc = send(f, f->insert_many, f->waiting, f->n_waiting * f->n_columns, e);
	else
		for (int i = 0; i < f->n_waiting && rc == RC_OK; i++)
			rc = send(f, f->insert, f->waiting + (size_t)i * (size_t)f->n_columns, f->n_columns, e);
	begin_batch(f);
	return rc;
}

static struct db_value
keep_cell(struct store_fill *f, const struct db_value *v)
{
	struct db_value copy = *v;

	if (v->type == DB_TEXT) {
		copy.text = arena_strdup(f->batch, v->text);
		f->octets += strlen(v->text);
	} else if (v->type == DB_BLOB) {
		copy.blob = arena_copy(f->batch, v->blob);
		f->octets += v->blob.n;
	}
	return copy;
}

static char *
insert_sql(struct store_fill *f, const char *name, const char *const *columns, int rows, struct err *e)
{
	int n = f->n_columns;
	struct buf b;

	buf_init(&b, SQL_MAX * 4);
	buf_printf(&b, "INSERT INTO %s (", name);
	if (put_columns(&b, columns, n, e) != RC_OK) {
		buf_free(&b);
		return NULL;
	}
	buf_str(&b, ") VALUES ");
	for (int i = 0; i < rows * n; i++)
		buf_printf(&b, "%s?%d%s", i % n > 0 ? ", " : i > 0 ? ", (" : "(", i + 1, i % n == n - 1 ? ")" : "");
	return buf_finish(&b, f->table);
}

enum rc
store_fill_table(struct store_fill *f, const char *name, const char *const *columns, int n_columns, struct err *e)
{
	enum rc rc;

	if (f->insert != NULL && (rc = flush(f, e)) != RC_OK)
		return rc;
	arena_free(f->table);
	f->table = arena_new(0);
	f->n_columns = n_columns;
	f->insert = NULL;
	if (!is_name(name))
		return fail(e, RC_BAD_INPUT, "'%.60s' is no table", name);
	/* A migration may have put rows there that the rows to come replace. */
	if (f->driver->run(f->conn, f->table, arena_printf(f->table, "DELETE FROM %s", name), DB_NONE, NULL, NULL, e) !=
	    RC_OK)
		return fail(e, RC_BAD_INPUT, "there is no table '%.60s'", name);
	f->together = n_columns > 0 && f->driver->fill_values > n_columns ? f->driver->fill_values / n_columns : 1;
	f->insert_many = insert_sql(f, name, columns, f->together, e);
	f->insert = insert_sql(f, name, columns, 1, e);
	if (f->insert == NULL)
		return RC_BAD_INPUT;
	begin_batch(f);
	return RC_OK;
}

enum rc
store_fill_row(struct store_fill *f, const struct db_value *row, struct err *e)
{
	if (f->together == 1)
		return send(f, f->insert, row, f->n_columns, e);
	for (int i = 0; i < f->n_columns; i++)
		f->waiting[f->n_waiting * f->n_columns + i] = keep_cell(f, &row[i]);
	f->n_waiting++;
	return f->n_waiting == f->together || f->octets > BATCH_MAX ? flush(f, e) : RC_OK;
}

enum rc
store_fill_each(struct store_fill *f, const struct store_table *t, store_row_fn *fn, void *arg, struct err *e)
{
	enum rc rc = f->insert != NULL ? flush(f, e) : RC_OK;

	return rc == RC_OK ? each(f->driver, f->conn, t, fn, arg, e) : rc;
}

enum rc
store_fill_keep(struct store_fill *f, struct err *e)
{
	enum rc rc = f->insert != NULL ? flush(f, e) : RC_OK;

	for (int i = 0; i < f->indexes.rows && rc == RC_OK; i++)
		rc = f->driver->script(f->conn, db_get_text(&f->indexes, i, 1), e);
	if (rc == RC_OK) {
		rc = f->driver->fill_end(f->conn, true, e);
		f->conn = NULL;
	}
	return rc;
}

void
store_fill_close(struct store_fill *f)
{
	if (f == NULL)
		return;
	if (f->conn != NULL)
		(void)f->driver->fill_end(f->conn, false, NULL);
	arena_free(f->batch);
	arena_free(f->table);
	arena_free(f->a);
	free(f);
}
