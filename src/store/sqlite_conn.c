#include "store/sqlite_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHRINK_PAGES 256 /* given back at a time, and kept free at least: 1 MB */
#define STMTS_MAX 160 /* prepared statements a connection keeps; about 4 kB each */

struct sqlite_stmt {
	struct sqlite_stmt *next;
	sqlite3_stmt *s;
	size_t n; /* of sql */
	char sql[];
};

enum rc
sqlite_fail(struct err *e, sqlite3 *db, int sr, const char *doing)
{
	/* clang-format off */
	static const struct {
		int code;	/* extended, or primary for all of its kind */
		enum rc rc;
		const char *advice;
	} kinds[] = {
		{ SQLITE_CONSTRAINT_UNIQUE,	RC_CONFLICT,	"" },
		{ SQLITE_CONSTRAINT_PRIMARYKEY,	RC_CONFLICT,	"" },
		{ SQLITE_CONSTRAINT_ROWID,	RC_CONFLICT,	"" },
		{ SQLITE_TOOBIG,		RC_TOO_LARGE,	"" },
		{ SQLITE_FULL,			RC_UNAVAILABLE,	" (make room on the disk)" },
		{ SQLITE_IOERR,			RC_UNAVAILABLE,	" (look at the disk and the kernel's log)" },
		{ SQLITE_CORRUPT,		RC_UNAVAILABLE,	" (restore the last backup)" },
		{ SQLITE_NOTADB,		RC_UNAVAILABLE,	" (name another file)" },
		{ SQLITE_CANTOPEN,		RC_UNAVAILABLE,	" (check the path and who may write there)" },
		{ SQLITE_PERM,			RC_UNAVAILABLE,	" (check who may write there)" },
		{ SQLITE_READONLY,		RC_UNAVAILABLE,	" (check who may write there)" },
		{ SQLITE_BUSY,			RC_UNAVAILABLE,	" (another program keeps the file locked)" },
		{ SQLITE_LOCKED,		RC_UNAVAILABLE,	"" },
		{ SQLITE_PROTOCOL,		RC_UNAVAILABLE,	"" },
		{ SQLITE_NOMEM,			RC_UNAVAILABLE,	"" },
		{ SQLITE_INTERRUPT,		RC_UNAVAILABLE,	"" },
		{ SQLITE_ABORT,			RC_UNAVAILABLE,	"" },
	};
	/* clang-format on */
	/* The connection's own message names the column; it must be about this very error. */
	const char *why = db != NULL && sqlite3_extended_errcode(db) == sr ? sqlite3_errmsg(db) : sqlite3_errstr(sr);

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (kinds[i].code == sr || kinds[i].code == (sr & 0xff))
			return fail(e, kinds[i].rc, "%s: %s [%d]%s", doing, why, sr, kinds[i].advice);
	}
	return fail(e, RC_INTERNAL, "%s: %s [%d]", doing, why, sr);
}

bool
sqlite_is_flush_error(int sr)
{
	return sr == SQLITE_IOERR_FSYNC || sr == SQLITE_IOERR_DIR_FSYNC;
}

/* ---- opening ---- */

static enum rc
settings(struct sqlite_conn *c, const char *sql, struct err *e)
{
	int sr = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

	return sr == SQLITE_OK ? RC_OK : sqlite_fail(e, c->db, sr, "set up the database");
}

