/* MicroMDM's store: one BoltDB file whose values are messages of Protocol Buffers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "crypto/x509.h"
#include "migration/bolt.h"
#include "migration/inventory.h"
#include "migration/proto.h"

struct reading {
	struct arena *a;
	struct inventory *v;
	struct bolt bolt;
	struct inventory_device *
	    *by_sum; /* those whose certificate's sum is known, sorted by it; made when it is needed */
	size_t n_by_sum;
	struct err *e;
};

/* What we read of a message: its field numbers (device.proto, push.proto and config.proto of MicroMDM), and where to. */
enum device_field {
	DEVICE_UDID = 2,
	DEVICE_SERIAL_NUMBER = 3,
	DEVICE_OS_VERSION = 4,
	DEVICE_BUILD_VERSION = 5,
	DEVICE_PRODUCT_NAME = 6,
	DEVICE_UNLOCK_TOKEN = 12,
	DEVICE_ENROLLED = 13,
	DEVICE_ASSIGNED = 21, /* dep_device */
	DEVICE_LAST_SEEN = 28,
	DEVICE_BOOTSTRAP_TOKEN = 30,
};
enum push_field { PUSH_TOKEN = 2, PUSH_MAGIC = 3, PUSH_TOPIC = 4 };
enum config_field { CONFIG_CERTIFICATE = 1, CONFIG_KEY = 2 };

/* ---- devices ---- */

static void
take_device_field(struct arena *a, const struct proto_field *f, struct inventory_device *d)
{
	switch ((enum device_field)f->number) {
	case DEVICE_UDID:
		d->id = proto_text(a, f);
		break;
	case DEVICE_SERIAL_NUMBER:
		d->serial_number = proto_text(a, f);
		break;
	case DEVICE_OS_VERSION:
		d->os_version = proto_text(a, f);
		break;
	case DEVICE_BUILD_VERSION:
		d->build_version = proto_text(a, f);
		break;
	case DEVICE_PRODUCT_NAME:
		d->product = proto_text(a, f);
		break;
	case DEVICE_UNLOCK_TOKEN:
		d->has_unlock_token = f->octets.n > 0;
		break;
	case DEVICE_ENROLLED:
		d->enrolled = f->value != 0;
		break;
	case DEVICE_ASSIGNED:
		d->assigned = f->value != 0;
		break;
	case DEVICE_LAST_SEEN:
		d->seen_at = f->value < INT64_MAX ? (int64_t)f->value : 0;
		break;
	case DEVICE_BOOTSTRAP_TOKEN:
		d->has_bootstrap_token = f->octets.n > 0;
		break;
	}
}

static enum rc
take_device(void *arg, struct bytes key, struct bytes value)
{
	struct reading *r = arg;
	struct inventory_device d = { 0 }, *to;
	struct proto_field f;
	struct err why = { 0 };
	enum rc rc;

	(void)key;
	while ((rc = proto_next(&value, &f, &why)) == RC_OK)
		take_device_field(r->a, &f, &d);
	if (rc != RC_NOT_FOUND) {
		inventory_skip(r->a, r->v, &why);
		return RC_OK;
	}
	if (d.id == NULL) /* known from Apple Business only: it never came */
		return RC_OK;
	d.authenticated = true;
	if ((rc = inventory_add(r->a, r->v, &to, r->e)) == RC_OK)
		*to = d;
	return rc;
}

static enum rc
take_push(void *arg, struct bytes key, struct bytes value)
{
	struct reading *r = arg;
	const char *id = inventory_text(r->a, key);
	struct inventory_device *d = id != NULL ? inventory_find(r->v, id) : NULL;
	bool token = false, magic = false;
	struct proto_field f;

	while (d != NULL && proto_next(&value, &f, NULL) == RC_OK) {
		token = token || (f.number == PUSH_TOKEN && f.octets.n > 0);
		magic = magic || (f.number == PUSH_MAGIC && f.octets.n > 0);
		if (f.number == PUSH_TOPIC)
			d->topic = proto_text(r->a, &f);
	}
	if (d != NULL)
		d->can_be_pushed = token && magic;
	return RC_OK;
}

/* ---- identity certificates ---- */

static enum rc
take_hash(void *arg, struct bytes key, struct bytes value)
{
	struct reading *r = arg;
	const char *id = inventory_text(r->a, key);
	struct inventory_device *d = id != NULL ? inventory_find(r->v, id) : NULL;

	if (d != NULL && value.n == 32)
		d->certificate_sha256 = arena_copy(r->a, value);
	return RC_OK;
}

