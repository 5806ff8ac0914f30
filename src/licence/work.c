/* The thread: brings Apple to what the rows of `licence` say. One organization has its turn at a time, on one node; in
 * it each step looks for what is due, asks Apple, and writes what came of it in one unit. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "licence/event.h"
#include "licence/service.h"
#include "store/store.h"

#define TURN_S 300 /* longer than a turn's requests take */
#define COUNT_S 600 /* what is left is counted so often */
#define SHORT_S 600 /* who found none left is looked at again, unless one becomes free */
#define USERS_AT_ONCE 100 /* maxUsers of service/config */
#define PEOPLE_AT_ONCE 200 /* of one asset; Apple allows 1000 */
#define ASSETS_MAX 500 /* of an organization that are worked on */
#define PAGES_MAX 1000

#define NONE_LEFT "no licence is left: buy more, or take one back from somebody"

struct licences {
	int64_t swept_at; /* Unix seconds */
};

struct licences *
licences_new(void)
{
	struct licences *l = calloc(1, sizeof *l);

	if (l == NULL)
		abort();
	return l;
}

void
licences_free(struct licences *l)
{
	free(l);
}

/* ---- telling Apple where to notify ---- */

static enum rc
tell(struct call *c, struct licence_way *w, bool *did)
{
	const char *url = arena_printf(c->arena, "%s/apple/apps-and-books/%s", c->conf->url, w->organization_id);
	json_t *answer;
	enum rc rc;

	if (w->told_at != 0)
		return RC_OK;
	*did = true;
	rc = licence_ask(c, w, "/v2/client/config",
	    json_pack("{s:{s:s,s:s,s:s},s:s,s:s,s:[s,s,s]}", "mdmInfo", "id", w->organization_id, "name", "postern",
		"metadata", "", "notificationUrl", url, "notificationAuthToken", w->notice_token, "notificationTypes",
		"ASSET_COUNT", "ASSET_MANAGEMENT", "USER_MANAGEMENT"),
	    &answer);
	/* Without notifications all goes on, by asking. */
	if (rc == RC_FORBIDDEN)
		log_warn(
		    "no notifications of Apps and Books", "organization", w->organization_id, "error", c->err.text);
	else if (rc != RC_OK)
		return rc;
	return store_run(c, "UPDATE licence_service SET told_at = ?2 WHERE organization_id = ?1",
	    DB_ARGS(db_text(w->organization_id), db_int(c->now)), NULL);
}

/* ---- counting ---- */

struct counted {
	const struct licence_way *w;
	json_t *assets; /* all pages of them */
};

static enum rc
keep_counts(struct call *c, void *arg)
{
	static const char put[] =
	    "INSERT INTO licence_asset (organization_id, adam_id, pricing_param, total, assigned, available)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
	/* Who waits for one that is there now. */
	static const char wake[] = "UPDATE licence SET due_at = ?3 WHERE organization_id = ?1 AND adam_id = ?2"
				   " AND state = 'short' AND wanted = 1";
	const struct counted *k = arg;
	struct db_value org = db_text(k->w->organization_id);
	enum rc rc = store_run(c, "DELETE FROM licence_asset WHERE organization_id = ?1", DB_ARGS(org), NULL);
	json_t *a;
	size_t i;

	json_array_foreach(k->assets, i, a)
	{
		const char *adam_id = json_get_text(a, "adamId"), *pricing = json_get_text(a, "pricingParam");
		int64_t available = json_get_int(a, "availableCount", 0);

		if (rc != RC_OK || adam_id == NULL)
			continue;
		rc = store_run(c, put,
		    DB_ARGS(org, db_text(adam_id), db_text(pricing != NULL ? pricing : "STDQ"),
			db_int(json_get_int(a, "totalCount", 0)), db_int(json_get_int(a, "assignedCount", 0)),
			db_int(available)),
		    NULL);
		if (rc == RC_OK && available > 0)
			rc = store_run(c, wake, DB_ARGS(org, db_text(adam_id), db_int(c->now)), NULL);
	}
	if (rc != RC_OK)
		return rc;
	return store_run(c, "UPDATE licence_service SET counted_at = ?2 WHERE organization_id = ?1",
	    DB_ARGS(org, db_int(c->now)), NULL);
}

