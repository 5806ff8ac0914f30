#include "store/fault_disk.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/fault_plan.h"

#define SECTOR 512 /* octets that a disk writes whole or not at all */

struct range { /* written and not flushed; its octets are the image's */
	struct range *next;
	size_t offset, n;
};

struct fault_image {
	struct fault_image *next;
	int open; /* handles */
	unsigned char *data;
	size_t size, room;
	struct range *dirty, **dirty_end; /* in the order of writing */
	size_t cut; /* the smallest size since the last flush */
	bool truncated; /* and whether it shrank at all */
	bool cached; /* a flush failed: the image may have what the file never gets, until the power is cut */
	char path[];
};

static struct {
	pthread_mutex_t lock;
	struct fault_image *images; /* kept when closed: a page cache outlives a file's handles */
	bool off;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- images; disk.lock is held ---- */

static void
forget_dirty(struct fault_image *i)
{
	struct range *next;

	for (struct range *r = i->dirty; r != NULL; r = next) {
		next = r->next;
		free(r);
	}
	i->dirty = NULL;
	i->dirty_end = &i->dirty;
	i->truncated = false;
}

static bool
grow(struct fault_image *i, size_t size)
{
	if (size > i->room) {
		size_t room = i->room == 0 ? 65536 : i->room;
		unsigned char *more;

		while (room < size)
			room *= 2;
		if ((more = realloc(i->data, room)) == NULL)
			return false;
		i->data = more;
		i->room = room;
	}
	if (size > i->size) {
		memset(i->data + i->size, 0, size - i->size);
		i->size = size;
	}
	return true;
}

static int
load(struct fault_image *i, sqlite3_file *real)
{
	sqlite3_int64 size = 0;
	int sr;

	forget_dirty(i);
	i->size = 0;
	if ((sr = real->pMethods->xFileSize(real, &size)) != SQLITE_OK)
		return sr;
	if (!grow(i, (size_t)size))
		return SQLITE_NOMEM;
	for (size_t at = 0; at < i->size;) {
		int n = i->size - at > 1 << 20 ? 1 << 20 : (int)(i->size - at);

		if ((sr = real->pMethods->xRead(real, i->data + at, n, (sqlite3_int64)at)) != SQLITE_OK)
			return sr;
		at += (size_t)n;
	}
	return SQLITE_OK;
}

int
fault_disk_open(const char *path, sqlite3_file *real, struct fault_image **out)
{
	struct fault_image *i;
	int sr = SQLITE_OK;

	pthread_mutex_lock(&disk.lock);
	for (i = disk.images; i != NULL && strcmp(i->path, path) != 0; i = i->next)
		;
	if (i == NULL) {
		size_t n = strlen(path) + 1;

		if ((i = calloc(1, sizeof *i + n)) == NULL) {
			sr = SQLITE_NOMEM;
			goto out;
		}
		memcpy(i->path, path, n);
		i->dirty_end = &i->dirty;
		i->next = disk.images;
		disk.images = i;
	}
	/* Nothing unflushed: the file itself counts, whoever wrote it meanwhile. */
	if (i->open == 0 && i->dirty == NULL && !i->truncated && !i->cached)
		sr = load(i, real);
	if (sr == SQLITE_OK)
		i->open++;
	*out = i;
out:
	pthread_mutex_unlock(&disk.lock);
	return sr;
}

void
fault_disk_close(struct fault_image *i)
{
	pthread_mutex_lock(&disk.lock);
	i->open--;
	pthread_mutex_unlock(&disk.lock);
}

void
fault_disk_forget(const char *path)
{
	pthread_mutex_lock(&disk.lock);
	for (struct fault_image *i = disk.images; i != NULL; i = i->next) {
		if (strcmp(i->path, path) == 0) {
			forget_dirty(i);
			i->cached = false;
			i->size = 0;
		}
	}
	pthread_mutex_unlock(&disk.lock);
}

/* ---- reading and writing ---- */

int
fault_disk_read(struct fault_image *i, void *p, int n, sqlite3_int64 offset)
{
	size_t at = (size_t)offset, want = (size_t)n, have = 0;

	pthread_mutex_lock(&disk.lock);
	if (at < i->size)
		have = i->size - at < want ? i->size - at : want;
	if (have > 0)
		memcpy(p, i->data + at, have);
	pthread_mutex_unlock(&disk.lock);
	memset((char *)p + have, 0, want - have);
	return have == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
put(sqlite3_file *real, const unsigned char *p, size_t n, size_t offset)
{
	return n == 0 ? SQLITE_OK : real->pMethods->xWrite(real, p, (int)n, (sqlite3_int64)offset);
}

/* An arbitrary choice of the sectors that [offset, offset + n) touches. */
static int
put_torn(sqlite3_file *real, const unsigned char *p, size_t n, size_t offset)
{
	int sr = SQLITE_OK;

	for (size_t at = 0; at < n && sr == SQLITE_OK;) {
		size_t part = SECTOR - (offset + at) % SECTOR;

		if (part > n - at)
			part = n - at;
		if (fault_plan_choose(2) == 0)
			sr = put(real, p + at, part, offset + at);
		at += part;
	}
	return sr;
}

/* What the system may do with a write before anybody asks it to. */
static int
put_early(sqlite3_file *real, const unsigned char *p, size_t n, size_t offset)
{
	enum fault_early early = fault_plan_early();

	if (early == FAULT_DROP || fault_plan_choose(3) == 0)
		return SQLITE_OK;
	return early == FAULT_TEAR ? put_torn(real, p, n, offset) : put(real, p, n, offset);
}

int
fault_disk_write(struct fault_image *i, sqlite3_file *real, const void *p, int n, sqlite3_int64 offset)
{
	struct range *r = malloc(sizeof *r);
	int sr = SQLITE_NOMEM;

	pthread_mutex_lock(&disk.lock);
	if (r == NULL || !grow(i, (size_t)offset + (size_t)n))
		goto out;
	memcpy(i->data + offset, p, (size_t)n);
	*r = (struct range){ .offset = (size_t)offset, .n = (size_t)n };
	*i->dirty_end = r;
	i->dirty_end = &r->next;
	r = NULL;
	sr = put_early(real, p, (size_t)n, (size_t)offset);
out:
	pthread_mutex_unlock(&disk.lock);
	free(r);
	return sr;
}

int
fault_disk_truncate(struct fault_image *i, sqlite3_file *real, sqlite3_int64 size)
{
	int sr = SQLITE_OK;

	pthread_mutex_lock(&disk.lock);
	if ((size_t)size < i->size) {
		i->cut = i->truncated && i->cut < (size_t)size ? i->cut : (size_t)size;
		i->truncated = true;
		i->size = (size_t)size;
		if (fault_plan_early() != FAULT_DROP && fault_plan_choose(2) == 0)
			sr = real->pMethods->xTruncate(real, size);
	} else if (!grow(i, (size_t)size)) {
		sr = SQLITE_NOMEM;
	}
	pthread_mutex_unlock(&disk.lock);
	return sr;
}

sqlite3_int64
fault_disk_size(struct fault_image *i)
{
	sqlite3_int64 size;

	pthread_mutex_lock(&disk.lock);
	size = (sqlite3_int64)i->size;
	pthread_mutex_unlock(&disk.lock);
	return size;
}

/* ---- flushing ---- */

/* The real file ends where the image does. disk.lock is held. */
static int
put_size(struct fault_image *i, sqlite3_file *real)
{
	sqlite3_int64 size = 0;
	int sr = real->pMethods->xFileSize(real, &size);

	if (sr == SQLITE_OK && (size_t)size > i->size)
		sr = real->pMethods->xTruncate(real, (sqlite3_int64)i->size);
	else if (sr == SQLITE_OK && (size_t)size < i->size)
		sr = put(real, (const unsigned char *)"", 1, i->size - 1); /* a hole's last octet */
	return sr;
}

int
fault_disk_flush(struct fault_image *i, sqlite3_file *real, int part)
{
	sqlite3_int64 size = 0;
	int sr = SQLITE_OK;

	pthread_mutex_lock(&disk.lock);
	/* A flush that fails may have done everything, nothing, or any part: each is as likely here. What it did
	 * not do no later flush does, though whoever reads the file finds it (Linux: a page that could not be
	 * written is clean afterwards). */
	i->cached |= part != 0;
	if (part && fault_plan_choose(3) == 0)
		goto out;
	if (part && fault_plan_choose(2) == 0)
		part = 0;
	if (i->truncated && (!part || fault_plan_choose(2) == 0)) {
		sr = real->pMethods->xFileSize(real, &size);
		if (sr == SQLITE_OK && (size_t)size > i->cut)
			sr = real->pMethods->xTruncate(real, (sqlite3_int64)i->cut);
	}
	for (struct range *r = i->dirty; r != NULL && sr == SQLITE_OK; r = r->next) {
		size_t n = r->offset >= i->size ? 0 : r->n < i->size - r->offset ? r->n : i->size - r->offset;

		sr = part ? put_torn(real, i->data + r->offset, n, r->offset)
			  : put(real, i->data + r->offset, n, r->offset);
	}
	if (sr == SQLITE_OK && !part)
		sr = put_size(i, real);
out:
	forget_dirty(i);
	pthread_mutex_unlock(&disk.lock);
	return sr;
}

/* ---- the power ---- */

void
fault_disk_cut(void)
{
	pthread_mutex_lock(&disk.lock);
	disk.off = true;
	for (struct fault_image *i = disk.images; i != NULL; i = i->next) {
		forget_dirty(i);
		i->cached = false;
	}
	pthread_mutex_unlock(&disk.lock);
}

void
fault_disk_on(void)
{
	pthread_mutex_lock(&disk.lock);
	disk.off = false;
	pthread_mutex_unlock(&disk.lock);
}

int
fault_disk_is_cut(void)
{
	int off;

	pthread_mutex_lock(&disk.lock);
	off = disk.off;
	pthread_mutex_unlock(&disk.lock);
	return off;
}
