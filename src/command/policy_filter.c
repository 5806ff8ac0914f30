/* What of a device's words may be kept. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command/policy.h"
#include "command/policy_rows.h"

/* A removed value shorter than this is no identifier that could be recognized elsewhere ("1", "none"); and no more
 * values than this are looked for, since a message could name thousands. */
#define VALUE_MIN 8
#define VALUES_MAX 64
#define WORK_MAX (256u << 20) /* octets compared, in all */

struct filter {
	struct arena *a;
	const struct policy_target *t;
	const struct apple_message *m; /* NULL: no table, identifiers only */
	enum policy_side side;
	int dropped;
	const char *value[VALUES_MAX]; /* texts that stood under a personal key, copied */
	int values;
	size_t work;
};

/* What names the enrollment and the message itself: never lost to a value that happens to equal a removed one. The
 * Data of declarative management is a document of its own, and its room filters it. */
static const char *const protocol_keys[] = { "CommandUUID", "Data", "EnrollmentID", "EnrollmentUserID", "MessageType",
	"PushMagic", "RequestType", "Status", "Token", "Topic", "UserID" };

static int
by_name(const void *name, const void *offset)
{
	return strcasecmp(name, policy_text(*(const uint16_t *)offset));
}

bool
policy_is_personal(const char *key)
{
	return bsearch(key, apple_personal, apple_personal_count, sizeof apple_personal[0], by_name) != NULL;
}

/* A key that another system alone has is judged as there: an iPhone has no business sending a Mac's address. */
static bool
forbidden(const struct filter *f, const struct apple_key *key)
{
	if (key == NULL)
		return false;
	if (key->on[f->t->os].since != 0)
		return policy_rule_mode(&key->on[f->t->os], f->t) == APPLE_FORBIDDEN;
	for (int os = 0; os < APPLE_OS_COUNT; os++)
		if (policy_rule_mode(&key->on[os], f->t) == APPLE_FORBIDDEN)
			return true;
	return false;
}

