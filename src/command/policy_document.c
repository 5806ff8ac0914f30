/* Files that an administrator has: profiles, commands, declarations. */
#include <string.h>

#include "command/policy_rows.h"
#include "command/policy_walk.h"
#include "crypto/cms.h"
#include "fmt/json.h"
#include "fmt/plist.h"

#define IDENTIFIER_MAX 64 /* octets (protocol 14) */

/* ---- profiles ---- */

enum rc
policy_profile_open(struct arena *a, struct bytes file, plist_t *out, struct err *err)
{
	struct cms_signed message;

	*out = NULL;
	if (file.n > 0 && file.p[0] == 0x30) {
		if (cms_verify(a, file, (struct bytes){ 0 }, &message, err) != RC_OK)
			return fail_in(err, RC_BAD_INPUT, "the profile's signature");
		file = message.content;
	}
	if (plist_parse(a, file, out, err) != RC_OK)
		return fail_in(err, RC_BAD_INPUT, "the profile");
	if (!plist_has(*out, "PayloadContent") && !plist_has(*out, "EncryptedPayloadContent"))
		return fail(err, RC_BAD_INPUT, "a configuration profile has a PayloadContent");
	return RC_OK;
}

/* What every payload has is looked after apart. */
static bool
is_common(struct policy_walk *w, const char *name)
{
	(void)w;
	return policy_key_row(policy_row(POLICY_PAYLOAD, "CommonPayloadKeys"), POLICY_REQUEST, name) != NULL;
}

static bool
is_not_common(struct policy_walk *w, const char *name)
{
	return !is_common(w, name);
}

static struct policy_walk
payload_walk(struct arena *a, const struct policy_target *t, const char *type, struct policy_report *report)
{
	return (struct policy_walk){ .a = a,
		.t = t,
		.m = policy_row(POLICY_PAYLOAD, type),
		.table = "profiles",
		.keys_table = "profile keys",
		.open = true,
		.report = report };
}

static void
walk_payload(struct policy_walk *top, plist_t payload, uint32_t number)
{
	const char *type =
	    plist_get_node_type(payload) == PLIST_DICT ? plist_text(top->a, payload, "PayloadType") : NULL;
	struct policy_walk w = payload_walk(top->a, top->t, type != NULL ? type : "", top->report), common;

	if (type == NULL) {
		policy_found(top, RC_BAD_INPUT, "PayloadContent", "payload %u has no PayloadType", number);
	} else if (w.m == NULL && top->t->os == APPLE_MACOS && top->t->mode == POLICY_ADDE) {
		/* A preference domain of an app's own. */
		policy_noted(top, type, "the payload %s is not in Apple's schema: not checked", type);
	} else if (w.m == NULL) {
		policy_found(top, RC_BAD_INPUT, type, "the payload %s is not in Apple's schema", type);
	} else if (policy_walk_alone(&w)) {
		common = payload_walk(top->a, top->t, "CommonPayloadKeys", top->report);
		common.skip = is_not_common;
		policy_walk_keys(&common, payload);
		w.skip = is_common;
		policy_walk_keys(&w, payload);
	}
}

void
policy_walk_profile(struct arena *a, const struct policy_target *t, plist_t profile, struct policy_report *report)
{
	struct policy_walk w = payload_walk(a, t, "TopLevel", report);
	plist_t content = plist_array(profile, "PayloadContent");
	uint32_t n = content != NULL ? plist_array_get_size(content) : 0;

	if (plist_has(profile, "EncryptedPayloadContent")) {
		policy_noted(&w, "EncryptedPayloadContent", "the profile is encrypted: what is in it can't be checked");
		return;
	}
	policy_walk_keys(&w, profile);
	for (uint32_t i = 0; i < n; i++)
		walk_payload(&w, plist_array_get_item(content, i), i + 1);
}

/* ---- declarations ---- */

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
		json_object_foreach((json_t *)value, name, item) plist_dict_set_item(tree, name, tree_of(item));
		return tree;
	case JSON_ARRAY:
		tree = plist_new_array();
		json_array_foreach(value, i, item) plist_array_append_item(tree, tree_of(item));
		return tree;
	case JSON_STRING:
		return plist_new_string(json_string_value(value));
	case JSON_INTEGER:
		return plist_new_uint((uint64_t)json_integer_value(value));
	case JSON_REAL:
		return plist_new_real(json_real_value(value));
	case JSON_TRUE:
	case JSON_FALSE:
		return plist_new_bool(json_is_true(value));
	default:
		return plist_new_data("", 0); /* null: of no type that the schema asks for */
	}
}

