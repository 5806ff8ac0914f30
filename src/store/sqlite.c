#include "store/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/sqlite_bulk.h"
#include "store/sqlite_conn.h"
#include "store/sqlite_group.h"
#include "store/sqlite_keeper.h"
#include "store/sqlite_wal.h"

#define READERS_MIN 4
#define READERS_MAX 32 /* connections; each has its own page cache of 256 kB */

struct db {
	char *dsn; /* cut into the parts that options points to */
	struct sqlite_options options; /* its vfs is the layer, where there is one */
	struct wal_layer *layer; /* under every connection; NULL: in memory, or without flushes */
	int lock_fd; /* -1: in memory */
	struct group group;
	struct keeper keeper;
	pthread_mutex_t lock; /* over the readers */
	pthread_cond_t returned;
	struct db_conn *idle; /* most recently used first: its cache is warm */
	int readers, idle_readers, readers_max;
};

/* ---- the file ---- */

/* Make the file before SQLite does, with our mode (its log takes the same), and its name durable. */
static enum rc
make_file(const char *path, struct err *e)
{
	char *copy = strdup(path);
	int fd = -1, dir = -1;
	enum rc rc = RC_UNAVAILABLE;

	if (copy == NULL || (fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0 ||
	    (dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0 || fsync(dir) != 0)
		(void)fail(e, rc, "%s can't be made: %s", path, strerror(errno));
	else
		rc = RC_OK;
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	free(copy);
	return rc;
}

static enum rc
lock_file(struct db *db, struct err *e)
{
	char name[4096];

	if ((size_t)snprintf(name, sizeof name, "%s.lock", db->options.path) >= sizeof name)
		return fail(e, RC_UNAVAILABLE, "the database's path is too long");
	if ((db->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
		return fail(e, RC_UNAVAILABLE, "%s can't be opened: %s", name, strerror(errno));
	if (flock(db->lock_fd, LOCK_EX | LOCK_NB) != 0)
		return fail(e, errno == EWOULDBLOCK ? RC_CONFLICT : RC_UNAVAILABLE,
		    errno == EWOULDBLOCK ? "%s is open in another process; one process owns the database"
					 : "%s can't be locked",
		    db->options.path);
	return RC_OK;
}

static enum rc
open_file(struct db *db, bool create, struct err *e)
{
	const char *path = db->options.path;
	enum rc rc;

	if (access(path, F_OK) != 0) {
		if (errno != ENOENT)
			return fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
		if (!create)
			return fail(e, RC_NOT_FOUND, "there is no database at %s: make one with postern init", path);
	}
	if ((rc = lock_file(db, e)) != RC_OK)
		return rc;
	return create ? make_file(path, e) : RC_OK;
}

/* ---- opening and closing ---- */

static void
sqlite_close(struct db *db)
{
	struct db_conn *pause = NULL, *next;

	if (db == NULL)
		return;
	/* Units under way end first, then the readers. */
	if (db->group.writer.db != NULL)
		(void)group_pause(&db->group, &pause, NULL);
	pthread_mutex_lock(&db->lock);
	while (db->idle_readers < db->readers)
		pthread_cond_wait(&db->returned, &db->lock);
	for (struct db_conn *r = db->idle; r != NULL; r = next) {
		next = r->next;
		sqlite_conn_close(&r->own, true);
		free(r);
	}
	pthread_mutex_unlock(&db->lock);
	if (pause != NULL)
		group_resume(&db->group, pause);
	keeper_stop(&db->keeper);
	group_close(&db->group);
	wal_layer_free(db->layer);
	if (db->lock_fd >= 0)
		close(db->lock_fd);
	pthread_cond_destroy(&db->returned);
	pthread_mutex_destroy(&db->lock);
	free(db->dsn);
	free(db);
}

static int
readers_max(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	long n = cores * 2;

	return (int)(n < READERS_MIN ? READERS_MIN : n > READERS_MAX ? READERS_MAX : n);
}

static enum rc
sqlite_open(const char *dsn, bool create, struct db **out, struct err *e)
{
	struct db *db = calloc(1, sizeof *db);
	enum rc rc;

	if (db == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	/* Statistics about memory cost every allocation a lock that all threads share. Refused, and no harm, once
	 * SQLite has begun: then the process's first store_open said it already. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	db->lock_fd = -1;
	db->readers_max = readers_max();
	pthread_mutex_init(&db->lock, NULL);
	pthread_cond_init(&db->returned, NULL);
	if ((rc = sqlite_dsn_parse(dsn, &db->dsn, &db->options, e)) != RC_OK)
		goto out;
	if (db->options.path != NULL && (rc = open_file(db, create, e)) != RC_OK)
		goto out;
	if (db->options.path != NULL && !db->options.sync_off) {
		if ((rc = wal_layer_new(db->options.vfs, &db->layer, e)) != RC_OK)
			goto out;
		db->options.vfs = wal_layer_name(db->layer);
	}
	if ((rc = group_open(&db->group, &db->options, e)) != RC_OK)
		goto out;
	if (db->options.path != NULL && (rc = keeper_start(&db->keeper, &db->group, &db->options, e)) != RC_OK)
		goto out;
	*out = db;
	db = NULL;
out:
	sqlite_close(db);
	return rc;
}

static bool
sqlite_is_broken(const struct db *db)
{
	return atomic_load(&db->group.broken);
}

/* ---- units ---- */

/* One writer at a time: no unit ever fails only because another one ran beside it. */
static enum rc
sqlite_unit(struct db *db, struct call *c, db_unit_fn *body, void *arg, bool *again, struct err *e)
{
	*again = false;
	/* In memory reads wait for the baton, too, and they do it with their thread: nobody else's may be needed. */
	return group_unit(&db->group, db->options.path != NULL ? c : NULL, body, arg, e);
}

static enum rc
sqlite_begin_migration(struct db *db, struct db_conn **out, struct err *e)
{
	return group_begin(&db->group, out, e);
}

static enum rc
sqlite_end_migration(struct db *db, struct db_conn *conn, bool keep, bool *again, struct err *e)
{
	*again = false;
	return group_end(&db->group, conn, keep, e);
}

/* ---- readers ---- */

/* db->lock is held. */
static enum rc
new_reader(struct db *db, struct db_conn **out, struct err *e)
{
	struct db_conn *r = calloc(1, sizeof *r);
	enum rc rc;

	if (r == NULL)
		return fail(e, RC_UNAVAILABLE, "out of memory");
	if ((rc = sqlite_conn_open(&db->options, SQLITE_USE_READER, &r->own, e)) != RC_OK) {
		free(r);
		return rc;
	}
	r->conn = &r->own;
	db->readers++;
	*out = r;
	return RC_OK;
}

static enum rc
sqlite_borrow(struct db *db, struct db_conn **out, struct err *e)
{
	enum rc rc = RC_OK;

	/* A database in memory has one connection, so a read takes its turn like a unit. */
	if (db->options.path == NULL)
		return group_begin(&db->group, out, e);
	if (sqlite_is_broken(db))
		return fail(e, RC_UNAVAILABLE, "an earlier commit failed and nobody knows whether it is on disk");
	pthread_mutex_lock(&db->lock);
	while (db->idle == NULL && db->readers == db->readers_max)
		pthread_cond_wait(&db->returned, &db->lock);
	if (db->idle != NULL) {
		*out = db->idle;
		db->idle = db->idle->next;
		db->idle_readers--;
	} else
		rc = new_reader(db, out, e);
	pthread_mutex_unlock(&db->lock);
	return rc;
}

static void
sqlite_give_back(struct db *db, struct db_conn *conn)
{
	if (db->options.path == NULL) {
		(void)group_end(&db->group, conn, true, NULL);
		return;
	}
	sqlite_conn_settle(conn->conn);
	pthread_mutex_lock(&db->lock);
	conn->next = db->idle;
	db->idle = conn;
	db->idle_readers++;
	pthread_cond_signal(&db->returned);
	pthread_mutex_unlock(&db->lock);
}

/* ---- statements ---- */

static enum rc
sqlite_run(struct db_conn *conn, struct arena *a, const char *sql, struct db_args args, struct db_rows *out,
    bool *writes, struct err *e)
{
	return sqlite_conn_run(conn->conn, a, sql, args, out, writes, e);
}

static enum rc
sqlite_script(struct db_conn *conn, const char *sql, struct err *e)
{
	return sqlite_conn_script(conn->conn, sql, e);
}

static void
sqlite_commits(const struct db *db, int64_t *done, int64_t *refused)
{
	*done = counted(&db->group.commits);
	*refused = counted(&db->group.refused);
}

static enum rc
sqlite_checkpoint(struct db *db, struct err *e)
{
	return db->options.path != NULL ? keeper_empty(&db->keeper, e) : RC_OK;
}

/* Between two groups, so that the transaction is its own. */
static enum rc
sqlite_shrink(struct db *db, bool all, bool *more, struct err *e)
{
	struct db_conn *pause;
	enum rc rc;

	if ((rc = group_pause(&db->group, &pause, e)) != RC_OK)
		return rc;
	rc = sqlite_conn_shrink(&db->group.writer, all, more, e);
	if (rc != RC_OK && sqlite_is_flush_error(sqlite3_extended_errcode(db->group.writer.db)))
		atomic_store(&db->group.broken, true);
	group_resume(&db->group, pause);
	return rc;
}

const struct db_driver store_sqlite = {
	.name = "SQLite",
	.open = sqlite_open,
	.close = sqlite_close,
	.is_broken = sqlite_is_broken,
	.unit = sqlite_unit,
	.begin_migration = sqlite_begin_migration,
	.end_migration = sqlite_end_migration,
	.borrow = sqlite_borrow,
	.give_back = sqlite_give_back,
	.run = sqlite_run,
	.script = sqlite_script,
	.checkpoint = sqlite_checkpoint,
	.commits = sqlite_commits,
	.view_begin = sqlite_view_begin,
	.view_end = sqlite_view_end,
	.each = sqlite_each,
	.fill_begin = sqlite_fill_begin,
	.fill_end = sqlite_fill_end,
	.shrink = sqlite_shrink,
	.integrity = "PRAGMA integrity_check(20)",
	.size = "SELECT page_count * page_size, freelist_count * page_size"
		" FROM pragma_page_count, pragma_page_size, pragma_freelist_count",
	.count_tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = ?1",
	.list_tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
	.list_columns = "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
	.list_indexes = "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
};
