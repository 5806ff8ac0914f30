#include "device/attestation.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "device/acme_client.h"
#include "device/identity.h"

#define OBJECT_MAX (32 * 1024)
#define LIFE_S (2 * 86400)

/* ---- CBOR (RFC 8949), as much as is needed ---- */

enum { CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5 };

static void
add_head(struct buf *b, unsigned major, size_t n)
{
	if (n < 24) {
		buf_char(b, (char)(major << 5 | n));
	} else if (n < 256) {
		buf_char(b, (char)(major << 5 | 24));
		buf_char(b, (char)n);
	} else {
		buf_char(b, (char)(major << 5 | 25));
		buf_char(b, (char)(n >> 8));
		buf_char(b, (char)n);
	}
}

static void
add_text(struct buf *b, const char *s)
{
	add_head(b, CBOR_TEXT, strlen(s));
	buf_str(b, s);
}

/* {"fmt": FORMAT, "attStmt": {"x5c": [...]}}; the statement of "none" is empty. */
static struct bytes
object_of(struct arena *a, const char *format, const struct bytes *chain, int n)
{
	bool says = strcmp(format, "none") != 0;
	struct buf b;
	struct bytes made;

	buf_init(&b, OBJECT_MAX);
	add_head(&b, CBOR_MAP, 2);
	add_text(&b, "fmt");
	add_text(&b, format);
	add_text(&b, "attStmt");
	add_head(&b, CBOR_MAP, says ? 1 : 0);
	if (says) {
		add_text(&b, "x5c");
		add_head(&b, CBOR_ARRAY, (size_t)n);
	}
	for (int i = 0; i < n; i++) {
		add_head(&b, CBOR_BYTES, chain[i].n);
		buf_add(&b, chain[i].p, chain[i].n);
	}
	made = arena_copy(a, buf_bytes(&b));
	buf_free(&b);
	return made;
}

/* ---- the attestation ---- */

/* Whose CA it is by: Apple's, or with a fault one of somebody's own. */
static enum rc
find_authority(struct device *d, struct device_authority *out)
{
	if (device_acme_fault(d, "chain"))
		return device_authority_new(d->arena, "Somebody's Own CA", X509_P384, NULL, clock_now(), out, &d->err);
	if (d->self.attestation_ca == NULL)
		return fail(&d->err, RC_NOT_FOUND, "nothing attests this device's keys: --attestation-ca DIR");
	return device_authority_read(d->arena, d->self.attestation_ca, "attestation-ca", out, &d->err);
}

enum rc
device_attest(struct device *d, struct bytes spki, const char *token, bool wanted, struct bytes *object)
{
	struct bytes freshness =
	    crypto_sha256_text(d->arena, device_acme_fault(d, "freshness") ? "an earlier challenge" : token);
	const char *serial = d->self.leak ? DEVICE_LEAK_SERIAL : d->self.serial;
	/* Which device it is comes last: left out under User Enrollment, unless it misbehaves. */
	const struct x509_extension extensions[] = {
		{ "1.2.840.113635.100.8.11.1", freshness },
		{ "1.2.840.113635.100.8.10.1", bytes_str(d->self.os) },
		{ "1.2.840.113635.100.8.9.1", bytes_str(device_acme_fault(d, "other-device") ? "SOMEOTHER1" : serial) },
		{ "1.2.840.113635.100.8.9.2", bytes_str(d->self.leak ? DEVICE_LEAK_UDID : d->self.udid) },
	};
	struct x509_template leaf = {
		.subject = { .cn = crypto_uuid(d->arena), .o = "Simulated Devices" },
		.not_before = clock_now() - LIFE_S,
		.not_after = clock_now() + LIFE_S,
		.key_usage = X509_USE_SIGN,
		.extensions = extensions,
		.n_extensions = device_is_byod(d) && !d->self.leak ? 2 : 4,
	};
	struct device_authority ca = { 0 };
	struct bytes chain[2];
	enum rc rc;

	if (!wanted || device_acme_fault(d, "none")) {
		*object = object_of(d->arena, device_is_strict(d, DEVICE_EMPTY_CHAIN) ? "apple" : "none", NULL, 0);
		return RC_OK;
	}
	if ((rc = find_authority(d, &ca)) != RC_OK ||
	    (rc = x509_issue(d->arena, &leaf, spki, ca.certificate, ca.key, &chain[0], &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "attestation");
	chain[1] = ca.certificate;
	*object = object_of(d->arena, "apple", chain, 2);
	return RC_OK;
}
