#include "command/policy_walk.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "command/policy_rows.h"

static struct policy_finding *
finding_new(struct policy_walk *w, const char *path, const char *sentence)
{
	struct policy_finding *f = arena_alloc(w->a, sizeof *f);

	f->thing = w->m != NULL ? policy_text(w->m->name) : w->report->name;
	f->key = policy_path_shown(w->a, path);
	f->sentence = sentence;
	return f;
}

void
policy_found(struct policy_walk *w, enum rc rc, const char *path, const char *format, ...)
{
	struct policy_report *r = w->report;
	struct policy_finding *f;
	va_list ap;

	if (r->n++ >= POLICY_FINDINGS_MAX)
		return;
	va_start(ap, format);
	f = finding_new(w, path, arena_vprintf(w->a, format, ap));
	va_end(ap);
	f->rc = rc;
	*r->end = f;
	r->end = &f->next;
}

void
policy_noted(struct policy_walk *w, const char *path, const char *format, ...)
{
	struct policy_report *r = w->report;
	struct policy_finding *f;
	va_list ap;

	if (r->n_notes++ >= POLICY_FINDINGS_MAX)
		return;
	va_start(ap, format);
	f = finding_new(w, path, arena_vprintf(w->a, format, ap));
	va_end(ap);
	*r->notes_end = f;
	r->notes_end = &f->next;
}

void
policy_report_init(struct policy_report *r)
{
	*r = (struct policy_report){ 0 };
	r->end = &r->findings;
	r->notes_end = &r->notes;
}

enum rc
policy_report_first(const struct policy_report *r, struct err *err)
{
	return r->n == 0 ? RC_OK : fail(err, r->findings->rc, "%s", r->findings->sentence);
}

/* Judge by a row; what is refused becomes a finding. */
static bool
judged(struct policy_walk *w, const char *path, const struct apple_rule on[APPLE_OS_COUNT])
{
	const char *name = path[0] != '\0' ? policy_walk_what(w, path) : policy_text(w->m->name);
	enum rc rc = policy_rule_judge(w->a, on, w->t, name, path[0] != '\0' ? w->keys_table : w->table, &w->err);

	if (rc != RC_OK)
		policy_found(w, rc, path, "%s", w->err.text);
	return rc == RC_OK;
}

static bool
type_fits(enum apple_type type, plist_t node)
{
	switch (plist_get_node_type(node)) {
	case PLIST_STRING:
		return type == APPLE_STRING || type == APPLE_ANY;
	case PLIST_UINT:
		return type == APPLE_INTEGER || type == APPLE_REAL || type == APPLE_ANY;
	case PLIST_REAL:
		return type == APPLE_REAL || type == APPLE_ANY;
	case PLIST_BOOLEAN:
		return type == APPLE_BOOLEAN || type == APPLE_ANY;
	case PLIST_DATE:
		return type == APPLE_DATE || type == APPLE_ANY;
	case PLIST_DATA:
		return type == APPLE_DATA || type == APPLE_ANY;
	case PLIST_ARRAY:
		return type == APPLE_ARRAY || type == APPLE_ANY;
	case PLIST_DICT:
		return type == APPLE_DICTIONARY || type == APPLE_ANY;
	default:
		return false;
	}
}

static const char *
type_name(enum apple_type type)
{
	static const char *const names[] = { "a value", "text", "an integer", "a number", "a boolean", "a date", "data",
		"an array", "a dictionary" };

	return names[type];
}

/* Text or integer as text; NULL for the other types, whose values the schema does not list. */
static const char *
value_text(struct arena *a, plist_t node)
{
	uint64_t n;

	if (plist_get_node_type(node) == PLIST_STRING)
		return plist_get_string_ptr(node, NULL);
	if (plist_get_node_type(node) != PLIST_UINT)
		return NULL;
	plist_get_uint_val(node, &n);
	return arena_printf(a, "%" PRId64, (int64_t)n);
}

static bool
listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	while (*list != '\0') {
		size_t span = strcspn(list, " ");

		if (span == n && memcmp(list, word, n) == 0)
			return true;
		list += span + (list[span] == ' ');
	}
	return false;
}

