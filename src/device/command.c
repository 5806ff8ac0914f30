#include "device/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "device/ddm.h"
#include "device/escrow.h"
#include "fmt/json.h"

/* Access rights (protocol 5.2), for device enrollments. */
enum {
	INSPECT_PROFILES = 1,
	INSTALL_PROFILES = 2,
	LOCK = 4,
	ERASE = 8,
	DEVICE_INFO = 16,
	INSPECT_PROVISIONING = 64,
	INSTALL_PROVISIONING = 128,
	INSPECT_APPS = 256,
	SECURITY = 1024,
	SETTINGS = 2048,
	APPS = 4096,
};

static const struct {
	const char *type;
	int right; /* in ADDE; 0: none needed */
	void (*run)(struct device_command *c);
} handlers[] = {
	/* clang-format off */
	{ "DeviceInformation",               0,                    device_on_device_information },
	{ "SecurityInfo",                    SECURITY,             device_on_security_info },
	{ "CertificateList",                 INSPECT_PROFILES,     device_on_certificate_list },
	{ "Settings",                        0,                    device_on_settings },
	{ "InstallProfile",                  INSTALL_PROFILES,     device_on_install_profile },
	{ "RemoveProfile",                   INSTALL_PROFILES,     device_on_remove_profile },
	{ "ProfileList",                     INSPECT_PROFILES,     device_on_profile_list },
	{ "ProvisioningProfileList",         INSPECT_PROVISIONING, device_on_empty_list },
	{ "InstallProvisioningProfile",      INSTALL_PROVISIONING, device_on_nothing },
	{ "RemoveProvisioningProfile",       INSTALL_PROVISIONING, device_on_nothing },
	{ "InstallApplication",              APPS,                 device_on_install_application },
	{ "InstallEnterpriseApplication",    APPS,                 device_on_install_application },
	{ "RemoveApplication",               APPS,                 device_on_remove_application },
	{ "ManagedApplicationList",          APPS,                 device_on_managed_application_list },
	{ "InstalledApplicationList",        INSPECT_APPS,         device_on_installed_application_list },
	{ "ManagedApplicationConfiguration", APPS,                 device_on_app_told },
	{ "ManagedApplicationAttributes",    APPS,                 device_on_app_told },
	{ "ManagedApplicationFeedback",      APPS,                 device_on_empty_list },
	{ "ValidateApplications",            APPS,                 device_on_nothing },
	{ "InstallMedia",                    APPS,                 device_on_nothing },
	{ "RemoveMedia",                     APPS,                 device_on_nothing },
	{ "ManagedMediaList",                APPS,                 device_on_empty_list },
	{ "RequestMirroring",                0,                    device_on_nothing },
	{ "DeclarativeManagement",           0,                    device_on_declarative_management },
	{ "DeviceLock",                      LOCK,                 device_on_nothing },
	{ "ClearPasscode",                   LOCK,                 device_on_clear_passcode },
	{ "EraseDevice",                     ERASE,                device_on_erase },
	{ "RestartDevice",                   LOCK,                 device_on_nothing },
	{ "ShutDownDevice",                  LOCK,                 device_on_nothing },
	/* clang-format on */
};
#define N_HANDLERS (sizeof handlers / sizeof *handlers)

void
device_command_refuse(struct device_command *c, enum device_error error, const char *format, ...)
{
	va_list ap;

	if (c->error != 0)
		return;
	va_start(ap, format);
	c->error_text = arena_vprintf(c->a, format, ap);
	va_end(ap);
	c->error = error;
}

json_t *
device_managed(struct device *d, const char *name, bool array)
{
	json_t *found = json_object_get(d->en.managed, name);

	if (found == NULL) {
		found = array ? json_array() : json_object();
		json_object_set_new(d->en.managed, name, found);
	}
	return found;
}

static struct bytes
status_body(struct device *d, struct arena *a, enum device_channel channel, const char *status, const char *uuid)
{
	plist_t message = device_message_new(d, a, channel);

	plist_put_text(message, "Status", status);
	if (uuid != NULL)
		plist_put_text(message, "CommandUUID", uuid);
	return plist_xml(a, message);
}

struct bytes
device_command_idle(struct device *d, struct arena *a, enum device_channel channel)
{
	return status_body(d, a, channel, "Idle", NULL);
}

struct bytes
device_command_not_now(struct device *d, struct arena *a, enum device_channel channel, const char *uuid)
{
	return status_body(d, a, channel, "NotNow", uuid);
}

/* ---- rules ---- */

/* A forbidden key makes the command fail; an ignored one is taken out, and so is one that this system does not have.
 * Keys that no table has are left. Queries and Settings items are judged one by one by their handlers. */
