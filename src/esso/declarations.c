/* The declarations of a document: one activation, the app, its profiles, and the assets they need. */
#include <string.h>

#include "esso/check.h"
#include "fmt/base64.h"

#define IDENTIFIER_MAX 64 /* octets (protocol 14) */
#define ACTIVATION "com.apple.activation.simple"
#define APP "com.apple.configuration.app.managed"
#define LEGACY "com.apple.configuration.legacy"
#define CONFIGURATION "com.apple.configuration."
#define ASSET "com.apple.asset."

struct declarations {
	struct esso_checking *k;
	size_t n;
	json_t **item; /* objects with Type, Identifier and Payload */
};

static const char *
type_of(const json_t *declaration)
{
	return json_get_text(declaration, "Type");
}

static const char *
id_of(const json_t *declaration)
{
	return json_get_text(declaration, "Identifier");
}

static bool
is(const json_t *declaration, const char *type)
{
	return strcmp(type_of(declaration), type) == 0;
}

static bool
begins(const json_t *declaration, const char *prefix)
{
	return strncmp(type_of(declaration), prefix, strlen(prefix)) == 0;
}

static const json_t *
find(const struct declarations *d, const char *identifier)
{
	for (size_t i = 0; i < d->n; i++) {
		if (strcmp(id_of(d->item[i]), identifier) == 0)
			return d->item[i];
	}
	return NULL;
}

/* ---- each by itself ---- */

static void
read_one(struct declarations *d, size_t number, const json_t *value)
{
	const char *text = json_string_value(value);
	struct bytes document = { NULL, 0 };
	struct err e = { 0 };
	json_t *root;

	if (text != NULL)
		document = base64_decode(d->k->a, bytes_str(text), false);
	if (document.n == 0)
		esso_found(d->k, ESSO_RULE_DECLARATION_FORM, "number %zu is no base64", number);
	else if (json_parse(d->k->a, document, &root, &e) != RC_OK)
		esso_found(d->k, ESSO_RULE_DECLARATION_FORM, "number %zu: %s", number, e.text);
	else if (type_of(root) == NULL || id_of(root) == NULL || !json_is_object(json_object_get(root, "Payload")))
		esso_found(d->k, ESSO_RULE_DECLARATION_FORM, "number %zu lacks one of them", number);
	else if (id_of(root)[0] == '\0' || strlen(id_of(root)) > IDENTIFIER_MAX)
		esso_found(
		    d->k, ESSO_RULE_DECLARATION_ID, "that of number %zu has %zu octets", number, strlen(id_of(root)));
	else if (find(d, id_of(root)) != NULL)
		esso_found(d->k, ESSO_RULE_DECLARATION_ID, "%s comes twice", id_of(root));
	else {
		if (!is(root, ACTIVATION) && !is(root, APP) && !is(root, LEGACY) && !begins(root, ASSET))
			esso_found(d->k, ESSO_RULE_DECLARATION_TYPE, "%.100s", type_of(root));
		d->item[d->n++] = root;
	}
}

/* ---- all together ---- */

/* How often. */
static int
lists(const json_t *list, const char *text)
{
	const json_t *item;
	size_t i;
	int n = 0;

	json_array_foreach(list, i, item)
	{
		n += json_string_value(item) != NULL && strcmp(json_string_value(item), text) == 0;
	}
	return n;
}

static void
check_named(struct declarations *d, const json_t *activation)
{
	const json_t *names = json_object_get(json_object_get(activation, "Payload"), "StandardConfigurations");
	const json_t *item;
	size_t i;

	for (i = 0; i < d->n; i++) {
		int n = begins(d->item[i], CONFIGURATION) ? lists(names, id_of(d->item[i])) : 1;

		if (n != 1)
			esso_found(d->k, ESSO_RULE_ACTIVATION, "it %s %s", n == 0 ? "does not name" : "names twice",
			    id_of(d->item[i]));
	}
	json_array_foreach(names, i, item)
	{
		const char *name = json_string_value(item);
		const json_t *named = name != NULL ? find(d, name) : NULL;

		if (named == NULL || !begins(named, CONFIGURATION))
			esso_found(d->k, ESSO_RULE_ACTIVATION, "it names %.64s, which is no configuration here",
			    name != NULL ? name : "what is no text");
	}
}

