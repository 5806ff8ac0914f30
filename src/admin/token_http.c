#include "admin/routes.h"

#include <string.h>

#include "account/account.h"
#include "enroll/attempt.h"
#include "enroll/grant.h"
#include "store/store.h"

static json_t *
grant_json(struct admin_call *x, const struct grant *g)
{
	json_t *j = json_object();
	bool live = g->revoked_at == 0 && g->ends_at > x->c->now;

	admin_put_text(j, "grant", g->id);
	admin_put_text(j, "organization", g->organization_id);
	admin_put_text(j, "user", admin_user_name(x, g->account_id));
	admin_put_text(j, "enrollment", g->enrollment_id);
	admin_put_text(j, "attempt", g->attempt_id);
	admin_put_text(j, "method", g->method);
	admin_put_text(j, "state", live ? "live" : g->revoked_at != 0 ? "revoked" : "expired");
	admin_put_int(j, "generation", g->generation);
	admin_put_time(j, "created_at", g->created_at);
	admin_put_time(j, "used_at", g->used_at);
	admin_put_time(j, "ends_at", g->ends_at);
	admin_put_time(j, "revoked_at", g->revoked_at);
	admin_put_text(j, "revoked_why", g->revoked_why);
	return j;
}

static enum rc
find_person(struct admin_call *x, const char *user, struct account *out)
{
	enum rc rc = account_find(x->c, account_fold(x->c->arena, user), out);

	return rc == RC_NOT_FOUND ? fail(&x->c->err, rc, "there is no user %.200s", user) : rc;
}

enum rc
admin_token_list(struct admin_call *x)
{
	const char *organization_id, *user = admin_query(x, "user"), *wanted = admin_query(x, "enrollment");
	json_t *items = admin_items(x);
	struct account person = { 0 };
	struct enrollment e = { 0 };
	struct grant *all;
	struct db_page page;
	enum rc rc;
	int n;

	if ((rc = admin_page(x, &page)) != RC_OK || (rc = admin_organization_filter(x, &organization_id)) != RC_OK ||
	    (user != NULL && (rc = find_person(x, user, &person)) != RC_OK) ||
	    (wanted != NULL && (rc = admin_enrollment(x, wanted, &e)) != RC_OK))
		return rc;
	/* An enrollment's grants are its person's, which an index finds. */
	rc = grant_list(x->c, organization_id, wanted != NULL ? e.account_id : person.id, e.id, &page, &all, &n);
	if (rc != RC_OK)
		return rc;
	if (n == page.limit)
		admin_page_next(x, all[n - 1].created_at, all[n - 1].id);
	for (int i = 0; i < n; i++)
		json_array_append_new(items, grant_json(x, &all[i]));
	return RC_OK;
}

/* ---- revoking ---- */

struct revoke {
	const char *account_id, *enrollment_id, *grant_id, *actor; /* one of the first three */
	int revoked;
};

/* Grants that the revocation ends, each with the attempt whose timeline is to say so. */
static enum rc
live_grants(struct call *c, const struct revoke *v, struct db_rows *r)
{
	static const char sql[] =
	    "SELECT g.id, COALESCE(e.attempt_id, g.attempt_id) FROM oauth_grant g"
	    " LEFT JOIN enrollment e ON e.id = g.enrollment_id"
	    " WHERE g.revoked_at IS NULL AND g.ends_at > ?4 AND g.account_id = COALESCE(?1, g.account_id)"
	    " AND (?2 = '' OR g.enrollment_id = ?2) AND g.id = COALESCE(?3, g.id)";

	return store_run(c, sql,
	    DB_ARGS(db_text(v->account_id), db_text(v->enrollment_id != NULL ? v->enrollment_id : ""),
		db_text(v->grant_id), db_int(c->now)),
	    r);
}

static enum rc
revoke_in_unit(struct call *c, void *arg)
{
	struct revoke *v = arg;
	struct db_rows r;
	enum rc rc;

	v->revoked = 0;
	if ((rc = live_grants(c, v, &r)) != RC_OK)
		return rc;
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		rc = grant_revoke(c, db_get_text(&r, i, 0), "token-revoked");
		if (rc == RC_OK)
			rc = attempt_event(c, db_get_text(&r, i, 1), EV_token_revoked, "by %s", v->actor);
		v->revoked++;
	}
	return rc;
}

static enum rc
grant_exists(struct call *c, const char *id)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT 1 FROM oauth_grant WHERE id = ?1", DB_ARGS(db_text(id)), &r);

	if (rc == RC_OK && r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no grant %.60s (postern token list)", id);
	return rc;
}

enum rc
admin_token_revoke(struct admin_call *x)
{
	const char *user = admin_text(x, "user"), *wanted = admin_text(x, "enrollment");
	struct revoke v = { .grant_id = admin_text(x, "grant"), .actor = x->actor->name };
	struct account person;
	struct enrollment e;
	enum rc rc = RC_OK;

	if ((user != NULL) + (wanted != NULL) + (v.grant_id != NULL) != 1)
		return fail(&x->c->err, RC_BAD_INPUT, "name a user, an enrollment or a grant, and one of them only");
	if (user != NULL && (rc = find_person(x, user, &person)) == RC_OK)
		v.account_id = person.id;
	if (wanted != NULL && (rc = admin_enrollment(x, wanted, &e)) == RC_OK)
		v.enrollment_id = e.id;
	if (v.grant_id != NULL)
		rc = grant_exists(x->c, v.grant_id);
	if (rc != RC_OK || (rc = store_unit(x->c, revoke_in_unit, &v)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_int(x->out, "revoked", v.revoked);
	return RC_OK;
}
