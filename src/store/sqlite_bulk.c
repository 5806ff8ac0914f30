#include "store/sqlite_bulk.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/sqlite_conn.h"
#include "store/sqlite_group.h"

#define COLUMNS_MAX 128

/* A connection that belongs to no struct db; `lent` is first, so that the one is the other. */
struct lone {
	struct db_conn lent;
	char *dsn; /* what the options point into */
	struct sqlite_options options;
	char *temporary; /* a fill's file until it is kept */
};

static void
lone_free(struct lone *l)
{
	if (l == NULL)
		return;
	sqlite_conn_close(&l->lent.own, true);
	free(l->temporary);
	free(l->dsn);
	free(l);
}

static enum rc
lone_new(const char *dsn, struct lone **out, struct err *e)
{
	struct lone *l = calloc(1, sizeof *l);
	enum rc rc;

	if (l == NULL) {
		fail(e, RC_UNAVAILABLE, "out of memory");
		return RC_UNAVAILABLE;
	}
	l->lent.conn = &l->lent.own;
	if ((rc = sqlite_dsn_parse(dsn, &l->dsn, &l->options, e)) == RC_OK && l->options.path == NULL)
		rc = fail(e, RC_BAD_INPUT, "a database in memory has no file");
	if (rc != RC_OK) {
		lone_free(l);
		return rc;
	}
	*out = l;
	return RC_OK;
}

/* ---- a view ---- */

enum rc
sqlite_view_begin(const char *dsn, struct db_conn **out, struct err *e)
{
	struct arena *a = arena_new(0);
	struct lone *l = NULL;
	enum rc rc;

	if ((rc = lone_new(dsn, &l, e)) != RC_OK)
		goto out;
	if (access(l->options.path, F_OK) != 0) {
		rc = fail(
		    e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", l->options.path, strerror(errno));
		goto out;
	}
	/* The moment is that of the first read, not that of BEGIN. */
	if ((rc = sqlite_conn_open(&l->options, SQLITE_USE_READER, &l->lent.own, e)) != RC_OK ||
	    (rc = sqlite_conn_script(&l->lent.own, "BEGIN", e)) != RC_OK)
		goto out;
	l->lent.own.in_transaction = true;
	rc = sqlite_conn_run(&l->lent.own, a, "SELECT count(*) FROM sqlite_schema", DB_NONE, NULL, NULL, e);
	if (rc == RC_OK) {
		*out = &l->lent;
		l = NULL;
	}
out:
	lone_free(l);
	arena_free(a);
	return rc;
}

void
sqlite_view_end(struct db_conn *conn)
{
	lone_free((struct lone *)conn);
}

static void
borrow_cell(sqlite3_stmt *s, int column, struct db_value *v)
{
	const void *p;

	switch (sqlite3_column_type(s, column)) {
	case SQLITE_NULL:
		*v = db_null();
		break;
	case SQLITE_TEXT:
		*v = db_text((const char *)sqlite3_column_text(s, column));
		break;
	case SQLITE_BLOB:
		p = sqlite3_column_blob(s, column);
		*v = db_blob(bytes_of(p != NULL ? p : "", (size_t)sqlite3_column_bytes(s, column)));
		break;
	default:
		*v = db_int(sqlite3_column_int64(s, column));
	}
}

enum rc
sqlite_each(struct db_conn *conn, const char *sql, store_row_fn *fn, void *arg, struct err *e)
{
	struct db_value row[COLUMNS_MAX];
	sqlite3 *db = conn->conn->db;
	sqlite3_stmt *s = NULL;
	enum rc rc = RC_OK;
	int sr, n;

	if ((sr = sqlite3_prepare_v2(db, sql, -1, &s, NULL)) != SQLITE_OK)
		return sqlite_fail(e, db, sr, "read a table");
	n = sqlite3_column_count(s);
	if (n > COLUMNS_MAX)
		rc = fail(e, RC_TOO_LARGE, "a table has more than %d columns", COLUMNS_MAX);
	while (rc == RC_OK && (sr = sqlite3_step(s)) == SQLITE_ROW) {
		for (int i = 0; i < n; i++)
			borrow_cell(s, i, &row[i]);
		rc = fn(arg, row, n);
	}
	if (rc == RC_OK && sr != SQLITE_DONE)
		rc = sqlite_fail(e, db, sr, "read a table");
	sqlite3_finalize(s);
	return rc;
}

/* ---- a fill ---- */

/* Neither a database, nor what another one left: SQLite would take that log for this database's. */
static enum rc
not_there(const char *path, struct err *e)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[4096];

	for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
		if ((size_t)snprintf(name, sizeof name, "%s%s", path, suffixes[i]) >= sizeof name)
			return fail(e, RC_UNAVAILABLE, "the database's path is too long");
		if (access(name, F_OK) == 0)
			return fail(e, RC_CONFLICT, "there is a file %s already: it was left as it is", name);
	}
	return RC_OK;
}

