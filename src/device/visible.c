#include "device/visible.h"

#include <stdlib.h>
#include <string.h>

#include "device/command.h"
#include "device/tables.h"

#define RESPONSE "QueryResponses."

/* The name of a row of DeviceInformation's answers, NULL for what is within one. */
static const char *
query_of(struct arena *a, const struct table_row *r)
{
	struct table_cell path = table_cell(r, "response_key_path");
	size_t n = strlen(RESPONSE);

	if (path.n <= n || memcmp(path.p, RESPONSE, n) != 0 || memchr(path.p + n, '.', path.n - n) != NULL)
		return NULL;
	return arena_strndup(a, path.p + n, path.n - n);
}

/* The device's own answer to these queries. */
static plist_t
answers_to(struct device *d, plist_t queries)
{
	struct device_command c = { .d = d,
		.a = d->arena,
		.channel = DEVICE_CHANNEL_DEVICE,
		.rules = device_rules(d, false),
		.type = "DeviceInformation" };
	struct story told = d->story;

	c.request = plist_keep(d->arena, plist_new_dict());
	plist_put(c.request, "Queries", queries);
	c.answer = plist_keep(d->arena, plist_new_dict());
	d->story.mode = STORY_QUIET; /* nobody asked it */
	device_on_device_information(&c);
	d->story = told;
	return plist_dict(c.answer, "QueryResponses");
}

static json_t *value_of(plist_t node);

static json_t *
object_of(plist_t dict)
{
	json_t *object = json_object();
	plist_dict_iter it = NULL;
	plist_t item = NULL;
	char *key;

	plist_dict_new_iter(dict, &it);
	for (;;) {
		key = NULL;
		plist_dict_next_item(dict, it, &key, &item);
		if (key == NULL)
			break;
		json_object_set_new(object, key, value_of(item));
		free(key);
	}
	free(it);
	return object;
}

static json_t *
value_of(plist_t node)
{
	json_t *value;
	char *text = NULL;
	uint64_t number;
	double real;
	uint8_t flag;

	switch (node != NULL ? plist_get_node_type(node) : PLIST_NONE) {
	case PLIST_BOOLEAN:
		plist_get_bool_val(node, &flag);
		return json_boolean(flag);
	case PLIST_UINT:
		plist_get_uint_val(node, &number);
		return json_integer((json_int_t)number);
	case PLIST_REAL:
		plist_get_real_val(node, &real);
		return json_real(real);
	case PLIST_STRING:
		plist_get_string_val(node, &text);
		value = json_string(text);
		free(text);
		return value;
	case PLIST_DICT:
		return object_of(node);
	default:
		return json_null();
	}
}

static void
add_queries(struct device *d, json_t *sees, json_t * not )
{
	struct device_schema s = device_rules(d, false);
	plist_t queries = plist_new_array(), answers;
	struct table_row r = { 0 };
	const char *name;
	json_t *seen;
	size_t i;

	while (table_next(embed_queries, "DeviceInformation", &r)) {
		enum device_verdict asked, told;

		if ((name = query_of(d->arena, &r)) == NULL || !table_is(&r, "os", device_os_name(s.os)))
			continue;
		asked = device_schema_verdict(&s, DEVICE_COMMAND, "DeviceInformation",
		    arena_printf(d->arena, "Queries.QueriesItem.%s", name), false);
		told = device_schema_verdict(
		    &s, DEVICE_COMMAND, "DeviceInformation", arena_printf(d->arena, RESPONSE "%s", name), true);
		if (asked == DEVICE_FORBIDDEN || told == DEVICE_FORBIDDEN) {
			json_array_append_new(not, json_string(name));
		} else if (asked != DEVICE_ABSENT && told == DEVICE_ALLOWED) {
			json_array_append_new(sees, json_pack("{s:s}", "name", name));
			plist_array_append_item(queries, plist_new_string(name));
		}
	}
	answers = answers_to(d, queries);
	json_array_foreach(sees, i, seen)
	{
		name = json_string_value(json_object_get(seen, "name"));
		json_object_set_new(seen, "value", value_of(plist_dict_get_item(answers, name)));
	}
}

static void
add_commands(struct device *d, json_t *does, json_t * not )
{
	struct device_schema s = device_rules(d, false);
	struct table_row r = { 0 };

	while (table_next(embed_commands, NULL, &r)) {
		struct table_cell cell = table_cell(&r, "command");
		const char *name = arena_strndup(d->arena, cell.p, cell.n);
		enum device_verdict v;

		if (!table_is(&r, "os", device_os_name(s.os)))
			continue;
		v = device_schema_verdict(&s, DEVICE_COMMAND, name, NULL, false);
		if (v == DEVICE_ALLOWED)
			json_array_append_new(does, json_string(name));
		else if (v == DEVICE_FORBIDDEN)
			json_array_append_new(not, json_string(name));
	}
}

json_t *
device_visible(struct device *d)
{
	json_t *sees = json_array(), *sees_not = json_array(), *does = json_array(), *does_not = json_array();

	add_queries(d, sees, sees_not);
	add_commands(d, does, does_not);
	return json_pack("{s:o, s:o, s:s, s:o, s:o}", "sees", sees, "sees-not", sees_not, "apps",
	    device_is_byod(d) ? "managed" : "all", "does", does, "does-not", does_not);
}
