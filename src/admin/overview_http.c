/* The first look of the day: who is enrolled, what fails and why, how the last days went. Measured with a hundred
 * thousand enrollments (docs/console.md): what is enrolled is read from an index alone (0035_overview.sql). */
#include "admin/routes.h"

#include <string.h>

#include "enroll/failure.h"
#include "store/store.h"

#define DAY 86400
#define DAYS 14

enum became { ENROLLED, FAILED, OTHER, BECAME };

/* {mode, family, os, count} of what is enrolled, and how many wait for the person to sign in again. */
static enum rc
put_enrolled(struct admin_call *x, const char *organization_id)
{
	static const char sql[] = "SELECT state, mode, family, os_version, COUNT(*) FROM enrollment"
				  " WHERE ended_at IS NULL AND state IN ('enrolled', 'reauth')"
				  " AND organization_id = COALESCE(?1, organization_id)"
				  " GROUP BY state, mode, family, os_version ORDER BY state, mode, family, os_version";
	json_t *list = json_array();
	int64_t again = 0;
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(organization_id)), &r);

	admin_put(x->out, "enrolled", list);
	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		json_t *j = json_object();

		json_array_append_new(list, j);
		admin_put_text(j, "state", db_get_text(&r, i, 0));
		admin_put_text(j, "mode", db_get_text(&r, i, 1));
		admin_put_text(j, "family", db_get_text(&r, i, 2));
		admin_put_text(j, "os", db_get_text(&r, i, 3));
		admin_put_int(j, "count", db_get_int(&r, i, 4));
		if (strcmp(db_get_text(&r, i, 0), "reauth") == 0)
			again += db_get_int(&r, i, 4);
	}
	admin_put_int(x->out, "again", again);
	return rc;
}

/* One more of a cause: rows of several days are one in the end. */
static void
add_cause(json_t *list, const char *code, const char *stage, int64_t day, int64_t week)
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
	admin_put_text(j, "stage", stage);
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

/* What discovery refused has no attempt; it is counted by calendar day, so its "day" is today and the one before. */
static enum rc
put_refused(struct admin_call *x, const char *organization_id, json_t *failing)
{
	static const char sql[] =
	    "SELECT code, SUM(CASE WHEN day >= ?2 THEN count ELSE 0 END), SUM(count) FROM discovery_count"
	    " WHERE day >= ?3 AND organization_id = COALESCE(?1, organization_id)"
	    " GROUP BY code ORDER BY 3 DESC, 1 LIMIT 20";
	int64_t today = x->c->now / DAY;
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_text(organization_id), db_int(today - 1), db_int(today - 6)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		if (became("", db_get_text(&r, i, 0)) == FAILED)
			add_cause(
			    failing, db_get_text(&r, i, 0), "discovery", db_get_int(&r, i, 1), db_get_int(&r, i, 2));
	}
	return rc;
}

static void
put_days(struct admin_call *x, int64_t first, const int64_t counts[DAYS][BECAME])
{
	static const char *const names[BECAME] = { "enrolled", "failed", "other" };
	json_t *list = json_array();

	admin_put(x->out, "days", list);
	for (int64_t day = 0; day < DAYS; day++) {
		json_t *j = json_object();

		json_array_append_new(list, j);
		admin_put_time(j, "at", (first + day) * DAY);
		for (int k = 0; k < BECAME; k++)
			admin_put_int(j, names[k], counts[day][k]);
	}
}

/* The attempts of the last days, by day and by the cause of those that failed; a day without any is there too. */
static enum rc
put_attempts(struct admin_call *x, const char *organization_id)
{
	/* One row for each day, state and cause: some hundred, however many attempts there are. */
	static const char sql[] =
	    "SELECT started_at / 86400, state, code, stage, COUNT(*), SUM(CASE WHEN started_at >= ?3 THEN 1 ELSE 0 END)"
	    " FROM attempt WHERE started_at >= ?2 AND organization_id = COALESCE(?1, organization_id)"
	    " GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
	int64_t first = x->c->now / DAY - DAYS + 1, counts[DAYS][BECAME] = { 0 };
	json_t *failing = json_array();
	struct db_rows r;
	enum rc rc =
	    store_run(x->c, sql, DB_ARGS(db_text(organization_id), db_int(first * DAY), db_int(x->c->now - DAY)), &r);

	admin_put(x->out, "failing", failing);
	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		int64_t day = db_get_int(&r, i, 0) - first, n = db_get_int(&r, i, 4);
		const char *code = db_get_text(&r, i, 2);
		enum became what = became(db_get_text(&r, i, 1), code);

		if (day < DAYS)
			counts[day][what] += n;
		if (what == FAILED && day >= DAYS - 7)
			add_cause(failing, code, db_get_text(&r, i, 3), db_get_int(&r, i, 5), n);
	}
	put_days(x, first, counts);
	return rc == RC_OK ? put_refused(x, organization_id, failing) : rc;
}

static enum rc
put_warnings(struct admin_call *x, const char *organization_id)
{
	json_t *list = json_array();
	struct organization *all;
	enum rc rc;
	int n;

	admin_put(x->out, "warnings", list);
	rc = organization_list(x->c, &all, &n);
	for (int i = 0; rc == RC_OK && i < n; i++) {
		if (organization_id == NULL || strcmp(all[i].id, organization_id) == 0)
			rc = admin_organization_warnings(x, &all[i], list);
	}
	return rc;
}

enum rc
admin_overview(struct admin_call *x)
{
	enum rc (*const parts[])(
	    struct admin_call * x, const char *organization_id) = { put_enrolled, put_attempts, put_warnings };
	const char *organization_id;
	enum rc rc;

	if ((rc = admin_organization_filter(x, &organization_id)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	for (size_t i = 0; rc == RC_OK && i < sizeof parts / sizeof parts[0]; i++)
		rc = parts[i](x, organization_id);
	return rc;
}
