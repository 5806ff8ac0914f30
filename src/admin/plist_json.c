#include "admin/plist_json.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "fmt/base64.h"

#define APPLE_EPOCH 978307200 /* 2001-01-01: where property lists count dates from */

/* The tree was made by plist_parse, which refuses deep nesting, so recursion is bounded. */
static json_t *
dict_json(struct arena *a, plist_t node)
{
	json_t *o = json_object();
	plist_dict_iter it = NULL;
	plist_t value;
	char *key;

	plist_dict_new_iter(node, &it);
	for (;;) {
		key = NULL;
		value = NULL;
		plist_dict_next_item(node, it, &key, &value);
		if (key == NULL)
			break;
		json_object_set_new(o, key, admin_plist_json(a, value));
		free(key);
	}
	free(it);
	return o;
}

static json_t *
array_json(struct arena *a, plist_t node)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < plist_array_get_size(node); i++)
		json_array_append_new(list, admin_plist_json(a, plist_array_get_item(node, i)));
	return list;
}

static json_t *
text_json(plist_t node)
{
	char *text = NULL;
	json_t *j;

	plist_get_string_val(node, &text);
	j = text != NULL ? json_string(text) : NULL;
	free(text);
	return j != NULL ? j : json_null();
}

static json_t *
data_json(struct arena *a, plist_t node)
{
	uint64_t n = 0;
	const char *p = plist_get_data_ptr(node, &n);

	return json_string(base64_encode(a, bytes_of(p, (size_t)n)));
}

json_t *
admin_plist_json(struct arena *a, plist_t node)
{
	uint8_t flag = 0;
	uint64_t number = 0;
	double real = 0;
	int32_t s = 0, us = 0;

	switch (plist_get_node_type(node)) {
	case PLIST_DICT:
		return dict_json(a, node);
	case PLIST_ARRAY:
		return array_json(a, node);
	case PLIST_STRING:
		return text_json(node);
	case PLIST_DATA:
		return data_json(a, node);
	case PLIST_BOOLEAN:
		plist_get_bool_val(node, &flag);
		return json_boolean(flag);
	case PLIST_UINT:
		plist_get_uint_val(node, &number);
		return json_integer((json_int_t)number);
	case PLIST_REAL:
		plist_get_real_val(node, &real);
		return isfinite(real) ? json_real(real) : json_null();
	case PLIST_DATE:
		plist_get_date_val(node, &s, &us);
		return json_string(clock_rfc3339(a, (int64_t)s + APPLE_EPOCH));
	default:
		return json_null();
	}
}
