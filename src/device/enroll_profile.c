#include "device/enroll_profile.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/cms.h"
#include "device/url.h"

static plist_t
payload_of(struct arena *a, plist_t root, const char *key, const char *value, int *n)
{
	plist_t content = plist_array(root, "PayloadContent"), found = NULL;
	uint32_t size = content != NULL ? plist_array_get_size(content) : 0;

	*n = 0;
	for (uint32_t i = 0; i < size; i++) {
		plist_t item = plist_array_get_item(content, i);
		const char *have;

		if (plist_get_node_type(item) != PLIST_DICT || (have = plist_text(a, item, key)) == NULL ||
		    strcmp(have, value) != 0)
			continue;
		if ((*n)++ == 0)
			found = item;
	}
	return found;
}

static int
count_certificates(struct arena *a, plist_t root)
{
	static const char *const types[] = { "com.apple.security.root", "com.apple.security.pem",
		"com.apple.security.pkcs1" };
	int total = 0, n;

	for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
		payload_of(a, root, "PayloadType", types[i], &n);
		total += n;
	}
	return total;
}

/* One value of Subject: an array of RDNs, each an array of [type, value] pairs. */
static const char *
subject_part(struct arena *a, plist_t subject, const char *type)
{
	uint32_t n = subject != NULL ? plist_array_get_size(subject) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t rdn = plist_array_get_item(subject, i);
		uint32_t pairs = rdn != NULL && plist_get_node_type(rdn) == PLIST_ARRAY ? plist_array_get_size(rdn) : 0;

		for (uint32_t k = 0; k < pairs; k++) {
			plist_t pair = plist_array_get_item(rdn, k), node;
			char *name = NULL, *value = NULL, *kept = NULL;

			if (plist_get_node_type(pair) != PLIST_ARRAY || plist_array_get_size(pair) != 2)
				continue;
			if (plist_get_node_type(node = plist_array_get_item(pair, 0)) == PLIST_STRING)
				plist_get_string_val(node, &name);
			if (plist_get_node_type(node = plist_array_get_item(pair, 1)) == PLIST_STRING)
				plist_get_string_val(node, &value);
			if (name != NULL && value != NULL && strcmp(name, type) == 0)
				kept = arena_strdup(a, value);
			free(name);
			free(value);
			if (kept != NULL)
				return kept;
		}
	}
	return NULL;
}

static bool
has_capability(plist_t mdm, const char *capability)
{
	plist_t list = plist_array(mdm, "ServerCapabilities");
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(list, i);

		if (plist_get_node_type(item) == PLIST_STRING && plist_string_val_compare(item, capability) == 0)
			return true;
	}
	return false;
}

static enum rc
read_scep(struct arena *a, plist_t payload, struct device_profile *p, struct err *e)
{
	plist_t c = plist_dict(payload, "PayloadContent");

	if (c == NULL)
		return fail(e, RC_BAD_INPUT, "the SCEP payload has no PayloadContent");
	p->scep = (struct device_scep){
		.url = plist_text(a, c, "URL"),
		.name = plist_text(a, c, "Name"),
		.challenge = plist_text(a, c, "Challenge"),
		.cn = subject_part(a, plist_array(c, "Subject"), "CN"),
		.o = subject_part(a, plist_array(c, "Subject"), "O"),
		.key_size = (int)plist_int(c, "Keysize", 1024),
		.retries = (int)plist_int(c, "Retries", 3),
		.retry_delay_s = (int)plist_int(c, "RetryDelay", 10),
	};
	if (p->scep.url == NULL)
		return fail(e, RC_BAD_INPUT, "the SCEP payload has no URL");
	return RC_OK;
}

