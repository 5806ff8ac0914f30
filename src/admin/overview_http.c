/* The first look of the day: who is enrolled, what fails and why, how the last days went. What grows with the fleet is
 * read from indexes alone (0036_console.sql, 0040_lists.sql). */
#include "admin/routes.h"

#include <string.h>

#include "enroll/failure.h"
#include "store/store.h"

#define DAY 86400
#define DAYS 14

enum became { ENROLLED, FAILED, OTHER, BECAME };

/* What has been added up so far, of one organization after the other. */
struct sums {
	json_t *enrolled, *failing, *warnings;
	int64_t again, first; /* first: day */
	int64_t counts[DAYS][BECAME];
};

/* {state, mode, family, os, count} of what is in a state, in the order of its index. */
static enum rc
add_state(struct admin_call *x, const struct organization *o, const char *state, struct sums *s)
{
	static const char sql[] = "SELECT mode, family, os_version, COUNT(*) FROM enrollment"
				  " WHERE organization_id = ?1 AND state = ?2"
				  " GROUP BY mode, family, os_version ORDER BY mode, family, os_version";
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(o->id), db_text(state)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		json_t *j = json_object();

		json_array_append_new(s->enrolled, j);
		admin_put_text(j, "state", state);
		admin_put_text(j, "mode", db_get_text(&r, i, 0));
		admin_put_text(j, "family", db_get_text(&r, i, 1));
		admin_put_text(j, "os", db_get_text(&r, i, 2));
		admin_put_int(j, "count", db_get_int(&r, i, 3));
		if (strcmp(state, "reauth") == 0)
			s->again += db_get_int(&r, i, 3);
	}
	return rc;
}

/* Enrolled, and waiting for the person to sign in again: one after the other, for PostgreSQL sorts what comes of two. */
static enum rc
add_enrolled(struct admin_call *x, const struct organization *o, struct sums *s)
{
	enum rc rc = add_state(x, o, "enrolled", s);

	return rc == RC_OK ? add_state(x, o, "reauth", s) : rc;
}

/* So many more of a cause, today and the day before, and in the last seven days. */
static void
add_cause(json_t *list, const char *code, int64_t day, int64_t week)
{
	const struct enroll_failure *f = enroll_failure_find(code);
	json_t *j;
	size_t i;

	json_array_foreach(list, i, j)
	{
		if (strcmp(json_get_text(j, "code"), code) == 0) {
			admin_put_int(j, "day", day + json_get_int(j, "day", 0));
			admin_put_int(j, "week", week + json_get_int(j, "week", 0));
			return;
		}
	}
	json_array_append_new(list, j = json_object());
	admin_put_text(j, "code", code);
	admin_put_text(j, "stage", f != NULL ? enroll_stage_name(f->stage) : NULL);
	admin_put_text(j, "sentence", f != NULL ? f->operator_ : NULL);
	admin_put_text(j, "todo", f != NULL ? f->todo : NULL);
	admin_put_int(j, "day", day);
	admin_put_int(j, "week", week);
}

/* What became of an attempt: enrolled (and maybe left since), stopped at a refusal or a failure, or on the way. */
static enum became
became(const char *state, const char *code)
{
	const struct enroll_failure *f = enroll_failure_find(code);

	if (strcmp(state, "enrolled") == 0 || strcmp(state, "ended") == 0)
		return ENROLLED;
	return strcmp(state, "failed") == 0 || (f != NULL && f->outcome != OUTCOME_OK) ? FAILED : OTHER;
}

