#include "fleet/state.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fmt/der.h"

#define MAGIC "PSTFLEET"
#define VERSION 2
#define PAGE 4096
#define SERIAL_OCTETS 16

/* ---- the certificates' shape ---- */

/* Certificate { tbsCertificate { [0] version, serialNumber, ... }, signatureAlgorithm, signature }
 * (RFC 5280 4.1) */
enum rc
fleet_shape_read(const struct fleet_shape *s, struct fleet_head *head, struct err *e)
{
	struct bytes rest = s->pattern;
	struct der_item all, tbs, it, serial;
	const uint8_t *name, *start = s->pattern.p;

	if (!der_take(&rest, DER_SEQUENCE, &all) || rest.n != 0 || !der_take(&all.value, DER_SEQUENCE, &tbs))
		return fail(e, RC_BAD_INPUT, "the pattern is no certificate");
	head->tbs_at = (uint32_t)(tbs.whole.p - start);
	head->tbs_size = (uint32_t)tbs.whole.n;
	rest = tbs.value;
	if (!der_take(&rest, DER_CONTEXT_0, &it) || !der_take(&rest, DER_INTEGER, &serial) ||
	    serial.value.n != SERIAL_OCTETS)
		return fail(e, RC_BAD_INPUT, "the pattern's serial number has not %d octets", SERIAL_OCTETS);
	name = memmem(tbs.value.p, tbs.value.n, s->name, strlen(s->name));
	if (name == NULL || strlen(s->name) != FLEET_UUID - 1)
		return fail(e, RC_BAD_INPUT, "the pattern has not the name %s", s->name);
	if (!der_take(&all.value, DER_SEQUENCE, &it) || !der_take(&all.value, DER_BIT_STRING, &it) ||
	    all.value.n != 0 || s->pattern.n > FLEET_CERTIFICATE_MAX)
		return fail(e, RC_BAD_INPUT, "the pattern is no certificate, or over %d octets", FLEET_CERTIFICATE_MAX);
	head->serial_at = (uint32_t)(serial.value.p - start);
	head->name_at = (uint32_t)(name - start);
	head->signature_at = (uint32_t)(it.value.p + 1 - start); /* behind the count of unused bits */
	head->signature_size = (uint32_t)(it.value.n - 1);
	head->certificate_size = (uint32_t)s->pattern.n;
	return RC_OK;
}

/* ---- the file ---- */

