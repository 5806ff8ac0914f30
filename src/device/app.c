#include "device/app.h"

#include <stdlib.h>
#include <string.h>

#include "device/ddm.h"
#include "base/disk.h"
#include "fmt/json.h"

/* ---- the store ---- */

/* adamId is a text in Apple's own answers, and a number in the eyes of people. */
static int64_t
number_of(const json_t *entry)
{
	const char *text = json_get_text(entry, "adamId");

	return text != NULL ? strtoll(text, NULL, 10) : json_get_int(entry, "adamId", 0);
}

static enum rc
store_entry(struct device *d, struct arena *a, int64_t store, const char *bundle, const json_t **entry)
{
	const char *path = d->self.store_file, *slash = path != NULL ? strrchr(path, '/') : NULL;
	json_t *list, *item;
	struct bytes text;
	enum rc rc;
	size_t i;

	*entry = NULL;
	if (path == NULL)
		return RC_OK;
	rc = slash != NULL ? disk_read(a, arena_strndup(a, path, (size_t)(slash - path)), slash + 1, &text, &d->err)
			   : disk_read(a, ".", path, &text, &d->err);
	if (rc != RC_OK || json_parse(a, text, &list, &d->err) != RC_OK || !json_is_array(list))
		return fail(&d->err, RC_BAD_INPUT, "%s is no list of apps", path);
	json_array_foreach(list, i, item)
	{
		const char *its = json_get_text(item, "bundleId");

		if (its != NULL && (store > 0 ? number_of(item) == store : strcmp(its, bundle) == 0))
			*entry = item;
	}
	return RC_OK;
}

/* Without a number or identifier the manifest would tell; here its file's name stands for what it holds. */
static const char *
bundle_of_manifest(struct arena *a, const char *manifest)
{
	const char *name = strrchr(manifest, '/');

	name = name != NULL ? name + 1 : manifest;
	return arena_printf(a, "com.example.%.*s", (int)strcspn(name, ".?"), name);
}

enum rc
device_app_find(
    struct device *d, struct arena *a, int64_t store, const char *bundle, const char *manifest, struct device_app *out)
{
	const json_t *entry = NULL;
	const char *text;
	enum rc rc;

	*out = (struct device_app){ .bundle = bundle, .version = "1.0", .store = store };
	if (store <= 0 && bundle == NULL && manifest == NULL)
		return fail(&d->err, RC_BAD_INPUT, "nothing names an app");
	if ((store > 0 || bundle != NULL) && (rc = store_entry(d, a, store, bundle, &entry)) != RC_OK)
		return rc;
	if (store > 0 && entry == NULL && d->self.store_file != NULL)
		return fail(&d->err, RC_NOT_FOUND, "the App Store has no app %lld", (long long)store);
	if (entry != NULL) {
		out->bundle = arena_strdup(a, json_get_text(entry, "bundleId"));
		out->store = number_of(entry);
		out->name = (text = json_get_text(entry, "name")) != NULL ? arena_strdup(a, text) : out->bundle;
		out->version = (text = json_get_text(entry, "version")) != NULL ? arena_strdup(a, text) : "1.0";
	} else if (store > 0) {
		out->bundle = arena_printf(a, "app.%lld", (long long)store);
	} else if (bundle == NULL) {
		out->bundle = bundle_of_manifest(a, manifest);
	}
	if (out->name == NULL)
		out->name = out->bundle;
	return RC_OK;
}

/* ---- the person ---- */

static bool
has(const char *const *list, const char *bundle)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, bundle) == 0)
			return true;
	return false;
}

/* Kept as BUNDLE or BUNDLE=NUMBER. */
bool
device_app_is_personal(const struct device *d, const struct device_app *app)
{
	const char *const *list = d->self.personal_apps;

	for (; list != NULL && *list != NULL; list++) {
		size_t n = strcspn(*list, "=");

		if ((strlen(app->bundle) == n && memcmp(*list, app->bundle, n) == 0) ||
		    (app->store > 0 && (*list)[n] == '=' && strtoll(*list + n + 1, NULL, 10) == app->store))
			return true;
	}
	return false;
}

