#include "enroll/prune.h"

#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "store/store.h"

#define DAY 86400
#define GRACE_DAYS 7 /* expired secrets stay so long, so that their reuse can still be noticed */
#define COUNT_DAYS 800 /* discovery's counts: two years, and the months around */

/* A page is one unit: others wait for its few milliseconds. A round leaves room for devices. */
#define PAGE 100
#define PAGES 20
#define ANSWERS 2000 /* looked at in a round, for who has too many */

enum age { OVER, GRACE, HISTORY, COUNTS };

#define OF(table, key, where) \
	"DELETE FROM " table " WHERE " key " IN (SELECT " key " FROM " table " WHERE " where " LIMIT ?2)"

/* Each takes rows older than ?1, at most ?2 of them. What it returns is ?1 of the statements after it. */
/* clang-format off */
#define RULES(X) \
X(GRACE,   OF("oauth_code", "hash", "expires_at < ?1"), NULL, NULL, NULL, NULL) \
X(GRACE,   OF("oauth_token", "hash", "expires_at < ?1"), NULL, NULL, NULL, NULL) \
X(GRACE,   OF("scep_challenge", "hash", "expires_at < ?1"), NULL, NULL, NULL, NULL) \
X(GRACE,   OF("acme_order", "id", "expires_at < ?1"), NULL, NULL, NULL, NULL) \
X(OVER,    OF("acme_nonce", "hash", "expires_at < ?1"), NULL, NULL, NULL, NULL) \
X(GRACE,   OF("throttle", "subject", "updated_at < ?1"), NULL, NULL, NULL, NULL) \
/* Tries of people who never signed in, and profiles that no device took. */ \
X(GRACE,   OF("attempt", "id", "account_id IS NULL AND started_at < ?1") " RETURNING id", \
  "DELETE FROM event WHERE attempt_id = ?1", NULL, NULL, NULL) \
X(GRACE,   OF("enrollment", "id", "state = 'pending' AND created_at < ?1") " RETURNING id", \
  "UPDATE attempt SET state = 'ended' WHERE enrollment_id = ?1", NULL, NULL, NULL) \
/* History. */ \
X(HISTORY, OF("command", "uuid", "answered_at < ?1"), NULL, NULL, NULL, NULL) \
X(HISTORY, "DELETE FROM event WHERE (attempt_id, seq) IN (SELECT attempt_id, seq FROM event WHERE at < ?1 LIMIT ?2)" \
  " RETURNING attempt_id", "UPDATE attempt SET pruned = pruned + 1 WHERE id = ?1", NULL, NULL, NULL) \
X(HISTORY, OF("attempt", "id", "state = 'ended' AND updated_at < ?1") " RETURNING id", \
  "DELETE FROM event WHERE attempt_id = ?1", NULL, NULL, NULL) \
X(HISTORY, OF("attempt", "id", "account_id IS NOT NULL AND enrollment_id IS NULL AND updated_at < ?1") " RETURNING id", \
  "DELETE FROM event WHERE attempt_id = ?1", NULL, NULL, NULL) \
X(HISTORY, OF("oauth_grant", "id", "ends_at < ?1") " RETURNING id", \
  "DELETE FROM oauth_token WHERE grant_id = ?1", NULL, NULL, NULL) \
X(HISTORY, OF("oauth_grant", "id", "revoked_at < ?1") " RETURNING id", \
  "DELETE FROM oauth_token WHERE grant_id = ?1", NULL, NULL, NULL) \
/* What is left of an enrollment that ended; its certificates say who it was. */ \
X(HISTORY, OF("enrollment", "id", "ended_at < ?1") " RETURNING id", \
  "DELETE FROM command WHERE enrollment_id = ?1", \
  "DELETE FROM oauth_token WHERE grant_id IN (SELECT id FROM oauth_grant WHERE enrollment_id = ?1)", \
  "DELETE FROM oauth_grant WHERE enrollment_id = ?1", NULL) \
X(COUNTS,  "DELETE FROM discovery_count WHERE day < ?1 / 86400 AND ?2 > 0", NULL, NULL, NULL, NULL)

static const struct rule {
	enum age age;
	const char *sql, *after[4];
} rules[] = {
#define X(age, sql, a, b, c, d) { age, sql, { a, b, c, d } },
	RULES(X)
#undef X
};
#define N_RULES (sizeof rules / sizeof rules[0])

const char *const enroll_prune_statements[] = {
#define X(age, sql, a, b, c, d) sql,
	RULES(X)
#undef X
	NULL
};
/* clang-format on */

struct page {
	const struct rule *rule;
	int64_t before;
	int rows;
};