static int64_t
pragma_number(struct sqlite_conn *c, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = 0;

	if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

/* The pragma answers with the mode that holds now, which is another one on a file system without
 * shared memory. */
static enum rc
use_wal(struct sqlite_conn *c, struct err *e)
{
	sqlite3_stmt *s = NULL;
	bool wal = false;
	int sr;

	sr = sqlite3_prepare_v2(c->db, "PRAGMA journal_mode=WAL", -1, &s, NULL);
	if (sr == SQLITE_OK && (sr = sqlite3_step(s)) == SQLITE_ROW) {
		const char *mode = (const char *)sqlite3_column_text(s, 0);

		wal = mode != NULL && strcmp(mode, "wal") == 0;
		sr = SQLITE_OK;
	}
	sqlite3_finalize(s);
	if (sr != SQLITE_OK)
		return sqlite_fail(e, c->db, sr, "open the database");
	if (!wal)
		return fail(e, RC_UNAVAILABLE,
		    "the file system has no write-ahead logging for SQLite: put the database on a local disk");
	return RC_OK;
}

enum rc
sqlite_conn_open(const struct sqlite_options *o, enum sqlite_use use, struct sqlite_conn *c, struct err *e)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	enum rc rc;
	int sr;

	*c = (struct sqlite_conn){ 0 };
	sr = sqlite3_open_v2(o->path != NULL ? o->path : ":memory:", &c->db, flags, o->vfs);
	if (sr != SQLITE_OK) {
		(void)sqlite_fail(e, c->db, c->db != NULL ? sqlite3_extended_errcode(c->db) : sr, "open the database");
		rc = RC_UNAVAILABLE;
		goto out;
	}
	sqlite3_extended_result_codes(c->db, 1);
	sqlite3_busy_timeout(c->db, SQLITE_BUSY_MS);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
	sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
	/* Only the writer, closed last, may empty the log on closing. */
	if (use != SQLITE_USE_WRITER)
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);

	/* Temporary tables stay in memory: /tmp is no place for what people wrote. Freed space is
	 * overwritten where that costs no extra page. */
	if ((rc = settings(c,
		 "PRAGMA page_size=4096; PRAGMA cache_size=-256; PRAGMA "
		 "temp_store=MEMORY;"
		 "PRAGMA secure_delete=FAST",
		 e)) != RC_OK)
		goto out;
	/* Only a database without tables can still be told to give free space back, and said to one that has
	 * some this would write. */
	if (use == SQLITE_USE_WRITER && pragma_number(c, "PRAGMA page_count") == 0 &&
	    (rc = settings(c, "PRAGMA auto_vacuum=INCREMENTAL", e)) != RC_OK)
		goto out;
	if (o->path != NULL) {
		if ((rc = settings(c, "PRAGMA mmap_size=0", e)) != RC_OK || (rc = use_wal(c, e)) != RC_OK ||
		    (rc = settings(c, "PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864", e)) != RC_OK ||
		    (rc = settings(c, o->sync_off ? "PRAGMA synchronous=OFF" : "PRAGMA synchronous=FULL", e)) != RC_OK)
			goto out;
	}
	if (use == SQLITE_USE_WRITER && (rc = settings(c, "PRAGMA cache_size=-4096", e)) != RC_OK)
		goto out;
	if (use == SQLITE_USE_WRITER && o->cache_large && (rc = settings(c, "PRAGMA cache_size=-262144", e)) != RC_OK)
		goto out;
	if (use == SQLITE_USE_READER)
		rc = settings(c, "PRAGMA query_only=1", e);
out:
	if (rc != RC_OK)
		sqlite_conn_close(c, true);
	return rc;
}

void
sqlite_conn_close(struct sqlite_conn *c, bool recover)
{
	struct sqlite_stmt *next;

	if (c->db == NULL)
		return;
	for (struct sqlite_stmt *p = c->stmts; p != NULL; p = next) {
		next = p->next;
		sqlite3_finalize(p->s);
		free(p);
	}
	if (recover)
		sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	sqlite3_close_v2(c->db);
	*c = (struct sqlite_conn){ 0 };
}

/* ---- prepared statements ---- */

/* Insert at the front, and let go of the one used longest ago when there are too many. */
static void
remember(struct sqlite_conn *c, struct sqlite_stmt *fresh)
{
	struct sqlite_stmt **p = &c->stmts;

	for (int i = 1; *p != NULL; i++) {
		if (i >= STMTS_MAX) {
			sqlite3_finalize((*p)->s);
			free(*p);
			*p = NULL;
			break;
		}
		p = &(*p)->next;
	}
	fresh->next = c->stmts;
	c->stmts = fresh;
}

