#include "store/sqlite_wal.h"

#include <string.h>
#include <sys/stat.h>

#include "base/tap.h"
#include "store/faultvfs.h"
#include "store/testing.h"

static sqlite3 *
open_db(const char *path, const char *vfs)
{
	sqlite3 *db = NULL;

	ok(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs) == SQLITE_OK &&
		sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL", NULL,
		    NULL, NULL) == SQLITE_OK,
	    "a connection through %s", vfs != NULL ? vfs : "the system's layer");
	return db;
}

static void
run(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	ok(sqlite3_exec(db, sql, NULL, NULL, &why) == SQLITE_OK, "%.60s", sql);
	if (why != NULL)
		printf("# %s\n", why);
	sqlite3_free(why);
}

static int64_t
number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *s = NULL;
	int64_t n = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return n;
}

static int64_t
log_size(const char *path)
{
	char name[256];
	struct stat st;

	snprintf(name, sizeof name, "%s-wal", path);
	return stat(name, &st) == 0 ? (int64_t)st.st_size : -1;
}

static const char fill[] = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)"
			   " INSERT INTO t SELECT NULL, randomblob(300) FROM n";

/* ---- a full disk ---- */

/* Two units of a transaction; the first is in the log before its COMMIT, the second meets a full disk at step `at` and is
 * rolled back alone. True: if the COMMIT was acknowledged, the database is whole. */
