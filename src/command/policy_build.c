/* A Command dictionary from words on a command line. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command/policy.h"
#include "command/policy_rows.h"
#include "fmt/base64.h"
#include "fmt/plist.h"

#define ITEMS_MAX 1000 /* of one array, so that a number in a path can't ask for more */

struct build {
	struct arena *a;
	const struct apple_message *m;
	struct err *err;
	const char *key; /* as given, for the sentence */
};

static const char *
name_of(const struct build *b)
{
	return policy_text(b->m->name);
}

static enum rc
no_such_key(struct build *b)
{
	const struct apple_key *key = apple_keys + b->m->first, *end = key + b->m->requests;

	for (; key < end; key++) {
		const char *shown = policy_path_shown(b->a, policy_text(key->path));

		if (strcmp(shown, b->key) == 0) /* there, but not a place for a value */
			return fail(b->err, RC_BAD_INPUT, "%s: %s takes named keys below it", name_of(b), b->key);
		if (strcasecmp(shown, b->key) == 0)
			return fail(
			    b->err, RC_BAD_INPUT, "%s has no key \"%s\"; did you mean %s?", name_of(b), b->key, shown);
	}
	return fail(b->err, RC_BAD_INPUT, "%s has no key \"%s\" in Apple's schema", name_of(b), b->key);
}

static plist_t
flag_of(const char *text)
{
	static const struct {
		const char *word;
		uint8_t value;
	} words[] = { { "yes", 1 }, { "true", 1 }, { "no", 0 }, { "false", 0 } };

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcasecmp(words[i].word, text) == 0)
			return plist_new_bool(words[i].value);
	return NULL;
}

static plist_t
integer_of(const char *text)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || n > INT64_MAX)
		return NULL;
	return plist_new_uint(n);
}

static plist_t
real_of(const char *text)
{
	char *end;
	double d;

	errno = 0;
	d = strtod(text, &end);
	return end == text || *end != '\0' || errno != 0 ? NULL : plist_new_real(d);
}

static plist_t
data_of(struct arena *a, const char *text)
{
	struct bytes b = base64_decode(a, bytes_str(text), true);

	if (text[0] == '\0')
		return plist_new_data("", 0);
	return b.p == NULL ? NULL : plist_new_data((const char *)b.p, b.n);
}

static enum rc
scalar_of(struct build *b, enum apple_type type, const char *text, plist_t *out)
{
	static const char *const wanted[] = { [APPLE_INTEGER] = "a whole number",
		[APPLE_REAL] = "a number",
		[APPLE_BOOLEAN] = "yes or no",
		[APPLE_DATA] = "base64",
		[APPLE_DICTIONARY] = "named keys below it" };

	*out = NULL;
	switch (type) {
	case APPLE_ANY:
	case APPLE_STRING:
		*out = plist_new_string(text);
		break;
	case APPLE_INTEGER:
		*out = integer_of(text);
		break;
	case APPLE_REAL:
		*out = real_of(text);
		break;
	case APPLE_BOOLEAN:
		*out = flag_of(text);
		break;
	case APPLE_DATA:
		*out = data_of(b->a, text);
		break;
	default:
		break;
	}
	if (*out != NULL)
		return RC_OK;
	return fail(b->err, RC_BAD_INPUT, "%s: %s takes %s", name_of(b), b->key,
	    type < sizeof wanted / sizeof wanted[0] && wanted[type] != NULL ? wanted[type]
									    : "a property list (--plist)");
}

/* "a,b,c" as an array. An empty text is an empty array. */
static enum rc
array_of(struct build *b, const struct apple_key *key, const char *text, plist_t *out)
{
	const struct apple_key *item =
	    policy_key_row(b->m, POLICY_REQUEST, arena_printf(b->a, "%s.[]", policy_text(key->path)));
	enum rc rc = RC_OK;

	*out = NULL;
	if (item == NULL || item->type == APPLE_DICTIONARY || item->type == APPLE_ARRAY)
		return fail(b->err, RC_BAD_INPUT, "%s: %s takes named keys below it", name_of(b), b->key);
	*out = plist_new_array();
	while (rc == RC_OK && *text != '\0') {
		size_t n = strcspn(text, ",");
		plist_t node;

		rc = scalar_of(b, (enum apple_type)item->type, arena_strndup(b->a, text, n), &node);
		if (rc == RC_OK)
			plist_array_append_item(*out, node);
		text += n + (text[n] == ',');
	}
	return rc;
}