enum rc
device_app_person(struct device *d)
{
	const char *const *p;

	if (d->removed_apps == NULL && d->installed_apps == NULL)
		return RC_OK;

	for (p = d->removed_apps; p != NULL && *p != NULL; p++) {
		json_t *app = json_object_get(device_managed(d, "apps", false), *p);
		json_t *declared = json_object_get(device_managed(d, "declared-apps", false), *p);

		json_object_set_new(app, "Status", json_string("ManagedButUninstalled"));
		json_object_set_new(declared, "state", json_string("managed-but-uninstalled"));
		story_step(&d->story, "app-removed", "The person removes the app %s", *p);
	}
	for (p = d->installed_apps; p != NULL && *p != NULL; p++)
		json_object_set_new(
		    json_object_get(device_managed(d, "apps", false), *p), "Status", json_string("Managed"));
	return device_save_enrollment(d);
}

enum device_app_outcome
device_app_try(struct device *d, const struct device_app *app, bool managed)
{
	bool refused = has(d->refused_apps, app->bundle);

	if (managed)
		return DEVICE_APP_INSTALLED;
	if (device_app_is_personal(d, app))
		return DEVICE_APP_PERSONAL;
	if (app->store > 0 && has(d->unlicensed_apps, app->bundle))
		return DEVICE_APP_UNLICENSED;
	if (app->store > 0 && app->store == d->profile.required_app)
		return DEVICE_APP_INSTALLED;
	story_step(
	    &d->story, "app-prompt", "The person is asked about the app %s: %s", app->bundle, refused ? "no" : "yes");
	return refused ? DEVICE_APP_REFUSED : DEVICE_APP_INSTALLED;
}

/* ---- by command ---- */

void
device_app_manage(struct device *d, const struct device_app *app, const char *status, int64_t flags)
{
	json_object_set_new(device_managed(d, "apps", false), app->bundle,
	    json_pack("{s:s, s:I, s:s, s:s}", "Status", status, "ManagementFlags", (json_int_t)flags, "name", app->name,
		"version", app->version));
}

bool
device_app_is_managed(struct device *d, const char *bundle)
{
	const char *status = json_get_text(json_object_get(device_managed(d, "apps", false), bundle), "Status");

	return status != NULL && strcmp(status, "Managed") == 0;
}

bool
device_app_configure(struct device *d, struct arena *a, const char *bundle, const char *key, plist_t value)
{
	json_t *app = json_object_get(device_managed(d, "apps", false), bundle);
	struct bytes text;

	if (app == NULL)
		return false;
	if (value == NULL) {
		json_object_del(app, key);
		return true;
	}
	text = plist_xml(a, value);
	json_object_set_new(app, key, json_stringn((const char *)text.p, text.n));
	return true;
}

plist_t
device_app_configured(struct device *d, struct arena *a, const char *bundle, const char *key)
{
	const char *text = json_get_text(json_object_get(device_managed(d, "apps", false), bundle), key);
	plist_t root;

	if (text == NULL || plist_parse(a, bytes_str(text), &root, &d->err) != RC_OK)
		return NULL;
	return root;
}

/* ---- by declaration ---- */

bool
device_app_is_declared(struct device *d, const char *bundle)
{
	return json_object_get(device_managed(d, "declared-apps", false), bundle) != NULL;
}

static void
fare(struct device *d, const char *identifier, const struct device_app *app, const char *state, json_t *reason)
{
	json_t *entry = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "identifier", app->bundle, "declaration-identifier",
	    identifier, "name", app->name, "version", app->version, "short-version", app->version, "state", state);

	if (reason != NULL)
		json_object_set_new(entry, "reasons", json_pack("[o]", reason));
	json_object_set_new(device_managed(d, "declared-apps", false), app->bundle, entry);
	story_step(&d->story, "app-declared", "The app %s is %s", app->bundle, state);
}

