#include "store/pgsql_bulk.h"

#include <stdlib.h>

#include "store/pgsql_conn.h"

#define PAGE "200" /* rows fetched at once */
#define TIMEOUT_S 3600 /* an index of a large table takes its time */

/* One snapshot for all tables; readers don't hinder writers. */
#define BEGIN_VIEW "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#define BEGIN_FILL "BEGIN ISOLATION LEVEL READ COMMITTED"

/* A connection that belongs to no pool; `lent` is first, so that the one is the other. */
struct lone {
	struct db_conn lent;
	struct pgsql_options options;
};

static void
lone_free(struct lone *l)
{
	if (l == NULL)
		return;
	pgsql_conn_close(&l->lent.conn);
	pgsql_dsn_free(&l->options);
	free(l);
}

static enum rc
lone_new(const char *dsn, const char *begin, struct lone **out, struct err *e)
{
	struct lone *l = calloc(1, sizeof *l);
	enum rc rc;

	if (l == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	if ((rc = pgsql_dsn_parse(dsn, &l->options, e)) == RC_OK) {
		l->options.timeout_s = TIMEOUT_S;
		rc = pgsql_conn_open(&l->lent.conn, &l->options, e);
	}
	if (rc != RC_OK) {
		lone_free(l);
		return rc;
	}
	if (begin != NULL)
		pgsql_conn_begin(&l->lent.conn, begin);
	*out = l;
	return RC_OK;
}

/* Run a statement whose rows nobody wants. */
static enum rc
run(struct db_conn *conn, const char *sql, struct err *e)
{
	return pgsql_conn_script(&conn->conn, sql, e);
}

enum rc
pgsql_alone_begin(const char *dsn, struct db_conn **out, struct err *e)
{
	struct lone *l = NULL;
	enum rc rc = lone_new(dsn, NULL, &l, e);

	*out = rc == RC_OK ? &l->lent : NULL;
	return rc;
}

/* ---- a view ---- */

enum rc
pgsql_view_begin(const char *dsn, struct db_conn **out, struct err *e)
{
	struct lone *l = NULL;
	enum rc rc;

	if ((rc = lone_new(dsn, BEGIN_VIEW, &l, e)) != RC_OK)
		return rc;
	/* The moment is that of the first statement, not that of BEGIN. */
	if ((rc = run(&l->lent, "SELECT 1", e)) != RC_OK) {
		lone_free(l);
		return rc;
	}
	*out = &l->lent;
	return RC_OK;
}

void
pgsql_view_end(struct db_conn *conn)
{
	lone_free((struct lone *)conn);
}

/* One page of the cursor's rows. *more: it may have others. */
static enum rc
each_of_page(struct db_conn *conn, store_row_fn *fn, void *arg, bool *more, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_rows r;
	bool writes;
	enum rc rc = pgsql_conn_run(&conn->conn, a, "FETCH " PAGE " FROM view", DB_NONE, &r, &writes, e);

	*more = rc == RC_OK && r.rows > 0;
	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		rc = fn(arg, r.cells + (size_t)i * (size_t)r.columns, r.columns);
	arena_free(a);
	return rc;
}

enum rc
pgsql_each(struct db_conn *conn, const char *sql, store_row_fn *fn, void *arg, struct err *e)
{
	struct arena *a = arena_new(0);
	bool more = true;
	enum rc rc;

	/* A cursor lives no longer than its transaction. What it reads differs, so FETCH is never prepared. */
	conn->conn.prepare = false;
	rc = run(conn, arena_printf(a, "DECLARE view NO SCROLL CURSOR FOR %s", sql), e);
	while (rc == RC_OK && more)
		rc = each_of_page(conn, fn, arg, &more, e);
	if (rc == RC_OK)
		rc = run(conn, "CLOSE view", e);
	arena_free(a);
	return rc;
}

/* ---- a fill ---- */

/* Whoever else would migrate or fill waits until this one has ended. */
static enum rc
take_empty(struct db_conn *conn, struct err *e)
{
	struct arena *a = arena_new(0);
	struct db_rows r;
	bool writes;
	enum rc rc;

	if ((rc = run(conn, PGSQL_MIGRATION_LOCK, e)) == RC_OK)
		rc = pgsql_conn_run(&conn->conn, a, store_pgsql.list_tables, DB_NONE, &r, &writes, e);
	if (rc == RC_OK && r.rows > 0)
		rc = fail(e, RC_CONFLICT, "the database has tables already (%s): it was left as it is",
		    db_get_text(&r, 0, 0));
	arena_free(a);
	return rc;
}

enum rc
pgsql_fill_begin(const char *dsn, struct db_conn **out, struct err *e)
{
	struct lone *l = NULL;
	enum rc rc;

	if ((rc = lone_new(dsn, BEGIN_FILL, &l, e)) != RC_OK)
		return rc;
	if ((rc = take_empty(&l->lent, e)) != RC_OK) {
		lone_free(l);
		return rc;
	}
	*out = &l->lent;
	return RC_OK;
}

enum rc
pgsql_fill_end(struct db_conn *conn, bool keep, struct err *e)
{
	bool again;
	enum rc rc = RC_OK;

	if (conn != NULL)
		rc = pgsql_conn_end(&conn->conn, keep, &again, e);
	lone_free((struct lone *)conn);
	return rc;
}