static void
check_activation(struct declarations *d)
{
	const json_t *first = NULL;
	int n = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (is(d->item[i], ACTIVATION) && n++ == 0)
			first = d->item[i];
	}
	if (n != 1)
		esso_found(d->k, ESSO_RULE_ACTIVATION, "there are %d", n);
	if (first != NULL)
		check_named(d, first);
}

/* How many apps have this value. */
static int
apps_with(const struct declarations *d, const char *key, const char *value)
{
	int n = 0;

	for (size_t i = 0; i < d->n; i++) {
		const char *have = json_get_text(json_object_get(d->item[i], "Payload"), key);

		n += is(d->item[i], APP) && have != NULL && value != NULL && strcmp(have, value) == 0;
	}
	return n;
}

static void
check_app(struct declarations *d)
{
	const json_t *ids = json_object_get(d->k->root, "AppIDs"), *item;
	const char *store = arena_printf(d->k->a, "%lld", (long long)json_get_int(d->k->root, "iTunesStoreID", 0));
	size_t apps = 0, i;

	for (i = 0; i < d->n; i++)
		apps += is(d->item[i], APP);
	if (d->k->kind == ESSO_STANDARD) {
		if (apps != 1 || apps_with(d, "AppStoreID", store) != 1)
			esso_found(d->k, ESSO_RULE_APP, "there are %zu, of which %d with AppStoreID \"%s\"", apps,
			    apps_with(d, "AppStoreID", store), store);
		return;
	}
	json_array_foreach(ids, i, item)
	{
		const char *id = json_string_value(item), *dot = id != NULL ? strchr(id, '.') : NULL;

		if (dot != NULL && apps_with(d, "BundleID", dot + 1) != 1)
			esso_found(d->k, ESSO_RULE_APP, "there are %d with BundleID \"%.100s\"",
			    apps_with(d, "BundleID", dot + 1), dot + 1);
	}
	if (apps != json_array_size(ids))
		esso_found(d->k, ESSO_RULE_APP, "there are %zu for %zu AppIDs", apps, json_array_size(ids));
}

static void
check_legacy(struct declarations *d)
{
	int n = 0;

	for (size_t i = 0; i < d->n; i++) {
		const char *url;

		if (!is(d->item[i], LEGACY))
			continue;
		n++;
		url = json_get_text(json_object_get(d->item[i], "Payload"), "ProfileURL");
		if (url == NULL || strncmp(url, "https://", 8) != 0)
			esso_found(d->k, ESSO_RULE_LEGACY, "%s: %.100s", id_of(d->item[i]),
			    url != NULL ? url : "it has no ProfileURL");
	}
	if (n == 0)
		esso_found(d->k, ESSO_RULE_LEGACY, "there is none");
}

/* Apple's keys that refer to an asset end in AssetReference; some hold a list of them. */
static bool
refers(const char *key)
{
	size_t n = strlen(key), s = strlen("AssetReference");

	if (n > 0 && key[n - 1] == 's')
		n--;
	return n >= s && strncmp(key + n - s, "AssetReference", s) == 0;
}

static void check_references(struct declarations *d, const char *from, const json_t *value, bool reference);

static void
check_reference(struct declarations *d, const char *from, const char *to)
{
	const json_t *named = find(d, to);

	if (named == NULL || !begins(named, ASSET))
		esso_found(d->k, ESSO_RULE_ASSET, "%s refers to %.64s", from, to);
}

static void
check_references(struct declarations *d, const char *from, const json_t *value, bool reference)
{
	const json_t *item;
	const char *key;
	size_t i;

	if (reference && json_is_string(value))
		check_reference(d, from, json_string_value(value));
	json_object_foreach((json_t *)(uintptr_t)value, key, item)
	{
		check_references(d, from, item, refers(key));
	}
	json_array_foreach(value, i, item)
	{
		check_references(d, from, item, reference);
	}
}

void
esso_check_declarations(struct esso_checking *k, const json_t *value)
{
	struct declarations d = { .k = k };
	const json_t *item;
	size_t i;

	if (json_array_size(value) == 0) {
		esso_found(k, ESSO_RULE_DECLARATION_FORM, json_is_array(value) ? "the list is empty" : "it is no list");
		return;
	}
	d.item = arena_array(k->a, json_array_size(value), sizeof *d.item);
	json_array_foreach(value, i, item)
	{
		read_one(&d, i + 1, item);
	}
	check_activation(&d);
	check_app(&d);
	check_legacy(&d);
	for (i = 0; i < d.n; i++)
		check_references(&d, id_of(d.item[i]), json_object_get(d.item[i], "Payload"), false);
}