/* The item `word` of an array of dictionaries: a kind ("DeviceName"), made when it is not there yet, or a number;
 * anything else means the first item and is not used up. *key becomes the item's row; NULL: no such item. */
static plist_t
enter_array(struct build *b, plist_t array, const struct apple_key **key, const char *word, bool *used)
{
	const char *path = policy_text((*key)->path);
	uint32_t n = plist_array_get_size(array), index = 0;

	*used = true;
	*key = policy_key_row(b->m, POLICY_REQUEST, arena_printf(b->a, "%s.[%s]", path, word));
	if (*key != NULL && word[0] != '\0') { /* a kind; "" would find the plain item's row */
		for (uint32_t i = 0; i < n; i++)
			if (strcmp(plist_text(b->a, plist_array_get_item(array, i), "Item"), word) == 0)
				return plist_array_get_item(array, i);
		plist_array_append_item(array, plist_new_dict());
		plist_put_text(plist_array_get_item(array, n), "Item", word);
		return plist_array_get_item(array, n);
	}
	*key = policy_key_row(b->m, POLICY_REQUEST, arena_printf(b->a, "%s.[]", path));
	if (*key == NULL || (*key)->type != APPLE_DICTIONARY)
		return NULL;
	*used = isdigit((unsigned char)word[0]);
	if (*used)
		index = (uint32_t)strtoul(word, NULL, 10);
	if (index > n || index >= ITEMS_MAX)
		return NULL;
	if (index == n)
		plist_array_append_item(array, plist_new_dict());
	return plist_array_get_item(array, index);
}

/* Walk one key's path, making what is missing, and set the value at its end. */
static enum rc
put(struct build *b, plist_t root, const char *text)
{
	const struct apple_key *key = NULL;
	const char *p = b->key, *path = "", *word;
	plist_t here = root, next, value = NULL;
	enum rc rc;

	for (;;) {
		size_t n = strcspn(p, ".");
		bool used;

		word = arena_strndup(b->a, p, n);
		if (key != NULL && key->type == APPLE_ARRAY) {
			if ((here = enter_array(b, here, &key, word, &used)) == NULL)
				return no_such_key(b);
			path = policy_text(key->path);
			if (used && p[n] == '\0')
				return no_such_key(b);
			p += used ? n + 1 : 0;
			continue;
		}
		key = policy_child_row(b->a, b->m, POLICY_REQUEST, path, word);
		if (key == NULL)
			return no_such_key(b);
		path = policy_text(key->path);
		if (path[strlen(path) - 1] == '*') { /* names of any kind may hold dots */
			word = p;
			break;
		}
		if (p[n] == '\0')
			break;
		if (key->type != APPLE_DICTIONARY && key->type != APPLE_ARRAY)
			return no_such_key(b);
		next = plist_dict_get_item(here, word);
		if (next == NULL) {
			next = key->type == APPLE_DICTIONARY ? plist_new_dict() : plist_new_array();
			plist_dict_set_item(here, word, next);
		}
		here = next;
		p += n + 1;
	}
	if (plist_dict_get_item(here, word) != NULL)
		return fail(b->err, RC_BAD_INPUT, "%s: %s is given twice", name_of(b), b->key);
	rc = key->type == APPLE_ARRAY ? array_of(b, key, text, &value)
				      : scalar_of(b, (enum apple_type)key->type, text, &value);
	if (value != NULL)
		plist_dict_set_item(here, word, value);
	return rc;
}