static int
prepared(struct sqlite_conn *c, const char *sql, sqlite3_stmt **out)
{
	struct sqlite_stmt **p, *found;
	size_t n = strlen(sql);
	const char *tail;
	int sr;

	for (p = &c->stmts; (found = *p) != NULL; p = &found->next) {
		if (found->n == n && memcmp(found->sql, sql, n) == 0) {
			*p = found->next;
			found->next = c->stmts;
			c->stmts = found;
			*out = found->s;
			return SQLITE_OK;
		}
	}
	if ((found = malloc(sizeof *found + n + 1)) == NULL)
		return SQLITE_NOMEM;
	found->n = n;
	memcpy(found->sql, sql, n + 1);
	sr = sqlite3_prepare_v3(c->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &found->s, &tail);
	if (sr == SQLITE_OK && (found->s == NULL || tail[strspn(tail, " \t\n;")] != '\0')) {
		sqlite3_finalize(found->s);
		sr = SQLITE_MISUSE; /* nothing in it, or a second statement that would never run */
	}
	if (sr != SQLITE_OK) {
		free(found);
		return sr;
	}
	remember(c, found);
	*out = found->s;
	return SQLITE_OK;
}

void
sqlite_conn_settle(struct sqlite_conn *c)
{
	if (c->current == NULL)
		return;
	sqlite3_reset(c->current);
	sqlite3_clear_bindings(c->current);
	c->current = NULL;
}

bool
sqlite_conn_lost(const struct sqlite_conn *c)
{
	return c->in_transaction && sqlite3_get_autocommit(c->db) != 0;
}

int
sqlite_conn_control(struct sqlite_conn *c, const char *sql)
{
	sqlite3_stmt *s;
	int sr;

	if ((sr = prepared(c, sql, &s)) != SQLITE_OK)
		return sr;
	c->current = s;
	sr = sqlite3_step(s);
	sqlite_conn_settle(c);
	return sr == SQLITE_DONE ? SQLITE_OK : sr;
}

/* ---- running ---- */

static int
bind(sqlite3_stmt *s, struct db_args args)
{
	int sr = SQLITE_OK;

	/* The arguments outlive the step, and settle unbinds them: no copies. */
	for (int i = 0; i < args.n && sr == SQLITE_OK; i++) {
		const struct db_value *v = &args.v[i];

		if (v->type == DB_INT)
			sr = sqlite3_bind_int64(s, i + 1, v->i);
		else if (v->type == DB_TEXT && v->text != NULL)
			sr = sqlite3_bind_text(s, i + 1, v->text, -1, SQLITE_STATIC);
		else if (v->type == DB_BLOB && v->blob.p != NULL)
			sr = sqlite3_bind_blob64(s, i + 1, v->blob.p, v->blob.n, SQLITE_STATIC);
		else
			sr = sqlite3_bind_null(s, i + 1);
	}
	return sr;
}

/* False: SQLite had no memory for the value. */
static bool
copy_cell(struct arena *a, sqlite3_stmt *s, int column, struct db_value *v)
{
	int type = sqlite3_column_type(s, column);
	const void *p;

	switch (type) {
	case SQLITE_NULL:
		*v = db_null();
		return true;
	case SQLITE_TEXT:
		if ((p = sqlite3_column_text(s, column)) == NULL)
			return false;
		*v = db_text(arena_strndup(a, p, (size_t)sqlite3_column_bytes(s, column)));
		return true;
	case SQLITE_BLOB:
		p = sqlite3_column_blob(s, column);
		if (p == NULL && sqlite3_column_bytes(s, column) > 0)
			return false;
		*v = db_blob(arena_copy(a, bytes_of(p, (size_t)sqlite3_column_bytes(s, column))));
		return true;
	default: /* the schema has no fractions; one in a query is cut to its whole part */
		*v = db_int(sqlite3_column_int64(s, column));
		return true;
	}
}

/* Step to the end, also where nobody wants the rows: an unfinished RETURNING would make the COMMIT
 * of the whole group fail. */
static int
step_all(sqlite3_stmt *s, struct arena *a, struct db_rows *out)
{
	size_t room = 0, columns = (size_t)sqlite3_column_count(s);
	int sr;

	out->columns = (int)columns;
	while ((sr = sqlite3_step(s)) == SQLITE_ROW) {
		if ((size_t)out->rows == room) { /* one row is the common case, so room for one first */
			struct db_value *more =
			    arena_array(a, (room = room == 0 ? 1 : room * 4) * columns, sizeof *more);

			if (out->rows > 0)
				memcpy(more, out->cells, (size_t)out->rows * columns * sizeof *more);
			out->cells = more;
		}
		for (size_t i = 0; i < columns; i++) {
			if (!copy_cell(a, s, (int)i, &out->cells[(size_t)out->rows * columns + i]))
				return SQLITE_NOMEM;
		}
		out->rows++;
	}
	return sr;
}

