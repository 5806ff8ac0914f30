#include "device/identity.h"

#include <string.h>
#include <unistd.h>

#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "device/acme_client.h"
#include "base/disk.h"
#include "device/schema.h"
#include "device/scep_client.h"
#include "fmt/plist.h"

#define DAY INT64_C(86400)
#define YEAR (365 * DAY)

/* ---- the test CA ---- */

enum rc
device_authority_new(struct arena *a, const char *cn, enum x509_key_kind kind, const struct device_authority *issuer,
    int64_t now, struct device_authority *out, struct err *e)
{
	struct x509_template t = {
		.subject = { .cn = cn, .o = "Simulated Devices" },
		.not_before = now - DAY,
		.not_after = now + 20 * YEAR,
		.is_ca = true,
		.allow_subordinate = issuer == NULL,
		.key_usage = X509_USE_CERT_SIGN | X509_USE_CRL_SIGN,
	};
	struct bytes spki;
	enum rc rc;

	if ((rc = x509_key_new(a, kind, &out->key, e)) != RC_OK ||
	    (rc = x509_key_public(a, out->key, &spki, e)) != RC_OK)
		return rc;
	return x509_issue(a, &t, spki, issuer != NULL ? issuer->certificate : (struct bytes){ 0 },
	    issuer != NULL ? issuer->key : out->key, &out->certificate, e);
}

static enum rc
authority_write(struct arena *a, const char *dir, const char *name, const struct device_authority *ca, struct err *e)
{
	enum rc rc = disk_write(dir, arena_printf(a, "%s.key", name), bytes_str(x509_key_pem(a, ca->key)), e);

	if (rc != RC_OK)
		return rc;
	return disk_write(dir, arena_printf(a, "%s.pem", name), bytes_str(x509_pem(a, ca->certificate)), e);
}

static enum rc
make(struct arena *a, const char *dir, const char *what, enum x509_key_kind kind, int64_t now, struct err *e)
{
	struct device_authority root, device;
	const char *cn = arena_printf(a, "Simulated %s CA", what);
	const char *root_cn = arena_printf(a, "Simulated %s Root CA", what);
	enum rc rc;

	if ((rc = disk_dir_make(dir, e)) != RC_OK)
		return rc;
	if (access(arena_printf(a, "%s/ca.pem", dir), F_OK) == 0)
		return fail(e, RC_CONFLICT, "%s/ca.pem exists already; nothing was changed", dir);
	if ((rc = device_authority_new(a, root_cn, kind, NULL, now, &root, e)) != RC_OK ||
	    (rc = device_authority_new(a, cn, kind, &root, now, &device, e)) != RC_OK)
		return rc;
	/* ca.pem last: it is what says that the CA is there. */
	if ((rc = authority_write(a, dir, "device-ca", &device, e)) != RC_OK)
		return rc;
	return authority_write(a, dir, "ca", &root, e);
}

enum rc
device_ca_make(struct arena *a, const char *dir, int64_t now, struct err *e)
{
	return make(a, dir, "Device", X509_RSA_2048, now, e);
}

enum rc
device_attestation_ca_make(struct arena *a, const char *dir, int64_t now, struct err *e)
{
	return make(a, dir, "Attestation", X509_P384, now, e); /* Apple's are on P-384 too */
}

enum rc
device_authority_read(
    struct arena *a, const char *dir, const char *command, struct device_authority *out, struct err *e)
{
	struct bytes text, *certificates;
	enum rc rc;
	int n;

	if ((rc = disk_read(a, dir, "device-ca.pem", &text, e)) != RC_OK) {
		if (rc == RC_NOT_FOUND)
			fail(e, rc, "%s holds no test CA: make one with `postern-device %s --out %s`", dir, command,
			    dir);
		return rc;
	}
	if (x509_from_pem(a, text, &certificates, &n, e) != RC_OK || n < 1)
		return fail(e, RC_BAD_INPUT, "%s/device-ca.pem holds no certificate", dir);
	out->certificate = certificates[0];
	if ((rc = disk_read(a, dir, "device-ca.key", &text, e)) != RC_OK)
		return rc;
	return x509_key_from_pem(a, text, &out->key, e);
}

