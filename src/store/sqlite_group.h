/* Group commit: one writer connection, one COMMIT and one flush to the disk for many units.
 *
 * The right to use the writer is a baton. Who has it runs its own unit and those of all who came meanwhile,
 * in the order of arrival and on its own thread, commits for all, and hands the baton to whoever came during
 * the COMMIT. So a lone unit commits at once, nobody else's thread wakes before the answer is there, no timer
 * and no thread of its own is needed, and the next group gathers while the disk works. */
#ifndef STORE_SQLITE_GROUP_H
#define STORE_SQLITE_GROUP_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "store/driver.h"
#include "store/sqlite_conn.h"

#define GROUP_MAX 64 /* units a COMMIT carries at most */

struct db_conn { /* a connection as lent to one thread */
	struct sqlite_conn *conn;
	struct sqlite_conn own; /* a reader's */
	struct db_conn *next; /* in the one list that it is in */
	/* the rest: a unit's place in its group */
	struct call *call; /* its host wakes it; NULL, or without one: `wake` is posted */
	sem_t wake;
	db_unit_fn *body; /* NULL: it wants the baton between groups */
	void *arg;
	bool done; /* run and ended by another thread */
	enum rc rc;
	struct err err;
};

struct group {
	struct sqlite_conn writer;
	pthread_mutex_t lock;
	struct db_conn *first, *last; /* who waits for the baton */
	bool held; /* the baton is with somebody */
	atomic_bool broken; /* a COMMIT failed in a way that leaves its outcome unknown */
	atomic_llong commits, refused; /* done, and not */
};

enum rc group_open(struct group *g, const struct sqlite_options *o, struct err *e);
void group_close(struct group *g); /* all units must have ended */

/* As db_driver.unit. */
enum rc group_unit(struct group *g, struct call *c, db_unit_fn *body, void *arg, struct err *e);

/* A transaction outside of groups, for a migration. */
enum rc group_begin(struct group *g, struct db_conn **out, struct err *e);
enum rc group_end(struct group *g, struct db_conn *unit, bool keep, struct err *e);

/* The baton between two groups, with no transaction open: for what needs the writer to rest.
 * RC_UNAVAILABLE: out of memory. */
enum rc group_pause(struct group *g, struct db_conn **out, struct err *e);
void group_resume(struct group *g, struct db_conn *pause);

#endif
