/* One SQLite connection: its settings, its prepared statements, running one. Used by one thread at a
 * time; whoever lends it out sees to that. */
#ifndef STORE_SQLITE_CONN_H
#define STORE_SQLITE_CONN_H

#include <sqlite3.h>
#include <stdbool.h>

#include "store/store.h"

#define SQLITE_PAGE 4096 /* bytes; of databases that this program makes */
#define SQLITE_BUSY_MS 5000 /* how long to wait for a lock of another process, such as a backup */

struct sqlite_options { /* of a DSN */
	const char *path; /* NULL: in memory */
	const char *vfs; /* NULL: the system's */
	bool cache_large; /* cache=large: 256 MB for the writer, who fills a database with a million rows */
	bool sync_off; /* synchronous=off: loses acknowledged rows; for the loss tests */
};

/* Take a DSN (without the engine's name) apart. *copy holds the parts, from malloc, also after a failure.
 * RC_UNAVAILABLE: it names no file, or an option is not known. */
enum rc sqlite_dsn_parse(const char *dsn, char **copy, struct sqlite_options *o, struct err *e);

enum sqlite_use { SQLITE_USE_WRITER, SQLITE_USE_READER, SQLITE_USE_CHECKPOINT };

struct sqlite_conn {
	sqlite3 *db;
	struct sqlite_stmt *stmts; /* most recently used first */
	sqlite3_stmt *current; /* stepped and not yet reset: a longjmp left it, or it runs */
	bool in_transaction; /* a writer's: BEGIN was sent */
};

/* RC_UNAVAILABLE: it can't be opened, is not a database, or can't do write-ahead logging. */
enum rc sqlite_conn_open(const struct sqlite_options *o, enum sqlite_use use, struct sqlite_conn *c, struct err *e);

/* With `recover`, the write-ahead log is left for recovery to judge. */
void sqlite_conn_close(struct sqlite_conn *c, bool recover);

/* As db_driver.run. */
enum rc sqlite_conn_run(struct sqlite_conn *c, struct arena *a, const char *sql, struct db_args args,
    struct db_rows *out, bool *writes, struct err *e);

/* Statements without arguments or results, one after another; not kept prepared. */
enum rc sqlite_conn_script(struct sqlite_conn *c, const char *sql, struct err *e);

/* One of BEGIN, SAVEPOINT, RELEASE, ...: prepared once. The result is SQLite's extended code. */
int sqlite_conn_control(struct sqlite_conn *c, const char *sql);

/* As store_shrink; outside of a transaction. */
enum rc sqlite_conn_shrink(struct sqlite_conn *c, bool all, bool *more, struct err *e);

/* Reset what a longjmp left unfinished. */
void sqlite_conn_settle(struct sqlite_conn *c);

/* Whether SQLite dropped the transaction by itself (disk full, I/O error, out of memory). */
bool sqlite_conn_lost(const struct sqlite_conn *c);

/* The sentence for SQLite's code `sr`, and what a caller can do. */
enum rc sqlite_fail(struct err *e, sqlite3 *db, int sr, const char *doing);

/* Whether `sr` says that a flush to the disk failed: afterwards nobody knows what is on it. */
bool sqlite_is_flush_error(int sr);

#endif