static void
judge_keys(struct device_command *c, plist_t dict, const char *prefix)
{
	plist_dict_iter it = NULL;
	plist_t copy = plist_keep(c->a, plist_copy(dict)), value;
	char *key;

	/* Walk a copy: what is ignored is removed from the original. */
	plist_dict_new_iter(copy, &it);
	for (;;) {
		const char *path;

		key = NULL;
		plist_dict_next_item(copy, it, &key, &value);
		if (key == NULL)
			break;
		path = arena_printf(c->a, "%s%s", prefix, key);
		switch (device_schema_verdict(&c->rules, DEVICE_COMMAND, c->type, path, false)) {
		case DEVICE_FORBIDDEN:
			device_command_refuse(
			    c, DEVICE_ERROR_NOT_AUTHORIZED, "%s is not allowed in this enrollment", path);
			break;
		case DEVICE_IGNORED:
		case DEVICE_ABSENT:
			plist_dict_remove_item(dict, key);
			break;
		default:
			if (plist_get_node_type(value) == PLIST_DICT)
				judge_keys(c, plist_dict_get_item(dict, key), arena_printf(c->a, "%s.", path));
		}
		free(key);
	}
	free(it);
}

static void
judge(struct device_command *c)
{
	enum device_verdict v = device_schema_verdict(&c->rules, DEVICE_COMMAND, c->type, NULL, false);

	if (v == DEVICE_UNKNOWN) {
		device_command_refuse(c, DEVICE_ERROR_UNKNOWN_TYPE, "%s is no request type", c->type);
		return;
	}
	if (v == DEVICE_FORBIDDEN || v == DEVICE_ABSENT) {
		device_command_refuse(c, DEVICE_ERROR_NOT_AUTHORIZED,
		    "%s is not allowed in this enrollment (%s, %s %s)", c->type, c->d->en.mode, c->d->family->os_label,
		    c->d->self.os);
		return;
	}
	if (strcmp(c->type, "Settings") != 0)
		judge_keys(c, c->request, "");
}

static void
obey(struct device_command *c)
{
	int64_t rights = c->d->profile.access_rights;

	judge(c);
	if (c->error != 0)
		return;
	for (size_t i = 0; i < N_HANDLERS; i++) {
		if (strcmp(handlers[i].type, c->type) != 0)
			continue;
		if (!c->rules.byod && rights >= 0 && (handlers[i].right & ~rights) != 0)
			device_command_refuse(
			    c, DEVICE_ERROR_NOT_AUTHORIZED, "the access rights do not allow %s", c->type);
		else
			handlers[i].run(c);
		return;
	}
	device_command_refuse(c, DEVICE_ERROR_UNKNOWN_TYPE, "this simulated device does not know %s", c->type);
}

static plist_t
error_chain(const struct device_command *c)
{
	plist_t chain = plist_new_array(), item = plist_new_dict();

	plist_put_int(item, "ErrorCode", c->error);
	plist_put_text(item, "ErrorDomain", "MCMDMErrorDomain");
	plist_put_text(item, "LocalizedDescription", c->error_text);
	plist_put_text(item, "USEnglishDescription", c->error_text);
	plist_array_append_item(chain, item);
	return chain;
}

enum rc
device_command_run(struct device *d, struct arena *a, enum device_channel channel, struct bytes document,
    struct bytes *answer, const char **type, const char **uuid)
{
	struct device_command c = { .d = d, .a = a, .channel = channel };
	plist_t root;

	if (plist_parse(a, document, &root, &d->err) != RC_OK)
		return fail_in(&d->err, RC_BAD_INPUT, "the command");
	*uuid = c.uuid = plist_text(a, root, "CommandUUID");
	c.request = plist_dict(root, "Command");
	*type = c.type = c.request != NULL ? plist_text(a, c.request, "RequestType") : NULL;
	if (c.uuid == NULL)
		return fail(&d->err, RC_BAD_INPUT, "the command has no CommandUUID");
	if (c.type == NULL) {
		*type = "(no RequestType)";
		*answer = status_body(d, a, channel, "CommandFormatError", c.uuid);
		story_step(&d->story, "command", "A command without RequestType: CommandFormatError");
		return RC_OK;
	}
	c.rules = device_rules(d, channel == DEVICE_CHANNEL_USER);
	c.answer = device_message_new(d, a, channel);
	plist_put_text(c.answer, "CommandUUID", c.uuid);
	obey(&c);
	if (c.error != 0) {
		/* Only the error goes out, not what a handler had written before. */
		c.answer = device_message_new(d, a, channel);
		plist_put_text(c.answer, "CommandUUID", c.uuid);
		plist_put(c.answer, "ErrorChain", error_chain(&c));
	}
	plist_put_text(c.answer, "Status", c.error != 0 ? "Error" : "Acknowledged");
	story_step(&d->story, "command", "%s: %s", c.type, c.error != 0 ? "Error" : "Acknowledged");
	story_detail(&d->story, "CommandUUID", "%s", c.uuid);
	if (c.error != 0)
		story_detail(&d->story, "because", "%s", c.error_text);
	*answer = plist_xml(a, c.answer);
	return RC_OK;
}
