/* PostgreSQL: a bounded pool of connections, one in use by a thread.
 *
 * A single statement outside a unit is a transaction by itself: one round trip, and committed when it is
 * answered. A unit is a SERIALIZABLE transaction: a read in it that decides a write holds until the COMMIT, or
 * the unit runs again. */
#include "store/driver.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/pgsql_bulk.h"
#include "store/pgsql_conn.h"
#include "store/rewrite.h"

#define RUN_TRIES 4 /* of a single statement */
#define RETRY_MS 500 /* while nobody answers, one try to connect in so many; others fail at once */

#define BEGIN_UNIT "BEGIN ISOLATION LEVEL SERIALIZABLE"
/* The lock is the transaction's; what the others did is seen after it was waited for, so no snapshot yet. */
#define BEGIN_MIGRATION "BEGIN ISOLATION LEVEL READ COMMITTED"

struct db {
	struct pgsql_options options;
	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t returned;
	struct db_conn *idle; /* most recently used first */
	int open, idle_n; /* all connections; those nobody uses */
	bool opened; /* it could be reached once: from now on it comes and goes */
	bool down; /* the last try to connect failed */
	int64_t retry_at; /* monotonic ms; no try before, while it is down */
	struct err why;
};

/* ---- connections ---- */

/* Whether a connection may be tried now. */
static enum rc
may_connect(struct db *db, struct err *e)
{
	int64_t now = clock_mono_ms();
	enum rc rc = RC_OK;

	pthread_mutex_lock(&db->lock);
	if (db->down && now < db->retry_at) {
		rc = RC_UNAVAILABLE;
		if (e != NULL)
			*e = db->why;
	} else {
		db->retry_at = now + RETRY_MS; /* whoever comes meanwhile fails at once, and puts nothing off */
	}
	pthread_mutex_unlock(&db->lock);
	return rc;
}

/* The log says when it goes and when it comes back, not each request that met it. */
static void
note_connected(struct db *db, enum rc rc, const struct err *why)
{
	bool was_down;

	pthread_mutex_lock(&db->lock);
	was_down = db->down;
	db->down = rc != RC_OK;
	if (rc != RC_OK) {
		db->why = *why;
		db->retry_at = clock_mono_ms() + RETRY_MS;
	}
	pthread_mutex_unlock(&db->lock);
	if (rc != RC_OK && !was_down && db->opened)
		log_error("the database is gone; requests get 503 until it is back", "error", why->text);
	if (rc == RC_OK && was_down)
		log_info("the database is back");
}

