/* Configuration profiles, and the replacement of the enrollment profile (protocol 5.6). */
#include <stdlib.h>
#include <string.h>

#include "crypto/cms.h"
#include "device/command.h"
#include "device/identity.h"
#include "fmt/base64.h"
#include "fmt/json.h"

/* The first key of a payload that this mode forbids; NULL: none. What a device enrollment lacks the supervision for is
 * only without effect there. */
static const char *
forbidden_key(struct arena *a, const struct device_schema *rules, const char *type, plist_t payload)
{
	plist_dict_iter it = NULL;
	const char *found = NULL;
	char *key;

	plist_dict_new_iter(payload, &it);
	while (rules->byod && found == NULL) {
		key = NULL;
		plist_dict_next_item(payload, it, &key, NULL);
		if (key == NULL)
			break;
		if (device_schema_verdict(rules, DEVICE_PAYLOAD, type, key, false) == DEVICE_FORBIDDEN)
			found = arena_printf(a, "%s: %s", type, key);
		free(key);
	}
	free(it);
	return found;
}

/* What may not be here. iOS and visionOS refuse the whole profile with it (protocol 5.4, 10); macOS steps over such
 * payloads instead. A second com.apple.mdm is none of a profile's business. */
static const char *
forbidden_part(struct arena *a, const struct device_schema *rules, plist_t root)
{
	plist_t content = plist_array(root, "PayloadContent");
	uint32_t n = content != NULL ? plist_array_get_size(content) : 0;
	const char *found = NULL;

	for (uint32_t i = 0; found == NULL && i < n; i++) {
		plist_t item = plist_array_get_item(content, i);
		const char *type = plist_get_node_type(item) == PLIST_DICT ? plist_text(a, item, "PayloadType") : NULL;

		if (type == NULL)
			continue;
		if (strcmp(type, "com.apple.mdm") == 0 ||
		    device_schema_verdict(rules, DEVICE_PAYLOAD, type, NULL, false) == DEVICE_FORBIDDEN)
			found = type;
		else
			found = forbidden_key(a, rules, type, item);
	}
	return found;
}

static int
index_of(json_t *profiles, const char *identifier)
{
	for (size_t i = 0; i < json_array_size(profiles); i++)
		if (strcmp(json_get_text(json_array_get(profiles, i), "identifier"), identifier) == 0)
			return (int)i;
	return -1;
}

/* The enrollment profile again: a new identity, and nothing frozen may differ. */
static void
renew(struct device_command *c, struct bytes document)
{
	struct device *d = c->d;
	struct bytes kept = arena_copy(d->arena, document), key, certificate;
	struct device_profile now;

	if (device_profile_read(d->arena, kept, &now, &d->err) != RC_OK ||
	    device_profile_check(&now, d->en.mode, &d->err) != RC_OK ||
	    device_profile_replace(&d->profile, &now, &d->err) != RC_OK) {
		device_command_refuse(c, DEVICE_ERROR_REPLACEMENT, "%s", d->err.text);
		return;
	}
	if (device_identity_obtain(d, &now, &key, &certificate) != RC_OK) {
		device_command_refuse(c, DEVICE_ERROR_REPLACEMENT, "%s", d->err.text);
		return;
	}
	d->en.profile = kept;
	d->profile = now;
	d->en.key = key;
	d->en.certificate = certificate;
	device_agent_reset(d, DEVICE_AGENT_MDM);
	story_step(&d->story, "renewed", "The enrollment profile was replaced; the identity is new");
}

enum rc
device_configuration_read(struct arena *a, struct bytes document, struct device_configuration *out, struct err *e)
{
	struct cms_signed message;

	*out = (struct device_configuration){ .document = document };
	if (document.n > 0 && document.p[0] == 0x30) {
		if (cms_verify(a, document, (struct bytes){ 0 }, &message, e) != RC_OK) {
			(void)fail_in(e, RC_BAD_INPUT, "the signature of the profile");
			return RC_BAD_INPUT;
		}
		document = message.content;
	}
	if (plist_parse(a, document, &out->root, e) == RC_OK)
		out->identifier = plist_text(a, out->root, "PayloadIdentifier");
	if (out->identifier == NULL) {
		(void)fail(e, RC_BAD_INPUT, "it is no configuration profile with a PayloadIdentifier");
		return RC_BAD_INPUT;
	}
	out->uuid = plist_text(a, out->root, "PayloadUUID");
	out->name = plist_text(a, out->root, "PayloadDisplayName");
	return RC_OK;
}

