#include "fmt/plist.h"

#include <stdlib.h>

#include "base/buf.h"
#include "fmt/plist_guard.h"
#include "fmt/utf8.h"

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

/* ---- the tree against what the guard read ---- */

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool count_nodes(plist_t node, int *nodes);

/* Keys of a dictionary must differ: of two, one reader takes the first and another the last (and the
 * library does both, by format). Keys and items are counted. */
static bool
count_dict(plist_t dict, int *nodes)
{
	uint32_t n = plist_dict_get_size(dict), taken = 0;
	char **keys = calloc((size_t)n + 1, sizeof *keys);
	plist_dict_iter iter = NULL;
	bool good = keys != NULL;
	plist_t item = NULL;

	plist_dict_new_iter(dict, &iter);
	while (good && taken < n) {
		plist_dict_next_item(dict, iter, &keys[taken], &item);
		good = keys[taken] != NULL && item != NULL && count_nodes(item, nodes);
		taken += keys[taken] != NULL;
		(*nodes)++;
	}
	if (good && n > 1)
		qsort(keys, n, sizeof *keys, by_text);
	for (uint32_t i = 1; good && i < n; i++)
		good = strcmp(keys[i - 1], keys[i]) != 0;
	for (uint32_t i = 0; i < taken; i++)
		free(keys[i]);
	free(keys);
	free(iter);
	return good;
}

static bool
count_array(plist_t array, int *nodes)
{
	plist_array_iter iter = NULL;
	plist_t item = NULL;
	bool good = true;

	plist_array_new_iter(array, &iter);
	do {
		plist_array_next_item(array, iter, &item);
		good = item == NULL || count_nodes(item, nodes);
	} while (item != NULL && good);
	free(iter);
	return good;
}

/* The nesting is within PLIST_DEPTH_MAX here. UIDs belong to keyed archives. */
static bool
count_nodes(plist_t node, int *nodes)
{
	(*nodes)++;
	switch (plist_get_node_type(node)) {
	case PLIST_DICT:
		return count_dict(node, nodes);
	case PLIST_ARRAY:
		return count_array(node, nodes);
	case PLIST_BOOLEAN:
	case PLIST_UINT:
	case PLIST_REAL:
	case PLIST_STRING:
	case PLIST_DATE:
	case PLIST_DATA:
		return true;
	default:
		return false;
	}
}

enum rc
plist_parse(struct arena *a, struct bytes document, plist_t *out, struct err *e)
{
	static const char magic[] = "bplist00", mark[] = "\xef\xbb\xbf";
	bool binary = document.n >= 8 && memcmp(document.p, magic, 8) == 0;
	int nodes = 0, counted = 0;
	plist_t root = NULL;
	enum rc rc;

	*out = NULL;
	if (document.n == 0)
		return fail(e, RC_BAD_INPUT, "an empty document is not a property list");
	if (!binary && document.n >= 3 && memcmp(document.p, mark, 3) == 0) { /* byte order mark */
		document.p += 3;
		document.n -= 3;
	}
	rc = binary ? plist_guard_binary(document, &nodes, e) : plist_guard_xml(document, &nodes, e);
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
	/* Fewer: of two equal keys the library kept one. */
	if (!count_nodes(root, &counted) || counted != nodes)
		return fail(e, RC_BAD_INPUT, "not a property list: a key twice, or an item of another format");
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

/* Octets of the character at s if XML can hold it (XML 1.0 2.2), else 0. */
static size_t
xml_character(const char *s, size_t left)
{
	unsigned char c = (unsigned char)*s;

	return c < 0x20 && c != '\t' && c != '\n' && c != '\r' ? 0 : utf8_length(bytes_of(s, left));
}

void
plist_put_text(plist_t dict, const char *key, const char *value)
{
	size_t n = strlen(value), at = 0, length;
	struct buf b;

	while (at < n && (length = xml_character(value + at, n - at)) > 0)
		at += length;
	if (at == n) {
		plist_put(dict, key, plist_new_string(value));
		return;
	}
	buf_init(&b, 3 * n);
	buf_add(&b, value, at);
	for (; at<n; at += length> 0 ? length : 1) {
		length = xml_character(value + at, n - at);
		buf_add(&b, length > 0 ? value + at : "\xef\xbf\xbd", length > 0 ? length : 3);
	}
	plist_put(dict, key, plist_new_string(b.p));
	buf_free(&b);
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
