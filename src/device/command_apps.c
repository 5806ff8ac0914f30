/* Commands about apps (protocol 11). What came by declaration they neither see nor touch. */
#include <string.h>

#include "device/app.h"
#include "fmt/json.h"

/* What apps are told, and how they are treated. */
static const struct {
	const char *key, *item, *command, *answer;
} told[] = {
	{ "Configuration", "ApplicationConfiguration", "ManagedApplicationConfiguration", "ApplicationConfigurations" },
	{ "Attributes", "ApplicationAttributes", "ManagedApplicationAttributes", "ApplicationAttributes" },
};

/* Under User Enrollment an app comes by licence of the person, and only so. */
static bool
method_is_good(const struct device_command *c, const struct device_app *app)
{
	plist_t options = plist_dict(c->request, "Options");
	int64_t otherwise = app->store > 0 ? 0 : 1;
	int64_t method = options != NULL ? plist_int(options, "PurchaseMethod", otherwise) : otherwise;

	return !c->rules.byod || c->rules.os == DEVICE_MACOS || method == 1;
}

static enum rc
find(struct device_command *c, struct device_app *app)
{
	return device_app_find(c->d, c->a, plist_int(c->request, "iTunesStoreID", 0),
	    plist_text(c->a, c->request, "Identifier"), plist_text(c->a, c->request, "ManifestURL"), app);
}

void
device_on_install_application(struct device_command *c)
{
	static const char *const states[] = { [DEVICE_APP_INSTALLED] = "Managed",
		[DEVICE_APP_PERSONAL] = "UserInstalledApp",
		[DEVICE_APP_REFUSED] = "UserRejected" };
	enum device_app_outcome outcome;
	struct device_app app;

	if (find(c, &app) != RC_OK) {
		device_command_refuse(c, DEVICE_ERROR_APP, "%s", c->d->err.text);
		return;
	}
	/* Never in an account-driven enrollment, whatever the mode (protocol 10). */
	if (plist_has(c->request, "ChangeManagementState")) {
		device_command_refuse(c, DEVICE_ERROR_NOT_AUTHORIZED, "ChangeManagementState is not allowed");
		return;
	}
	if (!method_is_good(c, &app)) {
		device_command_refuse(c, DEVICE_ERROR_APP, "User Enrollment needs PurchaseMethod 1");
		return;
	}
	if (device_app_is_declared(c->d, app.bundle)) {
		device_command_refuse(c, DEVICE_ERROR_APP, "%s is managed by a declaration", app.bundle);
		return;
	}
	outcome = device_app_try(c->d, &app, device_app_is_managed(c->d, app.bundle));
	if (outcome == DEVICE_APP_UNLICENSED) {
		device_command_refuse(c, DEVICE_ERROR_LICENSE, "no licence was found for %s", app.bundle);
		return;
	}
	device_app_manage(c->d, &app, states[outcome], plist_int(c->request, "ManagementFlags", 0));
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		device_app_configure(c->d, c->a, app.bundle, told[i].key, plist_dict(c->request, told[i].key));
	plist_put_text(c->answer, "Identifier", app.bundle);
	plist_put_text(c->answer, "State", outcome == DEVICE_APP_INSTALLED ? "Installing" : states[outcome]);
}

void
device_on_remove_application(struct device_command *c)
{
	const char *bundle = plist_text(c->a, c->request, "Identifier");
	json_t *apps = device_managed(c->d, "apps", false);

	if (bundle == NULL || json_object_del(apps, bundle) != 0)
		device_command_refuse(c, DEVICE_ERROR_APP, "%s is no managed app", bundle != NULL ? bundle : "nothing");
}

/* States that are told once. */
static bool
is_once(const char *status)
{
	static const char *const once[] = { "UserInstalledApp", "UserRejected", "UpdateRejected", "ManagementRejected",
		"Failed" };

	for (size_t i = 0; i < sizeof once / sizeof *once; i++)
		if (strcmp(once[i], status) == 0)
			return true;
	return false;
}

