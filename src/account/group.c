#include "account/account.h"
#include "store/store.h"

enum rc
account_group_list(
    struct call *c, const char *organization_id, const char *after, int limit, struct account_group **out, int *n)
{
	static const char sql[] =
	    "SELECT name, CAST(SUM(people) AS BIGINT) FROM (SELECT name, COUNT(*) AS people FROM account_group"
	    "  WHERE organization_id = ?1 GROUP BY name"
	    "  UNION ALL SELECT p.name, 0 FROM group_policy p WHERE p.organization_id = ?1) AS named"
	    " WHERE name > ?2 GROUP BY name ORDER BY name LIMIT ?3";
	struct db_rows r;
	enum rc rc = store_run(
	    c, sql, DB_ARGS(db_text(organization_id), db_text(after != NULL ? after : ""), db_int(limit)), &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (; *n < r.rows && rc == RC_OK; (*n)++) {
		struct account_group *g = &(*out)[*n];

		*g = (struct account_group){ .name = db_get_text(&r, *n, 0), .people = db_get_int(&r, *n, 1) };
		rc = policy_get(c, organization_id, g->name, &g->policy);
	}
	return rc;
}

enum rc
account_group_people(struct call *c, const char *organization_id, const char *name, int64_t *people)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT COUNT(*) FROM account_group WHERE organization_id = ?1 AND name = ?2",
	    DB_ARGS(db_text(organization_id), db_text(name)), &r);

	*people = rc == RC_OK ? db_get_int(&r, 0, 0) : 0;
	return rc;
}
