#include "ddm/status.h"

#include <string.h>

#include "base/log.h"
#include "store/store.h"

#define DECLARATIONS "management.declarations"
#define PATH_MAX_OCTETS 200
#define DEPTH_MAX 8 /* of the names of status items */
#define VALUE_MIN 8 /* octets: a shorter value is no identifier that could be recognized elsewhere */
#define VALUES_MAX 64

struct putting {
	const char *enrollment_id, *user_id;
	const struct policy_target *t;
	json_t *items;
	bool full;
	int kept; /* rows of the channel */
	struct ddm_news *news;
};

/* ---- management.declarations ---- */

const char *
ddm_status_reason(struct call *c, const json_t *reasons)
{
	const json_t *first = json_array_get(reasons, 0);
	const char *code = json_get_text(first, "Code"), *text = json_get_text(first, "Description");

	if (code == NULL)
		code = json_get_text(first, "code");
	if (text == NULL)
		text = json_get_text(first, "description");
	if (code == NULL && text == NULL)
		return NULL;
	if (code == NULL || text == NULL)
		return code != NULL ? code : text;
	return arena_printf(c->arena, "%.*s: %.*s", (int)bytes_fit(code, 200), code, (int)bytes_fit(text, 400), text);
}

static enum rc
put_declaration(struct call *c, struct putting *p, const json_t *d)
{
	static const char sql[] =
	    "INSERT INTO ddm_declaration (enrollment_id, user_id, identifier, server_token, active, valid, reason)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (enrollment_id, user_id, identifier) DO UPDATE SET"
	    " server_token = EXCLUDED.server_token, active = EXCLUDED.active, valid = EXCLUDED.valid,"
	    " reason = EXCLUDED.reason";
	const char *identifier = json_get_text(d, "identifier"), *token = json_get_text(d, "server-token"),
		   *valid = json_get_text(d, "valid");

	if (identifier == NULL || strlen(identifier) > 64 || p->kept >= DDM_STATUS_MAX)
		return RC_OK;
	p->kept++;
	return store_run(c, sql,
	    DB_ARGS(db_text(p->enrollment_id), db_text(p->user_id), db_text(identifier),
		db_text(token != NULL ? token : ""), db_int(json_is_true(json_object_get(d, "active"))),
		db_text(valid != NULL ? valid : "unknown"),
		db_text(ddm_status_reason(c, json_object_get(d, "reasons")))),
	    NULL);
}

/* All that a device has of declarations: the item always comes whole. */
static enum rc
put_declarations(struct call *c, struct putting *p, const json_t *all)
{
	static const char clear_sql[] = "DELETE FROM ddm_declaration WHERE enrollment_id = ?1 AND user_id = ?2";
	static const char *const kinds[] = { "activations", "configurations", "assets", "management" };
	enum rc rc = store_run(c, clear_sql, DB_ARGS(db_text(p->enrollment_id), db_text(p->user_id)), NULL);
	const json_t *d;
	size_t i;

	for (size_t k = 0; rc == RC_OK && k < sizeof kinds / sizeof kinds[0]; k++) {
		json_array_foreach(json_object_get(all, kinds[k]), i, d)
		{
			if (rc == RC_OK)
				rc = put_declaration(c, p, d);
		}
	}
	return rc;
}

/* ---- what could tell the device or its owner (S-10) ---- */

struct told {
	const char *value[VALUES_MAX]; /* texts that stood under a personal key */
	int n;
};

static void
take_personal(struct arena *a, json_t *tree, struct told *told)
{
	const char *key, *text;
	json_t *value;
	size_t i;
	void *next;

	json_object_foreach_safe(tree, next, key, value)
	{
		if (!policy_is_personal(key)) {
			take_personal(a, value, told);
			continue;
		}
		if ((text = json_string_value(value)) != NULL && strlen(text) >= VALUE_MIN && told->n < VALUES_MAX)
			told->value[told->n++] = arena_strdup(a, text);
		json_object_del(tree, key);
	}
	json_array_foreach(tree, i, value)
	{
		take_personal(a, value, told);
	}
}

static bool
repeats(const json_t *value, const struct told *told)
{
	const char *text = json_string_value(value);

	for (int i = 0; text != NULL && i < told->n; i++) {
		if (strcasestr(text, told->value[i]) != NULL)
			return true;
	}
	return false;
}

