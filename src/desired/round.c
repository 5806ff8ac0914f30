#include "desired/round.h"

#include <string.h>

#include "base/log.h"
#include "command/queue.h"
#include "desired/delivery.h"
#include "fmt/plist.h"
#include "licence/licence.h"
#include "store/store.h"

#define BY "desired state"
#define LIVE " e.ended_at IS NULL AND e.state IN ('enrolled', 'reauth')"

/* ---- one channel ---- */

enum rc
round_state(struct call *c, const char *enrollment_id, const char *user_id, struct round_state *out)
{
	static const char sql[] = "SELECT declarations_token, fetched_token, token_at, fetched_at FROM desired_state"
				  " WHERE enrollment_id = ?1 AND user_id = ?2";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(user_id)), &r);

	*out = (struct round_state){ .token = "" };
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0) {
		(void)fail(&c->err, RC_NOT_FOUND, "the channel was told nothing yet");
		return RC_NOT_FOUND;
	}
	*out = (struct round_state){ db_get_text(&r, 0, 0), db_get_text(&r, 0, 1), db_get_int(&r, 0, 2),
		db_get_int(&r, 0, 3) };
	return RC_OK;
}

static enum rc
keep_token(struct call *c, const struct desired_set *s)
{
	static const char sql[] =
	    "INSERT INTO desired_state (enrollment_id, user_id, declarations_token, token_at) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (enrollment_id, user_id) DO UPDATE SET declarations_token = EXCLUDED.declarations_token,"
	    " token_at = EXCLUDED.token_at";
	/* Where the gate reads it anyway. */
	static const char row_sql[] =
	    "UPDATE enrollment SET declarations_token = ?2, declarations_token_at = ?3 WHERE id = ?1";
	enum rc rc =
	    store_run(c, sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id), db_text(s->token), db_int(c->now)), NULL);

	if (rc != RC_OK || s->user_id[0] != '\0')
		return rc;
	return store_run(c, row_sql, DB_ARGS(db_text(s->e->id), db_text(s->token), db_int(c->now)), NULL);
}

static enum rc
keep_due(struct call *c, const struct desired_set *s, int64_t due_at)
{
	static const char sql[] = "UPDATE desired_state SET due_at = ?3 WHERE enrollment_id = ?1 AND user_id = ?2";

	return store_run(
	    c, sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id), due_at != 0 ? db_int(due_at) : db_null()), NULL);
}

enum rc
round_fetched(struct call *c, const struct desired_set *s)
{
	static const char sql[] = "UPDATE desired_state SET fetched_token = ?3, fetched_at = ?4"
				  " WHERE enrollment_id = ?1 AND user_id = ?2";
	struct round_state state;
	enum rc rc = round_state(c, s->e->id, s->user_id, &state);

	if (rc == RC_OK && strcmp(state.token, s->token) == 0 && state.fetched_token != NULL &&
	    strcmp(state.fetched_token, s->token) == 0)
		return RC_OK;
	if (rc == RC_NOT_FOUND || (rc == RC_OK && strcmp(state.token, s->token) != 0))
		rc = keep_token(c, s);
	return rc == RC_OK
		   ? store_run(c, sql,
			 DB_ARGS(db_text(s->e->id), db_text(s->user_id), db_text(s->token), db_int(c->now)), NULL)
		   : rc;
}

/* One command in line is enough, whatever it says: the device asks for what holds when it comes. One that was delivered
 * may have been followed already. *queued false: the queue is full. */
static enum rc
queue_sync(struct call *c, const struct desired_set *s, bool *queued)
{
	static const char sql[] = "SELECT 1 FROM command WHERE enrollment_id = ?1 AND user_id = ?2 AND request_type ="
				  " 'DeclarativeManagement' AND answered_at IS NULL AND delivered_at IS NULL";
	plist_t command = plist_keep(c->arena, plist_new_dict());
	const char *uuid;
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id)), &r);

	*queued = true;
	if (rc != RC_OK || r.rows > 0)
		return rc;
	plist_put_text(command, "RequestType", "DeclarativeManagement");
	plist_put_data(command, "Data", ddm_tokens(c->arena, s->token, c->now));
	rc = command_send(c, s->e, s->user_id, command, BY, &uuid);
	*queued = rc != RC_CONFLICT;
	/* A system that has no declarative management: there is nothing that could be done here. */
	return rc == RC_UNAVAILABLE || rc == RC_INTERNAL ? rc : RC_OK;
}

