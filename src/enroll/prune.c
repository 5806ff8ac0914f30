#include "enroll/prune.h"

#include <stdbool.h>

#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "store/store.h"

#define DAY 86400
#define GRACE (7 * DAY) /* expired secrets stay so long, so that their reuse can still be noticed */

/* ?1 is the time before which, now or as many days ago as `history` says. */
static const struct {
	const char *sql;
	bool history; /* history_days; otherwise GRACE */
} statements[] = {
	{ "DELETE FROM oauth_code WHERE expires_at < ?1", false },
	{ "DELETE FROM oauth_token WHERE expires_at < ?1", false },
	{ "DELETE FROM scep_challenge WHERE expires_at < ?1", false },
	{ "DELETE FROM throttle WHERE updated_at < ?1", false },
	{ "DELETE FROM event WHERE attempt_id IN"
	  " (SELECT id FROM attempt WHERE account_id IS NULL AND started_at < ?1 LIMIT 500)",
	    false },
	{ "DELETE FROM attempt WHERE id IN"
	  " (SELECT id FROM attempt WHERE account_id IS NULL AND started_at < ?1"
	  " AND NOT EXISTS (SELECT 1 FROM event WHERE attempt_id = attempt.id) LIMIT 500)",
	    false },
	{ "DELETE FROM enrollment WHERE id IN"
	  " (SELECT id FROM enrollment WHERE state = 'pending' AND created_at < ?1 LIMIT 500)",
	    false },
	{ "DELETE FROM oauth_grant WHERE id IN (SELECT id FROM oauth_grant WHERE ends_at < ?1 LIMIT 500)", true },
	{ "DELETE FROM oauth_grant WHERE id IN (SELECT id FROM oauth_grant WHERE revoked_at < ?1 LIMIT 500)", true },
	{ "DELETE FROM command_result WHERE uuid IN"
	  " (SELECT uuid FROM command_result WHERE answered_at < ?1 LIMIT 500)",
	    true },
	{ "DELETE FROM event WHERE at < ?1", true },
};

static enum rc
end_forgotten_evictions(struct call *c, int *rows)
{
	static const char sql[] =
	    "SELECT id, attempt_id FROM enrollment WHERE state = 'evicting' AND evict_at < ?1 LIMIT 500";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_int(c->now)), &r)) != RC_OK)
		return rc;
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		rc = attempt_event(c, db_get_text(&r, i, 1), EV_evicted, "the device did not come back to be told");
		if (rc == RC_OK)
			rc = enrollment_end(c, db_get_text(&r, i, 0), "evicted");
	}
	*rows += r.rows;
	return rc;
}

enum rc
enroll_prune(struct call *c, int *rows)
{
	struct db_rows r;
	int n = 0;
	enum rc rc;

	for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
		int64_t age = statements[i].history ? c->conf->history_days * DAY : GRACE;

		rc = store_run(c, statements[i].sql, DB_ARGS(db_int(c->now - age)), &r);
		if (rc != RC_OK)
			return fail_in(&c->err, rc, "prune");
		n += r.changed;
	}
	if ((rc = end_forgotten_evictions(c, &n)) != RC_OK)
		return fail_in(&c->err, rc, "end evictions");
	if (rows != NULL)
		*rows = n;
	return RC_OK;
}
