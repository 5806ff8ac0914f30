#include "profile/machine_info.h"

#include <string.h>

#include "crypto/cms.h"
#include "enroll/os.h"
#include "fmt/plist.h"

#define PRODUCT_MAX 64
#define VERSION_MAX 32

static const char *const personal[] = { "UDID", "SERIAL", "IMEI", "MEID", NULL };

/* Chain of the signer to the organization's pool. */
static enum rc
trust(struct call *c, const struct organization *o, const struct cms_signed *s)
{
	struct bytes *pool;
	enum rc rc;
	int n;

	if ((rc = trust_pool(c, TRUST_DEVICE, o->id, &pool, &n)) != RC_OK)
		return rc;
	if (n == 0)
		return fail(&c->err, RC_FORBIDDEN, "the device CA pool of %s is empty", o->id);
	rc = cms_verify_chain(s, pool, n, c->now, o->device_ca_ignore_times, &c->err);
	return rc == RC_NOT_FOUND ? RC_FORBIDDEN : rc;
}

/* Text of a bounded length, or NULL. */
static const char *
short_text(struct arena *a, plist_t dict, const char *key, size_t max)
{
	const char *s = plist_text(a, dict, key);

	return s != NULL && s[0] != '\0' && strlen(s) <= max ? s : NULL;
}

static enum rc
read_plist(struct call *c, const char *mode, struct bytes document, struct machine_info *out)
{
	plist_t d;
	enum rc rc;

	if ((rc = plist_parse(c->arena, document, &d, &c->err)) != RC_OK)
		return rc;
	out->product = short_text(c->arena, d, "PRODUCT", PRODUCT_MAX);
	out->build = short_text(c->arena, d, "VERSION", VERSION_MAX);
	if (out->product == NULL || out->build == NULL)
		return fail(&c->err, RC_BAD_INPUT, "PRODUCT (at most %d octets) or VERSION (at most %d) is missing",
		    PRODUCT_MAX, VERSION_MAX);
	out->family = os_family(out->product);
	out->os_version = os_version(out->family, short_text(c->arena, d, "OS_VERSION", VERSION_MAX), out->build);
	for (const char *const *k = personal; *k != NULL && strcmp(mode, "byod") == 0; k++)
		out->identifiers = out->identifiers || plist_has(d, *k);
	return RC_OK;
}

enum rc
machine_info_read(struct call *c, const struct organization *o, const char *mode, struct bytes body,
    struct machine_info *out, enum enroll_code *code)
{
	bool off = strcmp(o->device_ca_mode, "off") == 0;
	struct cms_signed s = { 0 };
	enum rc rc;

	*out = (struct machine_info){ 0 };
	*code = EV_machine_info_malformed;
	rc = cms_verify(c->arena, body, (struct bytes){ NULL, 0 }, &s, &c->err);
	if (rc == RC_BAD_INPUT && off)
		return read_plist(c, mode, body, out);
	if (rc == RC_FORBIDDEN)
		*code = EV_machine_info_signature;
	if (rc != RC_OK)
		return rc;
	if ((rc = read_plist(c, mode, s.content, out)) != RC_OK || off)
		return rc;
	*code = EV_machine_info_untrusted;
	rc = trust(c, o, &s);
	if (rc == RC_FORBIDDEN && strcmp(o->device_ca_mode, "warn") == 0) {
		out->warning = arena_strdup(c->arena, c->err.text);
		return RC_OK;
	}
	return rc;
}
