#include "command/policy.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command/policy_rows.h"

struct check { /* one walk through one Command dictionary */
	struct arena *a;
	const struct policy_target *t;
	const struct apple_message *m;
	struct err *err;
	const char *note; /* what was accepted without effect; NULL: nothing */
};

struct policy_target
policy_target_of(const char *mode, const char *family, const char *os_version, bool user_channel)
{
	struct policy_target t = { POLICY_BYOD, APPLE_IOS, os_version, user_channel ? POLICY_USER : POLICY_DEVICE };

	if (mode != NULL && (strcasecmp(mode, "adde") == 0 || strcasecmp(mode, "mdm-adde") == 0))
		t.mode = POLICY_ADDE;
	if (family != NULL && strcmp(family, "Mac") == 0)
		t.os = APPLE_MACOS;
	if (family != NULL && strcmp(family, "RealityDevice") == 0)
		t.os = APPLE_VISIONOS;
	return t;
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

static const char *
what(struct check *c, const char *path)
{
	return arena_printf(c->a, "%s: %s", policy_text(c->m->name), policy_path_shown(c->a, path));
}

static enum rc
check_value(struct check *c, const struct apple_key *key, plist_t node)
{
	const struct apple_rule *r = &key->on[c->t->os];
	const char *value = value_text(c->a, node), *path = policy_text(key->path);

	if (value == NULL)
		return RC_OK;
	if (c->t->mode == POLICY_BYOD && r->byod_values != 0 && !listed(policy_text(r->byod_values), value))
		return fail(c->err, RC_FORBIDDEN, "%s must be %s under User Enrollment on %s (%s)", what(c, path),
		    policy_text(r->byod_values), policy_os_name(c->t->os), policy_text(r->source));
	if (key->values != 0 && !listed(policy_text(key->values), value))
		return fail(c->err, RC_BAD_INPUT, "%s can't be \"%s\"; Apple's schema allows: %s", what(c, path), value,
		    policy_text(key->values));
	if (key->type == APPLE_STRING && policy_has_below(c->a, c->m, POLICY_REQUEST, path)) {
		const struct apple_key *choice = policy_child_row(c->a, c->m, POLICY_REQUEST, path, value);

		if (choice == NULL)
			return fail(
			    c->err, RC_BAD_INPUT, "%s has no value \"%s\" in Apple's schema", what(c, path), value);
		return policy_rule_judge(
		    c->a, choice->on, c->t, what(c, policy_text(choice->path)), "command keys", c->err);
	}
	return RC_OK;
}

static enum rc check_key(struct check *c, const struct apple_key *key, plist_t node);

/* Required keys directly below `path` that the system of the target has. */
static enum rc
check_required(struct check *c, const char *path, plist_t dict)
{
	size_t n = strlen(path);
	const struct apple_key *key = apple_keys + c->m->first, *end = key + c->m->requests;

	for (; key < end; key++) {
		const char *p = policy_text(key->path), *name = n != 0 ? p + n + 1 : p;

		if (!key->required || strncmp(p, path, n) != 0 || (n != 0 && p[n] != '.'))
			continue;
		if (strpbrk(name, ".[*") != NULL || plist_dict_get_item(dict, name) != NULL)
			continue;
		if (policy_rule_judge(c->a, key->on, c->t, name, "command keys", NULL) == RC_OK)
			return fail(
			    c->err, RC_BAD_INPUT, "%s is missing (Apple's schema, command keys: required)", what(c, p));
	}
	return RC_OK;
}

static enum rc
check_dict(struct check *c, const char *path, plist_t dict)
{
	plist_dict_iter it = NULL;
	enum rc rc = RC_OK;

	plist_dict_new_iter(dict, &it);
	while (rc == RC_OK) {
		const struct apple_key *key;
		char *name = NULL;
		plist_t node = NULL;

		plist_dict_next_item(dict, it, &name, &node);
		if (node == NULL)
			break;
		key = policy_child_row(c->a, c->m, POLICY_REQUEST, path, name);
		if (key != NULL)
			rc = check_key(c, key, node);
		else if (path[0] != '\0')
			rc = fail(c->err, RC_BAD_INPUT, "%s has no key \"%s\" in Apple's schema", what(c, path), name);
		else if (strcmp(name, "RequestType") != 0)
			rc = fail(c->err, RC_BAD_INPUT, "%s has no key \"%s\" in Apple's schema",
			    policy_text(c->m->name), name);
		free(name);
	}
	free(it);
	return rc == RC_OK ? check_required(c, path, dict) : rc;
}

static enum rc
check_array(struct check *c, const char *path, plist_t array)
{
	const struct apple_key *any = policy_key_row(c->m, POLICY_REQUEST, arena_printf(c->a, "%s.[]", path)), *key;
	enum rc rc;

	for (uint32_t i = 0; i < plist_array_get_size(array); i++) {
		plist_t node = plist_array_get_item(array, i), item = NULL;
		const char *kind;

		if ((key = any) == NULL) { /* several kinds of item, told apart by Item */
			if (plist_get_node_type(node) == PLIST_DICT)
				item = plist_dict_get_item(node, "Item");
			if (item == NULL || plist_get_node_type(item) != PLIST_STRING)
				return fail(c->err, RC_BAD_INPUT,
				    "%s: item %u is not a dictionary with a text \"Item\"", what(c, path), i + 1);
			kind = plist_get_string_ptr(item, NULL);
			key = policy_key_row(c->m, POLICY_REQUEST, arena_printf(c->a, "%s.[%s]", path, kind));
			if (key == NULL)
				return fail(c->err, RC_BAD_INPUT, "%s has no item \"%s\" in Apple's schema",
				    what(c, path), kind);
		}
		if ((rc = check_key(c, key, node)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

/* Recursion ends with the schema's paths: an unknown key is refused before anything below it is looked at. */
static enum rc
check_key(struct check *c, const struct apple_key *key, plist_t node)
{
	const char *path = policy_text(key->path);
	enum rc rc;

	if ((rc = policy_rule_judge(c->a, key->on, c->t, what(c, path), "command keys", c->err)) != RC_OK)
		return rc;
	if (policy_rule_mode(&key->on[c->t->os], c->t) == APPLE_IGNORED)
		c->note = arena_printf(c->a, "%s%s%s is ignored by the device in this enrollment",
		    c->note != NULL ? c->note : "", c->note != NULL ? "\n" : "", what(c, path));
	if (!type_fits(key->type, node))
		return fail(c->err, RC_BAD_INPUT, "%s must be %s", what(c, path), type_name(key->type));
	if ((rc = check_value(c, key, node)) != RC_OK)
		return rc;
	if (key->type == APPLE_DICTIONARY && policy_has_below(c->a, c->m, POLICY_REQUEST, path))
		return check_dict(c, path, node);
	if (key->type == APPLE_ARRAY && policy_has_below(c->a, c->m, POLICY_REQUEST, path))
		return check_array(c, path, node);
	return RC_OK;
}

/* Keys that this enrollment mode demands though the schema calls them optional. Their paths hold no arrays. */
static enum rc
check_demanded(struct check *c, plist_t command)
{
	const struct apple_key *key = apple_keys + c->m->first, *end = key + c->m->requests;

	for (; key < end; key++) {
		const struct apple_rule *r = &key->on[c->t->os];
		const char *path = policy_text(key->path), *p = path;
		plist_t node = command;

		if (policy_rule_mode(r, c->t) != APPLE_REQUIRED)
			continue;
		while (node != NULL && *p != '\0') {
			size_t n = strcspn(p, ".");

			node = plist_get_node_type(node) == PLIST_DICT
				   ? plist_dict_get_item(node, arena_strndup(c->a, p, n))
				   : NULL;
			p += n + (p[n] == '.');
		}
		if (node == NULL)
			return fail(c->err, RC_BAD_INPUT,
			    "%s is missing; under User Enrollment on %s it must be %s (%s)", what(c, path),
			    policy_os_name(c->t->os), r->byod_values != 0 ? policy_text(r->byod_values) : "there",
			    r->source != 0 ? policy_text(r->source) : "Apple's schema, command keys");
	}
	return RC_OK;
}

static enum rc
check_one_of(struct check *c, plist_t command)
{
	const char *list = policy_text(c->m->one_of), *p = list;
	int n = 0;

	if (c->m->one_of == 0)
		return RC_OK;
	while (*p != '\0') {
		size_t span = strcspn(p, " ");

		n += plist_dict_get_item(command, arena_strndup(c->a, p, span)) != NULL;
		p += span + (p[span] == ' ');
	}
	return n == 1 ? RC_OK
		      : fail(c->err, RC_BAD_INPUT, "%s needs exactly one of: %s", policy_text(c->m->name), list);
}

static enum rc
check_command(struct check *c, plist_t command)
{
	plist_t type;
	enum rc rc;

	rc = policy_rule_judge(c->a, c->m->on, c->t, policy_text(c->m->name), "commands", c->err);
	if (rc != RC_OK || command == NULL)
		return rc;
	if (plist_get_node_type(command) != PLIST_DICT)
		return fail(c->err, RC_BAD_INPUT, "a command is a dictionary");
	type = plist_dict_get_item(command, "RequestType");
	if (type != NULL && (plist_get_node_type(type) != PLIST_STRING ||
				strcmp(plist_get_string_ptr(type, NULL), policy_text(c->m->name)) != 0))
		return fail(c->err, RC_BAD_INPUT, "RequestType in the command is not %s", policy_text(c->m->name));
	if ((rc = check_dict(c, "", command)) != RC_OK || (rc = check_one_of(c, command)) != RC_OK)
		return rc;
	return check_demanded(c, command);
}

enum rc
policy_command_check(
    struct arena *a, const struct policy_target *t, const char *request_type, plist_t command, struct err *err)
{
	struct check c = { a, t, policy_command_row(request_type), err, NULL };

	if (c.m != NULL)
		return check_command(&c, command);
	for (unsigned i = 0; i < apple_commands_count; i++)
		if (strcasecmp(policy_text(apple_commands[i].name), request_type) == 0)
			return fail(err, RC_NOT_FOUND, "\"%s\" is not a command of Apple's schema; did you mean %s?",
			    request_type, policy_text(apple_commands[i].name));
	return fail(err, RC_NOT_FOUND, "\"%s\" is not a command of Apple's schema", request_type);
}

const char *
policy_command_note(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command)
{
	struct check c = { a, t, policy_command_row(request_type), NULL, NULL };

	if (c.m == NULL)
		return NULL;
	check_command(&c, command);
	if (t->mode == POLICY_BYOD && c.m->byod_note != 0)
		return arena_printf(
		    a, "%s%s%s", policy_text(c.m->byod_note), c.note != NULL ? "\n" : "", c.note != NULL ? c.note : "");
	return c.note;
}

int
policy_commands(struct arena *a, const struct policy_target *t, const char *const **names)
{
	const char **list = arena_array(a, apple_commands_count, sizeof *list);
	int n = 0;

	for (unsigned i = 0; i < apple_commands_count; i++)
		if (t == NULL || policy_rule_judge(a, apple_commands[i].on, t, "", "", NULL) == RC_OK)
			list[n++] = policy_text(apple_commands[i].name);
	*names = list;
	return n;
}

enum rc
policy_checkin_check(const struct policy_target *t, const char *message_type, struct err *err)
{
	const struct apple_message *m = policy_checkin_row(message_type);
	struct arena *a;
	enum rc rc;

	if (m == NULL)
		return fail(err, RC_BAD_INPUT, "\"%s\" is not a check-in message of Apple's schema", message_type);
	a = arena_new(0); /* for the sentence only, which err copies */
	rc = policy_rule_judge(a, m->on, t, message_type, "check-in", err);
	arena_free(a);
	return rc;
}