static bool
is_asked_for(struct device_command *c, const char *bundle)
{
	plist_t list = plist_array(c->request, "Identifiers");
	uint32_t n = list != NULL ? plist_array_get_size(list) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(list, i);

		if (plist_get_node_type(item) == PLIST_STRING && plist_string_val_compare(item, bundle) == 0)
			return true;
	}
	return list == NULL;
}

void
device_on_managed_application_list(struct device_command *c)
{
	plist_t list = plist_new_dict();
	json_t *apps = device_managed(c->d, "apps", false), *app;
	const char *bundle;
	void *next;

	json_object_foreach_safe(apps, next, bundle, app)
	{
		plist_t item;

		if (!is_asked_for(c, bundle))
			continue;
		item = plist_new_dict();
		plist_put_text(item, "Status", json_get_text(app, "Status"));
		plist_put_int(item, "ManagementFlags", json_get_int(app, "ManagementFlags", 0));
		plist_put_flag(item, "HasConfiguration", json_object_get(app, "Configuration") != NULL);
		plist_put_flag(item, "HasFeedback", false);
		plist_put_flag(item, "IsValidated", true);
		plist_put(list, bundle, item);
		if (is_once(json_get_text(app, "Status")))
			json_object_del(apps, bundle);
	}
	plist_put(c->answer, "ManagedApplicationList", list);
}

static void
add(struct device_command *c, plist_t list, const char *bundle, const char *name, const char *version)
{
	plist_t item;

	if (!is_asked_for(c, bundle))
		return;
	item = plist_new_dict();
	plist_put_text(item, "Identifier", bundle);
	plist_put_text(item, "Name", name);
	plist_put_text(item, "ShortVersion", version);
	plist_put_text(item, "Version", version);
	plist_array_append_item(list, item);
}

/* Under User Enrollment only apps that a command manages are told; a device enrollment sees all of them, unless it
 * asks for managed ones only. */
void
device_on_installed_application_list(struct device_command *c)
{
	bool all = !c->rules.byod && !plist_flag(c->request, "ManagedAppsOnly", false);
	json_t *apps = device_managed(c->d, "apps", false), *app;
	const char *const *own = c->d->self.personal_apps;
	plist_t list = plist_new_array();
	const char *bundle;

	json_object_foreach(apps, bundle, app)
	{
		if (strcmp(json_get_text(app, "Status"), "Managed") == 0)
			add(c, list, bundle, json_get_text(app, "name"), json_get_text(app, "version"));
	}
	for (; all && own != NULL && *own != NULL; own++) {
		bundle = arena_strndup(c->a, *own, strcspn(*own, "="));
		add(c, list, bundle, bundle, "1.0");
	}
	plist_put(c->answer, "InstalledApplicationList", list);
}

bool
device_app_setting(struct device_command *c, plist_t item, const char *name)
{
	const char *bundle = plist_text(c->a, item, "Identifier");

	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		if (strcmp(told[i].item, name) == 0)
			return bundle != NULL &&
			       device_app_configure(c->d, c->a, bundle, told[i].key, plist_dict(item, told[i].key));
	return true;
}

void
device_on_app_told(struct device_command *c)
{
	json_t *apps = device_managed(c->d, "apps", false), *app;
	plist_t list = plist_new_array();
	const char *bundle;
	size_t i = 0;

	while (strcmp(told[i].command, c->type) != 0)
		i++;
	json_object_foreach(apps, bundle, app)
	{
		plist_t item, kept = device_app_configured(c->d, c->a, bundle, told[i].key);

		if (!is_asked_for(c, bundle))
			continue;
		item = plist_new_dict();
		plist_put_text(item, "Identifier", bundle);
		if (kept != NULL)
			plist_put(item, told[i].key, plist_copy(kept));
		plist_array_append_item(list, item);
	}
	plist_put(c->answer, told[i].answer, list);
}

/* There is nothing of these here. */
void
device_on_empty_list(struct device_command *c)
{
	static const struct {
		const char *type, *key;
	} lists[] = {
		{ "ProvisioningProfileList", "ProvisioningProfileList" },
		{ "ManagedApplicationFeedback", "ManagedApplicationFeedback" },
		{ "ManagedMediaList", "Books" },
	};

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
		if (strcmp(lists[i].type, c->type) == 0)
			plist_put(c->answer, lists[i].key, plist_new_array());
}
