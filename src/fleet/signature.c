#include "fleet/signature.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/signer.h"
#include "fleet/progress.h"
#include "fmt/der.h"

#define MAGIC "PSTFLSG2"
#define CMS_MAX 3000 /* octets; 4,000 of base64 fit into a request */
#define SLOT_HEAD 40
#define KEPT 3 /* kinds of message */
#define ECDSA_OCTETS 71 /* as prepare's: others are made again */
#define HEAD_SIZE 8192

struct head {
	char magic[8];
	uint32_t tag, slot_size;
	uint64_t count;
	uint8_t secret_digest[32]; /* of the fleet that it belongs to */
	/* a whole CMS, and where in it the device's own octets come */
	uint32_t cms_size, certificate_at, serial_at, attributes_at, attributes_size, digest_at, signature_at,
	    signature_size;
	uint8_t cms[CMS_MAX];
};

struct slot {
	uint32_t version; /* of the message, plus one; 0: none yet */
	uint32_t unused;
	uint8_t digest[32]; /* of the body */
	uint8_t signature[];
};

struct fleet_signatures {
	const struct fleet *fleet;
	const struct fleet_wire *wire;
	struct crypto_signer **signers; /* by key; opened at first use */
	struct head *head;
	uint8_t *map;
	size_t size;
	int fd;
	uint8_t cms[CMS_MAX]; /* the one that is put together */
	uint64_t made;
};

/* ---- the pattern ---- */

/* SignerInfo { version, { issuer, serialNumber }, digestAlgorithm, [0] signedAttrs, signatureAlgorithm,
 *	signature } (RFC 5652 5.3) */
static bool
find_signer(struct head *h, struct bytes info)
{
	struct der_item it, serial, attributes, signature;

	if (!der_take(&info, DER_INTEGER, &it) || !der_take(&info, DER_SEQUENCE, &it) ||
	    !der_take(&it.value, DER_SEQUENCE, &serial) || !der_take(&it.value, DER_INTEGER, &serial) ||
	    !der_take(&info, DER_SEQUENCE, &it) || !der_take(&info, DER_CONTEXT_0, &attributes) ||
	    !der_take(&info, DER_SEQUENCE, &it) || !der_take(&info, DER_OCTET_STRING, &signature))
		return false;
	h->serial_at = (uint32_t)(serial.value.p - h->cms);
	h->attributes_at = (uint32_t)(attributes.whole.p - h->cms);
	h->attributes_size = (uint32_t)attributes.whole.n;
	h->signature_at = (uint32_t)(signature.value.p - h->cms);
	h->signature_size = (uint32_t)signature.value.n;
	return serial.value.n == 16;
}

/* ContentInfo { id-signedData, [0] SignedData { version, digestAlgorithms, content, [0] certificates,
 *	signerInfos } } (RFC 5652 3, 5.1) */
static bool
find_places(struct head *h, struct bytes digest)
{
	struct bytes rest = bytes_of(h->cms, h->cms_size);
	struct der_item it, certificate, signer;
	const uint8_t *d;

	if (!der_take(&rest, DER_SEQUENCE, &it) || !der_take(&it.value, DER_OID, &signer) ||
	    !der_take(&it.value, DER_CONTEXT_0, &signer) || !der_take(&signer.value, DER_SEQUENCE, &it))
		return false;
	rest = it.value;
	if (!der_take(&rest, DER_INTEGER, &it) || !der_take(&rest, DER_SET, &it) ||
	    !der_take(&rest, DER_SEQUENCE, &it) || !der_take(&rest, DER_CONTEXT_0, &certificate) ||
	    !der_take(&rest, DER_SET, &signer) || !der_take(&signer.value, DER_SEQUENCE, &it) ||
	    !find_signer(h, it.value))
		return false;
	h->certificate_at = (uint32_t)(certificate.value.p - h->cms);
	d = memmem(h->cms + h->attributes_at, h->attributes_size, digest.p, digest.n);
	h->digest_at = d != NULL ? (uint32_t)(d - h->cms) : 0;
	return d != NULL;
}

static enum rc
make_pattern(const struct fleet *f, struct head *h, struct err *e)
{
	uint8_t certificate[FLEET_CERTIFICATE_MAX];
	struct arena *a = arena_new(0);
	struct bytes content = bytes_str("pattern"), der = { NULL, 0 };
	bool rsa = strcmp(f->head->key_kind, "rsa") == 0;
	enum rc rc = RC_OK;

	fleet_certificate(f, 0, certificate);
	do {
		rc = cms_sign(a, content, bytes_of(certificate, f->head->certificate_size),
		    fleet_key(f, fleet_at(f, 0)->key), NULL, 0, true, &der, e);
		if (rc == RC_OK && der.n > CMS_MAX)
			rc = fail(e, RC_INTERNAL, "a signature of %zu octets", der.n);
		if (rc != RC_OK)
			break;
		memcpy(h->cms, der.p, der.n);
		h->cms_size = (uint32_t)der.n;
		if (!find_places(h, crypto_sha256(a, content)))
			rc = fail(e, RC_INTERNAL, "the signature has not the common shape");
	} while (rc == RC_OK && !rsa && h->signature_size != ECDSA_OCTETS);
	arena_free(a);
	return rc;
}