static enum rc
connect_one(struct db *db, struct db_conn **out, struct err *e)
{
	struct db_conn *conn;
	struct err why = { 0 };
	enum rc rc;

	if ((rc = may_connect(db, e)) != RC_OK)
		return rc;
	if ((conn = calloc(1, sizeof *conn)) == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	rc = pgsql_conn_open(&conn->conn, &db->options, &why);
	note_connected(db, rc, &why);
	if (rc != RC_OK) {
		free(conn);
		return fail(e, rc, "%s", why.text);
	}
	*out = conn;
	return RC_OK;
}

static void
discard(struct db *db, struct db_conn *conn)
{
	if (conn != NULL)
		pgsql_conn_close(&conn->conn);
	free(conn);
	pthread_mutex_lock(&db->lock);
	db->open--;
	pthread_cond_signal(&db->returned);
	pthread_mutex_unlock(&db->lock);
}

/* An idle connection, or the right to make one (*out NULL, counted as open). */
static enum rc
take_turn(struct db *db, struct db_conn **out, struct err *e)
{
	struct timespec until;
	enum rc rc = RC_OK;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += db->options.timeout_s;
	*out = NULL;
	pthread_mutex_lock(&db->lock);
	while (db->idle == NULL && db->open == db->options.connections && rc == RC_OK) {
		if (pthread_cond_timedwait(&db->returned, &db->lock, &until) != 0)
			rc = fail(
			    e, RC_UNAVAILABLE, "all %d connections to the database are busy", db->options.connections);
	}
	if (db->idle != NULL) {
		rc = RC_OK;
		*out = db->idle;
		db->idle = db->idle->next;
		db->idle_n--;
	} else if (rc == RC_OK)
		db->open++;
	pthread_mutex_unlock(&db->lock);
	return rc;
}

static enum rc
pgsql_borrow(struct db *db, struct db_conn **out, struct err *e)
{
	struct db_conn *conn;
	enum rc rc;

	for (;;) {
		if ((rc = take_turn(db, &conn, e)) != RC_OK)
			return rc;
		if (conn == NULL)
			break;
		if (pgsql_conn_alive(&conn->conn)) {
			*out = conn;
			return RC_OK;
		}
		discard(db, conn);
	}
	if ((rc = connect_one(db, out, e)) != RC_OK)
		discard(db, NULL);
	return rc;
}

static void
pgsql_give_back(struct db *db, struct db_conn *conn)
{
	pgsql_conn_settle(&conn->conn);
	if (conn->conn.trouble == PGSQL_LOST) {
		discard(db, conn);
		return;
	}
	pthread_mutex_lock(&db->lock);
	conn->next = db->idle;
	db->idle = conn;
	db->idle_n++;
	pthread_cond_signal(&db->returned);
	pthread_mutex_unlock(&db->lock);
}

/* ---- opening and closing ---- */

static void
pgsql_close(struct db *db)
{
	struct db_conn *next;

	if (db == NULL)
		return;
	pthread_mutex_lock(&db->lock);
	while (db->idle_n < db->open)
		pthread_cond_wait(&db->returned, &db->lock);
	for (struct db_conn *conn = db->idle; conn != NULL; conn = next) {
		next = conn->next;
		pgsql_conn_close(&conn->conn);
		free(conn);
	}
	pthread_mutex_unlock(&db->lock);
	pthread_cond_destroy(&db->returned);
	pthread_mutex_destroy(&db->lock);
	pgsql_dsn_free(&db->options);
	free(db);
}

static enum rc
pgsql_open(const char *dsn, bool create, struct db **out, struct err *e)
{
	struct db *db = calloc(1, sizeof *db);
	pthread_condattr_t attr;
	struct db_conn *conn;
	enum rc rc;

	(void)create; /* the database itself is the server's administrator's to make */
	if (db == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	pthread_mutex_init(&db->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&db->returned, &attr);
	pthread_condattr_destroy(&attr);
	if ((rc = pgsql_dsn_parse(dsn, &db->options, e)) != RC_OK || (rc = pgsql_borrow(db, &conn, e)) != RC_OK)
		goto out;
	pgsql_give_back(db, conn);
	db->opened = true;
	*out = db;
	db = NULL;
out:
	pgsql_close(db);
	return rc;
}

/* An error of the server's is its own to recover from: another transaction can succeed. */
static bool
pgsql_is_broken(const struct db *db)
{
	(void)db;
	return false;
}

/* ---- units ---- */

static enum rc
pgsql_end(struct db *db, struct db_conn *conn, bool keep, bool *again, struct err *e)
{
	enum rc rc = pgsql_conn_end(&conn->conn, keep, again, e);

	pgsql_give_back(db, conn);
	return rc;
}

static enum rc
pgsql_unit(struct db *db, struct call *c, db_unit_fn *body, void *arg, bool *again, struct err *e)
{
	struct db_conn *conn;
	enum rc rc;

	*again = false;
	if (c->host != NULL)
		c->host->blocks(c, true);
	if ((rc = pgsql_borrow(db, &conn, e)) == RC_OK) {
		pgsql_conn_begin(&conn->conn, BEGIN_UNIT);
		rc = pgsql_end(db, conn, body(conn, arg), again, e);
	}
	if (c->host != NULL)
		c->host->blocks(c, false);
	return rc;
}

static enum rc
pgsql_begin_migration(struct db *db, struct db_conn **out, struct err *e)
{
	struct err end_err;
	bool again;
	enum rc rc = pgsql_borrow(db, out, e);

	if (rc != RC_OK)
		return rc;
	pgsql_conn_begin(&(*out)->conn, BEGIN_MIGRATION);
	if ((rc = pgsql_conn_script(&(*out)->conn, PGSQL_MIGRATION_LOCK, e)) != RC_OK)
		(void)pgsql_end(db, *out, false, &again, &end_err);
	return rc;
}

/* ---- statements ---- */

/* Whether a single statement, which is its own transaction, may be sent once more: it certainly was not kept,
 * or it is a query whose connection broke at once. One that was waited for in vain is not waited for again. */
static bool
may_repeat(const struct pgsql_conn *c, bool writes, int64_t since)
{
	if (c->trouble == PGSQL_LOST)
		return !writes && clock_mono_ms() - since < c->options->timeout_s * 500;
	return c->trouble == PGSQL_AGAIN;
}

static enum rc
reopen(struct pgsql_conn *c, struct err *e)
{
	const struct pgsql_options *options = c->options;
	enum rc rc;

	pgsql_conn_close(c);
	if ((rc = pgsql_conn_open(c, options, e)) != RC_OK)
		c->trouble = PGSQL_LOST; /* give_back throws it away */
	return rc;
}

static enum rc
run_alone(
    struct db_conn *conn, struct arena *a, const char *sql, struct db_args args, struct db_rows *out, struct err *e)
{
	struct pgsql_conn *c = &conn->conn;
	int64_t since = clock_mono_ms();
	bool writes;
	enum rc rc;

	for (int i = 1;; i++) {
		rc = pgsql_conn_run(c, a, sql, args, out, &writes, e);
		if (rc == RC_OK || i == RUN_TRIES || !may_repeat(c, writes, since))
			return rc;
		if (c->trouble == PGSQL_LOST && (rc = reopen(c, e)) != RC_OK)
			return rc;
	}
}

static enum rc
pgsql_run(struct db_conn *conn, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
    bool *writes, struct err *e)
{
	bool also;

	(void)writes;
	if (conn->conn.begin == NULL)
		return run_alone(conn, a, sql, args, out, e);
	return pgsql_conn_run(&conn->conn, a, sql, args, out, &also, e);
}

static enum rc
pgsql_script(struct db_conn *conn, const char *sql, struct err *e)
{
	return pgsql_conn_script(&conn->conn, sql, e);
}

static enum rc
pgsql_checkpoint(struct db *db, struct err *e)
{
	(void)db;
	(void)e;
	return RC_OK; /* the server's own business */
}

const struct db_driver store_pgsql = {
	.name = "PostgreSQL",
	.open = pgsql_open,
	.close = pgsql_close,
	.is_broken = pgsql_is_broken,
	.unit = pgsql_unit,
	.begin_migration = pgsql_begin_migration,
	.end_migration = pgsql_end,
	.borrow = pgsql_borrow,
	.give_back = pgsql_give_back,
	.run = pgsql_run,
	.script = pgsql_script,
	.checkpoint = pgsql_checkpoint,
	.alone_begin = pgsql_alone_begin,
	.view_begin = pgsql_view_begin,
	.view_end = pgsql_view_end,
	.each = pgsql_each,
	.fill_begin = pgsql_fill_begin,
	.fill_end = pgsql_fill_end,
	.fill_values = REWRITE_PARAMS_MAX,
	.users = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
		 " AND application_name = '" PGSQL_APPLICATION "' AND pid <> pg_backend_pid()",
	.size = "SELECT pg_database_size(current_database()), 0",
	.count_tables = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = ?1",
	.list_tables =
	    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename COLLATE \"C\"",
	.list_columns =
	    "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
	    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = current_schema() AND c.relname = ?1"
	    " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
	.list_indexes = "SELECT i.relname, pg_get_indexdef(x.indexrelid) FROM pg_index x"
			" JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace"
			" WHERE n.nspname = current_schema() AND NOT x.indisprimary ORDER BY i.relname",
};
