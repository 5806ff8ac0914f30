/* People who administer, and the one who asks. */
#include "admin/routes.h"

#include <string.h>

#include "administrator/administrator.h"
#include "administrator/session.h"
#include "idp/provider.h"

static json_t *
administrator_json(const struct administrator *a)
{
	json_t *j = json_object(), *ways = json_array();

	admin_put_text(j, "id", a->id);
	admin_put_text(j, "name", a->name);
	admin_put_text(j, "role", actor_role_name(a->role));
	admin_put_text(j, "organization", a->organization_id);
	admin_put_text(j, "provider", a->provider_id);
	admin_put_flag(j, "has_password", a->password_hash != NULL);
	if (a->totp.p != NULL)
		json_array_append_new(ways, json_string("app"));
	if (a->keys > 0)
		json_array_append_new(ways, json_string("key"));
	admin_put(j, "second_factors", ways);
	admin_put_int(j, "recovery_codes", a->codes);
	admin_put_flag(j, "disabled", a->disabled_at != 0);
	admin_put_text(j, "created_by", a->created_by);
	admin_put_time(j, "created_at", a->created_at);
	admin_put_time(j, "signed_in_at", a->signed_in_at);
	return j;
}

static void
answer(struct admin_call *x, const struct administrator *a)
{
	x->out = json_keep(x->c->arena, administrator_json(a));
}

enum rc
admin_administrator_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct administrator *all;
	enum rc rc;
	int n;

	if ((rc = administrator_list(x->c, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, administrator_json(&all[i]));
	return RC_OK;
}

/* Role and organization as the body has them; "all" is no organization. */
static enum rc
read_reach(struct admin_call *x, struct administrator *a)
{
	const char *role = admin_text(x, "role"), *organization = admin_text(x, "organization");
	struct organization o;
	enum rc rc;

	if (role != NULL && !actor_role_parse(role, &a->role))
		return fail(&x->c->err, RC_BAD_INPUT, "a role is read, help-desk or admin");
	if (organization == NULL)
		return RC_OK;
	if (strcmp(organization, "all") == 0) {
		a->organization_id = NULL;
		return RC_OK;
	}
	if ((rc = admin_organization(x, organization, &o)) == RC_OK)
		a->organization_id = o.id;
	return rc;
}

static enum rc
read_password(struct admin_call *x, const char **hash)
{
	const char *password = admin_text(x, "password");
	char *made = NULL;
	enum rc rc = RC_OK;

	if (password != NULL)
		rc = password_hash(x->room->gate, x->c->arena, password, &made, &x->c->err);
	*hash = made;
	return rc;
}

enum rc
admin_administrator_add(struct admin_call *x)
{
	struct administrator a = {
		.name = admin_text(x, "name"), .provider_id = admin_text(x, "provider"), .created_by = x->actor->name
	};
	enum rc rc;

	if ((rc = read_reach(x, &a)) != RC_OK || (rc = read_password(x, &a.password_hash)) != RC_OK ||
	    (rc = administrator_add(x->c, &a)) != RC_OK)
		return rc;
	answer(x, &a);
	x->status = 201;
	return RC_OK;
}

enum rc
admin_administrator_get(struct admin_call *x)
{
	struct administrator a = { 0 };
	enum rc rc = administrator_get(x->c, x->r->segment[0], &a);

	if (rc == RC_OK)
		answer(x, &a);
	return rc;
}

enum rc
admin_administrator_change(struct admin_call *x)
{
	struct administrator a = { 0 };
	enum rc rc = administrator_get(x->c, x->r->segment[0], &a);

	if (rc != RC_OK || (rc = read_reach(x, &a)) != RC_OK)
		return rc;
	if (!admin_flag(x, "disabled", a.disabled_at != 0))
		a.disabled_at = 0;
	else if (a.disabled_at == 0)
		a.disabled_at = x->c->now;
	if ((rc = administrator_change(x->c, &a)) == RC_OK)
		answer(x, &a);
	return rc;
}

enum rc
admin_administrator_password(struct admin_call *x)
{
	struct administrator a = { 0 };
	const char *hash;
	enum rc rc = administrator_get(x->c, x->r->segment[0], &a);

	if (rc != RC_OK || (rc = read_password(x, &hash)) != RC_OK)
		return rc;
	if (a.provider_id != NULL)
		return fail(&x->c->err, RC_CONFLICT, "%s is signed in by an identity provider", a.name);
	return administrator_set_password(x->c, a.id, hash);
}

enum rc
admin_administrator_reset(struct admin_call *x)
{
	struct administrator a = { 0 };
	enum rc rc = administrator_get(x->c, x->r->segment[0], &a);

	return rc == RC_OK ? administrator_reset(x->c, a.id) : rc;
}

enum rc
admin_administrator_remove(struct admin_call *x)
{
	struct administrator a = { 0 };
	enum rc rc = administrator_get(x->c, x->r->segment[0], &a);

	return rc == RC_OK ? administrator_remove(x->c, a.id) : rc;
}

/* ---- the one who asks ---- */

enum rc
admin_me_get(struct admin_call *x)
{
	static const char *const ways[] = {
		[ACTOR_SOCKET] = "socket", [ACTOR_TOKEN] = "token", [ACTOR_SESSION] = "session"
	};
	struct session s = { 0 };
	const char *token = NULL;
	enum rc rc;

	x->out = admin_object(x);
	admin_put_text(x->out, "name", x->actor->name);
	admin_put_text(x->out, "role", actor_role_name(x->actor->role));
	admin_put_text(x->out, "organization", x->actor->organization_id);
	admin_put_text(x->out, "way", ways[x->actor->way]);
	if (x->actor->way == ACTOR_SESSION)
		token = http_cookie(x->c, x->r, SESSION_COOKIE, SESSION_TOKEN_MAX);
	if (token == NULL)
		return RC_OK;
	if ((rc = session_find(x->c, token, true, &s)) != RC_OK)
		return rc;
	admin_put_time(x->out, "began_at", s.began_at);
	admin_put_time(x->out, "ends_at", s.began_at + SESSION_LIFE_S);
	admin_put_time(x->out, "idle_until", s.seen_at + SESSION_IDLE_S);
	admin_put_time(x->out, "proven_until", actor_is_proven(&s.actor, x->c->now) ? s.actor.proven_until : 0);
	return RC_OK;
}
