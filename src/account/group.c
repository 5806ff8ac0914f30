#include "account/account.h"

#include "store/store.h"

#define PAGE 500

enum rc
account_group_list(struct call *c, const char *organization_id, const char *after, struct account_group **out, int *n)
{
	static const char sql[] =
	    "SELECT g.name, count(*) FROM account_group g JOIN account a ON a.id = g.account_id"
	    " WHERE a.organization_id = ?1 AND g.name > ?2 GROUP BY g.name ORDER BY g.name LIMIT ?3";
	struct db_rows r;
	enum rc rc =
	    store_run(c, sql, DB_ARGS(db_text(organization_id), db_text(after != NULL ? after : ""), db_int(PAGE)), &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		(*out)[*n] = (struct account_group){ db_get_text(&r, *n, 0), db_get_int(&r, *n, 1) };
	return RC_OK;
}
