#include "profile/profile.h"

#include <stdbool.h>
#include <string.h>

#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/plist.h"
#include "keys/keys.h"

static plist_t
payload(struct call *c, const char *type, const char *identifier, const char *uuid, const char *name)
{
	plist_t d = plist_new_dict();

	(void)c;
	plist_put_text(d, "PayloadType", type);
	plist_put_int(d, "PayloadVersion", 1);
	plist_put_text(d, "PayloadIdentifier", identifier);
	plist_put_text(d, "PayloadUUID", uuid);
	plist_put_text(d, "PayloadDisplayName", name);
	return d;
}

/* One RDN with one attribute. */
static plist_t
rdn(const char *type, const char *value)
{
	plist_t outer = plist_new_array(), inner = plist_new_array();

	plist_array_append_item(inner, plist_new_string(type));
	plist_array_append_item(inner, plist_new_string(value));
	plist_array_append_item(outer, inner);
	return outer;
}

/* Nothing about the person or the device: the CA writes the same subject whatever is asked. */
static plist_t
subject_of(const struct organization *o, const struct enrollment *e)
{
	plist_t subject = plist_new_array();

	plist_array_append_item(subject, rdn("O", o->name));
	plist_array_append_item(subject, rdn("CN", e->id));
	return subject;
}

/* A key that the hardware makes and attests. P-384 is the larger of the two that it can. */
static plist_t
acme_payload(
    struct call *c, const struct organization *o, const struct enrollment *e, const char *challenge, const char *uuid)
{
	const char *identifier = arena_printf(c->arena, "%s.identity", e->profile_identifier);
	plist_t d = payload(c, "com.apple.security.acme", identifier, uuid, "Identity"), usage = plist_new_array();

	plist_put_text(d, "DirectoryURL", arena_printf(c->arena, "%s/acme/%s/directory", c->conf->url, o->id));
	plist_put_text(d, "ClientIdentifier", challenge);
	plist_put_text(d, "KeyType", "ECSECPrimeRandom");
	plist_put_int(d, "KeySize", 384);
	plist_put_flag(d, "HardwareBound", true);
	plist_put_flag(d, "Attest", true);
	plist_put(d, "Subject", subject_of(o, e));
	plist_put_int(d, "UsageFlags", 1); /* a key on a curve signs only */
	plist_array_append_item(usage, plist_new_string("1.3.6.1.5.5.7.3.2")); /* clientAuth */
	plist_put(d, "ExtendedKeyUsage", usage);
	return d;
}

static plist_t
scep_payload(
    struct call *c, const struct organization *o, const struct enrollment *e, const char *challenge, const char *uuid)
{
	const char *identifier = arena_printf(c->arena, "%s.identity", e->profile_identifier);
	plist_t d = payload(c, "com.apple.security.scep", identifier, uuid, "Identity");
	plist_t content = plist_new_dict();

	plist_put_text(content, "URL", arena_printf(c->arena, "%s/scep/%s", c->conf->url, o->id));
	plist_put_text(content, "Name", o->id);
	plist_put(content, "Subject", subject_of(o, e));
	plist_put_text(content, "Challenge", challenge);
	plist_put_int(content, "Keysize", 2048); /* the default is 1024 */
	plist_put_text(content, "Key Type", "RSA");
	plist_put_int(content, "Key Usage", 5);
	plist_put_int(content, "Retries", 3);
	plist_put_int(content, "RetryDelay", 10);
	plist_put_flag(content, "KeyIsExtractable", false);
	plist_put(d, "PayloadContent", content);
	return d;
}

static plist_t
mdm_payload(struct call *c, const struct organization *o, const struct enrollment *e, const char *identity_uuid)
{
	bool byod = strcmp(e->mode, "byod") == 0;
	const char *identifier = arena_printf(c->arena, "%s.mdm", e->profile_identifier);
	plist_t d = payload(c, "com.apple.mdm", identifier, crypto_uuid(c->arena), o->name);
	plist_t capabilities = plist_new_array();

	plist_put_text(d, "EnrollmentMode", byod ? "BYOD" : "ADDE");
	plist_put_text(d, "AssignedManagedAppleID", e->assigned_managed_apple_id);
	if (e->access_rights >= 0)
		plist_put_int(d, "AccessRights", e->access_rights);
	plist_put_text(d, "IdentityCertificateUUID", identity_uuid);
	plist_put_text(d, "Topic", e->topic);
	plist_put_text(d, "ServerURL", e->server_url);
	plist_put_text(d, "CheckInURL", e->check_in_url);
	plist_put_flag(d, "SignMessage", strcmp(e->identity_proof, "signature") == 0);
	plist_put_flag(d, "CheckOutWhenRemoved", true);
	plist_array_append_item(capabilities, plist_new_string("com.apple.mdm.token"));
	if (e->per_user_connections)
		plist_array_append_item(capabilities, plist_new_string("com.apple.mdm.per-user-connections"));
	if (!byod && e->family != NULL && strcmp(e->family, "Mac") == 0) /* it is supervised; others are not */
		plist_array_append_item(capabilities, plist_new_string("com.apple.mdm.bootstraptoken"));
	plist_put(d, "ServerCapabilities", capabilities);
	return d;
}

