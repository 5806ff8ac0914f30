#include "store/faultvfs.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "store/fault_disk.h"
#include "store/fault_plan.h"

struct fault_file {
	sqlite3_file base;
	struct fault_image *image; /* NULL: a temporary file, passed on as it is */
	sqlite3_file *real;
};

static struct {
	pthread_mutex_t lock;
	bool registered;
	sqlite3_vfs vfs, *system;
	sqlite3_mem_methods allocator; /* SQLite's own */
} shim = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- steps ---- */

/* Take a step. `code` is its I/O error. A write that fails has written a part. */
static int
step(enum fault_step kind, int code)
{
	if (fault_disk_is_cut())
		return code;
	switch (fault_plan_step(kind)) {
	case FAULT_FULL:
		return SQLITE_FULL;
	case FAULT_IO:
		return code;
	case FAULT_KILL:
		raise(SIGKILL);
		return code;
	default:
		return SQLITE_OK;
	}
}

/* ---- files ---- */

static struct fault_file *
of(sqlite3_file *f)
{
	return (struct fault_file *)f;
}

static int
file_close(sqlite3_file *f)
{
	struct fault_file *ff = of(f);

	if (ff->image != NULL)
		fault_disk_close(ff->image);
	return ff->real->pMethods->xClose(ff->real);
}

static int
file_read(sqlite3_file *f, void *p, int n, sqlite3_int64 offset)
{
	struct fault_file *ff = of(f);
	int sr;

	if (ff->image == NULL)
		return ff->real->pMethods->xRead(ff->real, p, n, offset);
	if ((sr = step(STEP_READ, SQLITE_IOERR_READ)) != SQLITE_OK)
		return sr;
	return fault_disk_read(ff->image, p, n, offset);
}

static int
file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 offset)
{
	struct fault_file *ff = of(f);
	int sr;

	if (ff->image == NULL)
		return ff->real->pMethods->xWrite(ff->real, p, n, offset);
	if ((sr = step(STEP_WRITE, SQLITE_IOERR_WRITE)) != SQLITE_OK) {
		if (!fault_disk_is_cut())
			(void)fault_disk_write(ff->image, ff->real, p, n / 2, offset);
		return sr;
	}
	return fault_disk_write(ff->image, ff->real, p, n, offset);
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	struct fault_file *ff = of(f);
	int sr;

	if (ff->image == NULL)
		return ff->real->pMethods->xTruncate(ff->real, size);
	if ((sr = step(STEP_TRUNCATE, SQLITE_IOERR_TRUNCATE)) != SQLITE_OK)
		return sr;
	return fault_disk_truncate(ff->image, ff->real, size);
}

/* The real file is not flushed: the machine that runs the tests keeps its power. */
static int
file_sync(sqlite3_file *f, int flags)
{
	struct fault_file *ff = of(f);

	if (ff->image == NULL)
		return ff->real->pMethods->xSync(ff->real, flags);
	if (fault_disk_is_cut())
		return SQLITE_IOERR_FSYNC;
	switch (fault_plan_step(STEP_FLUSH)) {
	case FAULT_IO:
		(void)fault_disk_flush(ff->image, ff->real, 1);
		return SQLITE_IOERR_FSYNC;
	case FAULT_KILL:
		(void)fault_disk_flush(ff->image, ff->real, 1);
		raise(SIGKILL);
		return SQLITE_IOERR_FSYNC;
	default:
		return fault_disk_flush(ff->image, ff->real, 0);
	}
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	struct fault_file *ff = of(f);
	int sr;

	if (ff->image == NULL)
		return ff->real->pMethods->xFileSize(ff->real, size);
	if ((sr = step(STEP_OTHER, SQLITE_IOERR_FSTAT)) != SQLITE_OK)
		return sr;
	*size = fault_disk_size(ff->image);
	return SQLITE_OK;
}

/* Hints about the size would change the real file. */
static int
file_control(sqlite3_file *f, int op, void *arg)
{
	if (op == SQLITE_FCNTL_SIZE_HINT || op == SQLITE_FCNTL_CHUNK_SIZE || op == SQLITE_FCNTL_MMAP_SIZE)
		return SQLITE_NOTFOUND;
	return of(f)->real->pMethods->xFileControl(of(f)->real, op, arg);
}