const char *
policy_walk_what(struct policy_walk *w, const char *path)
{
	return arena_printf(w->a, "%s: %s", policy_text(w->m->name), policy_path_shown(w->a, path));
}

static void
check_value(struct policy_walk *w, const struct apple_key *key, plist_t node)
{
	const struct apple_rule *r = &key->on[w->t->os];
	const char *value = value_text(w->a, node), *path = policy_text(key->path);

	if (value == NULL)
		return;
	if (w->t->mode == POLICY_BYOD && r->byod_values != 0 && !listed(policy_text(r->byod_values), value)) {
		policy_found(w, RC_FORBIDDEN, path, "%s must be %s under User Enrollment on %s (%s)",
		    policy_walk_what(w, path), policy_text(r->byod_values), policy_os_name(w->t->os),
		    policy_text(r->source));
	} else if (key->values != 0 && !listed(policy_text(key->values), value)) {
		policy_found(w, RC_BAD_INPUT, path, "%s can't be \"%s\"; Apple's schema allows: %s",
		    policy_walk_what(w, path), value, policy_text(key->values));
	} else if (key->type == APPLE_STRING && policy_has_below(w->a, w->m, POLICY_REQUEST, path)) {
		const struct apple_key *choice = policy_child_row(w->a, w->m, POLICY_REQUEST, path, value);

		if (choice == NULL)
			policy_found(w, RC_BAD_INPUT, path, "%s has no value \"%s\" in Apple's schema",
			    policy_walk_what(w, path), value);
		else
			judged(w, policy_text(choice->path), choice->on);
	}
}

/* Required keys directly below `path` that the system of the target has. */
static void
check_required(struct policy_walk *w, const char *path, plist_t dict)
{
	size_t n = strlen(path);
	const struct apple_key *key = apple_keys + w->m->first, *end = key + w->m->requests;

	for (; key < end; key++) {
		const char *p = policy_text(key->path), *name = n != 0 ? p + n + 1 : p;

		if (!key->required || strncmp(p, path, n) != 0 || (n != 0 && p[n] != '.'))
			continue;
		if (strpbrk(name, ".[*") != NULL || plist_dict_get_item(dict, name) != NULL)
			continue;
		if (policy_rule_judge(w->a, key->on, w->t, name, w->keys_table, NULL) == RC_OK)
			policy_found(w, RC_BAD_INPUT, p, "%s is missing (Apple's schema, %s: required)",
			    policy_walk_what(w, p), w->keys_table);
	}
}

static void check_key(struct policy_walk *w, const struct apple_key *key, plist_t node);

static void
unknown_key(struct policy_walk *w, const char *path, const char *name)
{
	const char *where = path[0] != '\0' ? policy_walk_what(w, path) : policy_text(w->m->name);
	const char *key = path[0] != '\0' ? arena_printf(w->a, "%s.%s", path, name) : name;

	if (w->open && !w->m->complete)
		return;
	if (w->open)
		policy_noted(w, key, "%s has no key \"%s\" in Apple's schema: not checked", where, name);
	else
		policy_found(w, RC_BAD_INPUT, key, "%s has no key \"%s\" in Apple's schema", where, name);
}

static void
check_item(struct policy_walk *w, const char *path, const char *name, plist_t node)
{
	const struct apple_key *key;

	if (path[0] == '\0' && w->skip != NULL && w->skip(w, name))
		return;
	key = policy_child_row(w->a, w->m, POLICY_REQUEST, path, name);
	if (key != NULL)
		check_key(w, key, node);
	else
		unknown_key(w, path, name);
}

static void
check_dict(struct policy_walk *w, const char *path, plist_t dict)
{
	plist_dict_iter it = NULL;

	plist_dict_new_iter(dict, &it);
	for (;;) {
		char *name = NULL;
		plist_t node = NULL;

		plist_dict_next_item(dict, it, &name, &node);
		if (node == NULL)
			break;
		check_item(w, path, name, node);
		free(name);
	}
	free(it);
	check_required(w, path, dict);
}

