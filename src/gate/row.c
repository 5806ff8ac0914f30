#include "gate/row.h"

#include "store/store.h"

#define PREFIX 8 /* octets that the index on enrollments' certificates has (schema 0009) */

#define AT_KEY ENROLLMENT_N_COLUMNS
#define PASS_AT_QUEUED (AT_KEY + 1)

#define AT_ENROLLMENT CA_N_COLUMNS
#define AT_BEARER (AT_ENROLLMENT + ENROLLMENT_N_COLUMNS)
#define AT_QUEUED (AT_BEARER + GRANT_BEARER_N_COLUMNS)

#define FIRST_QUEUED(enrollment) \
	" (SELECT q.uuid || ' ' || q.request_type FROM command q WHERE q.enrollment_id = " enrollment \
	" AND q.answered_at IS NULL ORDER BY q.user_id, q.position LIMIT 1)"

const char gate_row_pass_statement[] = "SELECT " ENROLLMENT_COLUMNS ", e.pass_key," FIRST_QUEUED(
    "e.id") " FROM enrollment e"
	    " WHERE substr(e.certificate_fp, 1, 8) = ?1 AND e.certificate_fp IS NOT NULL AND e.pass_hash = ?2"
	    " AND e.pass_until > ?3 AND e.ended_at IS NULL AND e.state IN ('pending', 'enrolled')";

/* The enrollment's row alone. What the states leave out has more to be done about it than a pass can say. */
static enum rc
read_pass(struct call *c, struct bytes fingerprint, struct bytes token, struct gate_row *out)
{
	struct bytes prefix = bytes_of(fingerprint.p, fingerprint.n < PREFIX ? fingerprint.n : PREFIX);
	struct enrollment e;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, gate_row_pass_statement, DB_ARGS(db_blob(prefix), db_blob(token), db_int(c->now)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	enrollment_read(&e, &r, 0, 0);
	/* Compared here: told that the whole is equal, SQLite forgets that the beginning has an index. */
	if (!bytes_eq(e.certificate_fp, fingerprint))
		return RC_NOT_FOUND;
	out->passed = true;
	out->enrollment = e;
	out->certificate = (struct ca_certificate){
		.fingerprint = fingerprint, .raw_key = db_get_blob(&r, 0, AT_KEY), .enrollment_id = out->enrollment.id
	};
	out->queued = db_get_text(&r, 0, PASS_AT_QUEUED);
	return RC_OK;
}

static enum rc
read_all(struct call *c, struct bytes fingerprint, struct bytes token, struct gate_row *out)
{
	static const char sql[] =
	    "SELECT " CA_COLUMNS ", " ENROLLMENT_COLUMNS ", " GRANT_BEARER_COLUMNS
	    "," FIRST_QUEUED("k.enrollment_id") " FROM certificate k"
						" LEFT JOIN enrollment e ON e.id = k.enrollment_id"
						" LEFT JOIN oauth_token t ON t.hash = ?2 AND t.kind = 'access'"
						" LEFT JOIN oauth_grant g ON g.id = t.grant_id"
						" LEFT JOIN account a ON a.id = g.account_id"
						" WHERE k.fingerprint = ?1";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_blob(fingerprint), db_blob(token)), &r)) != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the certificate was not issued here");
	ca_certificate_read(&out->certificate, &r, 0, 0);
	enrollment_read(&out->enrollment, &r, 0, AT_ENROLLMENT);
	grant_bearer_read(c, &out->bearer, &r, 0, AT_BEARER);
	out->queued = db_get_text(&r, 0, AT_QUEUED);
	return RC_OK;
}

enum rc
gate_row_read(struct call *c, struct bytes fingerprint, const char *bearer, struct gate_row *out)
{
	struct bytes token = { NULL, 0 };
	enum rc rc = RC_NOT_FOUND;

	*out = (struct gate_row){ 0 };
	if (bearer != NULL) {
		token = grant_token_hash(c, bearer);
		rc = read_pass(c, fingerprint, token, out);
	}
	if (rc == RC_NOT_FOUND)
		rc = read_all(c, fingerprint, token, out);
	return rc == RC_OK || rc == RC_NOT_FOUND ? rc : fail_in(&c->err, rc, "find who calls");
}