static int
file_lock(sqlite3_file *f, int level)
{
	return of(f)->real->pMethods->xLock(of(f)->real, level);
}
static int
file_unlock(sqlite3_file *f, int level)
{
	return of(f)->real->pMethods->xUnlock(of(f)->real, level);
}
static int
file_reserved(sqlite3_file *f, int *out)
{
	return of(f)->real->pMethods->xCheckReservedLock(of(f)->real, out);
}
static int
file_sector(sqlite3_file *f)
{
	return of(f)->real->pMethods->xSectorSize(of(f)->real);
}
static int
file_traits(sqlite3_file *f)
{
	return of(f)->real->pMethods->xDeviceCharacteristics(of(f)->real);
}
static int
file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	int sr = step(STEP_OTHER, SQLITE_IOERR_SHMMAP);

	if (sr != SQLITE_OK) {
		*out = NULL;
		return sr;
	}
	return of(f)->real->pMethods->xShmMap(of(f)->real, page, size, extend, out);
}
static int
file_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
	return of(f)->real->pMethods->xShmLock(of(f)->real, offset, n, flags);
}
static void
file_shm_barrier(sqlite3_file *f)
{
	of(f)->real->pMethods->xShmBarrier(of(f)->real);
}
static int
file_shm_unmap(sqlite3_file *f, int remove)
{
	return of(f)->real->pMethods->xShmUnmap(of(f)->real, remove);
}

static const sqlite3_io_methods file_methods = {
	.iVersion = 2, /* without xFetch: a mapping would go round the image */
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* ---- the layer ---- */

static int
layer_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *f, int flags, int *out_flags)
{
	const int simulated = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL;
	struct fault_file *ff = of(f);
	int sr;

	(void)vfs;
	*ff = (struct fault_file){ .real = (sqlite3_file *)&ff[1] };
	if ((flags & simulated) != 0 && (sr = step(STEP_OTHER, SQLITE_CANTOPEN)) != SQLITE_OK)
		return sr;
	memset(ff->real, 0, (size_t)shim.system->szOsFile);
	sr = shim.system->xOpen(shim.system, path, ff->real, flags, out_flags);
	if (sr == SQLITE_OK && (flags & simulated) != 0)
		sr = fault_disk_open(path, ff->real, &ff->image);
	if (sr == SQLITE_OK)
		ff->base.pMethods = &file_methods;
	else if (ff->real->pMethods != NULL)
		ff->real->pMethods->xClose(ff->real);
	return sr;
}

static int
layer_delete(sqlite3_vfs *vfs, const char *path, int flush_directory)
{
	int sr = step(STEP_OTHER, SQLITE_IOERR_DELETE);

	(void)vfs;
	(void)flush_directory; /* as in file_sync */
	if (sr == SQLITE_OK && (sr = shim.system->xDelete(shim.system, path, 0)) == SQLITE_OK)
		fault_disk_forget(path);
	return sr;
}

/* ---- the allocator ---- */

static void *
allocate(int n)
{
	return fault_plan_step(STEP_ALLOCATE) != FAULT_NONE ? NULL : shim.allocator.xMalloc(n);
}

static void *
reallocate(void *p, int n)
{
	return fault_plan_step(STEP_ALLOCATE) != FAULT_NONE ? NULL : shim.allocator.xRealloc(p, n);
}

/* ---- registering ---- */

/* shim.lock is held. The allocator first: registering a VFS starts SQLite. */
static enum rc
set_up(struct err *e)
{
	const char *words = getenv(FAULTVFS_ENVIRONMENT);
	sqlite3_mem_methods ours;
	enum rc rc;

	if (words != NULL && (rc = fault_plan_parse(words, e)) != RC_OK)
		return rc;
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &shim.allocator) != SQLITE_OK)
		return fail(e, RC_CONFLICT, "the fault layer must come before any other use of SQLite");
	ours = shim.allocator;
	ours.xMalloc = allocate;
	ours.xRealloc = reallocate;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK)
		return fail(e, RC_CONFLICT, "the fault layer must come before any other use of SQLite");
	if ((shim.system = sqlite3_vfs_find(NULL)) == NULL)
		return fail(e, RC_INTERNAL, "SQLite has no file layer");
	shim.vfs = *shim.system;
	shim.vfs.zName = FAULTVFS_NAME;
	shim.vfs.pNext = NULL;
	shim.vfs.szOsFile = (int)sizeof(struct fault_file) + shim.system->szOsFile;
	shim.vfs.xOpen = layer_open;
	shim.vfs.xDelete = layer_delete;
	if (sqlite3_vfs_register(&shim.vfs, 0) != SQLITE_OK)
		return fail(e, RC_INTERNAL, "SQLite refused the fault layer");
	shim.registered = true;
	return RC_OK;
}

enum rc
faultvfs_register(struct err *e)
{
	enum rc rc = RC_OK;

	pthread_mutex_lock(&shim.lock);
	if (!shim.registered)
		rc = set_up(e);
	pthread_mutex_unlock(&shim.lock);
	return rc;
}

void
faultvfs_arm(enum fault_kind kind, int64_t at, bool on)
{
	fault_plan_arm(kind, at, on);
}

void
faultvfs_disarm(void)
{
	fault_plan_arm(FAULT_NONE, 0, false);
}

int64_t
faultvfs_steps(void)
{
	return fault_plan_steps();
}

void
faultvfs_early(enum fault_early early, uint64_t seed)
{
	fault_plan_set_early(early, seed);
}

void
faultvfs_power_cut(void)
{
	fault_disk_cut();
}

void
faultvfs_power_on(void)
{
	fault_disk_on();
}
