#include "gate/row.h"

#include "store/store.h"

#define AT_ENROLLMENT CA_N_COLUMNS
#define AT_BEARER (AT_ENROLLMENT + ENROLLMENT_N_COLUMNS)
#define AT_QUEUED (AT_BEARER + GRANT_BEARER_N_COLUMNS)

enum rc
gate_row_read(struct call *c, struct bytes fingerprint, const char *bearer, struct gate_row *out)
{
	static const char sql[] = "SELECT " CA_COLUMNS ", " ENROLLMENT_COLUMNS ", " GRANT_BEARER_COLUMNS
				  ", CASE WHEN EXISTS (SELECT 1 FROM command q WHERE q.enrollment_id = k.enrollment_id"
				  " AND q.answered_at IS NULL) THEN 1 ELSE 0 END"
				  " FROM certificate k"
				  " LEFT JOIN enrollment e ON e.id = k.enrollment_id"
				  " LEFT JOIN oauth_token t ON t.hash = ?2 AND t.kind = 'access'"
				  " LEFT JOIN oauth_grant g ON g.id = t.grant_id"
				  " LEFT JOIN account a ON a.id = g.account_id"
				  " WHERE k.fingerprint = ?1";
	struct bytes token = { NULL, 0 };
	struct db_rows r;
	enum rc rc;

	*out = (struct gate_row){ .nothing_queued = true };
	if (bearer != NULL)
		token = grant_token_hash(c, bearer);
	if ((rc = store_run(c, sql, DB_ARGS(db_blob(fingerprint), db_blob(token)), &r)) != RC_OK)
		return fail_in(&c->err, rc, "find who calls");
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the certificate was not issued here");
	ca_certificate_read(&out->certificate, &r, 0, 0);
	enrollment_read(&out->enrollment, &r, 0, AT_ENROLLMENT);
	grant_bearer_read(c, &out->bearer, &r, 0, AT_BEARER);
	out->nothing_queued = db_get_int(&r, 0, AT_QUEUED) == 0;
	return RC_OK;
}
