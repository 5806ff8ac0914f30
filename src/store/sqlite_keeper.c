#include "store/sqlite_keeper.h"

#include "base/log.h"
#include "store/sqlite_wal.h"

#define COPY_EVERY 4000 /* pages */
#define EMPTY_OVER (64 * 1024 * 1024 / SQLITE_PAGE) /* pages */
#define PAUSE_MS 100 /* units wait no longer for a reader that is in the way of emptying */

/* Runs inside the writer's COMMIT, so it only notes the number. */
static int
on_commit(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct keeper *k = arg;

	(void)db;
	(void)name;
	pthread_mutex_lock(&k->lock);
	if (pages < k->copied_at) { /* the log began anew */
		k->copied_at = 0;
		k->empty_over = EMPTY_OVER;
	}
	k->pages = pages;
	if (pages - k->copied_at >= COPY_EVERY) {
		k->copied_at = pages;
		k->wanted = true;
		pthread_cond_signal(&k->wake);
	}
	pthread_mutex_unlock(&k->lock);
	return SQLITE_OK;
}

/* k->conn_lock is held. */
static enum rc
checkpoint(struct keeper *k, int mode, int *left, struct err *e)
{
	int all = 0, copied = 0, sr;

	*left = 0;
	/* What an earlier copy wrote may be nowhere but in the log: it must not begin anew. */
	if (atomic_load(&k->group->broken))
		return fail(
		    e, RC_UNAVAILABLE, "the write-ahead log is left as it is: an earlier flush to the disk failed");
	sr = sqlite3_wal_checkpoint_v2(k->conn.db, "main", mode, &all, &copied);
	*left = all;
	if (sqlite_is_flush_error(sr))
		atomic_store(&k->group->broken, true);
	return sr == SQLITE_OK ? RC_OK : sqlite_fail(e, k->conn.db, sr, "copy the write-ahead log");
}

/* k->conn_lock is held. Units wait meanwhile: for `wait_ms` at most, if a reader is in the way. */
static enum rc
empty(struct keeper *k, int mode, int wait_ms, struct err *e)
{
	struct db_conn *pause;
	enum rc rc;
	int left;

	/* Nearly everything is copied beside the running units, so that the pause is short. */
	if ((rc = checkpoint(k, SQLITE_CHECKPOINT_PASSIVE, &left, e)) != RC_OK)
		return rc;
	if ((rc = group_pause(k->group, &pause, e)) != RC_OK)
		return rc;
	sqlite3_busy_timeout(k->conn.db, wait_ms);
	rc = checkpoint(k, mode, &left, e);
	sqlite3_busy_timeout(k->conn.db, SQLITE_BUSY_MS);
	group_resume(k->group, pause);
	return rc;
}

enum rc
keeper_empty(struct keeper *k, struct err *e)
{
	enum rc rc;

	pthread_mutex_lock(&k->conn_lock);
	rc = empty(k, SQLITE_CHECKPOINT_TRUNCATE, SQLITE_BUSY_MS, e);
	pthread_mutex_unlock(&k->conn_lock);
	return rc;
}

static void
work(struct keeper *k, bool large)
{
	struct err e;
	bool in_the_way;
	enum rc rc;
	int left;

	pthread_mutex_lock(&k->conn_lock);
	rc = large ? empty(k, SQLITE_CHECKPOINT_RESTART, PAUSE_MS, &e)
		   : checkpoint(k, SQLITE_CHECKPOINT_PASSIVE, &left, &e);
	in_the_way = rc != RC_OK && (sqlite3_errcode(k->conn.db) & 0xff) == SQLITE_BUSY;
	pthread_mutex_unlock(&k->conn_lock);
	if (rc != RC_OK && large) {
		pthread_mutex_lock(&k->lock);
		k->empty_over = k->pages * 2;
		pthread_mutex_unlock(&k->lock);
	}
	/* Nothing is lost by it: the log stays, and the next commits ask again. */
	if (in_the_way)
		log_info("the write-ahead log grows while somebody reads the database, as a backup does");
	else if (rc != RC_OK)
		log_warn("the write-ahead log could not be copied; it is tried again", "why", e.text);
}

static void *
keep(void *arg)
{
	struct keeper *k = arg;

	pthread_mutex_lock(&k->lock);
	for (;;) {
		bool large;

		while (!k->wanted && !k->stop)
			pthread_cond_wait(&k->wake, &k->lock);
		if (k->stop)
			break;
		k->wanted = false;
		large = k->pages > k->empty_over;
		pthread_mutex_unlock(&k->lock);
		work(k, large);
		pthread_mutex_lock(&k->lock);
	}
	pthread_mutex_unlock(&k->lock);
	return NULL;
}

enum rc
keeper_start(struct keeper *k, struct group *g, const struct sqlite_options *o, struct err *e)
{
	enum rc rc;
	int sr;

	*k = (struct keeper){ .group = g,
		.empty_over = EMPTY_OVER,
		.conn_lock = PTHREAD_MUTEX_INITIALIZER,
		.lock = PTHREAD_MUTEX_INITIALIZER };
	pthread_cond_init(&k->wake, NULL);
	if ((rc = sqlite_conn_open(o, SQLITE_USE_CHECKPOINT, &k->conn, e)) != RC_OK)
		return rc;
	if (!o->sync_off && (sr = wal_take_over(k->conn.db)) != SQLITE_OK)
		return sqlite_fail(e, k->conn.db, sr, "make the write-ahead log durable");
	sqlite3_wal_hook(g->writer.db, on_commit, k);
	if (pthread_create(&k->thread, NULL, keep, k) != 0)
		return fail(e, RC_UNAVAILABLE, "no thread for copying the write-ahead log");
	k->running = true;
	return RC_OK;
}

void
keeper_stop(struct keeper *k)
{
	if (k->group == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	if (k->running)
		pthread_join(k->thread, NULL);
	sqlite3_wal_hook(k->group->writer.db, NULL, NULL);
	sqlite_conn_close(&k->conn, true);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	pthread_mutex_destroy(&k->conn_lock);
}
