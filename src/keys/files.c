#include "keys/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"

#define FILE_MAX (1024 * 1024)

static enum rc
trouble(struct err *e, const char *file)
{
	return fail(e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "keys/%s: %s", file, strerror(errno));
}

enum rc
files_read(int dir, struct arena *a, const char *file, struct bytes *out, struct err *e)
{
	struct stat st;
	enum rc rc = RC_OK;
	uint8_t *p;
	size_t n = 0;
	int fd;

	if ((fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) < 0)
		return trouble(e, file);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		rc = fail(e, RC_UNAVAILABLE, "keys/%s is not a file of at most %d octets", file, FILE_MAX);
	else if (st.st_mode & S_IRWXO)
		rc = fail(e, RC_UNAVAILABLE, "keys/%s is open to everybody; run chmod 600 on it", file);
	if (rc != RC_OK) {
		close(fd);
		return rc;
	}
	p = arena_alloc(a, (size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = trouble(e, file);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	*out = bytes_of(p, n);
	return rc;
}

static bool
write_all(int fd, struct bytes data)
{
	while (data.n > 0) {
		ssize_t put = write(fd, data.p, data.n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return false;
		data = bytes_of(data.p + put, data.n - (size_t)put);
	}
	return fsync(fd) == 0;
}

/* link() never replaces, rename() always does; either is one step for whoever looks. */
static int
put_in_place(int dir, const char *from, const char *to, bool replace)
{
	if (replace)
		return renameat(dir, from, dir, to);
	if (linkat(dir, from, dir, to, 0) != 0)
		return -1;
	return unlinkat(dir, from, 0);
}

enum rc
files_write(int dir, const char *file, struct bytes data, bool replace, struct err *e)
{
	char other[160];
	uint32_t nonce;
	bool good;
	int fd, why;

	crypto_random(&nonce, sizeof nonce);
	snprintf(other, sizeof other, ".%s.%08x", file, nonce);
	if ((fd = openat(dir, other, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return fail(e, RC_UNAVAILABLE, "keys/%s: %s", file, strerror(errno));
	good = write_all(fd, data);
	why = errno;
	close(fd);
	if (good) {
		good = put_in_place(dir, other, file, replace) == 0;
		why = errno;
	}
	if (!good) {
		unlinkat(dir, other, 0);
		return fail(e, why == EEXIST ? RC_CONFLICT : RC_UNAVAILABLE, "keys/%s: %s", file, strerror(why));
	}
	if (fsync(dir) == 0)
		return RC_OK;
	why = errno;
	if (!replace) /* or who asks again would be told that it is there, durably */
		unlinkat(dir, file, 0);
	return fail(e, RC_UNAVAILABLE, "keys/%s: %s", file, strerror(why));
}

enum rc
files_remove(int dir, const char *file, struct err *e)
{
	if (unlinkat(dir, file, 0) != 0 || fsync(dir) != 0)
		return trouble(e, file);
	return RC_OK;
}
