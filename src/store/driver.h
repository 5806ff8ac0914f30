/* What an engine gives to the store. One table per engine; store.c stands on its members and knows
 * no engine, an engine knows nothing of calls.
 *
 * A `struct db_conn` is a connection as lent to one thread, inside a unit or between borrow
 * and give_back. A call that is ended by its arena's ceiling leaves `run` by longjmp: a unit's end and
 * give_back therefore also clear up after a statement that was not finished. */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include <pthread.h>

#include "base/histogram.h"

#include "store/bulk.h"
#include "store/store.h"

struct db; /* an engine's own, behind one struct store */
struct db_conn;

typedef bool db_unit_fn(struct db_conn *conn, void *arg); /* whether what it did is to be kept */

struct db_driver {
	const char *name; /* for people */

	/* As store_open; `dsn` without its beginning up to ':'. */
	enum rc (*open)(const char *dsn, bool create, struct db **out, struct err *e);
	void (*close)(struct db *db);
	bool (*is_broken)(const struct db *db);

	/* Run `body` inside a new unit, on this thread or on one that runs several while they wait; commit the unit
	 * if it says so or roll it back, and return once what it saw and wrote is on disk. Of `c` only the host is
	 * used, to wait. RC_UNAVAILABLE: no unit began and `body` was not run; or the outcome is unknown, unless
	 * *again: it is certain that nothing of it was kept, and running it once more may succeed. */
	enum rc (*unit)(struct db *db, struct call *c, db_unit_fn *body, void *arg, bool *again, struct err *e);

	/* A connection inside a unit for a migration: it waits for others of its kind, of any process, and sees what
	 * they did. Ends as a unit does. */
	enum rc (*begin_migration)(struct db *db, struct db_conn **out, struct err *e);
	enum rc (*end_migration)(struct db *db, struct db_conn *conn, bool keep, bool *again, struct err *e);

	/* A connection for one statement outside units. */
	enum rc (*borrow)(struct db *db, struct db_conn **out, struct err *e);
	void (*give_back)(struct db *db, struct db_conn *conn);

	/* Run one statement; rows are copied into `a`, `out` may be NULL. With `writes` (outside units), an
	 * engine whose borrowed connections only read does not run a statement that would write: *writes
	 * becomes true, and it wants a unit. Results as store_run; RC_INTERNAL for what the engine refuses
	 * (syntax, a NOT NULL left empty, the wrong number of arguments). */
	enum rc (*run)(struct db_conn *conn, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
	    bool *writes, struct err *e);

	/* Run many statements without arguments, inside a unit: migrations. */
	enum rc (*script)(struct db_conn *conn, const char *sql, struct err *e);

	enum rc (*checkpoint)(struct db *db, struct err *e);

	/* Commits of units. NULL: each unit has its own. */
	void (*commits)(const struct db *db, int64_t *done, int64_t *refused);

	/* As store_shrink; NULL: `alone_begin` stands for a connection that belongs to no pool and has no transaction,
	 * for VACUUM of one table after the other; ended by view_end. One of the two is NULL. */
	enum rc (*shrink)(struct db *db, bool all, bool *more, struct err *e);
	enum rc (*alone_begin)(const char *dsn, struct db_conn **out, struct err *e);

	/* ---- whole databases (store/bulk.h) ---- */

	/* A connection of its own that sees the database as it is at this moment until view_end, beside
	 * whoever serves from it: no lock is taken that a server would notice. */
	enum rc (*view_begin)(const char *dsn, struct db_conn **out, struct err *e);
	void (*view_end)(struct db_conn *conn); /* NULL is fine */

	/* Hand the rows of a reading statement without arguments to `fn` one by one, not more than a few
	 * of them in memory. Stops at the first that is not RC_OK, and returns it. */
	enum rc (*each)(struct db_conn *conn, const char *sql, store_row_fn *fn, void *arg, struct err *e);

	/* A connection that fills an empty database in one go: nothing is there for others before
	 * fill_end keeps it, and nothing is left after one that doesn't. RC_CONFLICT: there are tables. */
	enum rc (*fill_begin)(const char *dsn, struct db_conn **out, struct err *e);
	enum rc (*fill_end)(struct db_conn *conn, bool keep, struct err *e);
	int fill_values; /* that one INSERT may carry, in several rows; 0: a row at a time is as fast */

	/* Queries. */
	const char *count_tables; /* how many tables are called ?1 (0 or 1) */
	const char *users; /* how many other connections of this program's there are; NULL: a lock keeps them out */
	const char *integrity; /* a query: "ok", or what is damaged; NULL: the engine's administrator sees to that */
	const char *size; /* octets, and free ones among them */
	const char *list_tables; /* names of all tables, in order */
	const char *list_columns; /* names of the columns of table ?1, in order */
	const char *list_indexes; /* name and CREATE statement of each index that is not a primary key's */
};

struct store {
	const struct db_driver *driver;
	struct db *db;
	pthread_mutex_t alone; /* held by the one unit of this process that clashed too often */
	struct histogram unit_times;
	atomic_llong again, refused;
};

extern const struct db_driver store_sqlite, store_pgsql;

/* The engine of a DSN; *rest is the DSN without its beginning. */
const struct db_driver *store_driver_of(const char *dsn, const char **rest);

#endif
