#include "store/sqlite_wal.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MAX (128 * 1024) /* octets: some thirty pages; more go to the file in several writes */

struct wal_layer {
	sqlite3_vfs vfs;
	sqlite3_vfs *below;
	char name[32];
	pthread_mutex_t flushing; /* one flush at a time, so that who comes after one that failed knows it */
	bool failed; /* a flush: what it should have written may never be */
};

struct log_file {
	sqlite3_file base;
	sqlite3_file *real; /* follows this struct */
	struct wal_layer *layer;
	bool gathers;
	sqlite3_int64 at; /* where what is gathered belongs */
	int n; /* octets gathered */
	char *octets; /* NULL: nothing was gathered yet, as by all but the writer */
};

static struct log_file *
of(sqlite3_file *f)
{
	return (struct log_file *)f;
}

/* ---- a log's file ---- */

/* What could not be written stays gathered. SQLite took it for written, and goes on with the rest of the transaction after
 * a statement that met a full disk: a COMMIT must not succeed without it. Nor do octets of a transaction that was
 * rolled back harm, where those of the next one are written over them. */
static int
put_down(struct log_file *l)
{
	int sr = l->n > 0 ? l->real->pMethods->xWrite(l->real, l->octets, l->n, l->at) : SQLITE_OK;

	if (sr == SQLITE_OK)
		l->n = 0;
	return sr;
}

static int
log_close(sqlite3_file *f)
{
	struct log_file *l = of(f);
	int sr = put_down(l), closed = l->real->pMethods->xClose(l->real);

	free(l->octets);
	return sr != SQLITE_OK ? sr : closed;
}

static int
log_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 offset)
{
	struct log_file *l = of(f);
	int sr;

	if (!l->gathers || (l->octets == NULL && (l->octets = malloc(GATHER_MAX)) == NULL))
		return l->real->pMethods->xWrite(l->real, p, n, offset);
	if (l->n > 0 && (offset != l->at + l->n || n > GATHER_MAX - l->n) && (sr = put_down(l)) != SQLITE_OK)
		return sr;
	if (n > GATHER_MAX)
		return l->real->pMethods->xWrite(l->real, p, n, offset);
	if (l->n == 0)
		l->at = offset;
	memcpy(l->octets + l->n, p, (size_t)n);
	l->n += n;
	return SQLITE_OK;
}

static int
log_read(sqlite3_file *f, void *p, int n, sqlite3_int64 offset)
{
	int sr = put_down(of(f));

	return sr != SQLITE_OK ? sr : of(f)->real->pMethods->xRead(of(f)->real, p, n, offset);
}

static int
log_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int sr = put_down(of(f));

	return sr != SQLITE_OK ? sr : of(f)->real->pMethods->xTruncate(of(f)->real, size);
}

static int
log_sync(sqlite3_file *f, int flags)
{
	struct log_file *l = of(f);
	int sr = put_down(l);

	if (sr != SQLITE_OK)
		return sr;
	pthread_mutex_lock(&l->layer->flushing);
	sr = l->layer->failed ? SQLITE_IOERR_FSYNC : l->real->pMethods->xSync(l->real, flags);
	l->layer->failed = sr != SQLITE_OK;
	pthread_mutex_unlock(&l->layer->flushing);
	return sr;
}

static int
log_size(sqlite3_file *f, sqlite3_int64 *size)
{
	int sr = put_down(of(f));

	return sr != SQLITE_OK ? sr : of(f)->real->pMethods->xFileSize(of(f)->real, size);
}

static int
log_lock(sqlite3_file *f, int level)
{
	return of(f)->real->pMethods->xLock(of(f)->real, level);
}

static int
log_unlock(sqlite3_file *f, int level)
{
	return of(f)->real->pMethods->xUnlock(of(f)->real, level);
}

static int
log_reserved(sqlite3_file *f, int *out)
{
	return of(f)->real->pMethods->xCheckReservedLock(of(f)->real, out);
}

static int
log_control(sqlite3_file *f, int op, void *arg)
{
	return of(f)->real->pMethods->xFileControl(of(f)->real, op, arg);
}

static int
log_sector(sqlite3_file *f)
{
	return of(f)->real->pMethods->xSectorSize(of(f)->real);
}

static int
log_device(sqlite3_file *f)
{
	return of(f)->real->pMethods->xDeviceCharacteristics(of(f)->real);
}

static const sqlite3_io_methods log_methods = {
	.iVersion = 1, /* no shared memory and no mapping: a log has neither */
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = log_lock,
	.xUnlock = log_unlock,
	.xCheckReservedLock = log_reserved,
	.xFileControl = log_control,
	.xSectorSize = log_sector,
	.xDeviceCharacteristics = log_device,
};