static enum rc
tell(struct call *c, struct desired_wishes *w, const struct enrollment *e, const char *user_id)
{
	struct desired_set s;
	struct round_state state;
	int64_t due_at = 0;
	enum rc rc = desired_set_make(c, w, e, user_id, &s);

	if (rc != RC_OK)
		return rc;
	rc = round_state(c, e->id, user_id, &state);
	if (rc == RC_NOT_FOUND && s.n_wanted == 0)
		return RC_OK;
	if (rc == RC_NOT_FOUND || (rc == RC_OK && strcmp(state.token, s.token) != 0)) {
		bool queued = true;

		rc = s.n > 0 || state.token[0] != '\0' ? queue_sync(c, &s, &queued) : RC_OK;
		if (rc == RC_OK && queued)
			rc = keep_token(c, &s);
	}
	if (rc == RC_OK)
		rc = delivery_step(c, &s, &due_at);
	return rc == RC_OK ? keep_due(c, &s, due_at) : rc;
}

/* ---- licences ---- */

/* Which apps of the App Store any device of the person should have: one mark for each item. */
static enum rc
mark_apps(struct call *c, struct desired_wishes *w, const char *account_id, bool *marks)
{
	static const char devices_sql[] =
	    "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e WHERE e.account_id = ?1 AND" LIVE;
	struct db_rows devices;
	struct enrollment e;
	struct wanted *all;
	enum rc rc = store_run(c, devices_sql, DB_ARGS(db_text(account_id)), &devices);
	int n;

	for (int i = 0; rc == RC_OK && i < devices.rows; i++) {
		enrollment_read(&e, &devices, i, 0);
		rc = desired_wanted(c, w, &e, "", &all, &n);
		for (int k = 0; rc == RC_OK && k < n; k++) {
			if (all[k].way != DESIRED_NOT && all[k].item->app_store_id != NULL)
				marks[all[k].item - w->items] = true;
		}
	}
	return rc;
}

static bool
is_marked(const struct desired_wishes *w, const bool *marks, const char *adam_id)
{
	for (int i = 0; i < w->n_items; i++) {
		if (marks[i] && strcmp(w->items[i].app_store_id, adam_id) == 0)
			return true;
	}
	return false;
}

/* A licence for each app of the App Store that this person's devices should have, and for no other (protocol 11). */
static enum rc
licences_of(struct call *c, struct desired_wishes *w, const char *account_id)
{
	static const char held_sql[] = "SELECT adam_id FROM licence WHERE account_id = ?1 AND wanted = 1";
	bool *marks = arena_array(c->arena, (size_t)w->n_items, sizeof *marks);
	struct db_rows held;
	enum rc rc = mark_apps(c, w, account_id, marks);

	for (int i = 0; rc == RC_OK && i < w->n_items; i++) {
		if (marks[i])
			rc = licence_want(c, w->organization_id, account_id, w->items[i].app_store_id);
	}
	if (rc == RC_OK)
		rc = store_run(c, held_sql, DB_ARGS(db_text(account_id)), &held);
	for (int i = 0; rc == RC_OK && i < held.rows; i++) {
		if (!is_marked(w, marks, db_get_text(&held, i, 0)))
			rc = licence_release(c, account_id, db_get_text(&held, i, 0));
	}
	return rc;
}

/* All channels of an enrollment. */
static enum rc
tell_all(struct call *c, struct desired_wishes *w, const struct enrollment *e)
{
	struct channel *channels;
	enum rc rc;
	int n;

	if (w->licences && (rc = licences_of(c, w, e->account_id)) != RC_OK)
		return rc;
	if ((rc = channel_list(c, e->id, &channels, &n)) != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < n; i++)
		rc = tell(c, w, e, channels[i].user_id);
	return rc;
}

/* ---- who is due ---- */

struct looking {
	int done;
};