static enum rc
count(struct call *c, struct licence_way *w, bool *did)
{
	struct counted k = { w, json_keep(c->arena, json_array()) };
	json_t *page, *rows;
	enum rc rc;

	if (w->counted_at > c->now - COUNT_S)
		return RC_OK;
	*did = true;
	for (int64_t i = 0; i >= 0 && i < PAGES_MAX;) {
		rc = licence_ask(c, w, arena_printf(c->arena, "/v2/assets?pageIndex=%lld", (long long)i), NULL, &page);
		if (rc != RC_OK)
			return rc;
		rows = json_object_get(page, "assets");
		if (json_is_array(rows))
			json_array_extend(k.assets, rows);
		i = json_get_int(page, "nextPageIndex", -1);
	}
	w->counted_at = c->now;
	return store_unit(c, keep_counts, &k);
}

/* ---- people that Apple is told of ---- */

struct people {
	const struct licence_way *w;
	struct db_rows r; /* of account ids first */
	const char *event_id;
	const char *adam_id, *state, *reason; /* of their licences, from now on */
	int64_t due_in_s; /* below 0: not due */
};

static enum rc
keep_people(struct call *c, void *arg)
{
	static const char put[] = "INSERT INTO licence_user (account_id, organization_id, event_id) VALUES (?1, ?2, ?3)"
				  " ON CONFLICT (account_id) DO UPDATE SET event_id = ?3";
	static const char wait[] = "UPDATE licence SET due_at = NULL WHERE account_id = ?1 AND wanted = 1 AND state IN "
				   "('none', 'failed', 'short')";
	const struct people *p = arg;
	struct db_value org = db_text(p->w->organization_id);
	enum rc rc = licence_event_add(c, p->w->organization_id, p->event_id);

	for (int i = 0; rc == RC_OK && i < p->r.rows; i++) {
		struct db_value who = db_text(db_get_text(&p->r, i, 0));

		if ((rc = store_run(c, put, DB_ARGS(who, org, db_text(p->event_id)), NULL)) == RC_OK)
			rc = store_run(c, wait, DB_ARGS(who), NULL);
	}
	return rc;
}

/* Each of these licences is in this state now. */
static enum rc
keep_state(struct call *c, void *arg)
{
	static const char sql[] =
	    "UPDATE licence SET state = ?3, event_id = ?4, reason = ?5, due_at = ?6, updated_at = ?7,"
	    " tries = tries + ?8 WHERE account_id = ?1 AND adam_id = ?2";
	const struct people *p = arg;
	bool failed = strcmp(p->state, "failed") == 0;
	enum rc rc = p->event_id != NULL ? licence_event_add(c, p->w->organization_id, p->event_id) : RC_OK;

	for (int i = 0; rc == RC_OK && i < p->r.rows; i++)
		rc = store_run(c, sql,
		    DB_ARGS(db_text(db_get_text(&p->r, i, 0)), db_text(p->adam_id), db_text(p->state),
			db_text(p->event_id), db_text(p->reason),
			p->due_in_s >= 0 ? db_int(c->now + p->due_in_s) : db_null(), db_int(c->now), db_int(failed)),
		    NULL);
	return rc;
}

static enum rc
create_users(struct call *c, struct licence_way *w, bool *did)
{
	static const char unknown[] =
	    "SELECT DISTINCT a.id, a.managed_apple_account FROM licence l JOIN account a ON a.id = l.account_id"
	    " LEFT JOIN licence_user u ON u.account_id = l.account_id WHERE l.organization_id = ?1 AND l.due_at <= ?2"
	    " AND l.wanted = 1 AND l.state IN ('none', 'failed', 'short') AND u.account_id IS NULL LIMIT ?3";
	struct people p = { .w = w };
	json_t *users = json_array(), *answer;
	enum rc rc;

	rc = store_run(c, unknown, DB_ARGS(db_text(w->organization_id), db_int(c->now), db_int(USERS_AT_ONCE)), &p.r);
	if (rc != RC_OK || p.r.rows == 0) {
		json_decref(users);
		return rc;
	}
	*did = true;
	for (int i = 0; i < p.r.rows; i++)
		json_array_append_new(users, json_pack("{s:s,s:s}", "clientUserId", db_get_text(&p.r, i, 0),
						 "managedAppleId", db_get_text(&p.r, i, 1)));
	if ((rc = licence_ask(c, w, "/v2/users/create", json_pack("{s:o}", "users", users), &answer)) != RC_OK)
		return rc;
	if ((p.event_id = json_get_text(answer, "eventId")) == NULL)
		return fail(&c->err, RC_FORBIDDEN, "Apple's answer to users/create names no event");
	return store_unit(c, keep_people, &p);
}