/* Its keys are the payload's own, without a PayloadContent around them. */
static enum rc
read_acme(struct arena *a, plist_t payload, struct device_profile *p, struct err *e)
{
	static const char *const required[] = { "DirectoryURL", "ClientIdentifier", "KeyType", "KeySize",
		"HardwareBound", "Subject" };

	for (size_t i = 0; i < sizeof required / sizeof *required; i++)
		if (!plist_has(payload, required[i]))
			return fail(e, RC_BAD_INPUT, "the ACME payload has no %s", required[i]);
	p->acme = (struct device_acme){
		.directory = plist_text(a, payload, "DirectoryURL"),
		.client_identifier = plist_text(a, payload, "ClientIdentifier"),
		.cn = subject_part(a, plist_array(payload, "Subject"), "CN"),
		.o = subject_part(a, plist_array(payload, "Subject"), "O"),
		.key_type = plist_text(a, payload, "KeyType"),
		.key_size = (int)plist_int(payload, "KeySize", 0),
		.hardware_bound = plist_flag(payload, "HardwareBound", false),
		.attest = plist_flag(payload, "Attest", false),
	};
	if (p->acme.directory == NULL || p->acme.client_identifier == NULL || p->acme.key_type == NULL)
		return fail(
		    e, RC_BAD_INPUT, "DirectoryURL, ClientIdentifier or KeyType of the ACME payload is no text");
	return RC_OK;
}

static enum rc
read_identity(struct arena *a, struct device_profile *p, struct err *e)
{
	static const struct {
		const char *type;
		enum rc (*read)(struct arena *a, plist_t payload, struct device_profile *p, struct err *e);
	} kinds[] = { { "com.apple.security.scep", read_scep }, { "com.apple.security.acme", read_acme } };
	const char *uuid = plist_text(a, p->mdm, "IdentityCertificateUUID"), *type;
	plist_t payload;
	int n;

	if (uuid == NULL)
		return fail(e, RC_BAD_INPUT, "the MDM payload has no IdentityCertificateUUID");
	payload = payload_of(a, p->root, "PayloadUUID", uuid, &n);
	if (payload == NULL)
		return fail(e, RC_BAD_INPUT, "IdentityCertificateUUID names no payload of the profile");
	type = plist_text(a, payload, "PayloadType");
	for (size_t i = 0; type != NULL && i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(type, kinds[i].type) == 0)
			return kinds[i].read(a, payload, p, e);
	return fail(e, RC_BAD_INPUT,
	    "the identity is a %s payload; this device knows com.apple.security.scep and com.apple.security.acme",
	    type != NULL ? type : "nameless");
}

enum rc
device_profile_read(struct arena *a, struct bytes document, struct device_profile *out, struct err *e)
{
	struct cms_signed message;
	const char *type;
	enum rc rc;
	int n;

	*out = (struct device_profile){ 0 };
	if (document.n > 0 && document.p[0] == 0x30) { /* DER SEQUENCE: a property list begins otherwise */
		if ((rc = cms_verify(a, document, (struct bytes){ 0 }, &message, e)) != RC_OK)
			return fail_in(e, rc, "the signature of the profile");
		document = message.content;
		out->is_signed = true;
	}
	if ((rc = plist_parse(a, document, &out->root, e)) != RC_OK)
		return fail_in(e, rc, "the profile");
	type = plist_text(a, out->root, "PayloadType");
	if (type == NULL || strcmp(type, "Configuration") != 0)
		return fail(e, RC_BAD_INPUT, "the profile's PayloadType is not Configuration");
	if ((out->identifier = plist_text(a, out->root, "PayloadIdentifier")) == NULL ||
	    plist_text(a, out->root, "PayloadUUID") == NULL || plist_int(out->root, "PayloadVersion", 0) != 1)
		return fail(e, RC_BAD_INPUT, "the profile lacks PayloadIdentifier, PayloadUUID or PayloadVersion 1");
	out->mdm = payload_of(a, out->root, "PayloadType", "com.apple.mdm", &n);
	if (n != 1)
		return fail(e, RC_BAD_INPUT, "the profile has %d com.apple.mdm payloads instead of one", n);
	out->organization = plist_text(a, out->root, "PayloadOrganization");
	out->mode = plist_text(a, out->mdm, "EnrollmentMode");
	out->assigned_account = plist_text(a, out->mdm, "AssignedManagedAppleID");
	out->topic = plist_text(a, out->mdm, "Topic");
	out->server_url = plist_text(a, out->mdm, "ServerURL");
	out->checkin_url = plist_text(a, out->mdm, "CheckInURL");
	if (out->checkin_url == NULL)
		out->checkin_url = out->server_url;
	out->sign_message = plist_flag(out->mdm, "SignMessage", false);
	out->check_out = plist_flag(out->mdm, "CheckOutWhenRemoved", false);
	out->wants_token = has_capability(out->mdm, "com.apple.mdm.token");
	out->wants_bootstrap = has_capability(out->mdm, "com.apple.mdm.bootstraptoken");
	out->per_user = has_capability(out->mdm, "com.apple.mdm.per-user-connections");
	out->access_rights = plist_int(out->mdm, "AccessRights", plist_has(out->mdm, "AccessRights") ? 0 : -1);
	out->required_app = plist_int(out->mdm, "RequiredAppIDForMDM", 0);
	out->certificates = count_certificates(a, out->root);
	return read_identity(a, out, e);
}

