#include "backup/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 8 /* what init makes is two folders deep */

enum rc
file_make(struct arena *a, const char *dir, const char *name, struct bytes content, struct err *e)
{
	const char *path = arena_printf(a, "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error = 0;
	size_t done = 0;

	if (fd < 0)
		return fail(e, errno == EEXIST ? RC_CONFLICT : RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	while (done < content.n && error == 0) {
		ssize_t n = write(fd, content.p + done, content.n - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			error = errno;
	}
	if (error == 0 && fsync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && error == 0)
		error = errno;
	return error == 0 ? RC_OK : fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(error));
}

enum rc
file_read(struct arena *a, const char *path, size_t max, struct bytes *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum rc rc = RC_OK;
	struct stat st;
	uint8_t *p;
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return fail(e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > max) {
		close(fd);
		return fail(e, RC_TOO_LARGE, "%s is not a file of at most %zu octets", path, max);
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size && rc == RC_OK) {
		got = read(fd, p + n, (size_t)st.st_size - n);
		if (got < 0 && errno != EINTR)
			rc = fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
		if (got == 0)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	*out = bytes_of(p, n);
	return rc;
}

const char *const *
dir_names(struct arena *a, const char *path)
{
	size_t n = 0, size = 16;
	const char **names = arena_array(a, size + 1, sizeof *names);
	DIR *d = opendir(path);
	struct dirent *entry;

	if (d == NULL)
		return NULL;
	while ((entry = readdir(d)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (n == size) {
			const char **larger = arena_array(a, size * 2 + 1, sizeof *larger);

			memcpy(larger, names, n * sizeof *names);
			names = larger;
			size *= 2;
		}
		names[n++] = arena_strdup(a, entry->d_name);
	}
	closedir(d);
	names[n] = NULL;
	return names;
}

static void
remove_below(struct arena *a, const char *path, int depth)
{
	const char *const *names = dir_names(a, path);
	struct stat st;

	if (lstat(path, &st) != 0)
		return;
	if (!S_ISDIR(st.st_mode)) {
		unlink(path);
		return;
	}
	for (; names != NULL && *names != NULL && depth > 0; names++)
		remove_below(a, arena_printf(a, "%s/%s", path, *names), depth - 1);
	rmdir(path);
}

void
tree_remove(struct arena *a, const char *path)
{
	remove_below(a, path, DEPTH_MAX);
}

/* A folder comes last: until then nobody else gets into it. */
static enum rc
give_below(struct arena *a, const char *path, int depth, uid_t uid, gid_t gid, struct err *e)
{
	const char *const *names = NULL;
	struct stat st;
	enum rc rc = RC_OK;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && depth > 0)
		names = dir_names(a, path);
	for (; names != NULL && *names != NULL && rc == RC_OK; names++)
		rc = give_below(a, arena_printf(a, "%s/%s", path, *names), depth - 1, uid, gid, e);
	if (rc == RC_OK && lchown(path, uid, gid) != 0)
		return fail(e, RC_UNAVAILABLE, "%s can't be given to its owner: %s", path, strerror(errno));
	return rc;
}

enum rc
tree_give(struct arena *a, const char *path, uid_t uid, gid_t gid, struct err *e)
{
	return give_below(a, path, DEPTH_MAX, uid, gid, e);
}

enum rc
dir_sync(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum rc rc = RC_OK;

	if (fd < 0 || fsync(fd) != 0)
		rc = fail(e, RC_UNAVAILABLE, "the names in %s can't be made durable: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static enum rc
sync_below(struct arena *a, const char *path, int depth, struct err *e)
{
	const char *const *names;
	struct stat st;
	enum rc rc = RC_OK;

	if (lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return RC_OK;
	if ((names = dir_names(a, path)) == NULL)
		return fail(e, RC_UNAVAILABLE, "%s can't be read: %s", path, strerror(errno));
	for (; *names != NULL && depth > 0 && rc == RC_OK; names++)
		rc = sync_below(a, arena_printf(a, "%s/%s", path, *names), depth - 1, e);
	return rc == RC_OK ? dir_sync(path, e) : rc;
}

enum rc
tree_sync(struct arena *a, const char *path, struct err *e)
{
	return sync_below(a, path, DEPTH_MAX, e);
}