/* Those whom Apple is being told of wait without being due. */
static enum rc
park(struct call *c, struct licence_way *w)
{
	static const char sql[] =
	    "UPDATE licence SET due_at = NULL WHERE organization_id = ?1 AND due_at <= ?2 AND wanted = 1"
	    " AND state IN ('none', 'failed', 'short') AND account_id IN"
	    " (SELECT account_id FROM licence_user WHERE event_id IS NOT NULL)";

	return store_run(c, sql, DB_ARGS(db_text(w->organization_id), db_int(c->now)), NULL);
}

/* ---- giving and taking back ---- */

static json_t *
change_of(const struct people *p, const char *pricing_param)
{
	json_t *ids = json_array();

	for (int i = 0; i < p->r.rows; i++)
		json_array_append_new(ids, json_string(db_get_text(&p->r, i, 0)));
	return json_pack(
	    "{s:[{s:s,s:s}],s:o}", "assets", "adamId", p->adam_id, "pricingParam", pricing_param, "clientUserIds", ids);
}

/* What Apple refuses as a whole. */
static enum rc
take_refusal(struct call *c, const struct licence_way *w, struct people *p)
{
	struct db_rows *r = &p->r;
	enum rc rc = RC_OK;

	p->event_id = NULL;
	p->state = w->error == LICENCE_NONE_LEFT ? "short" : "failed";
	p->reason = w->error == LICENCE_NONE_LEFT ? NONE_LEFT : arena_strdup(c->arena, c->err.text);
	p->due_in_s = LICENCE_REST_S;
	for (int i = 0; w->error == LICENCE_UNKNOWN_USER && rc == RC_OK && i < r->rows; i++)
		rc = store_run(
		    c, "DELETE FROM licence_user WHERE account_id = ?1", DB_ARGS(db_text(db_get_text(r, i, 0))), NULL);
	if (rc == RC_OK && w->error == LICENCE_NONE_LEFT)
		rc = store_run(c, "UPDATE licence_service SET counted_at = NULL WHERE organization_id = ?1",
		    DB_ARGS(db_text(w->organization_id)), NULL);
	return rc == RC_OK ? store_unit(c, keep_state, p) : rc;
}

static enum rc
change(struct call *c, struct licence_way *w, struct people *p, bool give, const char *pricing_param)
{
	json_t *answer;
	enum rc rc = licence_ask(
	    c, w, give ? "/v2/assets/associate" : "/v2/assets/disassociate", change_of(p, pricing_param), &answer);

	if (rc == RC_FORBIDDEN && give)
		return take_refusal(c, w, p);
	if (rc == RC_FORBIDDEN) { /* still held, and asked back later */
		p->state = "held";
		p->due_in_s = LICENCE_REST_MAX_S;
		log_warn("a licence is not taken back", "organization", w->organization_id, "error", c->err.text);
		return store_unit(c, keep_state, p);
	}
	if (rc != RC_OK)
		return rc;
	if ((p->event_id = json_get_text(answer, "eventId")) == NULL)
		return rc;
	p->state = give ? "coming" : "going";
	p->due_in_s = -1;
	return store_unit(c, keep_state, p);
}