static void
declare(struct device *d, const char *identifier, const struct device_app *app, bool required)
{
	bool managed = device_app_is_managed(d, app->bundle); /* by command: taken over, and nobody is asked */
	const char *failed = "failed";

	json_object_del(device_managed(d, "apps", false), app->bundle);
	if (!required && !managed) {
		fare(d, identifier, app, "optional", NULL);
		return;
	}
	switch (device_app_try(d, app, managed)) {
	case DEVICE_APP_INSTALLED:
		fare(d, identifier, app, "managed", NULL);
		break;
	case DEVICE_APP_PERSONAL:
		fare(d, identifier, app, failed,
		    device_ddm_reason("Error.UnmanagedAppAlreadyInstalled", NULL, "the person has this app already"));
		break;
	case DEVICE_APP_REFUSED:
		fare(d, identifier, app, failed,
		    device_ddm_reason("Error.UserRejected", NULL, "the person refused the app"));
		break;
	case DEVICE_APP_UNLICENSED:
		fare(d, identifier, app, failed,
		    device_ddm_reason("Error.LicenseNotFound", NULL, "no licence was found"));
		break;
	}
}

/* Is this declaration's app as it will stay? One that waits for a licence, or for the person to remove their own, is
 * tried again; a person who refused is asked again only about another declaration. */
static bool
is_settled(const json_t *entry)
{
	const char *code = json_get_text(json_array_get(json_object_get(entry, "reasons"), 0), "code");

	return code == NULL || strcmp(code, "Error.UserRejected") == 0;
}

json_t *
device_app_declare(
    struct device *d, struct arena *a, const char *identifier, const json_t *payload, const char **bundle)
{
	const char *store = json_get_text(payload, "AppStoreID");
	const char *install = json_get_text(json_object_get(payload, "InstallBehavior"), "Install");
	/* The app of Enrollment SSO is needed before there is an enrollment, whatever its declaration says. */
	bool required = d->self.phase == DEVICE_ENROLLING || (install != NULL && strcmp(install, "Required") == 0);
	const json_t *entry;
	struct device_app app;
	const char *owner, *state;

	switch (device_app_find(d, a, store != NULL ? strtoll(store, NULL, 10) : 0, json_get_text(payload, "BundleID"),
	    json_get_text(payload, "ManifestURL"), &app)) {
	case RC_OK:
		break;
	case RC_NOT_FOUND:
		return device_ddm_reason("Error.InvalidAppID", NULL, "%s", d->err.text);
	default:
		return device_ddm_reason("Error.ConfigurationIsInvalid", NULL, "%s", d->err.text);
	}
	entry = json_object_get(device_managed(d, "declared-apps", false), app.bundle);
	owner = json_get_text(entry, "declaration-identifier");
	if (owner != NULL && strcmp(owner, identifier) != 0)
		return device_ddm_reason("Error.DuplicateConfiguredApp", NULL, "%s declares this app too", owner);
	*bundle = app.bundle;
	state = json_get_text(entry, "state");
	if (state == NULL || !is_settled(entry) || (required && strcmp(state, "optional") == 0))
		declare(d, identifier, &app, required);
	else if (strcmp(state, "managed") != 0 && has(d->installed_apps, app.bundle))
		fare(d, identifier, &app, "managed", NULL);
	else if (!required && strcmp(state, "managed-but-uninstalled") == 0)
		fare(d, identifier, &app, "optional", NULL);
	return NULL;
}

void
device_app_undeclare(struct device *d, const char *identifier, const char *bundle)
{
	json_t *apps = device_managed(d, "declared-apps", false);
	const char *owner = json_get_text(json_object_get(apps, bundle), "declaration-identifier");

	if (owner != NULL && strcmp(owner, identifier) == 0)
		json_object_del(apps, bundle);
}
