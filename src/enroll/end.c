/* The end of an enrollment: what stops at once, and what is forgotten later.
 *
 * A table that has rows for each enrollment belongs into `endings`, and into `leftovers` where its rows outlast the
 * end (enroll/prune.c takes those by age, too). */
#include "enroll/enrollment.h"

#include "store/store.h"

struct statement {
	const char *sql;
	int args; /* ?1 the enrollment, ?2 now */
};

/* clang-format off */
static const struct statement endings[] = {
	/* The history is kept, and who it was: not which device it was (data/personal-identifiers.csv). */
	{ "UPDATE enrollment SET device_id = NULL, device_name = NULL, serial_number = NULL, imei = NULL, meid = NULL,"
	  " unlock_token = NULL, bootstrap_token = NULL, pass_hash = NULL, pass_key = NULL, evict_at = NULL, renew_at = NULL,"
	  " declarations_token = NULL, declarations_token_at = NULL WHERE id = ?1", 1 },
	/* What was still queued is answered by the end, so that nobody waits for it. */
	{ "UPDATE command SET status = 'Ended', dropped = 0, answered_at = ?2, payload = NULL"
	  " WHERE enrollment_id = ?1 AND answered_at IS NULL", 2 },
	{ "UPDATE command SET answer = NULL WHERE enrollment_id = ?1 AND answer IS NOT NULL", 1 },
	{ "DELETE FROM channel WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM scep_challenge WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM acme_order WHERE enrollment_id = ?1", 1 },
	/* Licences are the person's: of another device they may still be wanted, which the next round finds out. */
	{ "UPDATE licence SET wanted = 0, tries = 0, updated_at = ?2,"
	  " due_at = CASE WHEN state IN ('coming', 'going') THEN NULL ELSE ?2 END WHERE wanted = 1"
	  " AND account_id = (SELECT account_id FROM enrollment WHERE id = ?1) AND NOT EXISTS (SELECT 1 FROM enrollment e"
	  " WHERE e.account_id = licence.account_id AND e.ended_at IS NULL AND e.id <> ?1)", 2 },
	{ "INSERT INTO account_change (account_id) SELECT account_id FROM enrollment WHERE id = ?1 ON CONFLICT DO NOTHING", 1 },
	{ "DELETE FROM device_group_member WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM desired_state WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM desired_delivery WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM ddm_declaration WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM ddm_status WHERE enrollment_id = ?1", 1 },
	{ "UPDATE certificate SET revoked_at = ?2 WHERE enrollment_id = ?1 AND revoked_at IS NULL", 2 },
	/* The sign-in of a profile that no device came back with is not bound yet. */
	{ "UPDATE oauth_grant SET revoked_at = ?2, revoked_why = 'unenrolled'"
	  " WHERE enrollment_id = ?1 AND revoked_at IS NULL", 2 },
	{ "UPDATE oauth_grant SET revoked_at = ?2, revoked_why = 'unenrolled'"
	  " WHERE id = (SELECT grant_id FROM enrollment WHERE id = ?1) AND revoked_at IS NULL", 2 },
	{ "DELETE FROM provider_session WHERE attempt_id IN (SELECT id FROM attempt WHERE enrollment_id = ?1)", 1 },
	{ "UPDATE attempt SET state = 'ended', updated_at = ?2 WHERE enrollment_id = ?1 AND state <> 'failed'", 2 },
};

static const struct statement leftovers[] = {
	{ "DELETE FROM oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE enrollment_id = ?1)", 1 },
	{ "DELETE FROM oauth_grant WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM command WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM certificate WHERE enrollment_id = ?1", 1 },
	{ "DELETE FROM enrollment WHERE id = ?1", 1 },
};
/* clang-format on */

static enum rc
run_all(struct call *c, const struct statement *s, size_t n, const char *id)
{
	const struct db_value v[] = { db_text(id), db_int(c->now) };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < n && rc == RC_OK; i++)
		rc = store_run(c, s[i].sql, (struct db_args){ v, s[i].args }, NULL);
	return rc;
}

enum rc
enrollment_channel_end(struct call *c, const char *id, const char *user_id)
{
	static const char *const sql[] = {
		("UPDATE command SET status = 'Ended', dropped = 0, answered_at = ?3, payload = NULL"
		 " WHERE enrollment_id = ?1 AND user_id = ?2 AND answered_at IS NULL"),
		"DELETE FROM channel WHERE enrollment_id = ?1 AND user_id = ?2",
		"DELETE FROM desired_state WHERE enrollment_id = ?1 AND user_id = ?2",
		"DELETE FROM desired_delivery WHERE enrollment_id = ?1 AND user_id = ?2",
		"DELETE FROM ddm_declaration WHERE enrollment_id = ?1 AND user_id = ?2",
		"DELETE FROM ddm_status WHERE enrollment_id = ?1 AND user_id = ?2",
	};
	const struct db_value v[] = { db_text(id), db_text(user_id), db_int(c->now) };
	enum rc rc = RC_OK;

	for (size_t i = 0; i < sizeof sql / sizeof sql[0] && rc == RC_OK; i++)
		rc = store_run(c, sql[i], (struct db_args){ v, i == 0 ? 3 : 2 }, NULL);
	return rc;
}

struct ending {
	const char *id, *state;
};

static enum rc
end_in_unit(struct call *c, void *arg)
{
	static const char sql[] =
	    "UPDATE enrollment SET state = ?2, ended_at = ?3 WHERE id = ?1 AND ended_at IS NULL RETURNING id";
	const struct ending *end = arg;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, sql, DB_ARGS(db_text(end->id), db_text(end->state), db_int(c->now)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	return run_all(c, endings, sizeof endings / sizeof endings[0], end->id);
}

enum rc
enrollment_end(struct call *c, const char *id, const char *state)
{
	struct ending end = { id, state };
	enum rc rc = store_part(c, end_in_unit, &end);

	return rc == RC_OK ? rc : fail_in(&c->err, rc, "end enrollment");
}

static enum rc
remove_in_unit(struct call *c, void *arg)
{
	const char *id = arg;
	struct enrollment e;
	enum rc rc;

	if ((rc = enrollment_get(c, id, &e)) != RC_OK)
		return rc;
	if (ENROLLMENT_LIVE(&e))
		return fail(&c->err, RC_CONFLICT,
		    "the enrollment is still live (%s): postern enrollment evict %s first", e.state, e.id);
	return run_all(c, leftovers, sizeof leftovers / sizeof leftovers[0], id);
}

enum rc
enrollment_remove(struct call *c, const char *id)
{
	char *copy = arena_strdup(c->arena, id);

	return store_part(c, remove_in_unit, copy);
}
