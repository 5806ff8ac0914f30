/* The store: rows on SQLite or on PostgreSQL, behind one set of calls.
 *
 * Every statement is written once and runs on both engines: placeholders ?1 ?2, columns TEXT, BIGINT
 * and BYTEA, no NUL and valid UTF-8 in text. store_unit is the way to write more than one statement;
 * a single writing store_run outside a unit is a unit by itself. No unit returns before its group is
 * on disk, so an answer sent after it can't be undone by a crash. Knows no word of the domain. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

struct store;

/* ---- opening ---- */

/* Open the database at `dsn`: a file's path, or ":memory:" (shared by the store's own connections),
 * or "sqlite:PATH[?synchronous=off]" where `off` exists for the loss tests only. Options follow '?'
 * and are separated by '&': synchronous=off, cache=large (for who fills it with a million rows),
 * vfs=NAME (one of SQLite's; "fault" is store/faultvfs.h). Missing tables are not made:
 * call store_migrate. Takes a lock (flock on DSN + ".lock"): one process owns the file.
 * "postgresql://..." or "postgres://...": libpq's URI of a database that exists already (`create` means
 * nothing), with options of ours among its own: prepare=off, connections=N, timeout=SECONDS. Any number of
 * processes may have it open. Connections are made when they are needed and made anew when they are lost.
 * RC_NOT_FOUND: no such file and `create` is false. RC_CONFLICT: another process has it open.
 * RC_UNAVAILABLE: it can't be opened or is not a database; *e says what to do. */
enum rc store_open(const char *dsn, bool create, struct store **out, struct err *e);
/* The file that `dsn` names, in `a`: SQLite keeps others beside it (-wal, -shm, .lock). NULL: there is none. */
const char *store_file(struct arena *a, const char *dsn);
void store_close(struct store *s); /* NULL is fine; waits for units under way */

/* Run the migrations that are missing, in order, each in one transaction. They are compiled in from
 * src/store/schema/NNNN_*.sql. RC_CONFLICT: the database is newer than this program. */
enum rc store_migrate(struct store *s, int *from, int *to, struct err *e);

/* Number of the newest migration that the database has; 0 when empty. */
enum rc store_version(struct store *s, int *version, struct err *e);

/* The newest that this program has. */
int store_newest(void);

/* Becomes true for good once SQLite's commit failed in a way that leaves its outcome unknown (an fsync
 * error): posternd logs, answers 503 and exits, and recovery decides (engine: units of work). */
bool store_is_broken(const struct store *s);

/* What was done so far by this process. Units of several calls share a commit where the engine can. */
struct store_stats {
	int64_t units, again; /* that ended; runs that had to be repeated because another process's came first */
	int64_t commits, refused; /* on disk; that the engine did not do */
	const struct histogram *unit_times; /* from the call to the answer, with the wait for the disk */
};
void store_stats(const struct store *s, struct store_stats *out);

/* Before work that stands no company: RC_CONFLICT where other programs are connected to the database. On SQLite
 * store_open has refused already. */
enum rc store_alone(struct store *s, struct err *e);

/* Ask the engine whether the database is sound. RC_INTERNAL: what is damaged. Nothing is asked on PostgreSQL, whose
 * administrator has pg_amcheck for that. */
enum rc store_integrity(struct store *s, struct err *e);

/* "SQLite" or "PostgreSQL". */
const char *store_engine(const struct store *s);

/* ---- values ---- */

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_value {
	enum db_type type;
	int64_t i;
	const char *text;
	struct bytes blob;
};

struct db_args {
	const struct db_value *v;
	int n;
};

static inline struct db_value
db_int(int64_t i)
{
	return (struct db_value){ .type = DB_INT, .i = i };
}
static inline struct db_value
db_text(const char *s) /* NULL becomes SQL NULL */
{
	return (struct db_value){ .type = s != NULL ? DB_TEXT : DB_NULL, .text = s };
}
static inline struct db_value
db_blob(struct bytes b) /* absent (p NULL) becomes SQL NULL */
{
	return (struct db_value){ .type = b.p != NULL ? DB_BLOB : DB_NULL, .blob = b };
}
static inline struct db_value
db_null(void)
{
	return (struct db_value){ .type = DB_NULL };
}

