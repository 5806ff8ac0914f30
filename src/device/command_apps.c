/* Managed apps (protocol 11). They live in the managed volume, and go with it. */
#include <stdlib.h>
#include <string.h>

#include "device/command.h"
#include "fmt/json.h"

/* Which app is meant, as a bundle identifier. Only Apple knows the one of a store number, so the
 * simulated device makes one up, always the same. */
static const char *
bundle_of(struct device_command *c)
{
	const char *identifier = plist_text(c->a, c->request, "Identifier");
	const char *manifest = plist_text(c->a, c->request, "ManifestURL");
	int64_t store = plist_int(c->request, "iTunesStoreID", 0);

	if (identifier != NULL)
		return identifier;
	if (store > 0)
		return arena_printf(c->a, "com.example.app%lld", (long long)store);
	if (manifest != NULL) {
		const char *name = strrchr(manifest, '/');

		name = name != NULL ? name + 1 : manifest;
		return arena_printf(c->a, "com.example.%.*s", (int)strcspn(name, ".?"), name);
	}
	return NULL;
}

void
device_on_install_application(struct device_command *c)
{
	plist_t options = plist_dict(c->request, "Options");
	const char *bundle = bundle_of(c);
	json_t *apps = device_managed(c->d, "apps", false);

	if (bundle == NULL) {
		device_command_refuse(c, DEVICE_ERROR_MALFORMED, "%s names no app", c->type);
		return;
	}
	/* Never in an account-driven enrollment, whatever the mode (protocol 10). */
	if (plist_has(c->request, "ChangeManagementState")) {
		device_command_refuse(c, DEVICE_ERROR_NOT_AUTHORIZED, "ChangeManagementState is not allowed");
		return;
	}
	if (c->rules.byod && c->rules.os != DEVICE_MACOS && plist_int(c->request, "iTunesStoreID", 0) > 0 &&
	    (options == NULL || plist_int(options, "PurchaseMethod", 0) != 1)) {
		device_command_refuse(c, DEVICE_ERROR_APP, "User Enrollment needs PurchaseMethod 1");
		return;
	}
	json_object_set_new(apps, bundle,
	    json_pack("{s:s, s:I}", "Status", "Managed", "ManagementFlags",
		(json_int_t)plist_int(c->request, "ManagementFlags", 0)));
	plist_put_text(c->answer, "Identifier", bundle);
	plist_put_text(c->answer, "State", "Installing");
}

void
device_on_remove_application(struct device_command *c)
{
	const char *bundle = plist_text(c->a, c->request, "Identifier");
	json_t *apps = device_managed(c->d, "apps", false);

	if (bundle == NULL || json_object_del(apps, bundle) != 0)
		device_command_refuse(c, DEVICE_ERROR_APP, "%s is no managed app", bundle != NULL ? bundle : "nothing");
}

void
device_on_managed_application_list(struct device_command *c)
{
	plist_t list = plist_new_dict();
	json_t *apps = device_managed(c->d, "apps", false), *app;
	const char *bundle;

	json_object_foreach(apps, bundle, app)
	{
		plist_t item = plist_new_dict();

		plist_put_text(item, "Status", json_get_text(app, "Status"));
		plist_put_int(item, "ManagementFlags", json_get_int(app, "ManagementFlags", 0));
		plist_put_flag(item, "HasConfiguration", false);
		plist_put_flag(item, "HasFeedback", false);
		plist_put_flag(item, "IsValidated", true);
		plist_put(list, bundle, item);
	}
	plist_put(c->answer, "ManagedApplicationList", list);
}

/* In User Enrollment only managed apps are told; so does this device in both modes: it has no others. */
void
device_on_installed_application_list(struct device_command *c)
{
	plist_t list = plist_new_array();
	json_t *apps = device_managed(c->d, "apps", false), *app;
	const char *bundle;

	json_object_foreach(apps, bundle, app)
	{
		plist_t item = plist_new_dict();

		plist_put_text(item, "Identifier", bundle);
		plist_put_text(item, "Name", bundle);
		plist_put_text(item, "ShortVersion", "1.0");
		plist_put_text(item, "Version", "1");
		plist_array_append_item(list, item);
	}
	plist_put(c->answer, "InstalledApplicationList", list);
}

/* Nothing is configured, so every list of it is empty: an array or a dictionary, as the schema has it. */
void
device_on_empty_list(struct device_command *c)
{
	static const struct {
		const char *type, *key;
	} lists[] = {
		{ "ProvisioningProfileList", "ProvisioningProfileList" },
		{ "ManagedApplicationConfiguration", "ApplicationConfigurations" },
		{ "ManagedApplicationAttributes", "ApplicationAttributes" },
		{ "ManagedApplicationFeedback", "ManagedApplicationFeedback" },
		{ "ManagedMediaList", "Books" },
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (strcmp(lists[i].type, c->type) == 0)
			plist_put(c->answer, lists[i].key, plist_new_array());
}
