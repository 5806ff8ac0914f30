#include "desired/way.h"

#include <stdlib.h>
#include <string.h>

#include "fmt/plist.h"

#define LEGACY "com.apple.configuration.legacy"
#define APP_MANAGED "com.apple.configuration.app.managed"

const char *
desired_type(const struct desired_item *it)
{
	switch (it->kind) {
	case DESIRED_PROFILE:
		return LEGACY;
	case DESIRED_APP:
		return APP_MANAGED;
	default:
		return it->type;
	}
}

/* The content was read before it was kept; an empty object stands for what can't be read any more. */
static json_t *
content(struct arena *a, const struct desired_item *it)
{
	struct err ignored;
	json_t *root;

	if (json_parse(a, it->content, &root, &ignored) == RC_OK && json_is_object(root))
		return root;
	return json_keep(a, json_object());
}

/* ---- by declaration ---- */

static json_t *
app_payload(struct arena *a, const struct desired_item *it, bool optional)
{
	static const char *const from[] = { "AppStoreID", "ManifestURL", "BundleID" };
	json_t *app = content(a, it), *payload = json_object(), *behavior = json_object(), *value;

	for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
		if ((value = json_object_get(app, from[i])) != NULL) {
			json_object_set(payload, from[i], value);
			break;
		}
	}
	json_object_set_new(behavior, "Install", json_string(optional ? "Optional" : "Required"));
	if (json_object_get(payload, "ManifestURL") == NULL)
		json_object_set_new(behavior, "License", json_pack("{s:s}", "Assignment", "User"));
	json_object_set_new(payload, "InstallBehavior", behavior);
	if ((value = json_object_get(app, "Attributes")) != NULL)
		json_object_set(payload, "Attributes", value);
	return payload;
}

json_t *
desired_payload(struct arena *a, const struct desired_item *it, bool optional)
{
	switch (it->kind) {
	case DESIRED_PROFILE:
		return json_object();
	case DESIRED_APP:
		return app_payload(a, it, optional);
	default:
		return json_incref(json_object_get(content(a, it), "Payload"));
	}
}

/* The rule that the document breaks, or NULL. */
static const char *
broken(struct arena *a, const struct policy_target *t, struct bytes document)
{
	struct policy_report report;
	struct err e = { 0 };
	enum rc rc = policy_document_check(a, t, document, &report, &e);

	if (rc == RC_OK)
		rc = policy_report_first(&report, &e);
	return rc == RC_OK ? NULL : arena_strdup(a, e.text);
}

static const char *
declaration_broken(struct arena *a, const struct policy_target *t, const struct desired_item *it)
{
	json_t *root = json_keep(a, json_object()), *payload = desired_payload(a, it, false);

	if (it->kind == DESIRED_PROFILE) /* made for each device; that it is one is all the tables ask */
		json_object_set_new(payload, "ProfileURL", json_string("https://profile.invalid/"));
	json_object_set_new(root, "Type", json_string(desired_type(it)));
	json_object_set_new(root, "Identifier", json_string(it->name));
	if (strlen(it->name) > 64) /* ours, not the declaration's */
		json_object_set_new(root, "Identifier", json_string("postern"));
	json_object_set_new(root, "Payload", payload);
	return broken(a, t, json_text(a, root, 0));
}

/* ---- by command ---- */

static plist_t
tree_of(const json_t *value)
{
	const char *name;
	json_t *item;
	plist_t tree;
	size_t i;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		tree = plist_new_dict();
		json_object_foreach((json_t *)(uintptr_t)value, name, item)
		    plist_dict_set_item(tree, name, tree_of(item));
		return tree;
	case JSON_ARRAY:
		tree = plist_new_array();
		json_array_foreach(value, i, item) plist_array_append_item(tree, tree_of(item));
		return tree;
	case JSON_INTEGER:
		return plist_new_uint((uint64_t)json_integer_value(value));
	case JSON_REAL:
		return plist_new_real(json_real_value(value));
	case JSON_TRUE:
	case JSON_FALSE:
		return plist_new_bool(json_is_true(value));
	default:
		return plist_new_string(json_is_string(value) ? json_string_value(value) : "");
	}
}

