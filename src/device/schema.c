#include "device/schema.h"

#include <string.h>

#include "device/tables.h"

struct asked {
	const struct device_schema *s;
	enum device_kind kind;
	const char *name, *key, *os;
	bool response;
};

struct entry { /* what is known so far about one thing, for this device */
	bool known; /* on some system */
	bool here;
	unsigned since, until;
	enum device_verdict mode;
	bool supervision, impossible; /* impossible: needs what no account-driven enrollment is */
	bool device, user; /* channels */
};

static const struct kind {
	const char *whole; /* the table of the things themselves */
	const char *overrides, *key_overrides; /* what override rows call it */
} kinds[DEVICE_KINDS] = {
	[DEVICE_COMMAND] = { embed_commands, "commands", "command-keys" },
	[DEVICE_CHECKIN] = { embed_checkin_keys, "checkin", "checkin" },
	[DEVICE_MACHINEINFO] = { NULL, NULL, NULL },
	[DEVICE_PAYLOAD] = { embed_profiles, "profiles", "profile-keys" },
	[DEVICE_DECLARATION] = { embed_declarations, "declarations", "declaration-keys" },
	[DEVICE_STATUS_ITEM] = { embed_status_items, "status-items", NULL },
};

const char *
device_verdict_name(enum device_verdict v)
{
	static const char *const names[] = { "unknown", "allowed", "required", "ignored", "forbidden", "absent" };

	return names[v];
}

static enum device_verdict
mode_of(struct table_cell word)
{
	return cell_is(word, "forbidden")  ? DEVICE_FORBIDDEN
	       : cell_is(word, "ignored")  ? DEVICE_IGNORED
	       : cell_is(word, "required") ? DEVICE_REQUIRED
					   : DEVICE_ALLOWED;
}

static enum device_verdict
mode_here(const struct asked *q, struct table_cell user_enrollment)
{
	return q->s->byod ? mode_of(user_enrollment) : DEVICE_ALLOWED;
}

static bool
supervised(const struct asked *q)
{
	struct table_row r = { 0 };

	while (table_next(embed_overrides, "enrollments", &r))
		if (table_is(&r, "name", "supervised") && cell_has(table_cell(&r, "os"), q->os) &&
		    cell_has(table_cell(&r, "enrollment_mode"), q->s->byod ? "BYOD" : "ADDE"))
			return true;
	return false;
}

static void
set_since(struct entry *e, unsigned since)
{
	e->here = since != 0;
	e->since = since;
}

static void
set_channels(const struct asked *q, struct entry *e, bool device, bool user)
{
	e->device = q->s->os != DEVICE_MACOS || device;
	e->user = q->s->os == DEVICE_MACOS && user;
}

static void
set_enrollments(const struct asked *q, struct entry *e, struct table_cell allowed)
{
	const char *mine = q->s->byod ? "user" : q->s->os == DEVICE_MACOS ? "supervised" : "device";

	e->mode = allowed.n == 0 || cell_has(allowed, mine) ? DEVICE_ALLOWED : DEVICE_FORBIDDEN;
}

/* ---- the things themselves ---- */

static void
whole_row(const struct asked *q, const struct table_row *r, struct entry *e)
{
	struct table_cell scopes = table_cell(r, "allowed_scopes");

	set_since(e, cell_version(table_cell(r, "introduced")));
	e->until = cell_version(table_cell(r, "removed"));
	if (q->kind == DEVICE_DECLARATION || q->kind == DEVICE_STATUS_ITEM) {
		set_enrollments(q, e, table_cell(r, "allowed_enrollments"));
		set_channels(
		    q, e, scopes.n == 0 || cell_has(scopes, "system"), scopes.n == 0 || cell_has(scopes, "user"));
		return;
	}
	e->mode = mode_here(q, table_cell(r, "ue_mode"));
	e->supervision = table_is(r, "requires_supervision", "yes");
	if (q->kind == DEVICE_COMMAND)
		e->impossible = table_is(r, "requires_dep", "yes") || table_is(r, "shared_ipad_mode", "required");
	set_channels(q, e, table_is(r, "device_channel", "yes"), table_is(r, "user_channel", "yes"));
}

/* Of several rows that share a name (one payload type with several schemas) the one that lets most through. */
static void
merge(struct entry *e, const struct entry *other)
{
	if (!e->here) {
		*e = *other;
		return;
	}
	e->since = other->since < e->since ? other->since : e->since;
	e->until = e->until == 0 || other->until == 0 ? 0 : e->until > other->until ? e->until : other->until;
	e->mode = other->mode < e->mode ? other->mode : e->mode;
	e->supervision = e->supervision || other->supervision;
	e->device = e->device || other->device;
	e->user = e->user || other->user;
}