/* ---- the file ---- */

static void
digest_of_secret(const struct fleet *f, uint8_t out[32])
{
	struct arena *a = arena_new(0);

	memcpy(out, crypto_sha256(a, bytes_of(f->head->secret, FLEET_SECRET)).p, 32);
	arena_free(a);
}

static enum rc
describe(const struct fleet *f, struct head *h, struct err *e)
{
	enum rc rc;

	memset(h, 0, sizeof *h);
	memcpy(h->magic, MAGIC, sizeof h->magic);
	h->tag = f->head->tag;
	h->count = f->head->count;
	digest_of_secret(f, h->secret_digest);
	if ((rc = make_pattern(f, h, e)) != RC_OK)
		return rc;
	h->slot_size = (SLOT_HEAD + h->signature_size + 7) / 8 * 8;
	return RC_OK;
}

static enum rc
map_file(struct fleet_signatures *s, const struct head *wanted, bool fresh, struct err *e)
{
	uint8_t digest[32];
	void *p;

	s->size = HEAD_SIZE + (size_t)wanted->count * KEPT * wanted->slot_size;
	/* Sparse: only what is made takes room. */
	if (fresh && ftruncate(s->fd, (off_t)s->size) != 0)
		return fail(e, RC_UNAVAILABLE, "fleet.signatures: %s", strerror(errno));
	p = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (p == MAP_FAILED || p == NULL)
		return fail(e, RC_UNAVAILABLE, "fleet.signatures can't be mapped: %s", strerror(errno));
	s->map = p;
	s->head = p;
	if (fresh)
		*s->head = *wanted;
	digest_of_secret(s->fleet, digest);
	if (memcmp(s->head->magic, MAGIC, 8) != 0 || s->head->count != s->fleet->head->count ||
	    memcmp(s->head->secret_digest, digest, 32) != 0 || s->head->cms_size > CMS_MAX)
		return fail(e, RC_BAD_INPUT, "fleet.signatures belongs to another fleet: remove it");
	return RC_OK;
}

static enum rc
open_file(const char *dir, struct fleet_signatures *s, struct err *e)
{
	struct head h;
	char path[4096];
	struct stat st;
	bool fresh;
	enum rc rc;

	if ((size_t)snprintf(path, sizeof path, "%s/fleet.signatures", dir) >= sizeof path)
		return fail(e, RC_BAD_INPUT, "the directory's name is too long");
	s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		return fail(e, RC_UNAVAILABLE, "%s: %s", path, strerror(errno));
	fresh = st.st_size == 0;
	if (fresh) {
		if ((rc = describe(s->fleet, &h, e)) != RC_OK)
			return rc;
	} else if (pread(s->fd, &h, sizeof h, 0) != sizeof h || memcmp(h.magic, MAGIC, 8) != 0 ||
		   h.slot_size > SLOT_HEAD + CRYPTO_SIGNATURE_MAX || h.count > FLEET_COUNT_MAX ||
		   (uint64_t)st.st_size != HEAD_SIZE + h.count * KEPT * h.slot_size) {
		return fail(e, RC_BAD_INPUT, "%s is damaged: remove it, it can be made again", path);
	}
	return map_file(s, &h, fresh, e);
}

enum rc
fleet_signatures_open(
    const char *dir, const struct fleet *f, const struct fleet_wire *w, struct fleet_signatures **out, struct err *e)
{
	struct fleet_signatures *s = calloc(1, sizeof *s);
	enum rc rc;

	_Static_assert(sizeof(struct head) <= HEAD_SIZE, "the head fits");
	if (s == NULL || (s->signers = calloc(f->head->keys, sizeof *s->signers)) == NULL)
		abort();
	s->fleet = f;
	s->wire = w;
	s->fd = -1;
	if ((rc = open_file(dir, s, e)) != RC_OK) {
		fleet_signatures_close(s);
		return rc;
	}
	assert(s->head != NULL);
	memcpy(s->cms, s->head->cms, s->head->cms_size);
	*out = s;
	return RC_OK;
}