/* What a subscription asks for is held to the rules of status items. */
static void
walk_subscription(struct policy_walk *w, plist_t payload)
{
	plist_t items = plist_array(payload, "StatusItems");
	uint32_t n = items != NULL ? plist_array_get_size(items) : 0;

	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_array_get_item(items, i);
		const char *name = plist_get_node_type(item) == PLIST_DICT ? plist_text(w->a, item, "Name") : NULL;
		struct policy_thing what = { .kind = POLICY_STATUS_ITEM, .name = name };

		if (name == NULL) /* said already */
			continue;
		if (policy_row(what.kind, name) == NULL)
			policy_found(
			    w, RC_BAD_INPUT, "StatusItems.[].Name", "Apple's schema has no status item %s", name);
		else if (policy_verdict(w->a, w->t, &what, &w->err) == APPLE_FORBIDDEN)
			policy_found(w, RC_FORBIDDEN, "StatusItems.[].Name", "%s", w->err.text);
	}
}

static void
check_identifier(struct policy_walk *w, const json_t *root, const char *key, bool required)
{
	const char *text = json_get_text(root, key);

	if (text == NULL ? required || json_object_get(root, key) != NULL : text[0] == '\0')
		policy_found(w, RC_BAD_INPUT, key, "%s is missing, or no text", key);
	else if (text != NULL && strlen(text) > IDENTIFIER_MAX)
		policy_found(w, RC_BAD_INPUT, key, "%s is longer than %d octets", key, IDENTIFIER_MAX);
}

static enum rc
check_declaration(
    struct arena *a, const struct policy_target *t, const json_t *root, struct policy_report *report, struct err *err)
{
	const json_t *payload = json_object_get(root, "Payload");
	struct policy_walk w = {
		.a = a, .t = t, .table = "declarations", .keys_table = "declaration keys", .report = report
	};
	plist_t tree;

	report->kind = "declaration";
	if ((report->name = json_get_text(root, "Type")) == NULL)
		return fail(err, RC_BAD_INPUT, "the JSON has no Type, so it is no declaration");
	if (!json_is_object(payload))
		return fail(err, RC_BAD_INPUT, "the declaration has no Payload");
	if ((w.m = policy_row(POLICY_DECLARATION, report->name)) == NULL) {
		policy_found(&w, RC_BAD_INPUT, "", "\"%s\" is not a declaration of Apple's schema", report->name);
		return RC_OK;
	}
	check_identifier(&w, root, "Identifier", true);
	check_identifier(&w, root, "ServerToken", false); /* the server makes it */
	if (!policy_walk_alone(&w))
		return RC_OK;
	tree = plist_keep(a, tree_of(payload));
	policy_walk_keys(&w, tree);
	if (strcmp(report->name, "com.apple.configuration.management.status-subscriptions") == 0)
		walk_subscription(&w, tree);
	return RC_OK;
}

/* ---- any of them ---- */

static enum rc
check_property_list(
    struct arena *a, const struct policy_target *t, plist_t root, struct policy_report *report, struct err *err)
{
	plist_t command = plist_dict(root, "Command");

	if (command == NULL && plist_has(root, "RequestType"))
		command = root;
	if (command == NULL)
		return fail(
		    err, RC_BAD_INPUT, "it is neither a profile nor a command: no PayloadContent, no RequestType");
	report->kind = "command";
	if ((report->name = plist_text(a, command, "RequestType")) == NULL)
		return fail(err, RC_BAD_INPUT, "the command has no RequestType");
	if (policy_walk_command(a, t, report->name, command, report, err) != RC_OK)
		policy_found(&(struct policy_walk){ .a = a, .report = report }, RC_NOT_FOUND, "", "%s", err->text);
	return RC_OK;
}

enum rc
policy_document_check(
    struct arena *a, const struct policy_target *t, struct bytes file, struct policy_report *out, struct err *err)
{
	size_t at = 0;
	json_t *json;
	plist_t root;

	policy_report_init(out);
	while (at < file.n && strchr(" \t\r\n", file.p[at]) != NULL && file.p[at] != '\0')
		at++;
	if (at < file.n && file.p[at] == '{') {
		if (json_parse(a, file, &json, err) != RC_OK)
			return fail_in(err, RC_BAD_INPUT, "the declaration");
		return check_declaration(a, t, json, out, err);
	}
	if (file.n == 0 || file.p[0] != 0x30) {
		if (plist_parse(a, file, &root, err) != RC_OK)
			return fail_in(err, RC_BAD_INPUT, "neither a property list nor JSON");
		if (!plist_has(root, "PayloadContent") && !plist_has(root, "EncryptedPayloadContent"))
			return check_property_list(a, t, root, out, err);
	}
	if (policy_profile_open(a, file, &root, err) != RC_OK)
		return RC_BAD_INPUT;
	out->kind = "profile";
	out->name = plist_text(a, root, "PayloadIdentifier");
	policy_walk_profile(a, t, root, out);
	return RC_OK;
}
