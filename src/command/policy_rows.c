#include "command/policy_rows.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const os_names[APPLE_OS_COUNT] = { "iOS", "macOS", "visionOS" };

static int
by_name(const void *name, const void *row)
{
	return strcmp(name, policy_text(((const struct apple_message *)row)->name));
}

static int
by_path(const void *path, const void *row)
{
	return strcmp(path, policy_text(((const struct apple_key *)row)->path));
}

static const struct {
	const char *name, *table, *keys;
	const struct apple_message *rows;
	const unsigned *count;
} kinds[POLICY_KINDS] = {
	/* clang-format off */
	[POLICY_COMMAND]     = { "command",     "commands",     "command keys", apple_commands,     &apple_commands_count },
	[POLICY_CHECKIN]     = { "checkin",     "check-in",     "check-in keys", apple_checkins,     &apple_checkins_count },
	[POLICY_PAYLOAD]     = { "payload",     "profiles",     "profile keys", apple_payloads,     &apple_payloads_count },
	[POLICY_DECLARATION] = { "declaration", "declarations", "declaration keys", apple_declarations, &apple_declarations_count },
	[POLICY_STATUS_ITEM] = { "status-item", "status items", "status items", apple_status,       &apple_status_count },
	/* clang-format on */
};

const char *
policy_kind_name(enum policy_kind kind)
{
	return kinds[kind].name;
}

const char *
policy_kind_table(enum policy_kind kind, bool keys)
{
	return keys ? kinds[kind].keys : kinds[kind].table;
}

const char *
policy_mode_name(enum apple_mode mode)
{
	static const char *const names[] = { "unknown", "allowed", "required", "forbidden", "ignored" };

	return names[mode];
}

const struct apple_message *
policy_row(enum policy_kind kind, const char *name)
{
	return bsearch(name, kinds[kind].rows, *kinds[kind].count, sizeof *kinds[kind].rows, by_name);
}

bool
policy_next(struct policy_place *at, struct policy_thing *out)
{
	const struct apple_message *m;

	while (at->kind < POLICY_KINDS && at->message == *kinds[at->kind].count)
		*at = (struct policy_place){ .kind = at->kind + 1 };
	if (at->kind == POLICY_KINDS)
		return false;
	m = &kinds[at->kind].rows[at->message];
	*out = (struct policy_thing){ (enum policy_kind)at->kind, policy_text(m->name), NULL, POLICY_REQUEST };
	if (at->key > 0) {
		out->key = policy_text(apple_keys[m->first + at->key - 1].path);
		out->side = at->key > m->requests ? POLICY_RESPONSE : POLICY_REQUEST;
	}
	if (at->key++ == (unsigned)m->requests + m->responses) {
		at->key = 0;
		at->message++;
	}
	return true;
}

const struct apple_message *
policy_command_row(const char *name)
{
	return policy_row(POLICY_COMMAND, name);
}

const struct apple_message *
policy_checkin_row(const char *name)
{
	return policy_row(POLICY_CHECKIN, name);
}

static const struct apple_key *
side_keys(const struct apple_message *m, enum policy_side side, size_t *n)
{
	*n = side == POLICY_REQUEST ? m->requests : m->responses;
	return apple_keys + m->first + (side == POLICY_REQUEST ? 0 : m->requests);
}

const struct apple_key *
policy_key_row(const struct apple_message *m, enum policy_side side, const char *path)
{
	const struct apple_key *keys;
	size_t n;

	keys = side_keys(m, side, &n);
	return bsearch(path, keys, n, sizeof *keys, by_path);
}

/* "path.name", or the name alone at the top: for each key of each answer, so without a format. */
static const char *
joined(struct arena *a, const char *path, const char *name)
{
	size_t n = strlen(path), m = strlen(name);
	char *p;

	if (n == 0)
		return name;
	p = arena_alloc(a, n + m + 2);
	memcpy(p, path, n);
	p[n] = '.';
	memcpy(p + n + 1, name, m);
	return p;
}

const struct apple_key *
policy_child_row(
    struct arena *a, const struct apple_message *m, enum policy_side side, const char *path, const char *name)
{
	const struct apple_key *key = NULL;

	/* A name with a dot or bracket in it is no name of the schema; it could only fake a deeper path. */
	if (strpbrk(name, ".[]") == NULL)
		key = policy_key_row(m, side, joined(a, path, name));
	if (key == NULL)
		key = policy_key_row(m, side, joined(a, path, "*"));
	return key;
}

bool
policy_has_below(struct arena *a, const struct apple_message *m, enum policy_side side, const char *path)
{
	const char *prefix = arena_printf(a, "%s.", path);
	const struct apple_key *keys;
	size_t n, i, length = strlen(prefix);

	keys = side_keys(m, side, &n);
	for (i = 0; i < n; i++)
		if (strncmp(policy_text(keys[i].path), prefix, length) == 0)
			return true;
	return false;
}

const char *
policy_path_shown(struct arena *a, const char *path)
{
	char *shown = arena_strdup(a, path), *out = shown;

	for (; *path != '\0'; path++) {
		if (strncmp(path, ".[]", 3) == 0)
			path += 2;
		else if (*path != '[' && *path != ']')
			*out++ = *path;
	}
	*out = '\0';
	return shown;
}