static void
remember(struct filter *f, plist_t node)
{
	const char *text;
	uint64_t n = 0;

	if (plist_get_node_type(node) == PLIST_ARRAY)
		for (uint32_t i = 0; i < plist_array_get_size(node) && f->values < VALUES_MAX; i++)
			if (plist_get_node_type(plist_array_get_item(node, i)) == PLIST_STRING)
				remember(f, plist_array_get_item(node, i));
	if (plist_get_node_type(node) != PLIST_STRING || f->values == VALUES_MAX)
		return;
	text = plist_get_string_ptr(node, &n);
	if (n >= VALUE_MIN)
		f->value[f->values++] = arena_strndup(f->a, text, (size_t)n);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names of a dictionary, sorted, since it can't be changed while it is iterated. A binary property list may
 * name a key twice, and then only one of the two can be reached by name: all but the last go first. */
static const char **
names_of(struct filter *f, plist_t dict, uint32_t *n)
{
	const char **names = arena_array(f->a, plist_dict_get_size(dict) + 1, sizeof *names);
	plist_dict_iter it = NULL;
	uint32_t all = 0;
	char *name = NULL;
	plist_t node = NULL;

	plist_dict_new_iter(dict, &it);
	for (plist_dict_next_item(dict, it, &name, &node); node != NULL; plist_dict_next_item(dict, it, &name, &node)) {
		names[all++] = arena_strdup(f->a, name);
		free(name);
	}
	free(it);
	qsort(names, all, sizeof *names, by_text);
	*n = 0;
	for (uint32_t i = 0; i < all; i++) {
		if (*n == 0 || strcmp(names[*n - 1], names[i]) != 0) {
			names[(*n)++] = names[i];
		} else {
			plist_dict_remove_item(dict, names[i]);
			f->dropped++;
		}
	}
	return names;
}

static void by_key(struct filter *f, plist_t node, const struct apple_key *here, bool top);

/* First pass, a dictionary: what its keys' names give away. `path` NULL: unknown to the schema. */
static void
dict_by_key(struct filter *f, plist_t dict, const char *path)
{
	const char **names;
	uint32_t n;

	names = names_of(f, dict, &n);
	for (uint32_t i = 0; i < n; i++) {
		plist_t node = plist_dict_get_item(dict, names[i]);
		const struct apple_key *key =
		    path != NULL ? policy_child_row(f->a, f->m, f->side, path, names[i]) : NULL;
		bool personal = f->t->mode == POLICY_BYOD && policy_is_personal(names[i]);

		if (personal)
			remember(f, node);
		if (personal || forbidden(f, key)) {
			plist_dict_remove_item(dict, names[i]);
			f->dropped++;
		} else {
			by_key(f, node, key, false);
		}
	}
}

static void
by_key(struct filter *f, plist_t node, const struct apple_key *here, bool top)
{
	const char *path = here != NULL ? policy_text(here->path) : NULL;
	const struct apple_key *item = NULL;

	if (plist_get_node_type(node) == PLIST_DICT)
		dict_by_key(f, node, top && f->m != NULL ? "" : path);
	if (plist_get_node_type(node) != PLIST_ARRAY)
		return;
	if (path != NULL)
		item = policy_key_row(f->m, f->side, arena_printf(f->a, "%s.[]", path));
	for (uint32_t i = 0; i < plist_array_get_size(node); i++)
		by_key(f, plist_array_get_item(node, i), item, false);
}

/* Work is bounded, since a device chooses both the values and where they are looked for; what could not be looked at
 * any more counts as telling. */
static bool
tells(struct filter *f, const char *p, size_t n)
{
	for (int i = 0; i < f->values; i++) {
		const char *value = f->value[i];
		size_t length = strlen(value);
		int first = tolower((unsigned char)value[0]);

		if (f->work > WORK_MAX)
			return true;
		f->work += n;
		for (size_t at = 0; at + length <= n; at++) {
			if (tolower((unsigned char)p[at]) != first)
				continue;
			if (strncasecmp(p + at, value, length) == 0 || (f->work += length) > WORK_MAX)
				return true;
		}
	}
	return false;
}

static bool
node_tells(struct filter *f, plist_t node)
{
	const char *p = NULL;
	uint64_t n = 0;

	if (plist_get_node_type(node) == PLIST_STRING)
		p = plist_get_string_ptr(node, &n);
	if (plist_get_node_type(node) == PLIST_DATA)
		p = plist_get_data_ptr(node, &n);
	return p != NULL && tells(f, p, (size_t)n);
}

static bool
is_protocol_key(const char *name)
{
	for (size_t i = 0; i < sizeof protocol_keys / sizeof protocol_keys[0]; i++)
		if (strcmp(protocol_keys[i], name) == 0)
			return true;
	return false;
}

/* Second pass: the removed values, wherever else they stand: in a text, in data, in a key's name. */
static void
by_value(struct filter *f, plist_t node, bool top)
{
	const char **names;
	uint32_t n;

	if (plist_get_node_type(node) == PLIST_ARRAY) {
		for (uint32_t i = plist_array_get_size(node); i-- > 0;) {
			if (node_tells(f, plist_array_get_item(node, i))) {
				plist_array_remove_item(node, i);
				f->dropped++;
			} else {
				by_value(f, plist_array_get_item(node, i), false);
			}
		}
	}
	if (plist_get_node_type(node) != PLIST_DICT)
		return;
	names = names_of(f, node, &n);
	for (uint32_t i = 0; i < n; i++) {
		plist_t item = plist_dict_get_item(node, names[i]);

		if (top && is_protocol_key(names[i]))
			continue;
		if (tells(f, names[i], strlen(names[i])) || node_tells(f, item)) {
			plist_dict_remove_item(node, names[i]);
			f->dropped++;
		} else {
			by_value(f, item, false);
		}
	}
}

static void
run(struct filter *f, plist_t message, int *dropped)
{
	by_key(f, message, NULL, true);
	if (f->values > 0)
		by_value(f, message, true);
	if (dropped != NULL)
		*dropped = f->dropped;
}

void
policy_answer_filter(
    struct arena *a, const struct policy_target *t, const char *request_type, plist_t answer, int *dropped)
{
	struct filter f = { .a = a, .t = t, .side = POLICY_RESPONSE };

	if (request_type != NULL)
		f.m = policy_command_row(request_type);
	run(&f, answer, dropped);
}

void
policy_checkin_filter(struct arena *a, const struct policy_target *t, plist_t message, int *dropped)
{
	struct filter f = { .a = a, .t = t, .side = POLICY_REQUEST };
	plist_t type = plist_dict_get_item(message, "MessageType");

	if (type != NULL && plist_get_node_type(type) == PLIST_STRING)
		f.m = policy_checkin_row(plist_get_string_ptr(type, NULL));
	run(&f, message, dropped);
}

void
policy_machineinfo_filter(struct arena *a, const struct policy_target *t, plist_t machineinfo, int *dropped)
{
	struct filter f = { .a = a, .t = t, .m = &apple_machineinfo, .side = POLICY_REQUEST };

	run(&f, machineinfo, dropped);
}