/* The attempts of the last days, by day and by the cause of those that failed. */
static enum rc
add_attempts(struct admin_call *x, const struct organization *o, struct sums *s)
{
	/* The codes that there are, one look at the index for each, and of each the last days: what is older costs
	 * nothing. */
	static const char sql[] =
	    "WITH RECURSIVE codes (code) AS (SELECT MIN(code) FROM attempt WHERE organization_id = ?1 UNION ALL"
	    "  SELECT (SELECT MIN(code) FROM attempt WHERE organization_id = ?1 AND code > c.code) FROM codes c"
	    "   WHERE c.code IS NOT NULL)"
	    " SELECT a.state, a.code, a.started_at / 86400, COUNT(*) FROM codes c CROSS JOIN attempt a"
	    " WHERE a.organization_id = ?1 AND a.code = c.code AND a.started_at >= ?2"
	    " GROUP BY a.state, a.code, a.started_at / 86400 ORDER BY a.state, a.code, a.started_at / 86400";
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(o->id), db_int(s->first * DAY)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		int64_t day = db_get_int(&r, i, 2) - s->first, n = db_get_int(&r, i, 3);
		const char *code = db_get_text(&r, i, 1);
		enum became what = became(db_get_text(&r, i, 0), code);

		if (day < DAYS)
			s->counts[day][what] += n;
		if (what == FAILED && day >= DAYS - 7)
			add_cause(s->failing, code, day >= DAYS - 2 ? n : 0, n);
	}
	return rc;
}

/* What discovery refused has no attempt; it is counted. */
static enum rc
add_refused(struct admin_call *x, const struct organization *o, struct sums *s)
{
	static const char sql[] =
	    "SELECT code, SUM(CASE WHEN day >= ?2 THEN count ELSE 0 END), SUM(count) FROM discovery_count"
	    " WHERE organization_id = ?1 AND day >= ?3 GROUP BY code ORDER BY code";
	int64_t today = x->c->now / DAY;
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(o->id), db_int(today - 1), db_int(today - 6)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		const char *code = db_get_text(&r, i, 0);

		if (became("", code) == FAILED)
			add_cause(s->failing, code, db_get_int(&r, i, 1), db_get_int(&r, i, 2));
	}
	return rc;
}

static enum rc
add_warnings(struct admin_call *x, const struct organization *o, struct sums *s)
{
	return admin_organization_warnings(x, o, s->warnings);
}

/* A day without any attempt is there too. */
static void
put_days(struct admin_call *x, const struct sums *s)
{
	static const char *const names[BECAME] = { "enrolled", "failed", "other" };
	json_t *list = json_array();

	admin_put(x->out, "days", list);
	for (int64_t day = 0; day < DAYS; day++) {
		json_t *j = json_object();

		json_array_append_new(list, j);
		admin_put_time(j, "at", (s->first + day) * DAY);
		for (int k = 0; k < BECAME; k++)
			admin_put_int(j, names[k], s->counts[day][k]);
	}
}

enum rc
admin_overview(struct admin_call *x)
{
	enum rc (*const parts[])(struct admin_call * x, const struct organization *o, struct sums *s) = { add_enrolled,
		add_attempts, add_refused, add_warnings };
	struct sums s = { .first = x->c->now / DAY - DAYS + 1 };
	/* What nobody's domain was asked for has no organization. */
	const struct organization nobody = { .id = "" };
	const char *organization_id;
	struct organization *all;
	enum rc rc;
	int n;

	if ((rc = admin_organization_filter(x, &organization_id)) != RC_OK ||
	    (rc = organization_list(x->c, &all, &n)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put(x->out, "enrolled", s.enrolled = json_array());
	admin_put(x->out, "failing", s.failing = json_array());
	admin_put(x->out, "warnings", s.warnings = json_array());
	for (int i = 0; i < n; i++) {
		for (size_t k = 0; rc == RC_OK && k < sizeof parts / sizeof parts[0]; k++) {
			if (organization_id == NULL || strcmp(all[i].id, organization_id) == 0)
				rc = parts[k](x, &all[i], &s);
		}
	}
	if (rc == RC_OK && organization_id == NULL)
		rc = add_refused(x, &nobody, &s);
	put_days(x, &s);
	admin_put_int(x->out, "again", s.again);
	return rc;
}