/* As many as there are licences; the others are told that there is none. */
static enum rc
give(struct call *c, struct licence_way *w, const char *adam_id, const char *pricing_param, int64_t available)
{
	static const char sql[] =
	    "SELECT l.account_id FROM licence l JOIN licence_user u ON u.account_id = l.account_id"
	    " WHERE l.organization_id = ?1 AND l.adam_id = ?2 AND l.due_at <= ?3 AND l.wanted = 1"
	    " AND l.state IN ('none', 'failed', 'short') AND u.event_id IS NULL ORDER BY l.updated_at, l.account_id "
	    "LIMIT ?4";
	struct people p = { .w = w, .adam_id = adam_id };
	struct db_value org = db_text(w->organization_id), app = db_text(adam_id), now = db_int(c->now);
	enum rc rc;

	if (available > 0) {
		rc = store_run(c, sql,
		    DB_ARGS(org, app, now, db_int(available < PEOPLE_AT_ONCE ? available : PEOPLE_AT_ONCE)), &p.r);
		return rc == RC_OK && p.r.rows > 0 ? change(c, w, &p, true, pricing_param) : rc;
	}
	p.state = "short";
	p.reason = NONE_LEFT;
	p.due_in_s = SHORT_S;
	rc = store_run(c, sql, DB_ARGS(org, app, now, db_int(PEOPLE_AT_ONCE)), &p.r);
	return rc == RC_OK && p.r.rows > 0 ? store_unit(c, keep_state, &p) : rc;
}

static enum rc
give_all(struct call *c, struct licence_way *w, bool *did)
{
	/* What is on its way counts as given: Apple's number is from before. */
	static const char sql[] =
	    "SELECT l.adam_id, a.pricing_param, a.available - (SELECT COUNT(*) FROM licence g WHERE g.organization_id "
	    "= ?1"
	    "  AND g.adam_id = l.adam_id AND (g.state = 'coming' OR (g.state = 'held' AND g.updated_at > ?4)))"
	    " FROM (SELECT DISTINCT adam_id FROM licence WHERE organization_id = ?1 AND due_at <= ?2 AND wanted = 1"
	    "  AND state IN ('none', 'failed', 'short')) l"
	    " LEFT JOIN licence_asset a ON a.organization_id = ?1 AND a.adam_id = l.adam_id LIMIT ?3";
	static const char lacking[] =
	    "UPDATE licence SET state = 'failed', reason = ?4, due_at = ?5, updated_at = ?3 WHERE organization_id = ?1"
	    " AND adam_id = ?2 AND due_at <= ?3 AND wanted = 1 AND state IN ('none', 'failed', 'short')";
	struct db_value org = db_text(w->organization_id);
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(org, db_int(c->now), db_int(ASSETS_MAX), db_int(w->counted_at)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		const char *adam_id = db_get_text(&r, i, 0), *pricing = db_get_text(&r, i, 1);

		*did = true;
		rc = pricing != NULL ? give(c, w, adam_id, pricing, db_get_int(&r, i, 2))
				     : store_run(c, lacking,
					   DB_ARGS(org, db_text(adam_id), db_int(c->now),
					       db_text("the app is not among those that the organization bought"),
					       db_int(c->now + SHORT_S)),
					   NULL);
	}
	return rc;
}

static enum rc
take_back_all(struct call *c, struct licence_way *w, bool *did)
{
	static const char never[] = "DELETE FROM licence WHERE organization_id = ?1 AND due_at <= ?2 AND wanted = 0"
				    " AND state IN ('none', 'failed', 'short')";
	static const char assets[] =
	    "SELECT DISTINCT l.adam_id, COALESCE(a.pricing_param, 'STDQ') FROM licence l LEFT JOIN licence_asset a"
	    " ON a.organization_id = l.organization_id AND a.adam_id = l.adam_id WHERE l.organization_id = ?1"
	    " AND l.due_at <= ?2 AND l.wanted = 0 AND l.state = 'held' LIMIT ?3";
	static const char who[] = "SELECT account_id FROM licence WHERE organization_id = ?1 AND adam_id = ?3"
				  " AND due_at <= ?2 AND wanted = 0 AND state = 'held' ORDER BY account_id LIMIT ?4";
	struct db_value org = db_text(w->organization_id), now = db_int(c->now);
	struct db_rows r = { 0 };
	enum rc rc = store_run(c, never, DB_ARGS(org, now), NULL);

	if (rc == RC_OK)
		rc = store_run(c, assets, DB_ARGS(org, now, db_int(ASSETS_MAX)), &r);
	for (int i = 0; rc == RC_OK && i < r.rows; i++) {
		struct people p = { .w = w, .adam_id = db_get_text(&r, i, 0) };

		*did = true;
		rc = store_run(c, who, DB_ARGS(org, now, db_text(p.adam_id), db_int(PEOPLE_AT_ONCE)), &p.r);
		if (rc == RC_OK && p.r.rows > 0)
			rc = change(c, w, &p, false, db_get_text(&r, i, 1));
	}
	return rc;
}

