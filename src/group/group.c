#include "group/group.h"

#include <string.h>

#include "crypto/hash.h"
#include "enroll/os.h"
#include "store/store.h"

#define COLUMNS "id, organization_id, name, by_rule, mode, model_family, os_from, os_below, user_group, created_at"

static void
from_row(struct device_group *g, const struct db_rows *r, int i)
{
	*g = (struct device_group){
		.id = db_get_text(r, i, 0),
		.organization_id = db_get_text(r, i, 1),
		.name = db_get_text(r, i, 2),
		.by_rule = db_get_int(r, i, 3) != 0,
		.mode = db_get_text(r, i, 4),
		.model_family = db_get_text(r, i, 5),
		.os_from = db_get_text(r, i, 6),
		.os_below = db_get_text(r, i, 7),
		.user_group = db_get_text(r, i, 8),
		.created_at = db_get_int(r, i, 9),
	};
}

enum rc
group_changed(struct call *c, const char *organization_id)
{
	return store_run(c, "UPDATE organization SET desired_version = desired_version + 1 WHERE id = ?1",
	    DB_ARGS(db_text(organization_id)), NULL);
}

/* ---- adding ---- */

static bool
is_version(const char *s)
{
	return s == NULL || (s[0] >= '1' && s[0] <= '9' && strlen(s) <= 16 && s[strspn(s, "0123456789.")] == '\0');
}

static enum rc
check(struct call *c, const struct device_group *g)
{
	bool conditions = g->mode != NULL || g->model_family != NULL || g->os_from != NULL || g->os_below != NULL ||
			  g->user_group != NULL;

	if (g->name[0] == '\0' || strlen(g->name) > GROUP_NAME_MAX)
		return fail(&c->err, RC_BAD_INPUT, "a group's name has 1 to %d octets", GROUP_NAME_MAX);
	if (conditions && !g->by_rule)
		return fail(&c->err, RC_BAD_INPUT, "a group has members by name or by conditions, not both");
	if (g->mode != NULL && strcmp(g->mode, "byod") != 0 && strcmp(g->mode, "adde") != 0)
		return fail(&c->err, RC_BAD_INPUT, "a mode is byod or adde");
	if (!is_version(g->os_from) || !is_version(g->os_below))
		return fail(&c->err, RC_BAD_INPUT, "a version is numbers with points: 17.5");
	return RC_OK;
}

static enum rc
add_in_unit(struct call *c, void *arg)
{
	static const char insert_sql[] = "INSERT INTO device_group (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, "
					 "?8, ?9, ?10) ON CONFLICT DO NOTHING RETURNING id";
	const struct device_group *g = arg;
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT COUNT(*) FROM device_group WHERE organization_id = ?1",
	    DB_ARGS(db_text(g->organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= GROUP_MAX)
		return fail(&c->err, RC_CONFLICT, "there are %d device groups, which is the limit", GROUP_MAX);
	rc = store_run(c, insert_sql,
	    DB_ARGS(db_text(g->id), db_text(g->organization_id), db_text(g->name), db_int(g->by_rule), db_text(g->mode),
		db_text(g->model_family), db_text(g->os_from), db_text(g->os_below), db_text(g->user_group),
		db_int(g->created_at)),
	    &r);
	if (rc == RC_OK && r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "there is a device group %s already", g->name);
	return rc;
}

enum rc
group_add(struct call *c, struct device_group *g)
{
	enum rc rc = check(c, g);

	if (rc != RC_OK)
		return rc;
	g->id = crypto_id(c->arena);
	g->created_at = c->now;
	return store_part(c, add_in_unit, g);
}

/* ---- looking ---- */

enum rc
group_list(struct call *c, const char *organization_id, struct device_group **out, int *n)
{
	static const char sql[] = "SELECT " COLUMNS " FROM device_group WHERE organization_id = ?1 ORDER BY name";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id)), &r);

	*n = 0;
	if (rc != RC_OK) {
		(void)fail_in(&c->err, rc, "list device groups");
		return rc;
	}
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		from_row(&(*out)[i], &r, i);
	return RC_OK;
}

enum rc
group_members(struct call *c, const struct device_group *g, int64_t *n)
{
	struct db_rows r;
	enum rc rc =
	    store_run(c, "SELECT COUNT(*) FROM device_group_member WHERE group_id = ?1", DB_ARGS(db_text(g->id)), &r);

	*n = rc == RC_OK ? db_get_int(&r, 0, 0) : 0;
	return rc;
}

