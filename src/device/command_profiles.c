/* Configuration profiles, and the replacement of the enrollment profile (protocol 5.6). */
#include <string.h>

#include "crypto/cms.h"
#include "device/command.h"
#include "device/scep_client.h"
#include "fmt/json.h"

/* A payload that may not be here. iOS and visionOS refuse the whole profile with it (protocol 5.4, 10); macOS steps
 * over it instead. A second com.apple.mdm is none of a profile's business. */
static const char *
forbidden_payload(struct device_command *c, plist_t root)
{
	plist_t content = plist_array(root, "PayloadContent");
	uint32_t n = content != NULL ? plist_array_get_size(content) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(content, i);
		const char *type =
		    plist_get_node_type(item) == PLIST_DICT ? plist_text(c->a, item, "PayloadType") : NULL;

		if (type != NULL &&
		    (strcmp(type, "com.apple.mdm") == 0 ||
			device_schema_verdict(&c->rules, DEVICE_PAYLOAD, type, NULL, false) == DEVICE_FORBIDDEN))
			return type;
	}
	return NULL;
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
	if (device_scep_enroll(d, &now.scep, &key, &certificate) != RC_OK) {
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

void
device_on_install_profile(struct device_command *c)
{
	struct bytes document = plist_data(c->a, c->request, "Payload"), inner = document;
	json_t *profiles = device_managed(c->d, "profiles", true);
	struct cms_signed message;
	const char *identifier, *name, *bad;
	plist_t root;
	int at;

	if (document.n > 0 && document.p[0] == 0x30) {
		if (cms_verify(c->a, document, (struct bytes){ 0 }, &message, &c->d->err) != RC_OK) {
			device_command_refuse(c, DEVICE_ERROR_MALFORMED, "%s", c->d->err.text);
			return;
		}
		inner = message.content;
	}
	if (plist_parse(c->a, inner, &root, &c->d->err) != RC_OK ||
	    (identifier = plist_text(c->a, root, "PayloadIdentifier")) == NULL) {
		device_command_refuse(c, DEVICE_ERROR_MALFORMED, "Payload is no configuration profile");
		return;
	}
	if (strcmp(identifier, c->d->profile.identifier) == 0) {
		renew(c, document);
		return;
	}
	if (c->rules.os != DEVICE_MACOS && (bad = forbidden_payload(c, root)) != NULL) {
		device_command_refuse(
		    c, DEVICE_ERROR_NOT_AUTHORIZED, "the payload %s is not allowed in this enrollment", bad);
		return;
	}
	if ((at = index_of(profiles, identifier)) >= 0)
		json_array_remove(profiles, (size_t)at);
	name = plist_text(c->a, root, "PayloadDisplayName");
	json_array_append_new(profiles, json_pack("{s:s, s:s, s:s}", "identifier", identifier, "uuid",
					    plist_has(root, "PayloadUUID") ? plist_text(c->a, root, "PayloadUUID") : "",
					    "name", name != NULL ? name : identifier));
}

void
device_on_remove_profile(struct device_command *c)
{
	const char *identifier = plist_text(c->a, c->request, "Identifier");
	json_t *profiles = device_managed(c->d, "profiles", true);
	int at;

	if (identifier == NULL) {
		device_command_refuse(c, DEVICE_ERROR_MALFORMED, "RemoveProfile names no profile");
	} else if (strcmp(identifier, c->d->profile.identifier) == 0) {
		c->d->en.removing = true; /* after the answer is delivered */
	} else if ((at = index_of(profiles, identifier)) >= 0) {
		json_array_remove(profiles, (size_t)at);
	} else {
		device_command_refuse(c, DEVICE_ERROR_NOT_MANAGED, "%s is not installed", identifier);
	}
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