/* ---- turns ---- */

/* The next organization with something to do, which is this node's until the turn ends. RC_NOT_FOUND: there is none. */
static enum rc
take_turn(struct call *c, struct licence_way *w)
{
	static const char sql[] =
	    "UPDATE licence_service SET turn_until = ?1 + ?2 WHERE organization_id = (SELECT s.organization_id"
	    " FROM licence_service s WHERE s.turn_until <= ?1 AND (s.told_at IS NULL OR s.counted_at IS NULL"
	    "  OR s.counted_at <= ?1 - ?3"
	    "  OR EXISTS (SELECT 1 FROM licence l WHERE l.organization_id = s.organization_id AND l.due_at <= ?1)"
	    "  OR EXISTS (SELECT 1 FROM licence_event v WHERE v.organization_id = s.organization_id AND v.ask_at <= "
	    "?1))"
	    " ORDER BY s.turn_until LIMIT 1) AND turn_until <= ?1"
	    " RETURNING organization_id, told_at, counted_at, tries";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_int(c->now), db_int(TURN_S), db_int(COUNT_S)), &r);

	if (rc != RC_OK || r.rows == 0)
		return rc == RC_OK ? RC_NOT_FOUND : rc;
	*w = (struct licence_way){ .organization_id = db_get_text(&r, 0, 0),
		.told_at = db_get_int(&r, 0, 1),
		.counted_at = db_get_int(&r, 0, 2),
		.tries = db_get_int(&r, 0, 3) };
	return licence_secrets(c, w->organization_id, &w->token, &w->notice_token);
}

static enum rc
end_turn(struct call *c, const struct licence_way *w)
{
	static const char sql[] = "UPDATE licence_service SET turn_until = ?2, tries = ?3, trouble = ?4"
				  " WHERE organization_id = ?1";

	return store_run(c, sql,
	    DB_ARGS(db_text(w->organization_id), db_int(w->trouble != NULL ? c->now + w->rest_s : 0),
		db_int(w->trouble != NULL ? w->tries + 1 : 0), db_text(w->trouble)),
	    NULL);
}

static enum rc
work(struct call *c, struct licence_way *w, bool *did)
{
	enum rc rc;

	if ((rc = tell(c, w, did)) != RC_OK || (rc = licence_events_ask(c, w, did)) != RC_OK ||
	    (rc = count(c, w, did)) != RC_OK || (rc = create_users(c, w, did)) != RC_OK || (rc = park(c, w)) != RC_OK ||
	    (rc = give_all(c, w, did)) != RC_OK)
		return rc;
	return take_back_all(c, w, did);
}

/* Who has no live enrollment needs no licence. */
static enum rc
sweep(struct call *c)
{
	static const char sql[] =
	    "UPDATE licence SET wanted = 0, tries = 0, updated_at = ?1,"
	    " due_at = CASE WHEN state IN ('coming', 'going') THEN NULL ELSE ?1 END"
	    " WHERE wanted = 1 AND NOT EXISTS (SELECT 1 FROM enrollment e WHERE e.account_id = licence.account_id"
	    " AND e.ended_at IS NULL)";

	return store_run(c, sql, DB_ARGS(db_int(c->now)), NULL);
}

enum rc
licences_look(struct licences *l, struct call *c, bool *more)
{
	const struct http_client_settings settings = { .ca_file = c->conf->apps_and_books_ca, .user_agent = "postern" };
	struct licence_way w;
	enum rc rc;

	*more = false;
	if (c->now - l->swept_at >= c->conf->apps_and_books_poll_s / 3) {
		if ((rc = sweep(c)) != RC_OK)
			return rc;
		l->swept_at = c->now;
	}
	if ((rc = take_turn(c, &w)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if ((rc = http_client_open(&settings, &w.http, &c->err)) == RC_OK) {
		rc = work(c, &w, more);
		http_client_close(w.http);
	}
	if (rc != RC_OK && w.trouble == NULL) {
		w.trouble = arena_strdup(c->arena, c->err.text);
		w.rest_s = LICENCE_REST_S;
	}
	if (w.trouble != NULL) {
		log_warn("licences wait", "organization", w.organization_id, "error", w.trouble);
		*more = false;
	}
	return end_turn(c, &w);
}