plist_t
profile_build(
    struct call *c, const struct organization *o, const struct enrollment *e, const char *door, const char *challenge)
{
	bool acme = strcmp(door, "acme") == 0;
	const char *identity_uuid = crypto_uuid(c->arena);
	plist_t root = payload(c, "Configuration", e->profile_identifier, crypto_uuid(c->arena),
	    arena_printf(c->arena, "%s: work or school", o->name));
	plist_t content = plist_new_array();

	plist_keep(c->arena, root);
	plist_put_text(root, "PayloadOrganization", o->name);
	plist_put_text(root, "PayloadDescription",
	    strcmp(e->mode, "byod") == 0 ? "Lets your organization manage its own apps and settings on this device."
					 : "Lets your organization manage this device.");
	plist_put_text(root, "PayloadScope", "System");
	plist_array_append_item(content,
	    acme ? acme_payload(c, o, e, challenge, identity_uuid) : scep_payload(c, o, e, challenge, identity_uuid));
	plist_array_append_item(content, mdm_payload(c, o, e, identity_uuid));
	plist_put(root, "PayloadContent", content);
	return root;
}

enum rc
profile_sign(struct call *c, const struct organization *o, plist_t profile, struct bytes *out)
{
	const char *key = arena_printf(c->arena, "profile-%s", o->id);
	enum rc rc = keys_cms_sign(c->keys, c->arena, key, plist_xml(c->arena, profile), false, out, &c->err);

	return rc == RC_OK ? rc : fail_in(&c->err, rc, "sign profile");
}

/* ---- protocol 5.6 ---- */

static plist_t
find_mdm_payload(struct arena *a, plist_t profile)
{
	plist_t content = plist_array(profile, "PayloadContent");
	uint32_t n = content != NULL ? plist_array_get_size(content) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t d = plist_array_get_item(content, i);
		const char *type = plist_get_node_type(d) == PLIST_DICT ? plist_text(a, d, "PayloadType") : NULL;

		if (type != NULL && strcmp(type, "com.apple.mdm") == 0)
			return d;
	}
	return NULL;
}

static bool
has_capability(struct arena *a, plist_t mdm, const char *capability)
{
	plist_t list = plist_array(mdm, "ServerCapabilities");
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;

	(void)a;
	for (uint32_t i = 0; i < n; i++) {
		const char *s = plist_get_string_ptr(plist_array_get_item(list, i), NULL);

		if (s != NULL && strcmp(s, capability) == 0)
			return true;
	}
	return false;
}

enum rc
profile_check_frozen(struct call *c, const struct enrollment *e, plist_t profile)
{
	const struct {
		const char *key, *frozen;
	} rows[] = {
		{ "Topic", e->topic },
		{ "ServerURL", e->server_url },
		{ "CheckInURL", e->check_in_url },
		{ "EnrollmentMode", strcmp(e->mode, "byod") == 0 ? "BYOD" : "ADDE" },
		{ "AssignedManagedAppleID", e->assigned_managed_apple_id },
	};
	plist_t mdm = find_mdm_payload(c->arena, profile);
	int64_t rights;

	if (mdm == NULL)
		return fail(&c->err, RC_BAD_INPUT, "the profile has no com.apple.mdm payload");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const char *now = plist_text(c->arena, mdm, rows[i].key);

		if (now == NULL || strcmp(now, rows[i].frozen) != 0)
			return fail(&c->err, RC_CONFLICT, "%s can never change in an enrollment", rows[i].key);
	}
	if (plist_has(mdm, "RequiredAppIDForMDM"))
		return fail(&c->err, RC_CONFLICT, "RequiredAppIDForMDM can never change in an enrollment");
	rights = plist_int(mdm, "AccessRights", -1);
	if ((rights < 0) != (e->access_rights < 0) || (rights >= 0 && (rights & ~e->access_rights) != 0))
		return fail(&c->err, RC_CONFLICT, "AccessRights may lose bits, never gain one");
	if (has_capability(c->arena, mdm, "com.apple.mdm.per-user-connections") != e->per_user_connections)
		return fail(
		    &c->err, RC_CONFLICT, "com.apple.mdm.per-user-connections can be neither added nor removed");
	return RC_OK;
}
