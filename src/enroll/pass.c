#include "enroll/pass.h"

#include "store/store.h"

#define TAKE "UPDATE enrollment SET pass_hash = NULL WHERE pass_hash IS NOT NULL AND "

enum rc
pass_give(struct call *c, const struct pass *p)
{
	static const char sql[] =
	    "UPDATE enrollment SET pass_hash = ?2, pass_until = ?3,"
	    " pass_key = (SELECT k.raw_key FROM certificate k WHERE k.fingerprint = enrollment.certificate_fp)"
	    " WHERE id = ?1 AND grant_id = ?4 AND ended_at IS NULL"
	    " AND EXISTS (SELECT 1 FROM certificate k WHERE k.fingerprint = enrollment.certificate_fp"
	    "  AND k.enrollment_id = ?1 AND k.revoked_at IS NULL)"
	    " AND EXISTS (SELECT 1 FROM oauth_grant g JOIN account a ON a.id = g.account_id"
	    "  WHERE g.id = ?4 AND g.enrollment_id = ?1 AND g.account_id = enrollment.account_id"
	    "  AND g.generation = ?5 AND g.confirmed = 1 AND g.revoked_at IS NULL AND a.disabled_at IS NULL)";

	return store_run(c, sql,
	    DB_ARGS(db_text(p->enrollment_id), db_blob(p->hash), db_int(p->until), db_text(p->grant_id),
		db_int(p->generation)),
	    NULL);
}

enum rc
pass_take_grant(struct call *c, const char *grant_id)
{
	return store_run(
	    c, TAKE "id = (SELECT enrollment_id FROM oauth_grant WHERE id = ?1)", DB_ARGS(db_text(grant_id)), NULL);
}

enum rc
pass_take_account(struct call *c, const char *account_id)
{
	return store_run(c, TAKE "account_id = ?1", DB_ARGS(db_text(account_id)), NULL);
}

enum rc
pass_take_enrollment(struct call *c, const char *enrollment_id)
{
	return store_run(c, TAKE "id = ?1", DB_ARGS(db_text(enrollment_id)), NULL);
}
