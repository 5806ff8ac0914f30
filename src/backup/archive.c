#include "backup/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/stream_seal.h"

#define CHUNK (64 * 1024) /* octets of all chunks but the last */
#define SEALED (CHUNK + STREAM_SEAL_EXTRA)
#define PREFIX 5 /* of a part: its kind and its length */
#define MAGIC "postern-sealed"

struct archive_writer {
	char *file, *temporary;
	int fd;
	struct stream_seal *seal;
	uint64_t size;
	size_t n; /* octets that wait in `plain` */
	uint8_t plain[CHUNK], sealed[SEALED];
};

struct archive_reader {
	char *file;
	int fd;
	struct stream_seal *seal;
	bool last; /* the chunk in `plain` is the file's last one */
	size_t at, n; /* in `plain` */
	uint8_t *part;
	size_t room;
	uint8_t plain[SEALED], sealed[SEALED + 1];
};

static void *
need(void *p)
{
	if (p == NULL)
		abort(); /* as an arena does */
	return p;
}

/* ---- writing ---- */

static enum rc
write_all(struct archive_writer *w, const uint8_t *p, size_t n, struct err *e)
{
	w->size += n;
	while (n > 0) {
		ssize_t put = write(w->fd, p, n);

		if (put < 0 && errno != EINTR)
			return fail(e, RC_UNAVAILABLE, "%s: %s", w->file, strerror(errno));
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return RC_OK;
}

static enum rc
push(struct archive_writer *w, bool last, struct err *e)
{
	size_t n = w->n;

	stream_seal_push(w->seal, bytes_of(w->plain, n), last, w->sealed);
	w->n = 0;
	return write_all(w, w->sealed, n + STREAM_SEAL_EXTRA, e);
}

static enum rc
add(struct archive_writer *w, const uint8_t *p, size_t n, struct err *e)
{
	enum rc rc = RC_OK;

	while (n > 0 && rc == RC_OK) {
		size_t some = n < CHUNK - w->n ? n : CHUNK - w->n;

		/* A full chunk is sealed when more comes: the last one has to say that it is the last. */
		if (some == 0) {
			rc = push(w, false, e);
			continue;
		}
		memcpy(w->plain + w->n, p, some);
		w->n += some;
		p += some;
		n -= some;
	}
	return rc;
}

/* Whoever names the wrong file is not to lose it. */
static enum rc
may_replace(const char *file, struct err *e)
{
	char head[sizeof MAGIC - 1];
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool ours;

	if (fd < 0)
		return errno == ENOENT ? RC_OK : fail(e, RC_UNAVAILABLE, "%s: %s", file, strerror(errno));
	ours = read(fd, head, sizeof head) == (ssize_t)sizeof head && memcmp(head, MAGIC, sizeof head) == 0;
	close(fd);
	return ours ? RC_OK : fail(e, RC_CONFLICT, "%s is there and is no backup: it was left as it is", file);
}

enum rc
archive_create(const char *file, const char *passphrase, struct archive_writer **out, struct err *e)
{
	uint8_t head[STREAM_SEAL_HEAD];
	struct archive_writer *w;
	enum rc rc;

	if ((rc = may_replace(file, e)) != RC_OK)
		return rc;
	w = need(calloc(1, sizeof *w));
	w->fd = -1;
	w->file = need(strdup(file));
	if (asprintf(&w->temporary, "%s.%ld.part", file, (long)getpid()) < 0)
		abort();
	if ((rc = stream_seal_new(passphrase, head, &w->seal, e)) != RC_OK)
		goto out;
	unlink(w->temporary); /* of a process of that number that was killed */
	if ((w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		rc = fail(e, RC_UNAVAILABLE, "%s can't be made: %s", w->temporary, strerror(errno));
	else
		rc = write_all(w, head, sizeof head, e);
out:
	if (rc != RC_OK)
		archive_discard(w);
	else
		*out = w;
	return rc;
}

enum rc
archive_put(struct archive_writer *w, enum archive_kind kind, struct bytes content, struct err *e)
{
	uint8_t prefix[PREFIX] = { (uint8_t)kind };
	enum rc rc;

	if (content.n > ARCHIVE_PART_MAX)
		return fail(e, RC_TOO_LARGE, "a part of %zu octets is too large for a backup", content.n);
	for (int i = 0; i < 4; i++)
		prefix[1 + i] = (uint8_t)(content.n >> (24 - 8 * i));
	if ((rc = add(w, prefix, sizeof prefix, e)) != RC_OK)
		return rc;
	return add(w, content.p, content.n, e);
}

static int
sync_folder(const char *file)
{
	char *copy = need(strdup(file));
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = -1;

	if (fd >= 0) {
		result = fsync(fd);
		close(fd);
	}
	free(copy);
	return result;
}

enum rc
archive_keep(struct archive_writer *w, uint64_t *size, struct err *e)
{
	enum rc rc = push(w, true, e);

	*size = w->size;
	if (rc == RC_OK && (fsync(w->fd) != 0 || rename(w->temporary, w->file) != 0 || sync_folder(w->file) != 0))
		rc = fail(e, RC_UNAVAILABLE, "%s can't be put in place: %s", w->file, strerror(errno));
	archive_discard(w); /* what was renamed is not there under its first name */
	return rc;
}

void
archive_discard(struct archive_writer *w)
{
	if (w == NULL)
		return;
	if (w->fd >= 0) {
		close(w->fd);
		unlink(w->temporary);
	}
	stream_seal_free(w->seal);
	free(w->temporary);
	free(w->file);
	explicit_bzero(w, sizeof *w);
	free(w);
}

/* ---- reading ---- */

/* Up to `n` octets: fewer at the end of the file. */
static enum rc
read_some(struct archive_reader *r, uint8_t *p, size_t n, size_t *got, struct err *e)
{
	*got = 0;
	while (*got < n) {
		ssize_t some = read(r->fd, p + *got, n - *got);

		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0)
			return fail(e, RC_UNAVAILABLE, "%s: %s", r->file, strerror(errno));
		if (some == 0)
			break;
		*got += (size_t)some;
	}
	return RC_OK;
}

enum rc
archive_open(const char *file, const char *passphrase, struct archive_reader **out, struct err *e)
{
	struct archive_reader *r = need(calloc(1, sizeof *r));
	uint8_t head[STREAM_SEAL_HEAD];
	size_t got;
	enum rc rc;

	r->file = need(strdup(file));
	if ((r->fd = open(file, O_RDONLY | O_CLOEXEC)) < 0) {
		rc = fail(e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", file, strerror(errno));
		goto out;
	}
	if ((rc = read_some(r, head, sizeof head, &got, e)) != RC_OK)
		goto out;
	if (got < sizeof head)
		rc = fail(e, RC_BAD_INPUT, "%s is no backup, or only the beginning of one", file);
	else if ((rc = stream_seal_open(passphrase, head, &r->seal, e)) != RC_OK)
		fail_in(e, rc, "%s", file);
out:
	if (rc != RC_OK)
		archive_close(r);
	else
		*out = r;
	return rc;
}

static enum rc
pull(struct archive_reader *r, struct err *e)
{
	size_t got;
	enum rc rc;

	if (r->last)
		return fail(e, RC_BAD_INPUT, "%s ends in the middle of a part: it was not finished", r->file);
	if ((rc = read_some(r, r->sealed, SEALED, &got, e)) != RC_OK)
		return rc;
	r->at = r->n = 0;
	rc = stream_seal_pull(r->seal, bytes_of(r->sealed, got), r->plain, &r->n, &r->last, e);
	if (rc != RC_OK && got < SEALED)
		return fail(e, rc, "%s is cut short, or was changed at its end: take another copy", r->file);
	return rc == RC_OK ? rc : fail_in(e, rc, "%s", r->file);
}

static enum rc
take(struct archive_reader *r, uint8_t *p, size_t n, struct err *e)
{
	enum rc rc = RC_OK;

	while (n > 0 && rc == RC_OK) {
		size_t some = n < r->n - r->at ? n : r->n - r->at;

		if (some == 0) {
			rc = pull(r, e);
			continue;
		}
		memcpy(p, r->plain + r->at, some);
		r->at += some;
		p += some;
		n -= some;
	}
	return rc;
}

static enum rc
at_end(struct archive_reader *r, struct err *e)
{
	size_t got = 0;
	enum rc rc = RC_OK;

	if (r->last && r->at == r->n)
		rc = read_some(r, r->sealed, 1, &got, e);
	if (rc == RC_OK && (!r->last || r->at < r->n || got > 0))
		rc =
		    fail(e, RC_BAD_INPUT, "%s has something behind its end: it was changed after it was made", r->file);
	return rc;
}

enum rc
archive_next(struct archive_reader *r, enum archive_kind *kind, struct bytes *content, struct err *e)
{
	uint8_t prefix[PREFIX];
	size_t n;
	enum rc rc;

	if ((rc = take(r, prefix, sizeof prefix, e)) != RC_OK)
		return rc;
	*kind = (enum archive_kind)prefix[0];
	n = (size_t)prefix[1] << 24 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 8 | prefix[4];
	if (n > ARCHIVE_PART_MAX)
		return fail(e, RC_BAD_INPUT, "%s has a part that is too large", r->file);
	if (n + 1 > r->room) {
		uint8_t *larger = need(malloc(n + 1));

		if (r->part != NULL)
			explicit_bzero(r->part, r->room);
		free(r->part);
		r->part = larger;
		r->room = n + 1;
	}
	if ((rc = take(r, r->part, n, e)) != RC_OK)
		return rc;
	r->part[n] = '\0';
	*content = bytes_of(r->part, n);
	return *kind == ARCHIVE_END ? at_end(r, e) : RC_OK;
}

void
archive_close(struct archive_reader *r)
{
	if (r == NULL)
		return;
	if (r->fd >= 0)
		close(r->fd);
	stream_seal_free(r->seal);
	if (r->part != NULL)
		explicit_bzero(r->part, r->room);
	free(r->part);
	free(r->file);
	explicit_bzero(r, sizeof *r);
	free(r);
}