/* Enrollments that a statement found, whose organizations may be several. */
static enum rc
tell_rows(struct call *c, const struct db_rows *r)
{
	struct desired_wishes w = { 0 };
	struct enrollment e;
	enum rc rc = RC_OK;

	for (int i = 0; rc == RC_OK && i < r->rows; i++) {
		enrollment_read(&e, r, i, 0);
		if (w.organization_id == NULL || strcmp(w.organization_id, e.organization_id) != 0)
			rc = desired_wishes_read(c, e.organization_id, &w);
		if (rc == RC_OK && w.version > 0)
			rc = tell_all(c, &w, &e);
		if (rc == RC_OK || rc == RC_UNAVAILABLE || rc == RC_INTERNAL)
			continue;
		/* What stands in one device's way is not to keep anything from the others. */
		log_error("a device can't be told what it should have", "enrollment", e.id, "error", c->err.text);
		rc = RC_OK;
	}
	return rc;
}

/* The next enrollments of an organization whose wishes changed. A change during a round makes another round. */
static enum rc
walk_in_unit(struct call *c, void *arg)
{
	static const char due_sql[] =
	    "SELECT o.id, o.desired_version, COALESCE(d.walking, 0), COALESCE(d.after_at, 0), COALESCE(d.after_id, '')"
	    " FROM organization o LEFT JOIN desired_round d ON d.organization_id = o.id"
	    " WHERE o.desired_version > COALESCE(d.version, 0)"
	    " ORDER BY CASE WHEN d.walking > 0 THEN 0 ELSE 1 END, COALESCE(d.finished_at, 0), o.id LIMIT 1";
	static const char next_sql[] =
	    "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e WHERE e.organization_id = ?1"
	    " AND (e.created_at, e.id) > (?2, ?3) AND" LIVE " ORDER BY e.created_at, e.id LIMIT ?4";
	static const char keep_sql[] =
	    "INSERT INTO desired_round (organization_id, version, walking, after_at, after_id, finished_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (organization_id) DO UPDATE SET version = EXCLUDED.version,"
	    " walking = EXCLUDED.walking, after_at = EXCLUDED.after_at, after_id = EXCLUDED.after_id,"
	    " finished_at = COALESCE(EXCLUDED.finished_at, desired_round.finished_at)";
	static const char done_sql[] = "SELECT version FROM desired_round WHERE organization_id = ?1";
	struct looking *l = arg;
	struct db_rows o, r;
	struct enrollment last;
	int64_t walking, version = 0;
	enum rc rc = store_run(c, due_sql, DB_NONE, &o);

	l->done = 0;
	if (rc != RC_OK || o.rows == 0)
		return rc;
	l->done = 1;
	walking = db_get_int(&o, 0, 2) != 0 ? db_get_int(&o, 0, 2) : db_get_int(&o, 0, 1);
	rc = store_run(c, next_sql,
	    DB_ARGS(db_text(db_get_text(&o, 0, 0)), db_int(db_get_int(&o, 0, 3)), db_text(db_get_text(&o, 0, 4)),
		db_int(ROUND_BATCH)),
	    &r);
	if (rc == RC_OK)
		rc = tell_rows(c, &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows < ROUND_BATCH)
		return store_run(c, keep_sql,
		    DB_ARGS(db_text(db_get_text(&o, 0, 0)), db_int(walking), db_int(0), db_int(0), db_text(""),
			db_int(c->now)),
		    NULL);
	enrollment_read(&last, &r, r.rows - 1, 0);
	if ((rc = store_run(c, done_sql, DB_ARGS(db_text(db_get_text(&o, 0, 0))), &r)) != RC_OK)
		return rc;
	if (r.rows > 0)
		version = db_get_int(&r, 0, 0);
	return store_run(c, keep_sql,
	    DB_ARGS(db_text(db_get_text(&o, 0, 0)), db_int(version), db_int(walking), db_int(last.created_at),
		db_text(last.id), db_null()),
	    NULL);
}