enum device_error
device_configuration_install(struct device *d, struct arena *a, const struct device_schema *rules,
    const struct device_configuration *profile, const char *declaration)
{
	json_t *profiles = device_managed(d, "profiles", true), *entry;
	int at = index_of(profiles, profile->identifier);
	const char *bad, *owner;

	if (rules->os != DEVICE_MACOS && (bad = forbidden_part(a, rules, profile->root)) != NULL) {
		fail(&d->err, RC_FORBIDDEN, "%s is not allowed in this enrollment", bad);
		return DEVICE_ERROR_NOT_AUTHORIZED;
	}
	if (at >= 0) {
		owner = json_get_text(json_array_get(profiles, (size_t)at), "declaration");
		if ((owner == NULL) != (declaration == NULL) ||
		    (owner != NULL && declaration != NULL && strcmp(owner, declaration) != 0)) {
			fail(&d->err, RC_CONFLICT, "%s is installed already, by %s", profile->identifier,
			    owner != NULL ? "a declaration" : "a command");
			return DEVICE_ERROR_NOT_MANAGED;
		}
		json_array_remove(profiles, (size_t)at);
	}
	entry = json_pack("{s:s, s:s, s:s}", "identifier", profile->identifier, "uuid",
	    profile->uuid != NULL ? profile->uuid : "", "name",
	    profile->name != NULL ? profile->name : profile->identifier);
	if (declaration != NULL)
		json_object_set_new(entry, "declaration", json_string(declaration));
	json_object_set_new(entry, "document", json_string(base64_encode(a, profile->document)));
	json_array_append_new(profiles, entry);
	return DEVICE_ERROR_NONE;
}

bool
device_configuration_remove(struct device *d, const char *identifier, bool declared)
{
	json_t *profiles = device_managed(d, "profiles", true);
	int at = index_of(profiles, identifier);

	if (at < 0 || (json_object_get(json_array_get(profiles, (size_t)at), "declaration") != NULL) != declared)
		return false;
	json_array_remove(profiles, (size_t)at);
	return true;
}

void
device_on_install_profile(struct device_command *c)
{
	struct bytes document = plist_data(c->a, c->request, "Payload");
	struct device_configuration profile;
	enum device_error error;

	if (device_configuration_read(c->a, document, &profile, &c->d->err) != RC_OK)
		device_command_refuse(c, DEVICE_ERROR_MALFORMED, "%s", c->d->err.text);
	else if (strcmp(profile.identifier, c->d->profile.identifier) == 0)
		renew(c, document);
	else if ((error = device_configuration_install(c->d, c->a, &c->rules, &profile, NULL)) != DEVICE_ERROR_NONE)
		device_command_refuse(c, error, "%s", c->d->err.text);
}

void
device_on_remove_profile(struct device_command *c)
{
	const char *identifier = plist_text(c->a, c->request, "Identifier");

	if (identifier == NULL)
		device_command_refuse(c, DEVICE_ERROR_MALFORMED, "RemoveProfile names no profile");
	else if (strcmp(identifier, c->d->profile.identifier) == 0)
		c->d->en.removing = true; /* after the answer is delivered */
	else if (!device_configuration_remove(c->d, identifier, false))
		device_command_refuse(c, DEVICE_ERROR_NOT_MANAGED, "no command installed %s", identifier);
}

static void
add(plist_t list, const char *identifier, const char *uuid, const char *name)
{
	plist_t item = plist_new_dict();

	plist_put_text(item, "PayloadIdentifier", identifier);
	plist_put_text(item, "PayloadUUID", uuid);
	plist_put_text(item, "PayloadDisplayName", name);
	plist_put_int(item, "PayloadVersion", 1);
	plist_put_flag(item, "IsEncrypted", false);
	plist_put_flag(item, "IsManaged", true);
	plist_put_flag(item, "HasRemovalPasscode", false);
	plist_put_flag(item, "PayloadRemovalDisallowed", false);
	plist_put(item, "PayloadContent", plist_new_array());
	plist_array_append_item(list, item);
}

void
device_on_profile_list(struct device_command *c)
{
	const struct device_profile *own = &c->d->profile;
	const char *name = plist_text(c->a, own->root, "PayloadDisplayName");
	json_t *profiles = device_managed(c->d, "profiles", true), *p;
	plist_t list = plist_new_array();
	size_t i;

	add(list, own->identifier, plist_text(c->a, own->root, "PayloadUUID"), name != NULL ? name : own->identifier);
	json_array_foreach(profiles, i, p)
	    add(list, json_get_text(p, "identifier"), json_get_text(p, "uuid"), json_get_text(p, "name"));
	plist_put(c->answer, "ProfileList", list);
}