/* Licences are the person's (protocol 11). What comes with the enrollment goes with it, whatever ManagementFlags say. */
static void
app_command(struct arena *a, const struct policy_target *t, const struct desired_item *it, plist_t command)
{
	static const struct policy_thing managed = {
		.kind = POLICY_COMMAND, .name = "InstallApplication", .key = "InstallAsManaged", .side = POLICY_REQUEST
	};
	json_t *app = content(a, it), *value;
	struct err ignored;
	const char *number = json_get_text(app, "AppStoreID"), *url = json_get_text(app, "ManifestURL");

	plist_put_text(command, "RequestType", "InstallApplication");
	if (number != NULL)
		plist_put_int(command, "iTunesStoreID", strtoll(number, NULL, 10));
	else if (url != NULL)
		plist_put_text(command, "ManifestURL", url);
	else
		plist_put_text(command, "Identifier", json_get_text(app, "BundleID"));
	if (url == NULL || number != NULL) {
		plist_t options = plist_new_dict();

		plist_put_int(options, "PurchaseMethod", 1);
		plist_put(command, "Options", options);
	}
	if (t->os == APPLE_MACOS && policy_verdict(a, t, &managed, &ignored) != APPLE_FORBIDDEN)
		plist_put_flag(command, managed.key, true);
	if ((value = json_object_get(app, "Configuration")) != NULL)
		plist_put(command, "Configuration", tree_of(value));
	if ((value = json_object_get(app, "Attributes")) != NULL)
		plist_put(command, "Attributes", tree_of(value));
}

plist_t
desired_command(struct arena *a, const struct policy_target *t, const struct desired_item *it)
{
	plist_t command = plist_keep(a, plist_new_dict());

	if (it->kind == DESIRED_APP) {
		app_command(a, t, it, command);
	} else {
		plist_put_text(command, "RequestType", "InstallProfile");
		plist_put_data(command, "Payload", it->content);
	}
	return command;
}

static const char *
command_broken(struct arena *a, const struct policy_target *t, const struct desired_item *it)
{
	plist_t command = desired_command(a, t, it);
	const char *type = plist_text(a, command, "RequestType");
	struct err e = { 0 };

	return policy_command_check(a, t, type, command, &e) == RC_OK ? NULL : arena_strdup(a, e.text);
}

/* ---- which ---- */

enum desired_way
desired_way_of(
    struct arena *a, const struct policy_target *t, const struct desired_item *it, bool declares, const char **why)
{
	const char *declared, *commanded;

	*why = NULL;
	/* The document itself: no way carries what the mode forbids in it. */
	if (it->kind == DESIRED_PROFILE && (*why = broken(a, t, it->content)) != NULL)
		return DESIRED_NOT;
	/* A configuration belongs to InstallApplication; by declaration it would be an asset of its own (AppConfig). */
	if (it->kind == DESIRED_APP && json_object_get(content(a, it), "Configuration") != NULL)
		declares = false;
	if (it->kind == DESIRED_DECLARATION && !declares) {
		*why = arena_printf(a, "the device says that it does not know %s", it->type);
		return DESIRED_NOT;
	}
	if (declares) {
		if ((declared = declaration_broken(a, t, it)) == NULL)
			return DESIRED_BY_DECLARATION;
		*why = declared;
	}
	if (it->kind == DESIRED_DECLARATION)
		return DESIRED_NOT;
	if ((commanded = command_broken(a, t, it)) == NULL) {
		*why = NULL;
		return DESIRED_BY_COMMAND;
	}
	*why = commanded;
	return DESIRED_NOT;
}
