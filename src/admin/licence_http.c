#include "admin/routes.h"

#include "licence/licence.h"

#include <string.h>

static enum rc
one(struct admin_call *x, struct organization *o)
{
	return admin_organization(x, x->r->segment[0], o);
}

enum rc
admin_licence_token_put(struct admin_call *x)
{
	struct licence_service s;
	struct organization o;
	enum rc rc;

	if ((rc = one(x, &o)) != RC_OK || (rc = licence_token_set(x->c, o.id, admin_text(x, "token"))) != RC_OK ||
	    (rc = licence_service_get(x->c, o.id, &s)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "location", s.location);
	admin_put_time(x->out, "expires_at", s.expires_at);
	return RC_OK;
}

enum rc
admin_licence_token_remove(struct admin_call *x)
{
	struct organization o;
	enum rc rc = one(x, &o);

	return rc == RC_OK ? licence_token_remove(x->c, o.id) : rc;
}

enum rc
admin_licence_app_list(struct admin_call *x)
{
	json_t *items = admin_items(x), *j;
	struct licence_asset *all;
	struct organization o;
	enum rc rc;
	int n;

	if ((rc = one(x, &o)) != RC_OK || (rc = licence_assets(x->c, o.id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_array_append_new(items, j = json_object());
		admin_put_text(j, "adam_id", all[i].adam_id);
		admin_put_int(j, "total", all[i].total);
		admin_put_int(j, "assigned", all[i].assigned);
		admin_put_int(j, "available", all[i].available);
		admin_put_int(j, "wanted", all[i].wanted);
		admin_put_int(j, "held", all[i].held);
		admin_put_int(j, "lacking", all[i].lacking);
	}
	return RC_OK;
}

enum rc
admin_licence_list(struct admin_call *x)
{
	json_t *items = admin_items(x), *j;
	const char *cursor = admin_after(x), *dot = cursor != NULL ? strchr(cursor, '.') : NULL;
	struct licence after = { 0 }, *all;
	struct organization o;
	enum rc rc;
	int limit, n;

	if (cursor != NULL && dot == NULL)
		return fail(&x->c->err, RC_BAD_INPUT, "cursor is the next of the page before this one");
	if (dot != NULL) {
		after.adam_id = arena_strndup(x->c->arena, cursor, (size_t)(dot - cursor));
		after.account_id = dot + 1;
	}
	if ((rc = admin_limit(x, &limit)) != RC_OK || (rc = one(x, &o)) != RC_OK ||
	    (rc = licence_list(x->c, o.id, admin_query(x, "user"), dot != NULL ? &after : NULL, limit, &all, &n)) !=
		RC_OK)
		return rc;
	if (n == limit)
		admin_put_text(
		    x->out, "next", arena_printf(x->c->arena, "%s.%s", all[n - 1].adam_id, all[n - 1].account_id));
	for (int i = 0; i < n; i++) {
		json_array_append_new(items, j = json_object());
		admin_put_text(j, "user", all[i].user_identifier);
		admin_put_text(j, "adam_id", all[i].adam_id);
		admin_put_text(j, "state", licence_is_name(all[i].state.is));
		admin_put_text(j, "reason", all[i].state.reason);
		admin_put_time(j, "since", all[i].updated_at);
	}
	return RC_OK;
}

#define TOKEN_DAYS 60

enum rc
admin_licence_warnings(struct admin_call *x, const char *organization_id, json_t *out)
{
	struct licence_service s;
	struct licence_asset *all;
	int64_t days;
	enum rc rc;
	int n;

	if ((rc = licence_service_get(x->c, organization_id, &s)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	days = (s.expires_at - x->c->now) / 86400;
	if (s.trouble != NULL)
		json_array_append_new(out, json_sprintf("licences wait: %s", s.trouble));
	if (s.expires_at != 0 && days < TOKEN_DAYS)
		json_array_append_new(out,
		    days < 0
			? json_string("the token for Apps and Books has expired: download a new one from Apple")
			: json_sprintf("the token for Apps and Books ends in %d days: download a new one from Apple",
			      (int)days));
	if ((rc = licence_assets(x->c, organization_id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		if (all[i].lacking > 0)
			json_array_append_new(out,
			    json_sprintf(
				"%d licences are lacking of app %s: buy more, or take some back (postern licence list)",
				(int)all[i].lacking, all[i].adam_id));
	}
	return RC_OK;
}