enum rc
policy_command_build(struct arena *a, const char *request_type, const char *const *pairs, plist_t *out, struct err *err)
{
	struct build b = { a, policy_command_row(request_type), err, NULL };
	enum rc rc;

	*out = NULL;
	if (b.m == NULL)
		return policy_command_check(a, &(struct policy_target){ .mode = POLICY_ADDE }, request_type, NULL, err);
	*out = plist_keep(a, plist_new_dict());
	plist_put_text(*out, "RequestType", request_type);
	for (; pairs != NULL && *pairs != NULL; pairs++) {
		const char *equals = strchr(*pairs, '=');

		if (equals == NULL || equals == *pairs)
			return fail(err, RC_BAD_INPUT, "\"%s\" is not key=value", *pairs);
		b.key = arena_strndup(a, *pairs, (size_t)(equals - *pairs));
		if ((rc = put(&b, *out, equals + 1)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* A required array of texts whose values have rules of their own can be filled with all that are allowed. */
static bool
fill_array(struct arena *a, const struct policy_target *t, const struct apple_message *m, const struct apple_key *key,
    plist_t command)
{
	const char *prefix = arena_printf(a, "%s.[].", policy_text(key->path));
	plist_t list = NULL;

	for (const struct apple_key *k = apple_keys + m->first; k < apple_keys + m->first + m->requests; k++) {
		const char *path = policy_text(k->path);

		if (strncmp(path, prefix, strlen(prefix)) != 0 || strchr(path + strlen(prefix), '.') != NULL ||
		    k->type != APPLE_STRING || policy_rule_judge(a, k->on, t, "", "", NULL) != RC_OK)
			continue;
		if (list == NULL)
			list = plist_new_array();
		plist_array_append_item(list, plist_new_string(path + strlen(prefix)));
	}
	if (list != NULL)
		plist_dict_set_item(command, policy_text(key->path), list);
	return list != NULL;
}

bool
policy_command_fill(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command)
{
	const struct apple_message *m = policy_command_row(request_type);
	bool filled = false;

	if (m == NULL || plist_get_node_type(command) != PLIST_DICT)
		return false;
	for (const struct apple_key *key = apple_keys + m->first; key < apple_keys + m->first + m->requests; key++) {
		const char *path = policy_text(key->path);
		const struct apple_key *item = policy_key_row(m, POLICY_REQUEST, arena_printf(a, "%s.[]", path));

		if (key->type == APPLE_ARRAY && key->required && strchr(path, '.') == NULL && item != NULL &&
		    item->type == APPLE_STRING && !plist_has(command, path))
			filled = fill_array(a, t, m, key, command) || filled;
	}
	return filled;
}

/* True for what a person can write a value for: not a dictionary, an array of them, or one value of a text. */
static bool
takes_value(struct arena *a, const struct apple_message *m, const struct apple_key *key)
{
	const char *path = policy_text(key->path), *last = strrchr(path, '.');
	const struct apple_key *item, *parent = NULL;

	if (last != NULL)
		parent = policy_key_row(m, POLICY_REQUEST, arena_strndup(a, path, (size_t)(last - path)));
	if (key->type == APPLE_DICTIONARY || path[strlen(path) - 1] == '*')
		return false;
	if (last != NULL && (strcmp(last, ".[]") == 0 || strcmp(last, ".Item") == 0))
		return false;
	if (parent != NULL && parent->type == APPLE_STRING)
		return false;
	item = policy_key_row(m, POLICY_REQUEST, arena_printf(a, "%s.[]", path));
	return key->type != APPLE_ARRAY || (item != NULL && item->type != APPLE_DICTIONARY);
}

int
policy_command_keys(struct arena *a, const struct policy_target *t, const char *request_type, const char *const **names)
{
	const struct apple_message *m = policy_command_row(request_type);
	const char **list;
	int n = 0;

	*names = NULL;
	if (m == NULL)
		return 0;
	list = arena_array(a, m->requests, sizeof *list);
	for (const struct apple_key *key = apple_keys + m->first; key < apple_keys + m->first + m->requests; key++)
		if (takes_value(a, m, key) && policy_rule_judge(a, key->on, t, "", "", NULL) == RC_OK)
			list[n++] = policy_path_shown(a, policy_text(key->path));
	*names = list;
	return n;
}