static enum rc
people_in_unit(struct call *c, void *arg)
{
	static const char take_sql[] = "DELETE FROM account_change WHERE account_id IN (SELECT account_id FROM"
				       " account_change ORDER BY account_id LIMIT ?1) RETURNING account_id";
	static const char theirs_sql[] =
	    "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e WHERE e.account_id = ?1 AND" LIVE;
	struct looking *l = arg;
	struct db_rows people, r;
	enum rc rc = store_run(c, take_sql, DB_ARGS(db_int(ROUND_BATCH)), &people);

	l->done = rc == RC_OK ? people.rows : 0;
	for (int i = 0; rc == RC_OK && i < people.rows; i++) {
		rc = store_run(c, theirs_sql, DB_ARGS(db_text(db_get_text(&people, i, 0))), &r);
		if (rc == RC_OK)
			rc = tell_rows(c, &r);
	}
	return rc;
}

static enum rc
answered_in_unit(struct call *c, void *arg)
{
	static const char due_sql[] =
	    "SELECT enrollment_id FROM desired_state WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2";
	static const char quiet_sql[] =
	    "UPDATE desired_state SET due_at = NULL WHERE enrollment_id = ?1 AND due_at <= ?2";
	static const char one_sql[] = "SELECT " ENROLLMENT_COLUMNS " FROM enrollment e WHERE e.id = ?1 AND" LIVE;
	struct looking *l = arg;
	struct db_rows due, r;
	enum rc rc = store_run(c, due_sql, DB_ARGS(db_int(c->now), db_int(ROUND_BATCH)), &due);

	l->done = rc == RC_OK ? due.rows : 0;
	for (int i = 0; rc == RC_OK && i < due.rows; i++) {
		struct db_value id = db_text(db_get_text(&due, i, 0));

		rc = store_run(c, quiet_sql, DB_ARGS(id, db_int(c->now)), NULL);
		if (rc == RC_OK)
			rc = store_run(c, one_sql, DB_ARGS(id), &r);
		if (rc == RC_OK)
			rc = tell_rows(c, &r);
	}
	return rc;
}

/* Whether there is anything, asked outside a unit: most looks find nothing. */
static enum rc
anything(struct call *c, const char *sql, struct db_args args, bool *is)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, args, &r);

	*is = rc == RC_OK && r.rows > 0;
	return rc;
}

enum rc
round_look(struct call *c, bool *more)
{
	static const struct {
		const char *sql;
		bool now; /* ?1 is the time */
		enum rc (*fn)(struct call *c, void *arg);
	} parts[] = {
		{ "SELECT 1 FROM desired_state WHERE due_at <= ?1 LIMIT 1", true, answered_in_unit },
		{ "SELECT 1 FROM account_change LIMIT 1", false, people_in_unit },
		{ "SELECT 1 FROM organization o LEFT JOIN desired_round d ON d.organization_id = o.id"
		  " WHERE o.desired_version > COALESCE(d.version, 0) LIMIT 1",
		    false, walk_in_unit },
	};
	struct looking l = { 0 };
	enum rc rc;
	bool is;

	*more = false;
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		rc = parts[i].now ? anything(c, parts[i].sql, DB_ARGS(db_int(c->now)), &is)
				  : anything(c, parts[i].sql, DB_NONE, &is);
		if (rc == RC_OK && is)
			rc = store_unit(c, parts[i].fn, &l);
		if (rc != RC_OK)
			return fail_in(&c->err, rc, "tell devices what they should have");
		*more = *more || (is && l.done > 0);
	}
	return RC_OK;
}

/* ---- answers ---- */

enum rc
round_answered(
    struct call *c, const struct enrollment *e, const char *user_id, const char *request_type, const char *status)
{
	static const char moved_sql[] =
	    "UPDATE desired_state SET due_at = ?3 WHERE enrollment_id = ?1 AND user_id = ?2";
	static const char refused_sql[] =
	    "UPDATE desired_state SET due_at = ?3, refused = ?4 WHERE enrollment_id = ?1 AND user_id = ?2"
	    " AND refused <> ?4";
	struct db_value id = db_text(e->id), user = db_text(user_id), now = db_int(c->now);
	bool refused = strcmp(status, "Acknowledged") != 0;

	if (strcmp(request_type, "DeclarativeManagement") == 0)
		return store_run(c, refused_sql, DB_ARGS(id, user, now, db_int(refused)), NULL);
	return delivery_concerns(request_type) ? store_run(c, moved_sql, DB_ARGS(id, user, now), NULL) : RC_OK;
}
