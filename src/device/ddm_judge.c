/* Which declarations are good, and which take effect: by Apple's tables, and by what refers to what. Reason codes are
 * those of Apple's page DeclarationBase. Pure. */
#include <string.h>

#include "device/ddm.h"
#include "device/tables.h"
#include "fmt/json.h"

#define ACTIVATION "com.apple.activation.simple"
#define ASSET_REFERENCE "AssetReference" /* so end the keys that name an asset */

static const char *
type_of(const json_t *declaration)
{
	return json_get_text(json_object_get(declaration, "document"), "Type");
}

static const json_t *
payload_of(const json_t *declaration)
{
	return json_object_get(json_object_get(declaration, "document"), "Payload");
}

static bool
is_kind(const json_t *declaration, const char *kind)
{
	return strcmp(json_get_text(declaration, "kind"), kind) == 0;
}

bool
device_ddm_is_active(const json_t *declaration)
{
	return json_is_true(json_object_get(json_object_get(declaration, "status"), "active"));
}

static void
add_reason(json_t *declaration, json_t *reason)
{
	json_t *status = json_object_get(declaration, "status"), *reasons = json_object_get(status, "reasons");

	if (reasons == NULL) {
		reasons = json_array();
		json_object_set_new(status, "reasons", reasons);
	}
	json_array_append_new(reasons, reason);
}

static bool
is_invalid(const json_t *declaration)
{
	return strcmp(json_get_text(json_object_get(declaration, "status"), "valid"), "invalid") == 0;
}

void
device_ddm_fail(json_t *declaration, bool invalid, json_t *reason)
{
	json_t *status = json_object_get(declaration, "status");

	json_object_set_new(status, "active", json_false());
	json_object_set_new(status, "valid", json_string(invalid || is_invalid(declaration) ? "invalid" : "unknown"));
	add_reason(declaration, reason);
}

/* ---- each by itself ---- */

struct checked {
	struct device_ddm *m;
	json_t *declaration;
	const char *type;
};

static bool
has_type(const json_t *value, struct table_cell type)
{
	return cell_is(type, "string")       ? json_is_string(value)
	       : cell_is(type, "integer")    ? json_is_integer(value)
	       : cell_is(type, "real")       ? json_is_number(value)
	       : cell_is(type, "boolean")    ? json_is_boolean(value)
	       : cell_is(type, "array")      ? json_is_array(value)
	       : cell_is(type, "dictionary") ? json_is_object(value)
					     : true;
}

/* Is `path` that of a key directly in the dictionary at `prefix`? Then the key. */
static const char *
key_in(struct arena *a, struct table_cell path, const char *prefix)
{
	size_t n = strlen(prefix);

	if (path.n <= n || memcmp(path.p, prefix, n) != 0 || memchr(path.p + n, '.', path.n - n) != NULL)
		return NULL;
	return arena_strndup(a, path.p + n, path.n - n);
}

/* What the tables want to be there, and of which type what is there must be. */
static void
check_wanted(struct checked *c, const char *prefix, const json_t *dict)
{
	struct device_ddm *m = c->m;
	struct table_row r = { 0 };

	while (table_next(embed_declaration_keys, c->type, &r)) {
		const char *key = key_in(m->a, table_cell(&r, "key_path"), prefix);
		const json_t *value = key != NULL ? json_object_get(dict, key) : NULL;
		const char *path = key != NULL ? arena_printf(m->a, "%s%s", prefix, key) : "";

		if (key == NULL || strncmp(key, "ANY", 3) == 0 ||
		    !device_schema_may(&m->rules, DEVICE_DECLARATION, c->type, path, false))
			continue;
		if (value == NULL && table_is(&r, "presence", "required"))
			device_ddm_fail(c->declaration, true,
			    device_ddm_reason("Error.ConfigurationCannotBeDeserialized", NULL, "%s is missing", path));
		else if (value != NULL && !has_type(value, table_cell(&r, "type")))
			device_ddm_fail(c->declaration, true,
			    device_ddm_reason(
				"Error.ConfigurationCannotBeDeserialized", NULL, "%s has another type", path));
	}
}

