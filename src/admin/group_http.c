/* Groups of people, and what holds for whom is in them. */
#include <string.h>

#include "account/account.h"
#include "admin/routes.h"
#include "idp/provider.h"
#include "store/store.h"

/* "access_token_life": a policy's name as fields of JSON have it. */
static char *
field(struct arena *a, enum policy_limit which)
{
	char *name = arena_strdup(a, policy_name(which));

	for (char *p = name; *p != '\0'; p++) {
		if (*p == '-')
			*p = '_';
	}
	return name;
}

static const char *
unit(enum policy_limit which)
{
	return which == POLICY_SPREAD ? "percent" : "s";
}

static json_t *
group_json(struct arena *a, const struct account_group *g)
{
	json_t *j = json_object();

	admin_put_text(j, "group", g->name);
	admin_put_int(j, "people", g->people);
	for (int i = 0; i < POLICY_LIMITS; i++)
		admin_put(j, arena_printf(a, "%s_%s", field(a, i), unit(i)),
		    g->policy.group[i] != NULL ? json_integer(g->policy.value[i]) : json_null());
	return j;
}

enum rc
admin_group_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct account_group *all;
	struct organization o;
	enum rc rc;
	int limit, n;

	if ((rc = admin_limit(x, &limit)) != RC_OK ||
	    (rc = admin_organization(x, admin_query(x, "organization"), &o)) != RC_OK ||
	    (rc = account_group_list(x->c, o.id, admin_after(x), limit, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, group_json(x->c->arena, &all[i]));
	if (n == limit)
		admin_put_text(x->out, "next", all[n - 1].name);
	return RC_OK;
}

struct change {
	struct admin_call *x;
	const char *organization_id;
};

static enum rc
set_in_unit(struct call *c, void *arg)
{
	const struct change *g = arg;
	enum rc rc = RC_OK;

	for (int i = 0; rc == RC_OK && i < POLICY_LIMITS; i++) {
		const char *text = admin_text(g->x, field(c->arena, i));

		if (text != NULL)
			rc = policy_set(c, g->organization_id, g->x->r->segment[0], i, admin_seconds(c->arena, text));
	}
	if (rc != RC_OK)
		store_discard(c); /* all of them, or none */
	return rc;
}

static enum rc
answer(struct admin_call *x, const char *organization_id, struct account_group *g)
{
	enum rc rc;

	if ((rc = account_group_people(x->c, organization_id, g->name, &g->people)) == RC_OK &&
	    (rc = policy_get(x->c, organization_id, g->name, &g->policy)) == RC_OK)
		x->out = json_keep(x->c->arena, group_json(x->c->arena, g));
	return rc;
}

/* A group is there while somebody is in it, or something is said of it. */
enum rc
admin_group_get(struct admin_call *x)
{
	struct account_group g = { .name = x->r->segment[0] };
	struct organization o;
	bool there;
	enum rc rc;

	if ((rc = admin_organization(x, admin_query(x, "organization"), &o)) != RC_OK ||
	    (rc = answer(x, o.id, &g)) != RC_OK)
		return rc;
	there = g.people > 0;
	for (int i = 0; i < POLICY_LIMITS; i++)
		there = there || g.policy.group[i] != NULL;
	return there ? RC_OK : fail(&x->c->err, RC_NOT_FOUND, "there is no group %.60s (postern group list)", g.name);
}

enum rc
admin_group_set(struct admin_call *x)
{
	const char *id = admin_text(x, "organization");
	struct account_group g = { .name = x->r->segment[0] };
	struct organization o;
	struct change change = { x, NULL };
	enum rc rc;

	if ((rc = admin_organization(x, id != NULL ? id : admin_query(x, "organization"), &o)) != RC_OK)
		return rc;
	change.organization_id = o.id;
	rc = store_unit(x->c, set_in_unit, &change);
	return rc == RC_OK ? answer(x, o.id, &g) : rc;
}

/* ---- what holds for one person ---- */

struct base {
	int64_t value;
	const char *by;
};

/* What holds for everybody: the organization's settings, and those of the provider that signs the person in. */
static enum rc
base_of(struct admin_call *x, const struct account *a, struct base *base)
{
	struct organization o;
	struct provider p;
	enum rc rc = organization_get(x->c, a->organization_id, &o);

	if (rc != RC_OK)
		return rc;
	base[POLICY_ACCESS_TOKEN_LIFE] = (struct base){ o.access_token_life_s, "organization" };
	base[POLICY_WEB_TOKEN_LIFE] = (struct base){ o.web_token_life_s, "organization" };
	base[POLICY_REFRESH_IDLE] = (struct base){ o.refresh_idle_s, "organization" };
	base[POLICY_LONGEST] = (struct base){ o.refresh_max_s, "organization" };
	base[POLICY_GRACE] = (struct base){ 0, NULL };
	base[POLICY_SPREAD] = (struct base){ o.spread, "organization" };
	rc = provider_for(x->c, o.id, a->user_identifier, &p);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	base[POLICY_GRACE] = (struct base){ p.grace_s, "identity provider" };
	if (p.longest_s > 0 && p.longest_s < o.refresh_max_s)
		base[POLICY_LONGEST] = (struct base){ p.longest_s, "identity provider" };
	return RC_OK;
}

enum rc
admin_put_policy(struct admin_call *x, const struct account *a)
{
	struct base base[POLICY_LIMITS];
	json_t *list = json_array();
	struct policy p;
	enum rc rc;

	admin_put(x->out, "policy", list);
	if ((rc = base_of(x, a, base)) != RC_OK || (rc = policy_of(x->c, a->organization_id, a->id, &p)) != RC_OK)
		return rc;
	for (int i = 0; i < POLICY_LIMITS; i++) {
		const char *group;
		int64_t value = policy_hold(&p, i, base[i].value, &group);
		json_t *j;

		if (base[i].by == NULL) /* nobody is asked who could be silent */
			continue;
		j = json_object();
		admin_put_text(j, "limit", policy_name(i));
		admin_put_int(j, i == POLICY_SPREAD ? "percent" : "seconds", value);
		admin_put_text(j, "by", group != NULL ? arena_printf(x->c->arena, "group %s", group) : base[i].by);
		json_array_append_new(list, j);
	}
	return RC_OK;
}
