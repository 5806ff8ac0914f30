#include "enroll/grant.h"

#include <string.h>

#include "store/store.h"

enum rc
grant_show(struct call *c, const char *token, struct grant_shown *out)
{
	/* The family is asked for a refresh token that was rotated away: whoever shows it held a real one once. */
	static const char sql[] = "SELECT " GRANT_BEARER_COLUMNS ", t.kind, t.issued_at FROM oauth_token t"
				  " JOIN oauth_grant g ON g.id = t.grant_id LEFT JOIN account a ON a.id = g.account_id"
				  " WHERE (t.hash = ?1 AND t.kind <> 'family') OR (t.hash = ?2 AND t.kind = 'family')"
				  " ORDER BY CASE WHEN t.kind = 'family' THEN 1 ELSE 0 END LIMIT 1";
	const char *dot = strchr(token, '.'), *kind;
	const char *family = arena_strndup(c->arena, token, dot != NULL ? (size_t)(dot - token) : 0);
	const struct grant *g = &out->bearer.grant;
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;
	bool live;

	*out = (struct grant_shown){ 0 };
	if (strlen(token) <= GRANT_TOKEN_MAX)
		rc = store_run(
		    c, sql, DB_ARGS(db_blob(grant_token_hash(c, token)), db_blob(grant_token_hash(c, family))), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the token is unknown");
	grant_bearer_read(c, &out->bearer, &r, 0, 0);
	kind = db_get_text(&r, 0, GRANT_BEARER_N_COLUMNS);
	out->issued_at = db_get_int(&r, 0, GRANT_BEARER_N_COLUMNS + 1);
	out->refresh = strcmp(kind, "access") != 0;
	live = !out->bearer.expired && !out->bearer.revoked && !out->bearer.account_disabled;
	if (out->refresh)
		live = live && strcmp(kind, "refresh") == 0 && grant_in_turn(g, out->bearer.generation);
	out->active = live;
	return RC_OK;
}