static void
take_repeated(json_t *tree, const struct told *told)
{
	const char *key;
	json_t *value;
	size_t i;
	void *next;

	json_object_foreach_safe(tree, next, key, value)
	{
		if (repeats(value, told))
			json_object_del(tree, key);
		else
			take_repeated(value, told);
	}
	for (i = json_array_size(tree); i-- > 0;) {
		value = json_array_get(tree, i);
		if (repeats(value, told))
			json_array_remove(tree, i);
		else
			take_repeated(value, told);
	}
}

/* ---- everything else ---- */

static enum rc
put_value(struct call *c, struct putting *p, const char *item, const char *element, const json_t *value)
{
	static const char sql[] =
	    "INSERT INTO ddm_status (enrollment_id, user_id, item, element, value, updated_at) VALUES (?1, ?2, ?3, ?4, "
	    "?5, ?6) ON CONFLICT (enrollment_id, user_id, item, element) DO UPDATE SET value = EXCLUDED.value,"
	    " updated_at = EXCLUDED.updated_at";
	/* At the limit what is known stays up to date, and nothing new is kept. */
	static const char known_sql[] = "UPDATE ddm_status SET value = ?5, updated_at = ?6 WHERE enrollment_id = ?1"
					" AND user_id = ?2 AND item = ?3 AND element = ?4";
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *kept = text != NULL ? arena_strdup(c->arena, text) : NULL;

	free(text);
	if (kept == NULL || strlen(kept) > DDM_VALUE_MAX)
		return RC_OK;
	return store_run(c, p->kept++ < DDM_STATUS_MAX ? sql : known_sql,
	    DB_ARGS(db_text(p->enrollment_id), db_text(p->user_id), db_text(item), db_text(element), db_text(kept),
		db_int(c->now)),
	    NULL);
}

static enum rc
drop_value(struct call *c, const struct putting *p, const char *item, const char *element)
{
	return store_run(c,
	    "DELETE FROM ddm_status WHERE enrollment_id = ?1 AND user_id = ?2 AND item = ?3 AND element = ?4",
	    DB_ARGS(db_text(p->enrollment_id), db_text(p->user_id), db_text(item), db_text(element)), NULL);
}

/* Elements of an array have an identifier, and come by themselves when they changed. */
static enum rc
put_array(struct call *c, struct putting *p, const char *item, const json_t *value)
{
	const json_t *element;
	enum rc rc = RC_OK;
	size_t i;

	json_array_foreach(value, i, element)
	{
		const char *id = json_get_text(element, "identifier");

		if (rc != RC_OK)
			break;
		if (id == NULL || strlen(id) > 256) /* of plain values: the array is the value */
			return put_value(c, p, item, "", value);
		if (json_is_true(json_object_get(element, "_removed")))
			rc = drop_value(c, p, item, id);
		else
			rc = put_value(c, p, item, id, element);
	}
	return rc;
}

static bool
is_version(const char *s)
{
	return s != NULL && s[0] >= '1' && s[0] <= '9' && strlen(s) <= 16 && s[strspn(s, "0123456789.")] == '\0';
}

/* A dictionary's names, joined by points, are the name of a status item once Apple's tables have it. */
static enum rc
put_tree(struct call *c, struct putting *p, const char *path, json_t *tree, int depth)
{
	const char *key;
	enum rc rc = RC_OK;
	json_t *value;

	json_object_foreach(tree, key, value)
	{
		const char *name = path[0] != '\0' ? arena_printf(c->arena, "%s.%s", path, key) : key;
		struct policy_thing what = { .kind = POLICY_STATUS_ITEM, .name = name };
		struct err why;
		enum apple_mode verdict;

		if (rc != RC_OK || strlen(name) > PATH_MAX_OCTETS)
			break;
		if (strcmp(name, DECLARATIONS) == 0) {
			rc = put_declarations(c, p, value);
			continue;
		}
		verdict = policy_verdict(c->arena, p->t, &what, &why);
		if (verdict == APPLE_FORBIDDEN)
			continue;
		if (strcmp(name, "management.client-capabilities") == 0)
			p->news->capabilities = true;
		if (strcmp(name, "device.operating-system.version") == 0 && is_version(json_string_value(value)))
			p->news->os_version = json_string_value(value);
		if (verdict == APPLE_UNSTATED && json_is_object(value) && depth < DEPTH_MAX)
			rc = put_tree(c, p, name, value, depth + 1);
		else if (verdict == APPLE_UNSTATED) /* not a status item that anybody knows */
			continue;
		else if (json_is_array(value) && json_array_size(value) > 0)
			rc = put_array(c, p, name, value);
		else
			rc = put_value(c, p, name, "", value);
	}
	return rc;
}

