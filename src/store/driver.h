/* What an engine gives to the store. One table per engine; store.c stands on its members and knows
 * no engine, an engine knows nothing of calls.
 *
 * A `struct db_conn` is a connection as lent to one thread, between begin and end or between borrow
 * and give_back. A call that is ended by its arena's ceiling leaves `run` by longjmp: end and
 * give_back therefore also clear up after a statement that was not finished. */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "store/store.h"

struct db; /* an engine's own, behind one struct store */
struct db_conn;

struct db_driver {
	const char *name; /* what a DSN begins with, before ':' */

	/* As store_open; `dsn` without the name. */
	enum rc (*open)(const char *dsn, bool create, struct db **out, struct err *e);
	void (*close)(struct db *db);
	bool (*is_broken)(const struct db *db);

	/* A connection inside a new unit. RC_UNAVAILABLE: none began. */
	enum rc (*begin)(struct db *db, struct db_conn **out, struct err *e);

	/* Commit the unit (`keep`) or roll it back, and return once what it saw and wrote is on disk.
	 * RC_UNAVAILABLE: the outcome is unknown, unless *again: it is certain that nothing of it was
	 * kept, and running it once more may succeed. */
	enum rc (*end)(struct db *db, struct db_conn *conn, bool keep, bool *again, struct err *e);

	/* A connection for one reading statement outside units. */
	enum rc (*borrow)(struct db *db, struct db_conn **out, struct err *e);
	void (*give_back)(struct db *db, struct db_conn *conn);

	/* Run one statement; rows are copied into `a`, `out` may be NULL. With `writes`, a statement
	 * that would write is not run: *writes becomes true. Results as store_run; RC_INTERNAL for
	 * what the engine refuses (syntax, a NOT NULL left empty, the wrong number of arguments). */
	enum rc (*run)(struct db_conn *conn, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
	    bool *writes, struct err *e);

	/* Run many statements without arguments, inside a unit: migrations. */
	enum rc (*script)(struct db_conn *conn, const char *sql, struct err *e);

	enum rc (*checkpoint)(struct db *db, struct err *e);

	const char *count_tables; /* a query: how many tables are called ?1 (0 or 1) */
};

struct store {
	const struct db_driver *driver;
	struct db *db;
};

extern const struct db_driver store_sqlite;

#endif
