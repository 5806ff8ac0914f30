#include "admin/routes.h"

#include <string.h>

#include "account/account.h"
#include "enroll/attempt.h"
#include "enroll/person.h"
#include "store/store.h"

static json_t *
user_json(const struct account *a)
{
	json_t *j = json_object(), *groups = json_array();

	admin_put_text(j, "id", a->id);
	admin_put_text(j, "organization", a->organization_id);
	admin_put_text(j, "user", a->user_identifier);
	admin_put_text(j, "managed_apple_account", a->managed_apple_account);
	admin_put_text(j, "display_name", a->display_name);
	admin_put_text(j, "source", a->source);
	admin_put_flag(j, "has_password", a->password_hash != NULL);
	admin_put_flag(j, "disabled", a->disabled_at != 0);
	admin_put_time(j, "disabled_at", a->disabled_at);
	admin_put_time(j, "created_at", a->created_at);
	for (const char *const *g = a->groups; g != NULL && *g != NULL; g++)
		json_array_append_new(groups, json_string(*g));
	admin_put(j, "groups", groups);
	return j;
}

static enum rc
find(struct admin_call *x, struct account *out)
{
	const char *name = account_fold(x->c->arena, x->r->segment[0]);
	enum rc rc = account_find(x->c, name, out);

	return rc == RC_NOT_FOUND ? fail(&x->c->err, rc, "there is no user %.200s (postern user list)", name) : rc;
}

const char *
admin_user_name(struct admin_call *x, const char *account_id)
{
	struct account a;
	struct err before = x->c->err;

	if (account_id != NULL && account_get(x->c, account_id, &a) == RC_OK)
		return a.user_identifier;
	x->c->err = before;
	return NULL;
}

enum rc
admin_user_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *organization_id;
	struct account *all;
	enum rc rc;
	int limit, n;

	if ((rc = admin_limit(x, &limit)) != RC_OK || (rc = admin_organization_filter(x, &organization_id)) != RC_OK ||
	    (rc = account_list(x->c, organization_id, admin_query(x, "search"), admin_after(x), limit, &all, &n)) !=
		RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, user_json(&all[i]));
	if (n == limit)
		admin_put_text(x->out, "next", all[n - 1].user_identifier);
	return RC_OK;
}

enum rc
admin_user_get(struct admin_call *x)
{
	struct account a;
	struct enrollment *e;
	struct attempt t;
	json_t *list;
	enum rc rc;
	int n;

	if ((rc = find(x, &a)) != RC_OK || (rc = person_enrollments(x->c, a.id, &e, &n)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, user_json(&a));
	admin_put(x->out, "enrollments", list = json_array());
	for (int i = 0; i < n; i++)
		json_array_append_new(list, admin_enrollment_brief(x, &e[i]));
	if ((rc = admin_put_policy(x, &a)) != RC_OK)
		return rc;
	rc = attempt_latest(x->c, a.user_identifier, &t);
	if (rc == RC_OK)
		admin_put_text(x->out, "latest_attempt", t.id);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

/* ---- changes ---- */

struct change {
	struct account account;
	const char *const *groups; /* NULL: as they are */
	int disabled; /* -1: as it is */
	const char *actor;
	int enrollments;
};

static enum rc
add_in_unit(struct call *c, void *arg)
{
	struct change *g = arg;
	struct account a = g->account;
	enum rc rc = account_add(c, &a);

	if (rc == RC_OK && g->groups != NULL)
		rc = account_set_groups(c, a.id, g->groups);
	if (rc != RC_OK)
		store_discard(c);
	else
		g->account.id = a.id;
	return rc;
}

enum rc
admin_user_add(struct admin_call *x)
{
	struct call *c = x->c;
	struct change g = { .account = { .source = "local" } };
	const char *password = admin_text(x, "password");
	char *hash = NULL;
	enum rc rc;
	int n;

	g.account.user_identifier = account_fold(c->arena, admin_text(x, "user"));
	g.account.managed_apple_account = admin_text(x, "managed_apple_account");
	g.account.display_name = admin_text(x, "display_name");
	g.groups = admin_has(x, "groups") ? admin_list(x, "groups", &n) : NULL;
	if (password != NULL && (rc = password_hash(x->room->gate, c->arena, password, &hash, &c->err)) != RC_OK)
		return rc;
	g.account.password_hash = hash;
	if ((rc = store_unit(c, add_in_unit, &g)) != RC_OK || (rc = account_get(c, g.account.id, &g.account)) != RC_OK)
		return rc;
	x->out = json_keep(c->arena, user_json(&g.account));
	x->status = 201;
	return RC_OK;
}

static enum rc
change_in_unit(struct call *c, void *arg)
{
	struct change *g = arg;
	enum rc rc = RC_OK;
	int ended;

	if (g->groups != NULL)
		rc = person_set_groups(c, &g->account, g->groups, g->actor, &ended);
	if (rc == RC_OK && g->disabled >= 0)
		rc = person_set_disabled(c, &g->account, g->disabled == 1, g->actor, &g->enrollments);
	return rc;
}

enum rc
admin_user_change(struct admin_call *x)
{
	struct change g = { .disabled = -1, .actor = x->actor->name };
	enum rc rc;
	int n;

	if ((rc = find(x, &g.account)) != RC_OK)
		return rc;
	if (admin_has(x, "disabled"))
		g.disabled = admin_flag(x, "disabled", false);
	if (admin_has(x, "groups"))
		g.groups = admin_list(x, "groups", &n);
	if ((rc = store_unit(x->c, change_in_unit, &g)) != RC_OK ||
	    (rc = account_get(x->c, g.account.id, &g.account)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, user_json(&g.account));
	admin_put_int(x->out, "live_enrollments", g.enrollments);
	return RC_OK;
}

enum rc
admin_user_password(struct admin_call *x)
{
	struct account a;
	char *hash;
	enum rc rc;

	if ((rc = find(x, &a)) != RC_OK)
		return rc;
	rc = password_hash(x->room->gate, x->c->arena, admin_text(x, "password"), &hash, &x->c->err);
	return rc == RC_OK ? account_set_password(x->c, a.id, hash) : rc;
}

enum rc
admin_user_remove(struct admin_call *x)
{
	struct account a;
	int evicted;
	enum rc rc;

	if ((rc = find(x, &a)) != RC_OK || (rc = person_remove(x->c, &a, x->actor->name, &evicted)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "user", a.user_identifier);
	admin_put_int(x->out, "evicted", evicted);
	return RC_OK;
}
