/* One connection to PostgreSQL: opening and checking it, running statements on it, the transaction of a
 * unit. Used by one thread at a time; whoever lends it out sees to that.
 *
 * libpq is in pipeline mode all the time: what belongs together (BEGIN, preparing, the statement) goes out in
 * one write and comes back in one round trip. Nothing is kept in the session but prepared statements, whose
 * names follow from their text; with prepare=off nothing at all, so a pooler may hand each transaction to another server process. */
#ifndef STORE_PGSQL_CONN_H
#define STORE_PGSQL_CONN_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "store/pgsql_dsn.h"
#include "store/store.h"

#define PGSQL_STMTS_MAX 256 /* statements a connection knows; others run, unprepared */

#define PGSQL_APPLICATION "postern" /* how a connection calls itself, unless the address says otherwise */

/* Inside a transaction: waits for whoever makes tables, of any process. Ends with the transaction. */
#define PGSQL_MIGRATION_LOCK "SELECT 1 FROM (SELECT pg_advisory_xact_lock(8102101114110)) AS held"

enum pgsql_trouble { /* what else is known about a refusal */
	PGSQL_NONE,
	PGSQL_AGAIN, /* nothing was kept, and running it once more may succeed */
	PGSQL_LOST, /* the connection is gone; what it was asked last may have been kept */
};

struct pgsql_conn {
	PGconn *pg;
	const struct pgsql_options *options;
	struct pgsql_stmt *stmts[2 * PGSQL_STMTS_MAX]; /* by hash, with probing */
	int n_stmts;
	bool prepare;
	const char *begin; /* the statement that begins this unit's transaction; NULL outside units */
	bool begun; /* it was sent */
	enum pgsql_trouble trouble; /* of the last run, or of any in this unit */
	PGresult *result; /* not yet copied: a longjmp may leave it */
};

struct db_conn { /* as lent to one thread */
	struct pgsql_conn conn;
	struct db_conn *next;
};

/* RC_UNAVAILABLE: nobody answers, refused, a standby, an encoding other than UTF-8, or settings that lose
 * acknowledged commits. *c is closed then. `options` stay the caller's and must outlive it. */
enum rc pgsql_conn_open(struct pgsql_conn *c, const struct pgsql_options *options, struct err *e);
void pgsql_conn_close(struct pgsql_conn *c);

/* Whether it can be used: it was not lost, and the server has not hung up meanwhile. */
bool pgsql_conn_alive(struct pgsql_conn *c);

/* Free what a longjmp left. */
void pgsql_conn_settle(struct pgsql_conn *c);

/* Begin a unit: the statement goes out together with the unit's first one. */
void pgsql_conn_begin(struct pgsql_conn *c, const char *begin);

/* As db_driver.run; *writes: what the statement does, known also when it failed. c->trouble says more. */
enum rc pgsql_conn_run(struct pgsql_conn *c, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
    bool *writes, struct err *e);

/* As db_driver.script. */
enum rc pgsql_conn_script(struct pgsql_conn *c, const char *sql, struct err *e);

/* As db_driver.end. */
enum rc pgsql_conn_end(struct pgsql_conn *c, bool keep, bool *again, struct err *e);

#endif