static int
by_sum(const void *a, const void *b)
{
	const struct inventory_device *const *x = a, *const *y = b;

	return memcmp((*x)->certificate_sha256.p, (*y)->certificate_sha256.p, 32);
}

static void
index_sums(struct reading *r)
{
	r->by_sum = arena_array(r->a, (size_t)r->v->n + 1, sizeof *r->by_sum);
	for (int i = 0; i < r->v->n; i++) {
		if (r->v->devices[i].certificate_sha256.p != NULL)
			r->by_sum[r->n_by_sum++] = &r->v->devices[i];
	}
	if (r->n_by_sum > 0)
		qsort(r->by_sum, r->n_by_sum, sizeof *r->by_sum, by_sum);
}

/* Its SCEP server keeps what it issued; a certificate is some device's, or of one that has a newer one. */
static enum rc
take_certificate(void *arg, struct bytes key, struct bytes value)
{
	struct reading *r = arg;
	struct inventory_device like = { .certificate_sha256 = crypto_sha256(r->a, value) };
	struct inventory_device *key_of_search = &like, **found;
	struct x509_info info;

	(void)key; /* beside certificates there are a number and the CA, whose sums are no device's */
	if (r->by_sum == NULL)
		index_sums(r);
	found = bsearch(&key_of_search, r->by_sum, r->n_by_sum, sizeof *r->by_sum, by_sum);
	if (found != NULL && x509_parse(r->a, value, &info, NULL) == RC_OK)
		(*found)->certificate_until = info.not_after;
	return RC_OK;
}

/* ---- the push certificate ---- */

static enum rc
take_config(void *arg, struct bytes key, struct bytes value)
{
	struct reading *r = arg;
	struct bytes certificate = { 0 };
	struct err why = { 0 };
	struct proto_field f;
	bool has_key = false;

	if (!bytes_eq(key, bytes_str("config")))
		return RC_OK;
	while (proto_next(&value, &f, NULL) == RC_OK) {
		if (f.number == CONFIG_CERTIFICATE)
			certificate = f.octets;
		has_key = has_key || (f.number == CONFIG_KEY && f.octets.n > 0);
	}
	if (certificate.n > 0 && inventory_add_push(r->a, r->v, certificate, has_key, &why) != RC_OK)
		inventory_skip(r->a, r->v, &why);
	return RC_OK;
}

/* ---- all of it ---- */

static const struct {
	const char *bucket;
	bolt_fn *take;
	bool needed; /* without it, it is no file of MicroMDM's; others are made when they are first written to */
} buckets[] = {
	{ "mdm.Devices", take_device, true }, /* first: what follows is put to what it found */
	{ "mdm.PushInfo", take_push, false },
	{ "mdm.UDIDCertAuth", take_hash, false },
	{ "scep_certificates", take_certificate, false },
	{ "mdm.ServerConfig", take_config, false },
};

static enum rc
read_all(struct reading *r, struct bytes file)
{
	enum rc rc = bolt_open(file, &r->bolt, r->e);

	for (size_t i = 0; rc == RC_OK && i < sizeof buckets / sizeof buckets[0]; i++) {
		rc = bolt_each(&r->bolt, buckets[i].bucket, buckets[i].take, r, r->e);
		if (rc == RC_NOT_FOUND)
			rc = buckets[i].needed
				 ? fail(r->e, RC_BAD_INPUT, "it has no bucket %s: not MicroMDM's", buckets[i].bucket)
				 : RC_OK;
		if (i == 0)
			inventory_sort(r->v);
	}
	return rc;
}

enum rc
micromdm_read(struct arena *a, const char *path, struct inventory *out, struct err *e)
{
	struct reading r = { .a = a, .v = out, .e = e };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	void *map = MAP_FAILED;
	struct stat st;
	enum rc rc;

	*out = (struct inventory){ .server = "MicroMDM" };
	if (fd < 0)
		return fail(e, errno == ENOENT ? RC_NOT_FOUND : RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	/* MicroMDM holds this lock as long as it runs; while it is shared it can't start, so the file stays as it is. */
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		rc = fail(e, RC_CONFLICT, "%s is in use: stop MicroMDM, or give a copy", path);
	else if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		rc = fail(e, RC_BAD_INPUT, "%s is no BoltDB file", path);
	else if ((map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
		rc = fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	else if ((rc = read_all(&r, bytes_of(map, (size_t)st.st_size))) != RC_OK)
		(void)fail_in(e, rc, "%s", path);
	if (map != MAP_FAILED)
		munmap(map, (size_t)st.st_size);
	close(fd);
	return rc;
}