static bool
takes_any(struct checked *c, const char *prefix)
{
	struct table_row r = { 0 };

	while (table_next(embed_declaration_keys, c->type, &r)) {
		const char *key = key_in(c->m->a, table_cell(&r, "key_path"), prefix);

		if (key != NULL && strncmp(key, "ANY", 3) == 0)
			return true;
	}
	return false;
}

/* What is there must be in the tables; what this mode or system does not take is passed over, and said. */
static void
check_keys(struct checked *c, const char *prefix, const json_t *dict)
{
	struct device_ddm *m = c->m;
	const json_t *value;
	const char *key;

	check_wanted(c, prefix, dict);
	json_object_foreach((json_t *)dict, key, value)
	{
		const char *path = arena_printf(m->a, "%s%s", prefix, key);

		switch (device_schema_verdict(&m->rules, DEVICE_DECLARATION, c->type, path, false)) {
		case DEVICE_UNKNOWN:
			if (!takes_any(c, prefix))
				device_ddm_fail(c->declaration, true,
				    device_ddm_reason(
					"Error.UnknownPayloadKeys", NULL, "%s is no key of %s", path, c->type));
			break;
		case DEVICE_FORBIDDEN:
		case DEVICE_ABSENT:
			add_reason(c->declaration,
			    device_ddm_reason("Info.UnsupportedSettings", NULL, "%s has no effect here", path));
			break;
		default:
			if (json_is_object(value))
				check_keys(c, arena_printf(m->a, "%s.", path), value);
		}
	}
}

static void
check_alone(struct device_ddm *m, const char *identifier, json_t *declaration)
{
	struct checked c = { m, declaration, type_of(declaration) };
	enum device_verdict v = device_schema_verdict(&m->rules, DEVICE_DECLARATION, c.type, NULL, false);
	const char *kind = device_ddm_kind(c.type);

	/* Assets and configurations wait for what refers to them. */
	json_object_set_new(declaration, "status",
	    json_pack("{s:s, s:s, s:b, s:s}", "identifier", identifier, "server-token",
		json_get_text(declaration, "ServerToken"), "active", 0, "valid", "unknown"));
	if (v == DEVICE_UNKNOWN || kind == NULL || !is_kind(declaration, kind))
		device_ddm_fail(declaration, true,
		    device_ddm_reason("Error.UnknownDeclarationType",
			json_pack("{s:s}", "UnknownDeclarationType", c.type), "%s is no type of declaration here",
			c.type));
	else if (v == DEVICE_FORBIDDEN || v == DEVICE_ABSENT)
		device_ddm_fail(declaration, true,
		    device_ddm_reason(
			"Error.ConfigurationNotSupported", NULL, "%s is not supported in this enrollment", c.type));
	else
		check_keys(&c, "", payload_of(declaration));
}

static void
set_good(json_t *declaration)
{
	json_t *status = json_object_get(declaration, "status");

	json_object_set_new(status, "active", json_true());
	json_object_set_new(status, "valid", json_string("valid"));
}

/* ---- activations ---- */

/* A Predicate is an expression over the device's state. This device knows the two that need none. */
static bool
predicate_holds(json_t *activation)
{
	const char *predicate = json_get_text(payload_of(activation), "Predicate");
	json_t *status = json_object_get(activation, "status");

	if (predicate == NULL || strcmp(predicate, "TRUEPREDICATE") == 0)
		return true;
	if (strcmp(predicate, "FALSEPREDICATE") == 0) {
		json_object_set_new(status, "valid", json_string("valid"));
		add_reason(activation, device_ddm_reason("Info.Predicate", NULL, "the predicate is false"));
	} else {
		device_ddm_fail(activation, false,
		    device_ddm_reason(
			"Error.UnableToEvaluatePredicate", NULL, "this device does not know the predicate"));
	}
	return false;
}

static void
judge_activation(struct device_ddm *m, json_t *activation)
{
	const json_t *declarations = json_object_get(m->kept, "declarations"), *item;
	json_t *missing = json_keep(m->a, json_array());
	size_t i;

	json_array_foreach(json_object_get(payload_of(activation), "StandardConfigurations"), i, item)
	{
		const char *name = json_string_value(item);
		const json_t *found = name != NULL ? json_object_get(declarations, name) : NULL;

		if (found == NULL || !is_kind(found, "configurations"))
			json_array_append(missing, (json_t *)item);
	}
	if (json_array_size(missing) > 0)
		device_ddm_fail(activation, true,
		    device_ddm_reason("Error.MissingConfigurations",
			json_pack("{s:O}", "ConfigurationIdentifiers", missing), "%zu configurations are missing",
			json_array_size(missing)));
	else if (predicate_holds(activation))
		set_good(activation);
}