static enum rc
one_page(struct call *c, void *arg)
{
	struct page *p = arg;
	const struct rule *rule = p->rule;
	struct db_rows r;
	enum rc rc;

	p->rows = 0;
	rc = store_run(c, rule->sql, DB_ARGS(db_int(p->before), db_int(PAGE)), &r);
	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		for (size_t k = 0; rc == RC_OK && k < 4 && rule->after[k] != NULL; k++)
			rc = store_run(c, rule->after[k], DB_ARGS(db_text(db_get_text(&r, i, 0))), NULL);
	}
	if (rc == RC_OK)
		p->rows = r.changed;
	return rc;
}

static enum rc
by_age(struct call *c, const struct rule *rule, struct enroll_prune *p)
{
	const int64_t days[] = {
		[OVER] = 0, [GRACE] = GRACE_DAYS, [HISTORY] = c->conf->history_days, [COUNTS] = COUNT_DAYS
	};
	struct page page = { rule, c->now - days[rule->age] * DAY, PAGE };
	enum rc rc = RC_OK;
	int n = 0;

	for (; rc == RC_OK && page.rows == PAGE && n < PAGES; n++) {
		rc = store_unit(c, one_page, &page);
		p->rows += page.rows;
	}
	p->more = p->more || (n == PAGES && page.rows == PAGE);
	return rc;
}

/* ---- answers by number ---- */

/* Whoever answered since the last round is counted: one that doesn't answer doesn't get more. */
static enum rc
by_number(struct call *c, struct enroll_prune *p)
{
	static const char recent_sql[] =
	    "SELECT enrollment_id, MAX(answered_at), COUNT(*) FROM (SELECT enrollment_id, answered_at FROM command"
	    " WHERE answered_at >= ?1 ORDER BY answered_at LIMIT ?2) AS recent GROUP BY enrollment_id";
	/* In the order of queueing, which an index has; what is still queued is not counted. */
#define BEYOND \
	"SELECT uuid FROM command WHERE enrollment_id = ?1 ORDER BY queued_at DESC LIMIT ?3 OFFSET ?2 +" \
	" (SELECT COUNT(*) FROM command q WHERE q.enrollment_id = ?1 AND q.answered_at IS NULL)"
	static const char delete_sql[] = "DELETE FROM command WHERE uuid IN (" BEYOND ") AND answered_at IS NOT NULL";
	const struct db_value keep = db_int(c->conf->results_per_enrollment);
	int64_t newest = p->counted_to, looked_at = 0;
	struct db_rows recent, r;
	enum rc rc;

	if (p->counted_to == 0)
		p->counted_to = newest = c->now;
	rc = store_run(c, recent_sql, DB_ARGS(db_int(p->counted_to), db_int(ANSWERS)), &recent);
	for (int i = 0; rc == RC_OK && i < recent.rows; i++) {
		const struct db_value id = db_text(db_get_text(&recent, i, 0));

		newest = db_get_int(&recent, i, 1) > newest ? db_get_int(&recent, i, 1) : newest;
		looked_at += db_get_int(&recent, i, 2);
		rc = store_run(c, BEYOND, DB_ARGS(id, keep, db_int(1)), &r);
		if (rc != RC_OK || r.rows == 0)
			continue;
		rc = store_run(c, delete_sql, DB_ARGS(id, keep, db_int(PAGE * PAGES)), &r);
		p->rows += rc == RC_OK ? r.changed : 0;
	}
	/* A second with more answers than one look takes is left at its first. */
	if (looked_at == ANSWERS) {
		p->more = true;
		newest += newest == p->counted_to;
	}
	/* A clock that was wrong for a while may have left answers of the future. */
	if (rc == RC_OK)
		p->counted_to = newest < c->now ? newest : c->now;
	return rc;
}

/* ---- evictions ---- */

static enum rc
end_forgotten_evictions(struct call *c, struct enroll_prune *p)
{
	static const char sql[] =
	    "SELECT id, attempt_id FROM enrollment WHERE state = 'evicting' AND evict_at < ?1 LIMIT ?2";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_int(c->now), db_int(PAGE * PAGES)), &r)) != RC_OK)
		return rc;
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		rc = attempt_event(c, db_get_text(&r, i, 1), EV_evicted, "the device did not come back to be told");
		if (rc == RC_OK)
			rc = enrollment_end(c, db_get_text(&r, i, 0), "evicted");
	}
	p->rows += r.rows;
	p->more = p->more || r.rows == PAGE * PAGES;
	return rc;
}

enum rc
enroll_prune(struct call *c, struct enroll_prune *p)
{
	enum rc rc = RC_OK;

	p->rows = 0;
	p->more = false;
	for (size_t i = 0; i < N_RULES && rc == RC_OK; i++)
		rc = by_age(c, &rules[i], p);
	if (rc == RC_OK)
		rc = by_number(c, p);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "prune");
	if ((rc = end_forgotten_evictions(c, p)) != RC_OK)
		return fail_in(&c->err, rc, "end evictions");
	return RC_OK;
}