void
fleet_signatures_close(struct fleet_signatures *s)
{
	if (s == NULL)
		return;
	for (uint32_t i = 0; i < s->fleet->head->keys; i++)
		crypto_signer_close(s->signers[i]);
	free(s->signers);
	if (s->map != NULL)
		munmap(s->map, s->size);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

/* ---- signing ---- */

/* Where a message's signature is kept; NULL: it is made each time. */
static struct slot *
slot_of(const struct fleet_signatures *s, enum fleet_message m, uint64_t n)
{
	static const int kinds[FLEET_MESSAGES] = {
		[FLEET_IDLE] = 1, [FLEET_AUTHENTICATE] = 2, [FLEET_TOKEN_UPDATE] = 3
	};

	if (kinds[m] == 0)
		return NULL;
	return (struct slot *)(void *)(s->map + HEAD_SIZE + (n * KEPT + (uint64_t)kinds[m] - 1) * s->head->slot_size);
}

/* A renewed push token makes another message of TokenUpdate. */
static uint32_t
version_of(const struct fleet_signatures *s, enum fleet_message m, uint64_t n)
{
	return 1 + (m == FLEET_TOKEN_UPDATE ? fleet_at(s->fleet, n)->push_version : 0);
}

static struct crypto_signer *
signer_of(struct fleet_signatures *s, uint64_t n)
{
	uint32_t key = fleet_at(s->fleet, n)->key;

	if (s->signers[key] == NULL && crypto_signer_open(fleet_key(s->fleet, key), &s->signers[key], NULL) != RC_OK)
		abort(); /* prepare made that key */
	return s->signers[key];
}

/* The attributes are signed as a SET, not with the tag that they are sent with (RFC 5652 5.4). */
static void
sign(struct fleet_signatures *s, uint64_t n, uint8_t *to)
{
	uint8_t message[CMS_MAX], signature[CRYPTO_SIGNATURE_MAX];
	struct crypto_signer *signer = signer_of(s, n);
	size_t size;

	memcpy(message, s->cms + s->head->attributes_at, s->head->attributes_size);
	message[0] = DER_SET;
	do {
		if (crypto_signer_sign(signer, bytes_of(message, s->head->attributes_size), signature, &size, NULL) !=
		    RC_OK)
			abort();
	} while (size != s->head->signature_size);
	memcpy(to, signature, size);
	s->made++;
}

static void
put_digest(struct fleet_signatures *s, enum fleet_message m, uint64_t n, const char *uuid)
{
	char body[FLEET_BODY_MAX];
	struct arena *a = arena_new(0);
	size_t size = fleet_wire_body(s->wire, m, n, uuid, body);

	memcpy(s->cms + s->head->digest_at, crypto_sha256(a, bytes_of(body, size)).p, 32);
	arena_free(a);
}

struct bytes
fleet_signature_get(struct fleet_signatures *s, enum fleet_message m, uint64_t n, const char *uuid)
{
	struct slot *slot = slot_of(s, m, n);
	uint32_t version = version_of(s, m, n);

	fleet_certificate(s->fleet, n, s->cms + s->head->certificate_at);
	fleet_serial(s->cms + s->head->serial_at, s->fleet->head->tag, n);
	if (slot == NULL) {
		put_digest(s, m, n, uuid);
		sign(s, n, s->cms + s->head->signature_at);
	} else {
		if (slot->version != version) {
			put_digest(s, m, n, uuid);
			memcpy(slot->digest, s->cms + s->head->digest_at, sizeof slot->digest);
			sign(s, n, slot->signature);
			slot->version = version;
		}
		memcpy(s->cms + s->head->digest_at, slot->digest, sizeof slot->digest);
		memcpy(s->cms + s->head->signature_at, slot->signature, s->head->signature_size);
	}
	return bytes_of(s->cms, s->head->cms_size);
}

enum rc
fleet_signatures_prepare(struct fleet_signatures *s, enum fleet_message m, const struct fleet_sample *devices,
    const volatile sig_atomic_t *stop, uint64_t *made, struct err *e)
{
	struct fleet_progress bar;
	uint64_t before = s->made;

	fleet_progress_begin(&bar, "signatures", devices->count);
	for (uint64_t i = 0; i < devices->count; i++) {
		uint64_t n = fleet_sample_at(devices, i);

		if (stop != NULL && *stop != 0) {
			fleet_progress_end(&bar);
			return fail(e, RC_UNAVAILABLE, "interrupted while signatures were made; those made are kept");
		}
		if (slot_of(s, m, n)->version != version_of(s, m, n))
			(void)fleet_signature_get(s, m, n, "");
		fleet_progress_at(&bar, i + 1);
	}
	fleet_progress_end(&bar);
	*made = s->made - before;
	return RC_OK;
}

uint64_t
fleet_signatures_made(const struct fleet_signatures *s)
{
	return s->made;
}