/* DB_ARGS(db_text(id), db_int(c->now)); DB_NONE where there are none. */
#define DB_ARGS(...) \
	((struct db_args){ (const struct db_value[]){ __VA_ARGS__ }, \
	    (int)(sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value)) })
#define DB_NONE ((struct db_args){ NULL, 0 })

struct db_rows {
	int rows, columns;
	int changed; /* rows inserted, updated or deleted */
	struct db_value *cells; /* rows * columns, copied into the call's arena */
};

/* A page of rows that are listed by time and id, the newest first: those after a row, in that order. */
#define DB_PAGE_MAX 500
struct db_page {
	int64_t before; /* that row's time; 0: from the newest */
	const char *id; /* and its id; NULL: all of that time were listed */
	int limit; /* 1 to DB_PAGE_MAX */
};

/* Cell readers. Row and column count from 0 and must exist (assert). */
const char *db_get_text(const struct db_rows *r, int row, int column); /* NULL when SQL NULL */
int64_t db_get_int(const struct db_rows *r, int row, int column); /* 0 when SQL NULL */
struct bytes db_get_blob(const struct db_rows *r, int row, int column); /* absent when SQL NULL */
bool db_is_null(const struct db_rows *r, int row, int column);

/* ---- running ---- */

/* Run one statement; rows are copied into c->arena. `out` may be NULL. Inside a unit it sees and
 * changes the unit's state; outside, a read takes a reader connection and a write is its own unit.
 * RC_BAD_INPUT: text with NUL or invalid UTF-8 (before the driver sees it).
 * RC_CONFLICT: a unique key is taken (use ON CONFLICT DO NOTHING ... RETURNING where a clash is
 *   expected).
 * RC_UNAVAILABLE: the database is gone, full or busy.
 * RC_TOO_LARGE: a value is over the engine's limit. RC_INTERNAL: the statement is wrong.
 * Whatever the engine refuses ends the unit: its further statements get the same answer. */
enum rc store_run(struct call *c, const char *sql, struct db_args args, struct db_rows *out);

/* Run `fn` as one unit of work. It may be run again from the start, so its only effects are
 * statements, memory in c->arena, and *arg, which it sets anew; it signs, sends, hashes passwords
 * and sleeps nowhere. Units don't nest (assert).
 *
 * The unit commits unless fn returns RC_UNAVAILABLE or RC_INTERNAL, or called store_discard, or a
 * statement met RC_CONFLICT or another refusal of the engine, or c->arena met its ceiling (which goes
 * on to the call's guard): a refusal of fn's own is a result, and the traces it wrote are kept.
 * Returns what fn returned, after the group's COMMIT is on disk; what ended the unit, where fn says
 * RC_OK all the same; RC_UNAVAILABLE when the commit failed, in which case the outcome is unknown and
 * the peer is to try again. */
enum rc store_unit(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg);

/* Inside a unit: roll it back at its end whatever fn returns. */
void store_discard(struct call *c);

/* Run `fn` as a part of the unit under way, or as a unit by itself where there is none: for what is
 * written alone here and together with other things there. */
enum rc store_part(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg);

/* Have `fn` asked first in the next unit of this call, as a part of it and in each of its runs: what a change was
 * decided on may have been changed since it was read. Unless it says RC_OK the unit does nothing, keeps nothing and
 * returns what it said. fn NULL: nothing is asked after all. */
void store_ask_first(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg);

/* True while a unit of this call runs. */
bool store_in_unit(const struct call *c);

/* ---- keeping it small ---- */

/* Octets on disk, and how many of them are free inside. */
enum rc store_size(struct store *s, int64_t *octets, int64_t *free_octets, struct err *e);

/* Give free space back to the file system: one piece, some milliseconds in which units wait. Without `all` nothing
 * is done while less than a tenth is free, which new rows will need. *more: call again. Nothing on PostgreSQL: see
 * store_vacuum. */
enum rc store_shrink(struct store *s, bool all, bool *more, struct err *e);

/* Copy what is in the write-ahead log into the database file (done by itself; for tests and stop). Nothing to do
 * on PostgreSQL. */
enum rc store_checkpoint(struct store *s, struct err *e);

#endif