uint32_t
policy_version(const char *text)
{
	uint32_t part[3] = { 0, 0, 0 };
	int i = 0;

	if (text == NULL || !isdigit((unsigned char)text[0]))
		return UINT32_MAX;
	for (; *text != '\0'; text++) {
		if (*text == '.') {
			if (++i == 3)
				break;
		} else if (!isdigit((unsigned char)*text) || (part[i] = part[i] * 10 + (uint32_t)(*text - '0')) > 255) {
			return UINT32_MAX;
		}
	}
	return APPLE_VERSION(part[0], part[1], part[2]);
}

const char *
policy_version_text(struct arena *a, uint32_t version)
{
	unsigned major = version >> 16, minor = version >> 8 & 0xff, patch = version & 0xff;

	if (patch != 0)
		return arena_printf(a, "%u.%u.%u", major, minor, patch);
	return arena_printf(a, "%u.%u", major, minor);
}

const char *
policy_os_name(enum apple_os os)
{
	return os_names[os];
}

enum apple_mode
policy_rule_mode(const struct apple_rule *r, const struct policy_target *t)
{
	return (enum apple_mode)(t->mode == POLICY_ADDE ? r->adde : r->byod);
}

/* "iOS 9.3 and later, macOS 10.13 and later" */
static const char *
where_it_is(struct arena *a, const struct apple_rule on[APPLE_OS_COUNT])
{
	const char *list = "";

	for (int os = 0; os < APPLE_OS_COUNT; os++)
		if (on[os].since != 0)
			list = arena_printf(a, "%s%s%s %s and later", list, list[0] != '\0' ? ", " : "", os_names[os],
			    policy_version_text(a, on[os].since));
	return list[0] != '\0' ? list : "other systems only";
}

const char *
policy_rule_source(struct arena *a, const struct apple_rule *r, const char *table, const char *word)
{
	return r->source != 0 ? policy_text(r->source) : arena_printf(a, "Apple's schema, %s: %s", table, word);
}

/* What has to be there that no account-driven enrollment has, or not this one. */
static enum rc
judge_needs(struct arena *a, const struct apple_rule *r, const struct policy_target *t, const char *what,
    const char *table, struct err *err)
{
	bool supervised = apple_supervised[t->mode == POLICY_ADDE][t->os];

	if (r->flags & APPLE_AUTOMATED)
		return fail(err, RC_FORBIDDEN,
		    "%s needs Automated Device Enrollment, which an account-driven enrollment is not (%s)", what,
		    policy_rule_source(a, r, table, "requiresdep"));
	if (r->flags & APPLE_SHARED_IPAD)
		return fail(err, RC_FORBIDDEN, "%s is for Shared iPad, which can't be enrolled with an account (%s)",
		    what, policy_rule_source(a, r, table, "sharedipad required"));
	if ((r->flags & APPLE_SUPERVISED) && !supervised)
		return fail(err, RC_FORBIDDEN,
		    "%s needs a supervised device; an account-driven enrollment on %s is not supervised (%s)", what,
		    os_names[t->os], policy_rule_source(a, r, table, "supervised"));
	return RC_OK;
}

enum rc
policy_rule_judge(struct arena *a, const struct apple_rule on[APPLE_OS_COUNT], const struct policy_target *t,
    const char *what, const char *table, struct err *err)
{
	const struct apple_rule *r = &on[t->os];
	enum rc rc;

	if (r->since == 0)
		return fail(err, RC_FORBIDDEN, "%s is not for %s (Apple's schema, %s: %s)", what, os_names[t->os],
		    table, where_it_is(a, on));
	if (policy_version(t->os_version) < r->since)
		return fail(err, RC_FORBIDDEN, "%s is for %s %s and later, this is %s (Apple's schema, %s)", what,
		    os_names[t->os], policy_version_text(a, r->since), t->os_version, table);
	if (r->until != 0 && policy_version(t->os_version) >= r->until)
		return fail(err, RC_FORBIDDEN, "%s is not on %s from %s on (Apple's schema, %s: removed)", what,
		    os_names[t->os], policy_version_text(a, r->until), table);
	if (policy_rule_mode(r, t) == APPLE_FORBIDDEN && t->mode == POLICY_ADDE)
		return fail(err, RC_FORBIDDEN, "%s is not available in an account-driven enrollment (%s)", what,
		    policy_rule_source(a, r, table, "forbidden"));
	if (policy_rule_mode(r, t) == APPLE_FORBIDDEN)
		return fail(err, RC_FORBIDDEN, "%s is not available under User Enrollment on %s (%s)", what,
		    os_names[t->os], policy_rule_source(a, r, table, "userenrollment forbidden"));
	if ((rc = judge_needs(a, r, t, what, table, err)) != RC_OK)
		return rc;
	if (t->channel == POLICY_USER && t->os != APPLE_MACOS)
		return fail(err, RC_FORBIDDEN, "%s can't go to a user channel: %s has none", what, os_names[t->os]);
	if (t->channel == POLICY_USER && !(r->flags & APPLE_USER_CHANNEL))
		return fail(
		    err, RC_FORBIDDEN, "%s is not for the user channel (Apple's schema, %s: userchannel)", what, table);
	if (t->channel == POLICY_DEVICE && !(r->flags & APPLE_DEVICE_CHANNEL))
		return fail(err, RC_FORBIDDEN, "%s is for the user channel only (Apple's schema, %s: devicechannel)",
		    what, table);
	return RC_OK;
}