static bool
second_unit_at(const char *path, const struct wal_layer *layer, int at, bool *hit)
{
	static const char open[] = "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA synchronous=FULL;"
				   " PRAGMA cache_size=12; CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB);"
				   " CREATE TABLE u (id INTEGER PRIMARY KEY, n INT UNIQUE, x BLOB)";
	static const char first[] =
	    "BEGIN; SAVEPOINT unit; WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
	    " WHERE i < 300) INSERT INTO t SELECT i, randomblob(300) FROM n; RELEASE unit;"
	    " SAVEPOINT unit";
	sqlite3 *writer = NULL, *reader = NULL;
	bool whole = true;
	int second;

	if (sqlite3_open_v2(path, &writer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, wal_layer_name(layer)) !=
		SQLITE_OK ||
	    sqlite3_exec(writer, open, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(writer, first, NULL, NULL, NULL) != SQLITE_OK)
		whole = false;
	faultvfs_arm(FAULT_FULL, at, false);
	second = sqlite3_exec(writer, "INSERT INTO u SELECT id, id, x FROM t WHERE id < 20", NULL, NULL, NULL);
	*hit = faultvfs_steps() >= at;
	faultvfs_disarm();
	if (second != SQLITE_OK)
		(void)sqlite3_exec(writer, "ROLLBACK TO unit", NULL, NULL, NULL);
	if (sqlite3_exec(writer, "RELEASE unit", NULL, NULL, NULL) == SQLITE_OK &&
	    sqlite3_exec(writer, "COMMIT", NULL, NULL, NULL) == SQLITE_OK && whole)
		whole =
		    sqlite3_open_v2(path, &reader, SQLITE_OPEN_READWRITE, FAULTVFS_NAME) == SQLITE_OK &&
		    number(reader, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1 &&
		    number(reader, "SELECT COUNT(*) FROM t WHERE length(x) = 300") == 300;
	sqlite3_close(reader);
	sqlite3_close(writer);
	return whole;
}

static void
disk_is_full(const char *dir)
{
	struct wal_layer *layer = NULL;
	bool hit = true, whole = true;
	int at = 1;

	ok(wal_layer_new(FAULTVFS_NAME, &layer, NULL) == RC_OK, "a layer over the simulated disk");
	for (; hit && whole && at < 100; at++) {
		char path[128]; /* a new database each time */

		snprintf(path, sizeof path, "%s/full-%d.db", dir, at);
		whole = second_unit_at(path, layer, at, &hit);
	}
	if (!ok(whole && !hit && at > 3, "a full disk drops nothing that a COMMIT then acknowledges"))
		printf("# at step %d\n", at - 1);
	wal_layer_free(layer);
}

/* ---- a flush that fails ---- */

static sqlite3_file *
open_log(const struct wal_layer *layer, const char *path)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(wal_layer_name(layer));
	sqlite3_file *f = calloc(1, (size_t)vfs->szOsFile);

	ok(vfs->xOpen(vfs, path, f, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL, NULL) == SQLITE_OK,
	    "a log is opened");
	return f;
}

static void
close_log(sqlite3_file *f)
{
	f->pMethods->xClose(f);
	free(f);
}

/* The keeper's flush takes the writer's frames along, and they are dropped with it. */
static void
flush_fails(const char *dir)
{
	struct wal_layer *layer = NULL;
	sqlite3_file *writer, *keeper;
	sqlite3_int64 size = 0;
	char path[128]; /* SQLite keeps the pointer */

	snprintf(path, sizeof path, "%s/gather.db-wal", dir);
	ok(wal_layer_new(FAULTVFS_NAME, &layer, NULL) == RC_OK, "a layer over the simulated disk");
	writer = open_log(layer, path);
	keeper = open_log(layer, path);
	ok(writer->pMethods->xWrite(writer, "frame", 5, 0) == SQLITE_OK &&
		writer->pMethods->xFileSize(writer, &size) == SQLITE_OK && size == 5,
	    "the writer's frame is in the file");
	faultvfs_arm(FAULT_IO, 1, false);
	ok(keeper->pMethods->xSync(keeper, SQLITE_SYNC_NORMAL) == SQLITE_IOERR_FSYNC, "the keeper's flush fails");
	faultvfs_disarm();
	ok(writer->pMethods->xSync(writer, SQLITE_SYNC_NORMAL) == SQLITE_IOERR_FSYNC,
	    "so the writer's may not succeed: its frame may have been dropped");
	close_log(writer);
	close_log(keeper);
	wal_layer_free(layer);
}

int
main(void)
{
	char dir[64];
	const char *path;
	sqlite3 *writer, *reader;
	struct wal_layer *layer = NULL;
	struct err e;
	int64_t before;

	ok(faultvfs_register(&e) == RC_OK, "the simulated disk is there");
	ok(wal_layer_new("no-such-layer", &layer, &e) == RC_UNAVAILABLE && layer == NULL,
	    "over a layer that is not there: refused");
	testing_dir(dir);
	ok(wal_layer_new(NULL, &layer, &e) == RC_OK, "a layer over the system's");
	path = testing_path(dir, "gather.db");
	writer = open_db(path, wal_layer_name(layer));
	run(writer, "CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)");
	reader = open_db(path, NULL);

	ok(number(reader, "SELECT COUNT(*) FROM t") == 0, "what was committed is there for others");
	before = log_size(path);
	run(writer, "BEGIN; INSERT INTO t VALUES (1, 'one')");
	ok(log_size(path) == before, "a transaction under way writes nothing");
	run(writer, "COMMIT");
	ok(log_size(path) > before && number(reader, "SELECT COUNT(*) FROM t") == 1, "and its COMMIT everything");

	/* A cache of ten pages spills into the log long before the COMMIT, and is read back from there. */
	run(writer, "PRAGMA cache_size=10");
	run(writer, "BEGIN");
	run(writer, fill);
	ok(number(writer, "SELECT COUNT(*) FROM t WHERE length(x) = 300") == 3000, "the writer finds what it spilled");
	run(writer, "SAVEPOINT s; DELETE FROM t WHERE id % 2 = 0; ROLLBACK TO s; RELEASE s");
	ok(number(reader, "SELECT COUNT(*) FROM t") == 1, "others see nothing of it");
	run(writer, "COMMIT");
	ok(number(reader, "SELECT COUNT(*) FROM t") == 3001, "before it is committed");
	run(writer, "BEGIN");
	run(writer, fill);
	run(writer, "ROLLBACK");
	ok(number(reader, "SELECT COUNT(*) FROM t") == 3001, "and nothing of what is rolled back");

	/* The log begins anew and is cut. */
	run(reader, "PRAGMA wal_checkpoint(RESTART)");
	run(writer, "INSERT INTO t VALUES (NULL, 'after')");
	ok(number(reader, "SELECT COUNT(*) FROM t") == 3002, "a log that begins anew is read from its beginning");
	run(writer, "PRAGMA wal_checkpoint(TRUNCATE)");
	ok(log_size(path) == 0, "and can be cut");
	run(writer, "DELETE FROM t WHERE id > 10");
	sqlite3_close(writer);
	wal_layer_free(layer);
	ok(sqlite3_vfs_find("no-such-layer") == NULL && number(reader, "SELECT COUNT(*) FROM t") == 10,
	    "after closing all of it is there");
	ok(number(reader, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'") == 1,
	    "and whole");
	sqlite3_close(reader);
	disk_is_full(dir);
	flush_fails(dir);
	testing_rmtree(dir);
	return done();
}