static void
check_array(struct policy_walk *w, const char *path, plist_t array)
{
	const struct apple_key *any = policy_key_row(w->m, POLICY_REQUEST, arena_printf(w->a, "%s.[]", path)), *key;

	for (uint32_t i = 0; i < plist_array_get_size(array); i++) {
		plist_t node = plist_array_get_item(array, i), item = NULL;
		const char *kind;

		if ((key = any) == NULL) { /* several kinds of item, told apart by Item */
			if (plist_get_node_type(node) == PLIST_DICT)
				item = plist_dict_get_item(node, "Item");
			if (item == NULL || plist_get_node_type(item) != PLIST_STRING) {
				policy_found(w, RC_BAD_INPUT, path,
				    "%s: item %u is not a dictionary with a text \"Item\"", policy_walk_what(w, path),
				    i + 1);
				continue;
			}
			kind = plist_get_string_ptr(item, NULL);
			key = policy_key_row(w->m, POLICY_REQUEST, arena_printf(w->a, "%s.[%s]", path, kind));
			if (key == NULL) {
				policy_found(w, RC_BAD_INPUT, path, "%s has no item \"%s\" in Apple's schema",
				    policy_walk_what(w, path), kind);
				continue;
			}
		}
		check_key(w, key, node);
	}
}

/* Recursion ends with the schema's paths: nothing below an unknown or refused key is looked at. */
static void
check_key(struct policy_walk *w, const struct apple_key *key, plist_t node)
{
	const char *path = policy_text(key->path);

	if (!judged(w, path, key->on))
		return;
	if (policy_rule_mode(&key->on[w->t->os], w->t) == APPLE_IGNORED)
		policy_noted(w, path, "%s is ignored by the device in this enrollment", policy_walk_what(w, path));
	if (!type_fits(key->type, node)) {
		policy_found(w, RC_BAD_INPUT, path, "%s must be %s", policy_walk_what(w, path), type_name(key->type));
		return;
	}
	check_value(w, key, node);
	if (key->type == APPLE_DICTIONARY && policy_has_below(w->a, w->m, POLICY_REQUEST, path))
		check_dict(w, path, node);
	if (key->type == APPLE_ARRAY && policy_has_below(w->a, w->m, POLICY_REQUEST, path))
		check_array(w, path, node);
}

/* Keys that this enrollment mode demands though the schema calls them optional. Their paths hold no arrays. */
static void
check_demanded(struct policy_walk *w, plist_t dict)
{
	const struct apple_key *key = apple_keys + w->m->first, *end = key + w->m->requests;

	for (; key < end; key++) {
		const struct apple_rule *r = &key->on[w->t->os];
		const char *path = policy_text(key->path), *p = path;
		plist_t node = dict;

		if (policy_rule_mode(r, w->t) != APPLE_REQUIRED ||
		    policy_rule_judge(w->a, key->on, w->t, path, w->keys_table, NULL) != RC_OK)
			continue;
		while (node != NULL && *p != '\0') {
			size_t n = strcspn(p, ".");

			node = plist_get_node_type(node) == PLIST_DICT
				   ? plist_dict_get_item(node, arena_strndup(w->a, p, n))
				   : NULL;
			p += n + (p[n] == '.');
		}
		if (node == NULL)
			policy_found(w, RC_BAD_INPUT, path,
			    "%s is missing; under User Enrollment on %s it must be %s (%s)", policy_walk_what(w, path),
			    policy_os_name(w->t->os), r->byod_values != 0 ? policy_text(r->byod_values) : "there",
			    policy_rule_source(w->a, r, w->keys_table, "required"));
	}
}

static void
check_one_of(struct policy_walk *w, plist_t dict)
{
	const char *list = policy_text(w->m->one_of), *p = list;
	int n = 0;

	if (w->m->one_of == 0)
		return;
	while (*p != '\0') {
		size_t span = strcspn(p, " ");

		n += plist_dict_get_item(dict, arena_strndup(w->a, p, span)) != NULL;
		p += span + (p[span] == ' ');
	}
	if (n != 1)
		policy_found(w, RC_BAD_INPUT, "", "%s needs exactly one of: %s", policy_text(w->m->name), list);
}

bool
policy_walk_alone(struct policy_walk *w)
{
	return judged(w, "", w->m->on);
}

void
policy_walk_keys(struct policy_walk *w, plist_t dict)
{
	check_dict(w, "", dict);
	check_one_of(w, dict);
	check_demanded(w, dict);
}
