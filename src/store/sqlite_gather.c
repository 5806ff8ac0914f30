#include "store/sqlite_gather.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GATHER_MAX (128 * 1024) /* octets: some thirty pages; more go to the file in several writes */

struct gather {
	sqlite3_vfs vfs;
	sqlite3_vfs *below;
	char name[32];
};

struct log_file {
	sqlite3_file base;
	sqlite3_file *real; /* follows this struct */
	sqlite3_int64 at; /* where what is gathered belongs */
	int n; /* octets gathered */
	char *octets; /* NULL: nothing is gathered */
};

static struct log_file *
of(sqlite3_file *f)
{
	return (struct log_file *)f;
}

/* ---- a log's file ---- */

/* What could not be written is dropped: its transaction fails, and SQLite writes there anew. */
static int
put_down(struct log_file *l)
{
	int n = l->n;

	l->n = 0;
	return n > 0 ? l->real->pMethods->xWrite(l->real, l->octets, n, l->at) : SQLITE_OK;
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

	if (l->octets == NULL)
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
	int sr = put_down(of(f));

	return sr != SQLITE_OK ? sr : of(f)->real->pMethods->xSync(of(f)->real, flags);
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

/* ---- the layer ---- */

/* Any other file is the layer below's own. Where a sector may tear, SQLite repeats the last frame up to the
 * sector's end and writes on after the flush: nothing is gathered then. */
static int
layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	const struct gather *g = (const struct gather *)vfs;
	struct log_file *l = of(f);
	int sr;

	if ((flags & SQLITE_OPEN_WAL) == 0)
		return g->below->xOpen(g->below, name, f, flags, out_flags);
	*l = (struct log_file){ .real = (sqlite3_file *)(l + 1) };
	l->real->pMethods = NULL;
	if ((sr = g->below->xOpen(g->below, name, l->real, flags, out_flags)) != SQLITE_OK)
		return sr;
	if ((l->real->pMethods->xDeviceCharacteristics(l->real) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0 &&
	    (l->octets = malloc(GATHER_MAX)) == NULL) {
		(void)l->real->pMethods->xClose(l->real);
		return SQLITE_NOMEM;
	}
	l->base.pMethods = &log_methods;
	return SQLITE_OK;
}

enum rc
gather_new(const char *below, struct gather **out, struct err *e)
{
	struct gather *g = calloc(1, sizeof *g);

	*out = NULL;
	if (g == NULL || (g->below = sqlite3_vfs_find(below)) == NULL) {
		free(g);
		return fail(e, RC_UNAVAILABLE, g == NULL ? "out of memory" : "SQLite has no such file layer");
	}
	g->vfs = *g->below;
	g->vfs.pNext = NULL;
	g->vfs.zName = g->name;
	g->vfs.szOsFile += (int)sizeof(struct log_file);
	g->vfs.xOpen = layer_open;
	snprintf(g->name, sizeof g->name, "gather-%p", (void *)g);
	if (sqlite3_vfs_register(&g->vfs, 0) != SQLITE_OK) {
		free(g);
		return fail(e, RC_UNAVAILABLE, "SQLite refused the file layer");
	}
	*out = g;
	return RC_OK;
}

void
gather_free(struct gather *g)
{
	if (g == NULL)
		return;
	sqlite3_vfs_unregister(&g->vfs);
	free(g);
}

const char *
gather_name(const struct gather *g)
{
	return g->name;
}