enum rc
device_profile_check(const struct device_profile *p, const char *mode, struct err *e)
{
	bool byod = strcmp(mode, "BYOD") == 0;

	if (p->mode == NULL)
		return fail(e, RC_FORBIDDEN, "the profile has no EnrollmentMode");
	if (strcmp(p->mode, mode) != 0)
		return fail(e, RC_FORBIDDEN, "the profile's EnrollmentMode is %s, discovery said %s", p->mode, mode);
	if (p->assigned_account == NULL || *p->assigned_account == '\0')
		return fail(e, RC_FORBIDDEN, "the profile has no AssignedManagedAppleID");
	if (byod && p->access_rights != -1)
		return fail(e, RC_FORBIDDEN, "the profile has AccessRights, which User Enrollment forbids");
	if (byod && plist_has(p->root, "PayloadRemovalDisallowed"))
		return fail(e, RC_FORBIDDEN, "the profile has PayloadRemovalDisallowed, which User Enrollment forbids");
	if (plist_has(p->mdm, "ManagedAppleID"))
		return fail(e, RC_FORBIDDEN, "the profile has ManagedAppleID, of the enrollment kind that is gone");
	if (!byod && p->access_rights == 0)
		return fail(e, RC_FORBIDDEN, "the profile's AccessRights are 0");
	if (p->topic == NULL || strncmp(p->topic, "com.apple.mgmt.", 15) != 0)
		return fail(e, RC_FORBIDDEN, "the profile's Topic does not begin with com.apple.mgmt.");
	if (p->server_url == NULL || !device_url_is(p->server_url, "https") || !device_url_is(p->checkin_url, "https"))
		return fail(e, RC_FORBIDDEN, "the profile's ServerURL or CheckInURL is no https URL");
	return RC_OK;
}

/* Absent equals absent only. */
static bool
same(plist_t before, plist_t now, const char *key)
{
	plist_t x = plist_dict_get_item(before, key), y = plist_dict_get_item(now, key);

	if (x == NULL || y == NULL)
		return x == y;
	return plist_compare_node_value(x, y) != 0;
}

enum rc
device_profile_replace(const struct device_profile *before, const struct device_profile *now, struct err *e)
{
	static const char *const frozen[] = { "Topic", "ServerURL", "CheckInURL", "EnrollmentMode",
		"AssignedManagedAppleID", "RequiredAppIDForMDM" };

	for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++)
		if (!same(before->mdm, now->mdm, frozen[i]))
			return fail(e, RC_FORBIDDEN, "the new profile changes %s", frozen[i]);
	if (before->access_rights == -1
		? now->access_rights != -1
		: (now->access_rights == -1 || (now->access_rights & ~before->access_rights) != 0))
		return fail(e, RC_FORBIDDEN, "the new profile adds access rights");
	if (before->per_user != now->per_user)
		return fail(e, RC_FORBIDDEN, "the new profile %s com.apple.mdm.per-user-connections",
		    now->per_user ? "adds" : "removes");
	return RC_OK;
}