static bool
names(const json_t *activation, const char *identifier)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(payload_of(activation), "StandardConfigurations"), i, item)
	{
		if (json_is_string(item) && strcmp(json_string_value(item), identifier) == 0)
			return true;
	}
	return false;
}

/* ---- configurations, and the assets that they name ---- */

void
device_ddm_assets(const json_t *value, json_t *into)
{
	const json_t *item;
	const char *key;
	size_t i, n;

	json_array_foreach(value, i, item)
	{
		device_ddm_assets(item, into);
	}
	json_object_foreach((json_t *)value, key, item)
	{
		n = strlen(key);
		if (json_is_string(item) && n >= strlen(ASSET_REFERENCE) &&
		    strcmp(key + n - strlen(ASSET_REFERENCE), ASSET_REFERENCE) == 0)
			json_object_set_new(into, json_string_value(item), json_true());
		else
			device_ddm_assets(item, into);
	}
}

static bool
assets_are_there(struct device_ddm *m, json_t *configuration)
{
	json_t *declarations = json_object_get(m->kept, "declarations");
	json_t *wanted = json_keep(m->a, json_object()), *item, *missing = json_keep(m->a, json_array());
	const char *name;

	device_ddm_assets(payload_of(configuration), wanted);
	json_object_foreach(wanted, name, item)
	{
		const json_t *asset = json_object_get(declarations, name);

		if (asset == NULL || !is_kind(asset, "assets") || is_invalid(asset))
			json_array_append_new(missing, json_string(name));
	}
	if (json_array_size(missing) > 0) {
		device_ddm_fail(configuration, true,
		    device_ddm_reason("Error.MissingAssets", json_pack("{s:O}", "AssetIdentifiers", missing),
			"%zu assets are missing", json_array_size(missing)));
		return false;
	}
	json_object_foreach(wanted, name, item)
	{
		set_good(json_object_get(declarations, name));
	}
	return true;
}

static void
judge_configuration(struct device_ddm *m, const char *identifier, json_t *configuration)
{
	json_t *declarations = json_object_get(m->kept, "declarations"), *other;
	const char *name, *failed = NULL;

	json_object_foreach(declarations, name, other)
	{
		if (!is_kind(other, "activations") || !names(other, identifier))
			continue;
		if (device_ddm_is_active(other)) {
			if (assets_are_there(m, configuration))
				set_good(configuration);
			return;
		}
		failed = name;
	}
	if (failed != NULL)
		device_ddm_fail(configuration, false,
		    device_ddm_reason("Error.ActivationFailed", json_pack("{s:s}", "ActivationIdentifier", failed),
			"its activation is not active"));
	else
		device_ddm_fail(configuration, false,
		    device_ddm_reason("Info.NotReferencedByActivation", NULL, "no activation refers to it"));
}

/* ---- all ---- */

void
device_ddm_judge(struct device_ddm *m)
{
	json_t *declarations = json_object_get(m->kept, "declarations"), *declaration;
	const char *identifier;

	json_object_foreach(declarations, identifier, declaration)
	{
		check_alone(m, identifier, declaration);
	}
	json_object_foreach(declarations, identifier, declaration)
	{
		if (is_invalid(declaration))
			continue;
		if (is_kind(declaration, "activations"))
			judge_activation(m, declaration);
		else if (is_kind(declaration, "management"))
			set_good(declaration);
	}
	json_object_foreach(declarations, identifier, declaration)
	{
		if (is_kind(declaration, "configurations") && !is_invalid(declaration))
			judge_configuration(m, identifier, declaration);
	}
	json_object_foreach(declarations, identifier, declaration)
	{
		if (is_kind(declaration, "assets") && !device_ddm_is_active(declaration) && !is_invalid(declaration))
			add_reason(declaration, device_ddm_reason("Info.NotReferencedByConfiguration", NULL,
						    "no active configuration refers to it"));
	}
}
