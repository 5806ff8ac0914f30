/* Group commit: one writer connection, one COMMIT and one flush to the disk for many units.
 *
 * The right to use the writer is a baton, handed on in the order of arrival. Whoever finishes its
 * unit passes the baton to the next one waiting and waits for the group's COMMIT; who finds nobody
 * waiting, or the group full, commits for all. So a lone unit commits at once, no timer and no thread
 * of its own is needed, and the next group gathers while the disk works. */
#ifndef STORE_SQLITE_GROUP_H
#define STORE_SQLITE_GROUP_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "store/sqlite_conn.h"

#define GROUP_MAX 64 /* units a COMMIT carries at most */

struct db_conn { /* a connection as lent to one thread */
	struct sqlite_conn *conn;
	struct sqlite_conn own; /* a reader's */
	struct db_conn *next; /* in the one list that it is in */
	/* the rest: a unit's place in its group */
	sem_t wake; /* posted with the baton, and again when the group ended */
	bool alone; /* it wants the baton between groups */
	enum rc rc;
	struct err err;
};

struct group {
	struct sqlite_conn writer;
	pthread_mutex_t lock;
	struct db_conn *first, *last; /* who waits for the baton */
	bool held; /* the baton is with somebody */
	struct db_conn *members; /* whose units wait for the COMMIT */
	int size;
	atomic_bool broken; /* a COMMIT failed in a way that leaves its outcome unknown */
};

enum rc group_open(struct group *g, const struct sqlite_options *o, struct err *e);
void group_close(struct group *g); /* all units must have ended */

/* As db_driver.begin and .end. */
enum rc group_begin(struct group *g, struct db_conn **out, struct err *e);
enum rc group_end(struct group *g, struct db_conn *unit, bool keep, struct err *e);

/* The baton between two groups, with no transaction open: for what needs the writer to rest.
 * RC_UNAVAILABLE: out of memory. */
enum rc group_pause(struct group *g, struct db_conn **out, struct err *e);
void group_resume(struct group *g, struct db_conn *pause);

#endif
