#include "licence/event.h"

#include <string.h>

#include "account/account.h"
#include "config/config.h"
#include "fmt/uri.h"
#include "store/store.h"

#define ASKED_AT_ONCE 50
#define FIRST 10 /* polls that a notification has time for (protocol 11: five minutes) */

enum rc
licence_event_add(struct call *c, const char *organization_id, const char *event_id)
{
	static const char sql[] = "INSERT INTO licence_event (organization_id, id, ask_at) VALUES (?1, ?2, ?3)"
				  " ON CONFLICT (organization_id, id) DO NOTHING";

	return store_run(c, sql,
	    DB_ARGS(
		db_text(organization_id), db_text(event_id), db_int(c->now + FIRST * c->conf->apps_and_books_poll_s)),
	    NULL);
}

/* ---- what came of one ---- */

struct outcome {
	const struct licence_way *w;
	const char *event_id;
	bool known; /* false: Apple knows nothing of it, so that it is asked for again */
	bool failed;
	json_t *failures;
};

/* Why this licence failed: NULL: it did not. Where Apple gives no list, all did. */
static const json_t *
failure_of(const struct outcome *o, const char *account_id, const char *adam_id)
{
	const json_t *f;
	size_t i;

	json_array_foreach(o->failures, i, f)
	{
		const char *who = json_get_text(f, "clientUserId"), *what = json_get_text(f, "adamId");

		if ((who == NULL || strcmp(who, account_id) == 0) &&
		    (what == NULL || adam_id == NULL || strcmp(what, adam_id) == 0))
			return f;
	}
	return o->failed && json_array_size(o->failures) == 0 ? json_null() : NULL;
}

static const char *
reason_of(struct arena *a, const json_t *failure)
{
	const char *message = json_get_text(failure, "errorMessage");

	return arena_printf(a, "Apple refuses: %.200s (%lld)", message != NULL ? message : "without a reason",
	    (long long)json_get_int(failure, "errorNumber", 0));
}

static enum rc
put_state(struct call *c, const char *account_id, const char *adam_id, const char *state, const char *reason,
    struct db_value due, bool failed)
{
	static const char sql[] =
	    "UPDATE licence SET state = ?3, reason = ?4, due_at = ?5, event_id = NULL, updated_at = ?6,"
	    " tries = CASE WHEN ?7 = 1 THEN tries + 1 ELSE 0 END"
	    " WHERE account_id = ?1 AND adam_id = ?2";

	return store_run(c, sql,
	    DB_ARGS(db_text(account_id), db_text(adam_id), db_text(state), db_text(reason), due, db_int(c->now),
		db_int(failed)),
	    NULL);
}

/* One that was on its way to somebody. */
static enum rc
came(struct call *c, const struct outcome *o, const char *account_id, const char *adam_id, bool wanted, int64_t tries)
{
	const json_t *why = failure_of(o, account_id, adam_id);
	int64_t number = json_get_int(why, "errorNumber", 0);
	struct db_value later = db_int(c->now + licence_doubled(LICENCE_REST_S, LICENCE_REST_MAX_S, tries));

	if (!o->known)
		return put_state(c, account_id, adam_id, "none", NULL, db_int(c->now), false);
	if (why == NULL || number == LICENCE_ALREADY) {
		enum rc rc = account_changed(c, account_id); /* the app can be given now */

		return rc == RC_OK
			   ? put_state(c, account_id, adam_id, "held", NULL, wanted ? db_null() : db_int(c->now), false)
			   : rc;
	}
	return put_state(c, account_id, adam_id, number == LICENCE_NONE_LEFT ? "short" : "failed",
	    reason_of(c->arena, why), wanted ? later : db_int(c->now), true);
}

/* One that was on its way back. Those who lack one may have it. */
static enum rc
went(struct call *c, const struct outcome *o, const char *account_id, const char *adam_id, bool wanted, int64_t tries)
{
	static const char gone[] = "DELETE FROM licence WHERE account_id = ?1 AND adam_id = ?2";
	static const char recount[] = "UPDATE licence_service SET counted_at = NULL WHERE organization_id = ?1";
	struct db_value later = db_int(c->now + licence_doubled(LICENCE_REST_S, LICENCE_REST_MAX_S, tries));
	enum rc rc;

	if (!o->known || failure_of(o, account_id, adam_id) != NULL)
		return put_state(c, account_id, adam_id, "held", NULL, wanted ? db_null() : later, true);
	if ((rc = store_run(c, recount, DB_ARGS(db_text(o->w->organization_id)), NULL)) != RC_OK)
		return rc;
	return wanted ? put_state(c, account_id, adam_id, "none", NULL, db_int(c->now), false)
		      : store_run(c, gone, DB_ARGS(db_text(account_id), db_text(adam_id)), NULL);
}