enum rc
device_identity_by(struct device *d, const struct device_authority *ca, enum x509_key_kind kind, int64_t now)
{
	struct arena *a = d->arena;
	bool old = device_is_strict(d, DEVICE_OLD_LEAF);
	struct bytes spki;
	struct x509_template t = {
		.subject = { .cn = crypto_uuid(a) },
		.not_before = old ? now - 12 * YEAR : now - DAY,
		.not_after = old ? now - 2 * YEAR : now + 10 * YEAR,
		.key_usage = kind == X509_P256 ? X509_USE_SIGN : X509_USE_SIGN | X509_USE_ENCIPHER,
		.ext_usage = X509_EXT_CLIENT,
	};
	enum rc rc;

	if ((rc = x509_key_new(a, kind, &d->self.key, &d->err)) != RC_OK ||
	    (rc = x509_key_public(a, d->self.key, &spki, &d->err)) != RC_OK ||
	    (rc = x509_issue(a, &t, spki, ca->certificate, ca->key, &d->self.certificate, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "built-in identity");
	d->self.issuer = ca->certificate;
	return RC_OK;
}

enum rc
device_identity_make(struct device *d, const char *ca_dir, enum x509_key_kind kind, int64_t now)
{
	struct device_authority ca = { 0 };
	enum rc rc = device_authority_read(d->arena, ca_dir, "ca", &ca, &d->err);

	return rc == RC_OK ? device_identity_by(d, &ca, kind, now) : fail_in(&d->err, rc, "built-in identity");
}

const char *
device_serial_new(struct arena *a)
{
	static const char alphabet[] = "CDFGHJKLMNPQRTVWXY0123456789";
	uint8_t random[10];
	char text[11] = { 0 };

	crypto_random(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		text[i] = alphabet[random[i] % (sizeof alphabet - 1)];
	return arena_strdup(a, text);
}

const char *
device_udid_new(struct arena *a)
{
	uint8_t random[8];

	crypto_random(random, sizeof random);
	return arena_printf(a, "00008140-%02X%02X%02X%02X%02X%02X%02X%02X", random[0], random[1], random[2], random[3],
	    random[4], random[5], random[6], random[7]);
}

/* ---- MachineInfo ---- */

struct fact {
	const char *key;
	const char *value;
	bool personal;
};

struct bytes
device_machineinfo(struct arena *a, const struct device *d, bool byod)
{
	const struct device_model *model = device_model(d);
	bool leak = d->self.leak, nameless = byod || device_is_strict(d, DEVICE_ADDE_NAMELESS);
	const struct fact facts[] = {
		{ "LANGUAGE", d->self.language, false },
		{ "PRODUCT", model->product, false },
		{ "VERSION", device_build(a, d->family, d->self.os), false },
		{ "OS_VERSION", d->self.os, false },
		{ "SOFTWARE_UPDATE_DEVICE_ID", model->product, false },
		{ "UDID", leak ? DEVICE_LEAK_UDID : d->self.udid, true },
		{ "SERIAL", leak ? DEVICE_LEAK_SERIAL : d->self.serial, true },
		{ "IMEI", leak ? DEVICE_LEAK_IMEI : d->self.imei, true },
		{ "MEID", leak ? DEVICE_LEAK_MEID : NULL, true },
	};
	struct device_schema s = { .os = d->family->os, .version = device_version(d->self.os), .byod = byod };
	plist_t root = plist_keep(a, plist_new_dict());

	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		const struct fact *f = &facts[i];
		bool allowed =
		    device_schema_may(&s, DEVICE_MACHINEINFO, NULL, f->key, false) && !(nameless && f->personal);

		/* With a radio only; and an MEID only of a misbehaving device, since no network of today has any. */
		if ((strcmp(f->key, "IMEI") == 0 || strcmp(f->key, "MEID") == 0) && !model->cellular)
			continue;
		if (f->value != NULL && (allowed || (leak && f->personal)))
			plist_put_text(root, f->key, f->value);
	}
	return plist_xml(a, root);
}

enum rc
device_machineinfo_signed(struct device *d, bool byod, struct bytes *der)
{
	struct bytes info = device_machineinfo(d->arena, d, byod);
	enum rc rc =
	    cms_sign(d->arena, info, d->self.certificate, d->self.key, &d->self.issuer, 1, false, der, &d->err);

	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "sign MachineInfo");
}

enum rc
device_identity_obtain(
    struct device *d, const struct device_profile *profile, struct bytes *key, struct bytes *certificate)
{
	if (profile->acme.directory != NULL)
		return device_acme_enroll(d, &profile->acme, key, certificate);
	return device_scep_enroll(d, &profile->scep, key, certificate);
}
