/* Device groups, who is in them, and what they are given. */
#include "admin/routes.h"

#include <string.h>

#include "desired/item.h"

static json_t *
group_json(struct admin_call *x, const struct device_group *g)
{
	json_t *j = json_object();
	int64_t n = 0;

	if (!g->by_rule)
		(void)group_members(x->c, g, &n);

	admin_put_text(j, "name", g->name);
	admin_put_text(j, "organization", g->organization_id);
	admin_put_text(j, "mode", g->mode);
	admin_put_text(j, "model_family", g->model_family);
	admin_put_text(j, "os_from", g->os_from);
	admin_put_text(j, "os_below", g->os_below);
	admin_put_text(j, "user_group", g->user_group);
	admin_put_flag(j, "by_rule", g->by_rule);
	admin_put(j, "members", g->by_rule ? json_null() : json_integer(n));
	return j;
}

/* The organization that the request means, and the group that its path names. */
static enum rc
find(struct admin_call *x, struct organization *o, struct device_group *g)
{
	const char *id = admin_text(x, "organization");
	enum rc rc = admin_organization(x, id != NULL ? id : admin_query(x, "organization"), o);

	return rc == RC_OK && g != NULL ? group_get(x->c, o->id, x->r->segment[0], g) : rc;
}

enum rc
admin_device_group_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct device_group *all;
	struct organization o;
	enum rc rc;
	int n;

	if ((rc = find(x, &o, NULL)) != RC_OK || (rc = group_list(x->c, o.id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, group_json(x, &all[i]));
	return RC_OK;
}

enum rc
admin_device_group_add(struct admin_call *x)
{
	struct organization o;
	struct device_group g = {
		.name = admin_text(x, "name"),
		.by_rule = !admin_flag(x, "by_name", false),
		.mode = admin_text(x, "mode"),
		.model_family = admin_text(x, "model_family"),
		.os_from = admin_text(x, "os_from"),
		.os_below = admin_text(x, "os_below"),
		.user_group = admin_text(x, "user_group"),
	};
	enum rc rc;

	if ((rc = find(x, &o, NULL)) != RC_OK)
		return rc;
	g.organization_id = o.id;
	if ((rc = group_add(x->c, &g)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, group_json(x, &g));
	x->status = 201;
	return RC_OK;
}

enum rc
admin_device_group_get(struct admin_call *x)
{
	struct organization o;
	struct device_group g;
	struct desired_item *items;
	struct assignment *given;
	json_t *list;
	enum rc rc;
	int n, n_items;

	if ((rc = find(x, &o, &g)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, group_json(x, &g));
	admin_put(x->out, "items", list = json_array());
	if ((rc = desired_assignments(x->c, o.id, &given, &n)) != RC_OK ||
	    (rc = desired_item_list(x->c, o.id, -1, &items, &n_items)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		for (int k = 0; strcmp(given[i].group_id, g.id) == 0 && k < n_items; k++) {
			json_t *j;

			if (strcmp(items[k].id, given[i].item_id) != 0)
				continue;
			json_array_append_new(list, j = json_object());
			admin_put_text(j, "kind", desired_kind_name(items[k].kind));
			admin_put_text(j, "name", items[k].name);
			admin_put_text(j, "title", items[k].title);
			admin_put_flag(j, "optional", given[i].optional);
		}
	}
	return RC_OK;
}

enum rc
admin_device_group_remove(struct admin_call *x)
{
	struct organization o;
	struct device_group g;
	enum rc rc;

	if ((rc = find(x, &o, &g)) != RC_OK || (rc = group_remove(x->c, &g)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, group_json(x, &g));
	return RC_OK;
}

/* ---- members ---- */

static enum rc
member(
    struct admin_call *x, enum rc (*change)(struct call *c, const struct device_group *g, const struct enrollment *e))
{
	struct enrollment e;
	struct organization o;
	struct device_group g;
	enum rc rc;

	if ((rc = admin_enrollment(x, x->r->segment[1], &e)) != RC_OK)
		return rc;
	if ((rc = find(x, &o, &g)) != RC_OK)
		return rc;
	if (strcmp(e.organization_id, o.id) != 0)
		return fail(
		    &x->c->err, RC_CONFLICT, "the enrollment is of another organization (%s)", e.organization_id);
	if ((rc = change(x->c, &g, &e)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "name", g.name);
	admin_put_text(x->out, "enrollment", e.id);
	return RC_OK;
}

enum rc
admin_device_group_join(struct admin_call *x)
{
	return member(x, group_join);
}

enum rc
admin_device_group_leave(struct admin_call *x)
{
	return member(x, group_leave);
}

/* ---- what it is given ---- */

static enum rc
find_both(struct admin_call *x, struct device_group *g, struct desired_item *it)
{
	struct organization o;
	enum desired_kind kind;
	enum rc rc;

	if ((rc = find(x, &o, g)) != RC_OK || (rc = desired_kind_parse(x->r->segment[1], &kind, &x->c->err)) != RC_OK)
		return rc;
	return desired_item_get(x->c, o.id, kind, x->r->segment[2], it);
}

static void
say_both(struct admin_call *x, const struct device_group *g, const struct desired_item *it)
{
	x->out = admin_object(x);
	admin_put_text(x->out, "group", g->name);
	admin_put_text(x->out, "kind", desired_kind_name(it->kind));
	admin_put_text(x->out, "name", it->name);
}

enum rc
admin_device_group_give(struct admin_call *x)
{
	struct device_group g;
	struct desired_item it;
	enum rc rc;

	if ((rc = find_both(x, &g, &it)) != RC_OK ||
	    (rc = desired_assign(x->c, &it, &g, admin_flag(x, "optional", false))) != RC_OK)
		return rc;
	say_both(x, &g, &it);
	return RC_OK;
}

enum rc
admin_device_group_take(struct admin_call *x)
{
	struct device_group g;
	struct desired_item it;
	enum rc rc;

	if ((rc = find_both(x, &g, &it)) != RC_OK || (rc = desired_unassign(x->c, &it, &g)) != RC_OK)
		return rc;
	say_both(x, &g, &it);
	return RC_OK;
}