/* An operator reads this: which statement, without its values. */
static const char *
shortened(const char *sql, char text[64])
{
	size_t i;

	for (i = 0; sql[i] != '\0' && i < 59; i++)
		text[i] = sql[i] < ' ' ? ' ' : sql[i];
	memcpy(text + i, sql[i] != '\0' ? "..." : "", sql[i] != '\0' ? 4 : 1);
	return text;
}

enum rc
sqlite_conn_run(struct sqlite_conn *c, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
    bool *writes, struct err *e)
{
	struct db_rows rows = { 0 };
	sqlite3_stmt *s;
	char text[64];
	int sr, before;

	/* In autocommit mode a statement would commit by itself, outside its unit. */
	if (sqlite_conn_lost(c))
		return fail(e, RC_UNAVAILABLE, "the database dropped this unit's transaction");
	if ((sr = prepared(c, sql, &s)) != SQLITE_OK)
		return sqlite_fail(e, c->db, sr, shortened(sql, text));
	if (writes != NULL && !sqlite3_stmt_readonly(s)) {
		*writes = true;
		return RC_OK;
	}
	if (sqlite3_bind_parameter_count(s) != args.n)
		return fail(e, RC_INTERNAL, "%s: takes %d arguments, got %d", shortened(sql, text),
		    sqlite3_bind_parameter_count(s), args.n);
	c->current = s;
	before = sqlite3_total_changes(c->db);
	if ((sr = bind(s, args)) == SQLITE_OK)
		sr = step_all(s, a, &rows);
	if (sr != SQLITE_DONE) {
		enum rc rc = sqlite_fail(e, c->db, sr, shortened(sql, text));

		sqlite_conn_settle(c);
		return rc;
	}
	sqlite_conn_settle(c);
	if (sqlite_conn_lost(c))
		return fail(e, RC_UNAVAILABLE, "the database dropped this unit's transaction");
	/* sqlite3_changes keeps its number through a CREATE or a SELECT. */
	rows.changed = sqlite3_total_changes(c->db) != before ? sqlite3_changes(c->db) : 0;
	if (out != NULL)
		*out = rows;
	return RC_OK;
}

enum rc
sqlite_conn_shrink(struct sqlite_conn *c, bool all, bool *more, struct err *e)
{
	int64_t pages = pragma_number(c, "PRAGMA page_count"), empty = pragma_number(c, "PRAGMA freelist_count");
	int64_t keep = all ? 0 : pages / 10 > SHRINK_PAGES ? pages / 10 : SHRINK_PAGES;
	char sql[64];
	int sr;

	*more = false;
	if (empty <= keep || pragma_number(c, "PRAGMA auto_vacuum") != 2)
		return RC_OK;
	snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", SHRINK_PAGES);
	if ((sr = sqlite3_exec(c->db, sql, NULL, NULL, NULL)) != SQLITE_OK)
		return sqlite_fail(e, c->db, sr, "give free space back");
	*more = empty - SHRINK_PAGES > keep;
	return RC_OK;
}

enum rc
sqlite_conn_script(struct sqlite_conn *c, const char *sql, struct err *e)
{
	char text[64];

	while (*sql != '\0') {
		sqlite3_stmt *s = NULL;
		const char *tail = sql;
		int sr = sqlite3_prepare_v2(c->db, sql, -1, &s, &tail);

		if (sr == SQLITE_OK && s != NULL && (sr = sqlite3_step(s)) == SQLITE_DONE)
			sr = SQLITE_OK;
		if (sr != SQLITE_OK) {
			enum rc rc = sqlite_fail(e, c->db, sr, shortened(sql, text));

			sqlite3_finalize(s);
			return rc;
		}
		sqlite3_finalize(s);
		sql = tail;
	}
	return sqlite_conn_lost(c) ? fail(e, RC_UNAVAILABLE, "the database dropped the migration's transaction")
				   : RC_OK;
}