static uint64_t
rounded(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static void
lay_out(struct fleet_head *h)
{
	memcpy(h->magic, MAGIC, sizeof h->magic);
	h->version = VERSION;
	h->head_size = sizeof *h;
	h->record_size = (uint32_t)rounded(sizeof(struct fleet_record) + h->signature_size, 8);
	h->keys_at = rounded(sizeof *h, PAGE);
	h->patterns_at = h->keys_at + (uint64_t)h->keys * FLEET_KEY_MAX;
	h->records_at = rounded(h->patterns_at + (uint64_t)h->keys * h->certificate_size, PAGE);
	h->file_size = h->records_at + h->count * h->record_size;
}

static enum rc
open_file(const char *dir, int flags, struct fleet *f, struct err *e)
{
	char path[4096];

	if ((size_t)snprintf(path, sizeof path, "%s/fleet.state", dir) >= sizeof path)
		return fail(e, RC_BAD_INPUT, "the directory's name is too long");
	f->fd = open(path, O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	if (f->fd < 0 && errno == EEXIST)
		return fail(e, RC_CONFLICT, "%s is there already: name another --state, or remove it", path);
	if (f->fd < 0 && errno == ENOENT)
		return fail(e, RC_NOT_FOUND, "there is no %s: `postern-device fleet prepare` makes one", path);
	if (f->fd < 0)
		return fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	if ((flags & O_ACCMODE) != O_RDONLY && flock(f->fd, LOCK_EX | LOCK_NB) != 0)
		return fail(e, RC_CONFLICT, "%s is in use by another run", path);
	return RC_OK;
}

static enum rc
map(struct fleet *f, size_t size, int how, struct err *e)
{
	void *p = mmap(NULL, size, how, MAP_SHARED, f->fd, 0);

	if (p == MAP_FAILED || p == NULL)
		return fail(e, RC_UNAVAILABLE, "the fleet's file can't be mapped: %s", strerror(errno));
	f->map = p;
	f->size = size;
	f->head = p;
	return RC_OK;
}

enum rc
fleet_make(const char *dir, const struct fleet_head *head, struct fleet *out, struct err *e)
{
	struct fleet f = { .fd = -1 };
	struct fleet_head h = *head;
	enum rc rc;
	int no;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return fail(e, RC_UNAVAILABLE, "%s can't be made: %s", dir, strerror(errno));
	lay_out(&h);
	if ((rc = open_file(dir, O_RDWR | O_CREAT | O_EXCL, &f, e)) != RC_OK)
		goto out;
	/* All of it now: a mapped file that meets a full disk later ends the process by a signal. */
	if ((no = posix_fallocate(f.fd, 0, (off_t)h.file_size)) != 0) {
		rc = fail(e, RC_UNAVAILABLE, "%s: no room for the fleet's %llu MB: %s", dir,
		    (unsigned long long)(h.file_size >> 20), strerror(no));
		goto out;
	}
	if ((rc = map(&f, h.file_size, PROT_READ | PROT_WRITE, e)) != RC_OK)
		goto out;
	assert(f.head != NULL);
	*f.head = h;
	*out = f;
	return RC_OK;
out:
	fleet_close(&f);
	return rc;
}

static enum rc
check(const struct fleet_head *h, uint64_t size, struct err *e)
{
	struct fleet_head same;

	if (size < sizeof *h || memcmp(h->magic, MAGIC, sizeof h->magic) != 0 || h->version != VERSION ||
	    h->head_size != sizeof *h)
		return fail(e, RC_BAD_INPUT, "the file is no fleet of this version");
	same = *h;
	lay_out(&same);
	if (memcmp(&same, h, sizeof same) != 0 || h->file_size != size || h->count == 0 || h->keys == 0)
		return fail(e, RC_BAD_INPUT, "the fleet's file is damaged");
	if (!h->complete)
		return fail(e, RC_BAD_INPUT, "`prepare` did not end: make the fleet anew, with another --seed");
	return RC_OK;
}

static enum rc
open_as(const char *dir, bool write, struct fleet *out, struct err *e)
{
	struct fleet f = { .fd = -1 };
	struct stat st;
	enum rc rc;

	if ((rc = open_file(dir, write ? O_RDWR : O_RDONLY, &f, e)) != RC_OK)
		goto out;
	if (fstat(f.fd, &st) != 0 || st.st_size < (off_t)sizeof(struct fleet_head)) {
		rc = fail(e, RC_BAD_INPUT, "the file is no fleet of this version");
		goto out;
	}
	if ((rc = map(&f, (size_t)st.st_size, write ? PROT_READ | PROT_WRITE : PROT_READ, e)) != RC_OK ||
	    (rc = check(f.head, f.size, e)) != RC_OK)
		goto out;
	*out = f;
	return RC_OK;
out:
	fleet_close(&f);
	return rc;
}

enum rc
fleet_open(const char *dir, struct fleet *out, struct err *e)
{
	return open_as(dir, true, out, e);
}

enum rc
fleet_look(const char *dir, struct fleet *out, struct err *e)
{
	return open_as(dir, false, out, e);
}

void
fleet_close(struct fleet *f)
{
	if (f->map != NULL)
		munmap(f->map, f->size);
	if (f->map != NULL || f->fd > 0)
		close(f->fd);
	*f = (struct fleet){ .fd = -1 };
}

enum rc
fleet_flush(struct fleet *f, struct err *e)
{
	if (msync(f->map, f->size, MS_SYNC) != 0 || fsync(f->fd) != 0)
		return fail(e, RC_UNAVAILABLE, "the fleet's file can't be written: %s", strerror(errno));
	return RC_OK;
}

/* ---- what is in it ---- */

void
fleet_put_key(struct fleet *f, uint32_t i, struct bytes key, struct bytes pattern)
{
	uint8_t *slot = f->map + f->head->keys_at + (size_t)i * FLEET_KEY_MAX;

	slot[0] = (uint8_t)(key.n >> 8);
	slot[1] = (uint8_t)key.n;
	memcpy(slot + 2, key.p, key.n);
	memcpy(f->map + f->head->patterns_at + (size_t)i * f->head->certificate_size, pattern.p, pattern.n);
}

struct bytes
fleet_key(const struct fleet *f, uint32_t i)
{
	const uint8_t *slot = f->map + f->head->keys_at + (size_t)i * FLEET_KEY_MAX;

	return bytes_of(slot + 2, (size_t)slot[0] << 8 | slot[1]);
}

struct bytes
fleet_pattern(const struct fleet *f, uint32_t i)
{
	return bytes_of(
	    f->map + f->head->patterns_at + (size_t)i * f->head->certificate_size, f->head->certificate_size);
}

struct fleet_record *
fleet_at(const struct fleet *f, uint64_t n)
{
	return (struct fleet_record *)(void *)(f->map + f->head->records_at + n * f->head->record_size);
}

void
fleet_certificate(const struct fleet *f, uint64_t n, uint8_t *to)
{
	const struct fleet_head *h = f->head;
	const struct fleet_record *r = fleet_at(f, n);
	char name[FLEET_UUID];

	memcpy(to, fleet_pattern(f, r->key).p, h->certificate_size);
	fleet_serial(to + h->serial_at, h->tag, n);
	fleet_uuid(name, h->tag, FLEET_UUID_ROW, n);
	memcpy(to + h->name_at, name, FLEET_UUID - 1);
	memcpy(to + h->signature_at, r->signature, h->signature_size);
}

void
fleet_put_tokens(const struct fleet *f, uint64_t n)
{
	struct fleet_record *r = fleet_at(f, n);

	fleet_token(r->access, f->head->secret, FLEET_ACCESS, n);
	fleet_token(r->refresh, f->head->secret, FLEET_FAMILY, n);
	r->refresh[FLEET_TOKEN - 1] = '.';
	fleet_token(r->refresh + FLEET_TOKEN, f->head->secret, FLEET_REFRESH, n);
}
