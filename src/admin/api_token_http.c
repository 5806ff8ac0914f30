/* Tokens of the administration API itself, for programs. */
#include "admin/routes.h"

#include <stdlib.h>
#include <string.h>

#include "administrator/token.h"

static json_t *
token_json(struct admin_call *x, const struct api_token *t)
{
	json_t *j = json_object();

	admin_put_text(j, "id", t->id);
	admin_put_text(j, "name", t->name);
	admin_put_text(j, "role", actor_role_name(t->role));
	admin_put_text(j, "organization", t->organization_id);
	admin_put_text(j, "state", t->revoked_at != 0 ? "revoked" : t->expires_at <= x->c->now ? "expired" : "live");
	admin_put_text(j, "created_by", t->created_by);
	admin_put_time(j, "created_at", t->created_at);
	admin_put_time(j, "expires_at", t->expires_at);
	admin_put_time(j, "used_at", t->used_at);
	admin_put_time(j, "revoked_at", t->revoked_at);
	return j;
}

/* A token that names no organization reaches all that its maker does: also where there is only one yet. */
static enum rc
organization_of(struct admin_call *x, const char **id)
{
	*id = x->actor->organization_id;
	if (admin_text(x, "organization") == NULL && admin_query(x, "organization") == NULL)
		return RC_OK;
	return admin_organization_filter(x, id);
}

enum rc
admin_api_token_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *organization_id;
	struct api_token *all;
	enum rc rc;
	int n;

	if ((rc = organization_of(x, &organization_id)) != RC_OK ||
	    (rc = api_token_list(x->c, organization_id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, token_json(x, &all[i]));
	return RC_OK;
}

enum rc
admin_api_token_add(struct admin_call *x)
{
	struct api_token t = { .name = admin_text(x, "name"), .created_by = x->actor->name };
	const char *life = admin_text(x, "life"), *secret;
	enum rc rc;

	if (!actor_role_parse(admin_text(x, "role"), &t.role))
		return fail(&x->c->err, RC_BAD_INPUT, "a role is read, help-desk or admin");
	t.expires_at = x->c->now + API_TOKEN_LIFE_S;
	if (life != NULL) {
		life = admin_seconds(x->c->arena, life);
		if (strlen(life) > 10 || life[strspn(life, "0123456789")] != '\0')
			return fail(&x->c->err, RC_BAD_INPUT, "life is a time like 12h or 30d");
		t.expires_at = x->c->now + strtoll(life, NULL, 10);
	}
	if ((rc = organization_of(x, &t.organization_id)) != RC_OK || (rc = api_token_add(x->c, &t, &secret)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, token_json(x, &t));
	admin_put_text(x->out, "secret", secret); /* here and never again */
	x->status = 201;
	return RC_OK;
}

enum rc
admin_api_token_revoke(struct admin_call *x)
{
	struct api_token t;
	enum rc rc = api_token_revoke(x->c, x->actor->organization_id, x->r->segment[0], &t);

	if (rc == RC_OK)
		x->out = json_keep(x->c->arena, token_json(x, &t));
	return rc;
}
