#include "fmt/json.h"

/* jansson's own limit on nesting is fixed at build time, and it recurses: count before it does.
 * Brackets inside strings don't nest. What is malformed otherwise is left to the library. */
static bool
too_deep(struct bytes document)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < document.n; i++) {
		uint8_t c = document.p[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > JSON_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth > 0) {
			depth--;
		}
	}
	return false;
}

static void
release(void *p)
{
	json_decref(p);
}

json_t *
json_keep(struct arena *a, json_t *root)
{
	if (root != NULL)
		arena_defer(a, release, root);
	return root;
}

enum rc
json_parse(struct arena *a, struct bytes document, json_t **out, struct err *e)
{
	json_error_t why;

	*out = NULL;
	if (document.n == 0)
		return fail(e, RC_BAD_INPUT, "an empty document is not JSON");
	if (too_deep(document))
		return fail(e, RC_BAD_INPUT, "JSON nested deeper than %d", JSON_DEPTH_MAX);
	/* Without JSON_ALLOW_NUL the library refuses \u0000; a raw NUL it refuses anyway, and octets
	 * behind the value without JSON_DISABLE_EOF_CHECK. */
	*out = json_loadb((const char *)document.p, document.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
	if (*out == NULL)
		return fail(e, RC_BAD_INPUT, "not JSON: line %d: %s", why.line, why.text);
	json_keep(a, *out);
	return RC_OK;
}

struct bytes
json_text(struct arena *a, const json_t *root, int indent)
{
	size_t flags = JSON_ENCODE_ANY | (indent > 0 ? JSON_INDENT((size_t)indent) : JSON_COMPACT);
	size_t n = json_dumpb(root, NULL, 0, flags);
	char *text = arena_alloc(a, n + 1);

	/* Measured, then written: the text never lies in memory that nobody wipes. */
	json_dumpb(root, text, n, flags);
	return bytes_of(text, n);
}

const char *
json_get_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

int64_t
json_get_int(const json_t *object, const char *key, int64_t otherwise)
{
	const json_t *item = json_object_get(object, key);

	return json_is_integer(item) ? (int64_t)json_integer_value(item) : otherwise;
}