/* ---- opening ---- */

/* Any other file is the layer below's own. Where a sector may tear, SQLite repeats the last frame up to the
 * sector's end and writes on after the flush: nothing is gathered then. */
static int
layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct wal_layer *layer = (struct wal_layer *)vfs;
	struct log_file *l = of(f);
	int sr;

	if ((flags & SQLITE_OPEN_WAL) == 0)
		return layer->below->xOpen(layer->below, name, f, flags, out_flags);
	*l = (struct log_file){ .real = (sqlite3_file *)(l + 1), .layer = layer };
	l->real->pMethods = NULL;
	if ((sr = layer->below->xOpen(layer->below, name, l->real, flags, out_flags)) != SQLITE_OK)
		return sr;
	l->gathers = (l->real->pMethods->xDeviceCharacteristics(l->real) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
	l->base.pMethods = &log_methods;
	return SQLITE_OK;
}

/* ---- what an earlier process left ---- */

#define WRITE_BACK (64 * 1024) /* octets at a time */

/* Write the octets that the file has over themselves. */
static int
write_back(sqlite3_file *f)
{
	sqlite3_int64 size = 0;
	char *octets = malloc(WRITE_BACK);
	int sr = octets != NULL ? f->pMethods->xFileSize(f, &size) : SQLITE_NOMEM, n;

	for (sqlite3_int64 at = 0; at < size && sr == SQLITE_OK; at += n) {
		n = size - at < WRITE_BACK ? (int)(size - at) : WRITE_BACK;
		if ((sr = f->pMethods->xRead(f, octets, n, at)) == SQLITE_OK)
			sr = f->pMethods->xWrite(f, octets, n, at);
	}
	free(octets);
	return sr == SQLITE_OK && size > 0 ? f->pMethods->xSync(f, SQLITE_SYNC_NORMAL) : sr;
}

/* SQLite, "WAL-mode file format", 2.1: of the shared index, where nBackfill is, and the lock over it. */
#define INDEX_OCTETS 32768
#define INDEX_BACKFILL 96
#define INDEX_CKPT_LOCK 1

/* Nothing of the log counts as copied. */
static int
copy_anew(sqlite3_file *f)
{
	void volatile *index = NULL;
	int sr = f->pMethods->xShmLock(f, INDEX_CKPT_LOCK, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);

	if (sr != SQLITE_OK)
		return sr;
	sr = f->pMethods->xShmMap(f, 0, INDEX_OCTETS, 0, &index);
	if (sr == SQLITE_OK && index != NULL)
		__atomic_store_n((uint32_t volatile *)((char volatile *)index + INDEX_BACKFILL), 0, __ATOMIC_SEQ_CST);
	(void)f->pMethods->xShmLock(f, INDEX_CKPT_LOCK, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
	return sr;
}

int
wal_take_over(sqlite3 *db)
{
	sqlite3_file *log = NULL, *file = NULL;
	int sr = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (sr != SQLITE_OK)
		return sr;
	if ((sr = sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log)) == SQLITE_OK &&
	    (sr = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file)) == SQLITE_OK &&
	    (sr = write_back(log)) == SQLITE_OK)
		sr = copy_anew(file);
	(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return sr;
}

/* ---- the layer ---- */

enum rc
wal_layer_new(const char *below, struct wal_layer **out, struct err *e)
{
	struct wal_layer *layer = calloc(1, sizeof *layer);

	*out = NULL;
	if (layer == NULL || (layer->below = sqlite3_vfs_find(below)) == NULL) {
		free(layer);
		return fail(e, RC_UNAVAILABLE, layer == NULL ? "out of memory" : "SQLite has no such file layer");
	}
	layer->vfs = *layer->below;
	layer->vfs.pNext = NULL;
	layer->vfs.zName = layer->name;
	layer->vfs.szOsFile += (int)sizeof(struct log_file);
	layer->vfs.xOpen = layer_open;
	pthread_mutex_init(&layer->flushing, NULL);
	snprintf(layer->name, sizeof layer->name, "wal-%p", (void *)layer);
	if (sqlite3_vfs_register(&layer->vfs, 0) != SQLITE_OK) {
		pthread_mutex_destroy(&layer->flushing);
		free(layer);
		return fail(e, RC_UNAVAILABLE, "SQLite refused the file layer");
	}
	*out = layer;
	return RC_OK;
}

void
wal_layer_free(struct wal_layer *layer)
{
	if (layer == NULL)
		return;
	sqlite3_vfs_unregister(&layer->vfs);
	pthread_mutex_destroy(&layer->flushing);
	free(layer);
}

const char *
wal_layer_name(const struct wal_layer *layer)
{
	return layer->name;
}