static struct entry
whole_entry(const struct asked *q)
{
	const struct kind *k = &kinds[q->kind];
	struct entry e = { .mode = DEVICE_ALLOWED };
	struct table_row r = { 0 };

	if (q->kind == DEVICE_MACHINEINFO)
		return (struct entry){ .known = true, .here = true, .mode = DEVICE_ALLOWED, .device = true };
	while (table_next(k->whole, q->name, &r)) {
		struct entry other = { .known = true };

		if (q->kind == DEVICE_CHECKIN && !table_is(&r, "side", "message"))
			continue;
		e.known = true;
		if (!table_is(&r, "os", q->os))
			continue;
		whole_row(q, &r, &other);
		if (other.here)
			merge(&e, &other);
	}
	return e;
}

/* ---- their keys ---- */

static void
command_key(const struct asked *q, const struct entry *whole, struct entry *e)
{
	const char *side = q->response ? "response" : "request";
	struct table_row r = { 0 };
	struct table_cell mode;

	while (table_next(embed_command_keys_all, q->name, &r)) {
		if (!table_is(&r, "side", side) || !table_is(&r, "key_path", q->key))
			continue;
		*e = (struct entry){ .known = true, .mode = whole->mode, .device = whole->device, .user = whole->user };
		set_since(e, cell_version(cell_of(table_cell(&r, "availability"), q->os)));
	}
	r = (struct table_row){ 0 };
	while (table_next(embed_command_keys, q->name, &r)) {
		if (!table_is(&r, "side", side) || !table_is(&r, "os", q->os) || !table_is(&r, "key_path", q->key))
			continue;
		e->mode = mode_here(q, table_cell(&r, "key_ue_mode"));
		e->supervision = table_is(&r, "requires_supervision", "yes");
		set_channels(q, e, table_is(&r, "device_channel", "yes"), table_is(&r, "user_channel", "yes"));
	}
	r = (struct table_row){ 0 };
	while (q->response && table_next(embed_queries, q->name, &r)) {
		if (!table_is(&r, "os", q->os) || !table_is(&r, "response_key_path", q->key))
			continue;
		mode = table_cell(&r, "ue_effective");
		if (mode.n == 0 || cell_is(mode, "allowed") || mode_of(mode) != DEVICE_ALLOWED)
			e->mode = mode_here(q, mode);
	}
}

static void
checkin_key(const struct asked *q, const struct entry *whole, struct entry *e)
{
	struct table_row r = { 0 };

	(void)whole;
	while (table_next(embed_checkin_keys, q->name, &r)) {
		if (!table_is(&r, "side", q->response ? "response" : "request") || !table_is(&r, "key_path", q->key))
			continue;
		e->known = true;
		if (!table_is(&r, "os", q->os))
			continue;
		set_since(e, cell_version(table_cell(&r, "introduced")));
		e->mode = mode_here(q, table_cell(&r, "ue_mode"));
		set_channels(q, e, table_is(&r, "device_channel", "yes"), table_is(&r, "user_channel", "yes"));
	}
}

static void
machineinfo_key(const struct asked *q, const struct entry *whole, struct entry *e)
{
	struct table_row r = { 0 };

	(void)whole;
	while (table_next(embed_machineinfo_keys, q->key, &r)) {
		e->known = true;
		if (!table_is(&r, "os", q->os))
			continue;
		set_since(e, cell_version(table_cell(&r, "introduced")));
		e->mode = mode_here(q, table_cell(&r, "ue_mode"));
		e->device = true;
	}
}

static void
payload_key(const struct asked *q, const struct entry *whole, struct entry *e)
{
	bool restrictions = strcmp(q->name, "com.apple.applicationaccess") == 0, complete = restrictions;
	struct table_row r = { 0 };

	while (table_next(embed_enrollment_payload_keys, q->name, &r)) {
		complete = true;
		if (!table_is(&r, "key_path", q->key))
			continue;
		e->known = true;
		set_since(e, cell_version(cell_of(table_cell(&r, "availability"), q->os)));
		e->until = cell_version(cell_of(table_cell(&r, "removed"), q->os));
		e->mode = mode_here(q, cell_of(table_cell(&r, "ue_mode"), q->os));
	}
	r = (struct table_row){ 0 };
	while (table_next(embed_profile_keys, q->name, &r)) {
		if (!table_is(&r, "key_path", q->key))
			continue;
		e->known = true;
		if (!table_is(&r, "os", q->os))
			continue;
		set_since(e, cell_version(table_cell(&r, "introduced")));
		e->mode = mode_here(q, table_cell(&r, "key_ue_mode"));
		e->supervision = table_is(&r, "requires_supervision", "yes");
	}
	r = (struct table_row){ 0 };
	while (restrictions && table_next(embed_restrictions, q->key, &r)) {
		e->known = true;
		if (!table_is(&r, "os", q->os))
			continue;
		set_since(e, cell_version(table_cell(&r, "introduced")));
		e->until = cell_version(table_cell(&r, "removed"));
		e->mode = mode_here(q, table_cell(&r, "ue_mode"));
		e->supervision = table_is(&r, "requires_supervision", "yes");
	}
	/* A key that has rows for other systems only is as its payload, where not all keys have rows. */
	if (e->known && !e->here && !complete && whole->here) {
		*e = *whole;
		e->supervision = false;
	}
	e->device = whole->device;
	e->user = whole->user;
}