static enum rc
put_in_unit(struct call *c, void *arg)
{
	static const char *const clear[] = { "DELETE FROM ddm_status WHERE enrollment_id = ?1 AND user_id = ?2",
		"DELETE FROM ddm_declaration WHERE enrollment_id = ?1 AND user_id = ?2" };
	static const char count_sql[] = "SELECT COUNT(*) FROM ddm_status WHERE enrollment_id = ?1 AND user_id = ?2";
	struct putting *p = arg;
	struct db_rows r;
	enum rc rc = RC_OK;

	for (int i = 0; p->full && rc == RC_OK && i < 2; i++)
		rc = store_run(c, clear[i], DB_ARGS(db_text(p->enrollment_id), db_text(p->user_id)), NULL);
	if (rc == RC_OK)
		rc = store_run(c, count_sql, DB_ARGS(db_text(p->enrollment_id), db_text(p->user_id)), &r);
	if (rc != RC_OK)
		return rc;
	p->kept = (int)db_get_int(&r, 0, 0);
	rc = put_tree(c, p, "", p->items, 0);
	if (rc != RC_OK)
		store_discard(c); /* all of a report, or nothing */
	return rc;
}

enum rc
ddm_status_put(struct call *c, const char *enrollment_id, const char *user_id, const struct policy_target *t,
    struct bytes report, struct ddm_news *news)
{
	struct putting p = { .enrollment_id = enrollment_id, .user_id = user_id, .t = t, .news = news };
	struct told told = { .n = 0 };
	json_t *root;
	enum rc rc;

	*news = (struct ddm_news){ 0 };
	if (json_parse(c->arena, report, &root, &c->err) != RC_OK)
		return fail_in(&c->err, RC_BAD_INPUT, "StatusReport");
	p.items = json_object_get(root, "StatusItems");
	p.full = json_is_true(json_object_get(root, "FullReport"));
	if (!json_is_object(p.items))
		return fail(&c->err, RC_BAD_INPUT, "a StatusReport has StatusItems");
	if (t->mode == POLICY_BYOD) {
		take_personal(c->arena, p.items, &told);
		take_repeated(p.items, &told);
	}
	rc = store_part(c, put_in_unit, &p);
	if (rc == RC_OK && p.kept > DDM_STATUS_MAX)
		log_warn("a status report is larger than what is kept", "enrollment", enrollment_id);
	return rc;
}

/* ---- reading ---- */

enum rc
ddm_status_declarations(struct call *c, const char *enrollment_id, const char *user_id, struct ddm_report **out, int *n)
{
	static const char sql[] = "SELECT identifier, server_token, valid, reason, active FROM ddm_declaration"
				  " WHERE enrollment_id = ?1 AND user_id = ?2 ORDER BY identifier";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(user_id)), &r);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list what is said of declarations");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct ddm_report){ db_get_text(&r, i, 0), db_get_text(&r, i, 1), db_get_text(&r, i, 2),
			db_get_text(&r, i, 3), db_get_int(&r, i, 4) != 0 };
	return RC_OK;
}

enum rc
ddm_status_items(
    struct call *c, const char *enrollment_id, const char *user_id, const char *item, struct ddm_item **out, int *n)
{
	static const char sql[] = "SELECT item, element, value, updated_at FROM ddm_status WHERE enrollment_id = ?1"
				  " AND user_id = ?2 AND item = COALESCE(?3, item) ORDER BY item, element";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(user_id), db_text(item)), &r);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list status items");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct ddm_item){ db_get_text(&r, i, 0), db_get_text(&r, i, 1), db_get_text(&r, i, 2),
			db_get_int(&r, i, 3) };
	return RC_OK;
}
