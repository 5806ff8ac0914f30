#include "base/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (32u * 1024 * 1024)

static enum rc
trouble(struct err *e, const char *what, const char *dir, const char *name)
{
	return fail(e, RC_UNAVAILABLE, "%s %s/%s: %s", what, dir, name, strerror(errno));
}

enum rc
disk_dir_make(const char *path, struct err *e)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return RC_OK;
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return RC_OK;
	return fail(e, RC_UNAVAILABLE, "make directory %s: %s", path, strerror(errno == EEXIST ? ENOTDIR : errno));
}

static int
open_dir(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
write_all(int fd, struct bytes b)
{
	while (b.n > 0) {
		ssize_t n = write(fd, b.p, b.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		b.p += n;
		b.n -= (size_t)n;
	}
	return true;
}

enum rc
disk_write(const char *dir, const char *name, struct bytes content, struct err *e)
{
	char temporary[256];
	int at = open_dir(dir), fd = -1;
	enum rc rc;

	if (at < 0)
		return trouble(e, "open", dir, "");
	snprintf(temporary, sizeof temporary, ".%s.new", name);
	fd = openat(at, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || fchmod(fd, 0600) != 0 || !write_all(fd, content) || fsync(fd) != 0 ||
	    renameat(at, temporary, at, name) != 0 || fsync(at) != 0)
		rc = trouble(e, "write", dir, name);
	else
		rc = RC_OK;
	if (fd >= 0)
		close(fd);
	close(at);
	return rc;
}

enum rc
disk_read(struct arena *a, const char *dir, const char *name, struct bytes *content, struct err *e)
{
	char *path = arena_printf(a, "%s/%s", dir, name), *p;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t n = 0;
	enum rc rc = RC_OK;

	*content = (struct bytes){ 0 };
	if (fd < 0) {
		if (errno == ENOENT)
			return fail(e, RC_NOT_FOUND, "there is no %s", path);
		return trouble(e, "open", dir, name);
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		rc = trouble(e, "read", dir, name);
		goto out;
	}
	if ((uintmax_t)st.st_size > FILE_MAX) {
		rc = fail(e, RC_TOO_LARGE, "%s is larger than %u octets", path, FILE_MAX);
		goto out;
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (n != (size_t)st.st_size)
		rc = trouble(e, "read", dir, name);
	*content = bytes_of(p, n);
out:
	close(fd);
	return rc;
}

enum rc
disk_list(struct arena *a, const char *dir, const char ***names, struct err *e)
{
	DIR *at = opendir(dir);
	size_t n = 0, room = 16;
	const char **list = arena_array(a, room, sizeof *list), **more;
	struct dirent *entry;
	struct stat st;

	*names = NULL;
	if (at == NULL) {
		(void)trouble(e, "open", dir, "");
		return RC_UNAVAILABLE;
	}
	while ((entry = readdir(at)) != NULL) {
		if (fstatat(dirfd(at), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
			continue;
		if (n + 1 == room) {
			more = arena_array(a, room *= 2, sizeof *more);
			list = memcpy(more, list, n * sizeof *list);
		}
		list[n++] = arena_strdup(a, entry->d_name);
	}
	closedir(at);
	list[n] = NULL;
	*names = list;
	return RC_OK;
}

enum rc
disk_destroy(const char *dir, const char *name, struct err *e)
{
	static const uint8_t zeros[4096];
	int at = open_dir(dir), fd = -1;
	struct stat st;
	enum rc rc = RC_OK;

	if (at < 0)
		return trouble(e, "open", dir, "");
	fd = openat(at, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno != ENOENT)
			rc = trouble(e, "open", dir, name);
		goto out;
	}
	if (fstat(fd, &st) != 0) {
		rc = trouble(e, "look at", dir, name);
		goto out;
	}
	for (off_t left = st.st_size; left > 0; left -= (off_t)sizeof zeros) {
		size_t n = left < (off_t)sizeof zeros ? (size_t)left : sizeof zeros;

		if (!write_all(fd, bytes_of(zeros, n))) {
			rc = trouble(e, "overwrite", dir, name);
			goto out;
		}
	}
	if (fsync(fd) != 0 || unlinkat(at, name, 0) != 0 || fsync(at) != 0)
		rc = trouble(e, "destroy", dir, name);
out:
	if (fd >= 0)
		close(fd);
	close(at);
	return rc;
}

enum rc
disk_sweep(struct arena *a, const char *dir, struct err *e)
{
	const char **names;
	enum rc rc = disk_list(a, dir, &names, e);

	for (; rc == RC_OK && *names != NULL; names++) {
		size_t n = strlen(*names);

		if (n > 5 && (*names)[0] == '.' && strcmp(*names + n - 4, ".new") == 0)
			rc = disk_destroy(dir, *names, e);
	}
	return rc;
}

enum rc
disk_dir_lock(const char *dir, int *fd, struct err *e)
{
	*fd = open_dir(dir);
	if (*fd < 0)
		return trouble(e, "open", dir, "");
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return RC_OK;
	close(*fd);
	*fd = -1;
	return fail(e, RC_CONFLICT, "another postern-device works in %s", dir);
}