static void
declaration_key(const struct asked *q, const struct entry *whole, struct entry *e)
{
	struct table_row r = { 0 };

	while (table_next(embed_declaration_keys, q->name, &r)) {
		if (!table_is(&r, "key_path", q->key))
			continue;
		e->known = true;
		set_since(e, cell_version(cell_of(table_cell(&r, "availability"), q->os)));
		set_enrollments(q, e, cell_of(table_cell(&r, "key_allowed_enrollments"), q->os));
		e->device = whole->device;
		e->user = whole->user;
	}
}

static void
no_key(const struct asked *q, const struct entry *whole, struct entry *e)
{
	(void)q;
	(void)whole;
	(void)e;
}

static void (*const key_readers[DEVICE_KINDS])(const struct asked *q, const struct entry *whole, struct entry *e) = {
	[DEVICE_COMMAND] = command_key,
	[DEVICE_CHECKIN] = checkin_key,
	[DEVICE_MACHINEINFO] = machineinfo_key,
	[DEVICE_PAYLOAD] = payload_key,
	[DEVICE_DECLARATION] = declaration_key,
	[DEVICE_STATUS_ITEM] = no_key,
};

/* ---- what Apple's pages say beyond the schema ---- */

static bool
at_or_below(const char *key, struct table_cell path)
{
	return strncmp(key, path.p, path.n) == 0 && (key[path.n] == '\0' || key[path.n] == '.');
}

/* Does the row speak of the key that is asked for, or (key NULL) of the thing itself? */
static bool
speaks_of(const struct asked *q, const struct table_row *r)
{
	struct table_cell path = table_cell(r, "key_path");

	if (q->key == NULL || path.n == 0)
		return q->key == NULL && path.n == 0;
	return table_is(r, "side", "response") == q->response && at_or_below(q->key, path);
}

static void
introduce(const struct asked *q, const struct table_row *r, struct entry *e)
{
	struct table_cell channel = table_cell(r, "channel");

	e->mode = DEVICE_ALLOWED;
	e->until = 0;
	e->supervision = e->impossible = false;
	set_since(e, cell_version(table_cell(r, "introduced")));
	set_channels(q, e, cell_has(channel, "device"), cell_has(channel, "user"));
}

static void
override(const struct asked *q, struct entry *e)
{
	const struct kind *k = &kinds[q->kind];
	struct table_row r = { 0 };

	while (k->overrides != NULL && table_next(embed_overrides, NULL, &r)) {
		struct table_cell path = table_cell(&r, "key_path");
		bool introduces = table_cell(&r, "introduced").n > 0;
		const char *table = path.n > 0 ? k->key_overrides : k->overrides;

		if (table == NULL || !table_is(&r, "table", table) || !table_is(&r, "name", q->name) ||
		    table_is(&r, "rule", "note") || table_is(&r, "rule", "one-of"))
			continue;
		if (introduces && speaks_of(q, &r))
			e->known = true;
		if (!cell_has(table_cell(&r, "os"), q->os))
			continue;
		/* What brings a thing to a system brings its keys. */
		if (introduces && e->known && !e->here && (path.n == 0 || speaks_of(q, &r)))
			introduce(q, &r, e);
		if (e->here && speaks_of(q, &r) &&
		    cell_has(table_cell(&r, "enrollment_mode"), q->s->byod ? "BYOD" : "ADDE"))
			e->mode = mode_of(table_cell(&r, "rule"));
	}
}

/* ---- the verdict ---- */

static enum device_verdict
judge(const struct asked *q, const struct entry *e)
{
	if (!e->known)
		return DEVICE_UNKNOWN;
	if (!e->here || q->s->version < e->since || (e->until != 0 && q->s->version >= e->until))
		return DEVICE_ABSENT;
	if (e->impossible || (e->supervision && !supervised(q)) || !(q->s->user_channel ? e->user : e->device))
		return DEVICE_FORBIDDEN;
	return e->mode;
}

enum device_verdict
device_schema_verdict(
    const struct device_schema *s, enum device_kind kind, const char *name, const char *key, bool response)
{
	struct asked q = { .s = s, .kind = kind, .name = name, .os = device_os_name(s->os), .response = response };
	struct entry whole = whole_entry(&q), e = { .mode = DEVICE_ALLOWED };
	enum device_verdict v;

	override(&q, &whole);
	v = judge(&q, &whole);
	if (key == NULL || v == DEVICE_UNKNOWN)
		return v;
	q.key = key;
	key_readers[kind](&q, &whole, &e);
	override(&q, &e);
	if (e.known && (v == DEVICE_FORBIDDEN || v == DEVICE_ABSENT))
		return v;
	return judge(&q, &e);
}

bool
device_schema_may(
    const struct device_schema *s, enum device_kind kind, const char *name, const char *key, bool response)
{
	enum device_verdict v = device_schema_verdict(s, kind, name, key, response);

	return v == DEVICE_ALLOWED || v == DEVICE_REQUIRED || v == DEVICE_IGNORED;
}