/* Nobody else sees the file before it is finished, so it needs no journal, and one flush at the end. The
 * cache keeps the indexes of primary keys, which grow at random places. */
static enum rc
fill_open(struct lone *l, struct err *e)
{
	static const char settings[] =
	    "PRAGMA page_size=4096; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
	    "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-131072; PRAGMA temp_store=MEMORY; BEGIN";
	struct sqlite_conn *c = &l->lent.own;
	enum rc rc;
	int fd, sr;

	if ((rc = not_there(l->options.path, e)) != RC_OK)
		return rc;
	if (asprintf(&l->temporary, "%s.filling", l->options.path) < 0) {
		l->temporary = NULL;
		return fail(e, RC_UNAVAILABLE, "out of memory");
	}
	unlink(l->temporary);
	if ((fd = open(l->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return fail(e, RC_UNAVAILABLE, "%s can't be made: %s", l->temporary, strerror(errno));
	close(fd);
	sr = sqlite3_open_v2(l->temporary, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, l->options.vfs);
	if (sr == SQLITE_OK) {
		sqlite3_extended_result_codes(c->db, 1);
		sr = sqlite3_exec(c->db, settings, NULL, NULL, NULL);
	}
	if (sr != SQLITE_OK)
		return sqlite_fail(e, c->db, sr, "make a database");
	c->in_transaction = true;
	return RC_OK;
}

static void
fill_free(struct lone *l)
{
	if (l != NULL) {
		sqlite_conn_close(&l->lent.own, true);
		if (l->temporary != NULL)
			unlink(l->temporary);
	}
	lone_free(l);
}

enum rc
sqlite_fill_begin(const char *dsn, struct db_conn **out, struct err *e)
{
	struct lone *l = NULL;
	enum rc rc;

	if ((rc = lone_new(dsn, &l, e)) != RC_OK || (rc = fill_open(l, e)) != RC_OK) {
		fill_free(l);
		return rc;
	}
	*out = &l->lent;
	return RC_OK;
}

static int
sync_path(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC), result;

	if (fd < 0)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

static enum rc
fill_keep(struct lone *l, struct err *e)
{
	char *folder = strdup(l->options.path);
	enum rc rc = RC_OK;
	int sr;

	sqlite_conn_settle(&l->lent.own);
	sr = sqlite3_exec(l->lent.own.db, "COMMIT", NULL, NULL, NULL);
	if (sr != SQLITE_OK) {
		rc = sqlite_fail(e, l->lent.own.db, sr, "finish a database");
	} else {
		sqlite_conn_close(&l->lent.own, false);
		if (folder == NULL || sync_path(l->temporary, O_RDONLY) != 0 ||
		    rename(l->temporary, l->options.path) != 0 ||
		    sync_path(dirname(folder), O_RDONLY | O_DIRECTORY) != 0)
			rc = fail(e, RC_UNAVAILABLE, "%s can't be put in place: %s", l->options.path, strerror(errno));
	}
	free(folder);
	return rc;
}

enum rc
sqlite_fill_end(struct db_conn *conn, bool keep, struct err *e)
{
	struct lone *l = (struct lone *)conn;
	enum rc rc = RC_OK;

	if (l == NULL)
		return RC_OK;
	if (keep)
		rc = fill_keep(l, e);
	fill_free(l); /* what was renamed is not there under its first name */
	return rc;
}
