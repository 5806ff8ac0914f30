#include "fmt/plist.h"

#include <stdlib.h>

#include "fmt/plist_guard.h"

static void
release(void *p)
{
	plist_free(p);
}

plist_t
plist_keep(struct arena *a, plist_t root)
{
	if (root != NULL)
		arena_defer(a, release, root);
	return root;
}

enum rc
plist_parse(struct arena *a, struct bytes document, plist_t *out, struct err *e)
{
	static const char magic[] = "bplist00", mark[] = "\xef\xbb\xbf";
	bool binary = document.n >= 8 && memcmp(document.p, magic, 8) == 0;
	plist_t root = NULL;
	enum rc rc;

	*out = NULL;
	if (document.n == 0)
		return fail(e, RC_BAD_INPUT, "an empty document is not a property list");
	if (!binary && document.n >= 3 && memcmp(document.p, mark, 3) == 0) { /* byte order mark */
		document.p += 3;
		document.n -= 3;
	}
	rc = binary ? plist_guard_binary(document, e) : plist_guard_xml(document, e);
	if (rc != RC_OK)
		return rc;
	if (binary)
		plist_from_bin((const char *)document.p, (uint32_t)document.n, &root);
	else
		plist_from_xml((const char *)document.p, (uint32_t)document.n, &root);
	if (root == NULL)
		return fail(e, RC_BAD_INPUT, "not a property list");
	plist_keep(a, root);
	if (plist_get_node_type(root) != PLIST_DICT)
		return fail(e, RC_BAD_INPUT, "the property list's root is not a dictionary");
	*out = root;
	return RC_OK;
}

struct bytes
plist_xml(struct arena *a, plist_t root)
{
	struct bytes copy;
	char *text = NULL;
	uint32_t n = 0;

	plist_to_xml(root, &text, &n);
	if (text == NULL) /* a tree that has no XML form was built by us */
		return bytes_of(NULL, 0);
	copy = arena_copy(a, bytes_of(text, n));
	explicit_bzero(text, n);
	plist_to_xml_free(text);
	return copy;
}

/* ---- readers ---- */

static plist_t
item_of(plist_t dict, const char *key, plist_type type)
{
	plist_t item = dict == NULL ? NULL : plist_dict_get_item(dict, key);

	return item != NULL && plist_get_node_type(item) == type ? item : NULL;
}

const char *
plist_text(struct arena *a, plist_t dict, const char *key)
{
	plist_t item = item_of(dict, key, PLIST_STRING);
	const char *text;
	uint64_t n = 0;

	if (item == NULL)
		return NULL;
	text = plist_get_string_ptr(item, &n);
	return arena_strndup(a, text != NULL ? text : "", text != NULL ? (size_t)n : 0);
}

struct bytes
plist_data(struct arena *a, plist_t dict, const char *key)
{
	plist_t item = item_of(dict, key, PLIST_DATA);
	const char *p;
	uint64_t n = 0;

	if (item == NULL)
		return bytes_of(NULL, 0);
	p = plist_get_data_ptr(item, &n);
	return arena_copy(a, bytes_of(p, p != NULL ? (size_t)n : 0));
}

int64_t
plist_int(plist_t dict, const char *key, int64_t otherwise)
{
	plist_t item = item_of(dict, key, PLIST_UINT);
	uint64_t value = 0;

	if (item == NULL)
		return otherwise;
	plist_get_uint_val(item, &value);
	return (int64_t)value;
}

bool
plist_flag(plist_t dict, const char *key, bool otherwise)
{
	plist_t item = item_of(dict, key, PLIST_BOOLEAN);
	uint8_t value = 0;

	if (item == NULL)
		return otherwise;
	plist_get_bool_val(item, &value);
	return value != 0;
}

plist_t
plist_dict(plist_t dict, const char *key)
{
	return item_of(dict, key, PLIST_DICT);
}

plist_t
plist_array(plist_t dict, const char *key)
{
	return item_of(dict, key, PLIST_ARRAY);
}

bool
plist_has(plist_t dict, const char *key)
{
	return dict != NULL && plist_dict_get_item(dict, key) != NULL;
}

/* ---- setters ---- */

void
plist_put(plist_t dict, const char *key, plist_t value)
{
	plist_dict_set_item(dict, key, value);
}

void
plist_put_text(plist_t dict, const char *key, const char *value)
{
	plist_put(dict, key, plist_new_string(value));
}

void
plist_put_data(plist_t dict, const char *key, struct bytes value)
{
	plist_put(dict, key, plist_new_data(value.n > 0 ? (const char *)value.p : "", value.n));
}

void
plist_put_int(plist_t dict, const char *key, int64_t value)
{
	plist_put(dict, key, plist_new_uint((uint64_t)value));
}

void
plist_put_flag(plist_t dict, const char *key, bool value)
{
	plist_put(dict, key, plist_new_bool(value));
}