static enum rc
known(struct call *c, const struct outcome *o)
{
	static const char all[] = "SELECT account_id FROM licence_user WHERE organization_id = ?1 AND event_id = ?2";
	static const char good[] = "UPDATE licence_user SET event_id = NULL WHERE account_id = ?1";
	static const char bad[] = "DELETE FROM licence_user WHERE account_id = ?1";
	static const char due[] = "UPDATE licence SET due_at = ?2, state = ?3, reason = ?4, updated_at = ?5"
				  " WHERE account_id = ?1 AND wanted = 1 AND state IN ('none', 'failed', 'short')";
	struct db_rows r;
	enum rc rc = store_run(c, all, DB_ARGS(db_text(o->w->organization_id), db_text(o->event_id)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		const char *who = db_get_text(&r, i, 0);
		const json_t *why = failure_of(o, who, NULL);
		bool fine = o->known && why == NULL;

		if ((rc = store_run(c, fine ? good : bad, DB_ARGS(db_text(who)), NULL)) == RC_OK)
			rc = store_run(c, due,
			    DB_ARGS(db_text(who), db_int(fine ? c->now : c->now + LICENCE_REST_S),
				db_text(why != NULL ? "failed" : "none"),
				db_text(why != NULL ? reason_of(c->arena, why) : NULL), db_int(c->now)),
			    NULL);
	}
	return rc;
}

static enum rc
conclude(struct call *c, void *arg)
{
	static const char all[] = "SELECT account_id, adam_id, state, wanted, tries FROM licence"
				  " WHERE organization_id = ?1 AND event_id = ?2";
	const struct outcome *o = arg;
	struct db_value org = db_text(o->w->organization_id), id = db_text(o->event_id);
	struct db_rows r;
	enum rc rc = known(c, o);

	if (rc == RC_OK)
		rc = store_run(c, all, DB_ARGS(org, id), &r);
	if (rc != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		rc = (strcmp(db_get_text(&r, i, 2), "going") == 0 ? went : came)(c, o, db_get_text(&r, i, 0),
		    db_get_text(&r, i, 1), db_get_int(&r, i, 3) != 0, db_get_int(&r, i, 4));
	return rc == RC_OK ? store_run(c, "DELETE FROM licence_event WHERE organization_id = ?1 AND id = ?2",
				 DB_ARGS(org, id), NULL)
			   : rc;
}

/* ---- asking ---- */

static enum rc
ask(struct call *c, struct licence_way *w, const char *event_id)
{
	static const char later[] = "UPDATE licence_event SET ask_at = ?3 WHERE organization_id = ?1 AND id = ?2";
	struct outcome o = { .w = w, .event_id = event_id, .known = true };
	const char *path = arena_printf(c->arena, "/v2/status?eventId=%s", uri_encode(c->arena, event_id)), *status;
	json_t *answer = NULL;
	enum rc rc = licence_ask(c, w, path, NULL, &answer);

	if (rc == RC_FORBIDDEN) {
		o.known = false;
	} else if (rc != RC_OK) {
		return rc;
	} else {
		status = json_get_text(answer, "eventStatus");
		if (status == NULL || strcmp(status, "PENDING") == 0)
			return store_run(c, later,
			    DB_ARGS(db_text(w->organization_id), db_text(event_id),
				db_int(c->now + c->conf->apps_and_books_poll_s)),
			    NULL);
		o.failed = strcmp(status, "FAILED") == 0;
		o.failures = json_object_get(answer, "failures");
	}
	w->counted_at = 0; /* counts have changed */
	return store_unit(c, conclude, &o);
}

enum rc
licence_events_ask(struct call *c, struct licence_way *w, bool *did)
{
	static const char sql[] =
	    "SELECT id FROM licence_event WHERE organization_id = ?1 AND ask_at <= ?2 ORDER BY ask_at LIMIT ?3";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(w->organization_id), db_int(c->now), db_int(ASKED_AT_ONCE)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		*did = true;
		rc = ask(c, w, db_get_text(&r, i, 0));
	}
	return rc;
}
