/* The checkpoint thread: copies the write-ahead log into the database file, so that no unit has to.
 *
 * Every 1,000 pages it copies what no reader still needs, beside the running units. A log that grows
 * to 64 MB all the same, because some reader was always in the way, is emptied between two groups. A
 * reader that stays for long (a backup) makes units wait a tenth of a second then, and again each time
 * the log has doubled. After a flush that failed nothing is copied any more: the log is then the only place of
 * which recovery can make something whole. */
#ifndef STORE_SQLITE_KEEPER_H
#define STORE_SQLITE_KEEPER_H

#include <pthread.h>

#include "store/sqlite_group.h"

struct keeper {
	struct group *group;
	struct sqlite_conn conn;
	pthread_mutex_t conn_lock; /* taken before the baton */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* over the rest */
	pthread_cond_t wake;
	int pages; /* in the log after the last COMMIT */
	int copied_at; /* `pages` when the last checkpoint was asked for */
	int empty_over; /* pages; a log above it is emptied */
	bool wanted, stop;
};

/* The log that an earlier process left is made durable first. RC_UNAVAILABLE: that failed, or there is no thread. `k` stays where it is until it is stopped. */
enum rc keeper_start(struct keeper *k, struct group *g, const struct sqlite_options *o, struct err *e);
void keeper_stop(struct keeper *k);

/* Empty the log now, between two groups. RC_UNAVAILABLE: a reader stayed too long, or the disk failed. */
enum rc keeper_empty(struct keeper *k, struct err *e);

#endif