enum rc
group_get(struct call *c, const char *organization_id, const char *name, struct device_group *out)
{
	struct device_group *all;
	int n, i;
	enum rc rc = group_list(c, organization_id, &all, &n);

	if (rc != RC_OK)
		return rc;
	for (i = 0; i < n && strcmp(all[i].name, name) != 0; i++)
		;
	if (i < n) {
		*out = all[i];
		return RC_OK;
	}
	(void)fail(&c->err, RC_NOT_FOUND, "there is no device group %.100s", name);
	return RC_NOT_FOUND;
}

static enum rc
remove_in_unit(struct call *c, void *arg)
{
	static const char *const rows[] = {
		"DELETE FROM assignment WHERE group_id = ?1",
		"DELETE FROM device_group_member WHERE group_id = ?1",
		"DELETE FROM device_group WHERE id = ?1",
	};
	const struct device_group *g = arg;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof rows / sizeof rows[0]; i++)
		rc = store_run(c, rows[i], DB_ARGS(db_text(g->id)), NULL);
	return rc == RC_OK ? group_changed(c, g->organization_id) : rc;
}

enum rc
group_remove(struct call *c, const struct device_group *g)
{
	struct device_group copy = *g;

	return store_part(c, remove_in_unit, &copy);
}

/* ---- members by name ---- */

struct membership {
	const struct device_group *g;
	const struct enrollment *e;
	const char *sql;
};

static enum rc
member_in_unit(struct call *c, void *arg)
{
	const struct membership *m = arg;
	enum rc rc = store_run(c, m->sql, DB_ARGS(db_text(m->e->id), db_text(m->g->id)), NULL);

	return rc == RC_OK ? group_changed(c, m->g->organization_id) : rc;
}

static enum rc
change_member(struct call *c, const struct device_group *g, const struct enrollment *e, const char *sql)
{
	struct membership m = { g, e, sql };

	if (g->by_rule)
		return fail(&c->err, RC_CONFLICT, "who is in %s is found by its conditions", g->name);
	if (!ENROLLMENT_LIVE(e))
		return fail(&c->err, RC_CONFLICT, "the enrollment ended (%s)", e->state);
	return store_part(c, member_in_unit, &m);
}

enum rc
group_join(struct call *c, const struct device_group *g, const struct enrollment *e)
{
	return change_member(c, g, e,
	    "INSERT INTO device_group_member (enrollment_id, group_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING");
}

enum rc
group_leave(struct call *c, const struct device_group *g, const struct enrollment *e)
{
	return change_member(c, g, e, "DELETE FROM device_group_member WHERE enrollment_id = ?1 AND group_id = ?2");
}

/* ---- who is in ---- */

bool
group_fits(const struct device_group *g, const char *mode, const char *family, const char *os_version)
{
	if (g->mode != NULL && strcmp(g->mode, mode) != 0)
		return false;
	if (g->model_family != NULL && (family == NULL || strcmp(g->model_family, family) != 0))
		return false;
	if (g->os_from != NULL && os_compare(os_version, g->os_from) < 0)
		return false;
	return g->os_below == NULL || os_compare(os_version, g->os_below) < 0;
}

static bool
names(const struct db_rows *r, const char *name)
{
	for (int i = 0; i < r->rows; i++) {
		if (strcmp(db_get_text(r, i, 0), name) == 0)
			return true;
	}
	return false;
}

enum rc
group_match(struct call *c, const struct device_group *groups, int n, const struct enrollment *e, bool *matches)
{
	struct db_rows people, members;
	enum rc rc = store_run(
	    c, "SELECT name FROM account_group WHERE account_id = ?1", DB_ARGS(db_text(e->account_id)), &people);

	if (rc == RC_OK)
		rc = store_run(c, "SELECT group_id FROM device_group_member WHERE enrollment_id = ?1",
		    DB_ARGS(db_text(e->id)), &members);
	if (rc != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		const struct device_group *g = &groups[i];

		matches[i] = g->by_rule ? group_fits(g, e->mode, e->family, e->os_version) &&
					      (g->user_group == NULL || names(&people, g->user_group))
					: names(&members, g->id);
	}
	return RC_OK;
}
