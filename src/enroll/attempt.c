#include "enroll/attempt.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "enroll/tell.h"
#include "http/trace.h"
#include "store/store.h"

#define WINDOW_S 3600 /* over which attempts without a sign-in are counted */
#define CODE_LENGTH 8 /* 40 bits */

#define COLUMNS \
	"id, organization_id, kind, user_identifier, account_id, model_family, product, os_version, mode, method," \
	" rule_id, address, state, stage, code, enrollment_id, events, started_at, updated_at"

const char *
attempt_network(struct arena *a, const char *address)
{
	struct in6_addr v6;
	struct in_addr v4;
	char text[INET6_ADDRSTRLEN];

	if (address == NULL)
		return NULL;
	if (inet_pton(AF_INET, address, &v4) == 1) {
		v4.s_addr &= htonl(0xffffff00);
		inet_ntop(AF_INET, &v4, text, sizeof text);
		return arena_printf(a, "%s/24", text);
	}
	if (inet_pton(AF_INET6, address, &v6) == 1) {
		memset(&v6.s6_addr[8], 0, 8);
		inet_ntop(AF_INET6, &v6, text, sizeof text);
		return arena_printf(a, "%s/64", text);
	}
	return NULL;
}

static void
attempt_from_row(struct attempt *t, const struct db_rows *r, int i)
{
	*t = (struct attempt){
		.id = db_get_text(r, i, 0),
		.organization_id = db_get_text(r, i, 1),
		.kind = db_get_text(r, i, 2),
		.user_identifier = db_get_text(r, i, 3),
		.account_id = db_get_text(r, i, 4),
		.model_family = db_get_text(r, i, 5),
		.product = db_get_text(r, i, 6),
		.os_version = db_get_text(r, i, 7),
		.mode = db_get_text(r, i, 8),
		.method = db_get_text(r, i, 9),
		.rule_id = db_get_text(r, i, 10),
		.address = db_get_text(r, i, 11),
		.state = db_get_text(r, i, 12),
		.stage = db_get_text(r, i, 13),
		.code = db_get_text(r, i, 14),
		.enrollment_id = db_get_text(r, i, 15),
		.events = db_get_int(r, i, 16),
		.started_at = db_get_int(r, i, 17),
		.updated_at = db_get_int(r, i, 18),
	};
}

static enum rc
count(struct call *c, const char *sql, struct db_args args, int64_t *n)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, args, &r);

	if (rc == RC_OK)
		*n = db_get_int(&r, 0, 0);
	return rc;
}

/* Whoever never signs in must not fill the store, nor keep others out: a cap per network, one in all. */
static enum rc
room_for_another(struct call *c, const char *address)
{
	static const char here_sql[] = "SELECT COUNT(*) FROM attempt WHERE account_id IS NULL AND address = ?1"
				       " AND started_at > ?2";
	static const char all_sql[] = "SELECT COUNT(*) FROM (SELECT 1 FROM attempt WHERE account_id IS NULL"
				      " AND started_at > ?1 LIMIT ?2) AS recent";
	int64_t since = c->now - WINDOW_S, here = 0, all;
	enum rc rc;

	if (address != NULL) {
		rc = count(c, here_sql, DB_ARGS(db_text(address), db_int(since)), &here);
		if (rc != RC_OK)
			return rc;
	}
	if (here >= c->conf->attempts_per_address)
		return fail(&c->err, RC_TOO_LARGE, "over attempts_per_address (%d an hour) for %s",
		    (int)c->conf->attempts_per_address, address);
	rc = count(c, all_sql, DB_ARGS(db_int(since), db_int(c->conf->attempts_total)), &all);
	if (rc != RC_OK)
		return rc;
	if (all >= c->conf->attempts_total)
		return fail(&c->err, RC_TOO_LARGE, "over attempts_total (%d an hour)", (int)c->conf->attempts_total);
	return RC_OK;
}

enum rc
attempt_open(struct call *c, const struct attempt *t)
{
	static const char find_sql[] = "SELECT 1 FROM attempt WHERE id = ?1";
	static const char insert_sql[] =
	    "INSERT INTO attempt (" COLUMNS ") VALUES"
	    " (?1, ?2, ?3, ?4, NULL, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'open', 'discovery', 'discovered', ?12, 0, ?13, ?13)"
	    " ON CONFLICT (id) DO NOTHING";
	static const char update_sql[] =
	    "UPDATE attempt SET product = COALESCE(?2, product), os_version = COALESCE(?3, os_version),"
	    " mode = COALESCE(?4, mode), method = COALESCE(?5, method), address = COALESCE(?6, address) WHERE id = ?1";
	const char *address = attempt_network(c->arena, t->address);
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, find_sql, DB_ARGS(db_text(t->id)), &r)) != RC_OK)
		return fail_in(&c->err, rc, "open attempt");
	if (r.rows == 1) {
		rc = store_run(c, update_sql,
		    DB_ARGS(db_text(t->id), db_text(t->product), db_text(t->os_version), db_text(t->mode),
			db_text(t->method), db_text(address)),
		    NULL);
		return rc == RC_OK ? rc : fail_in(&c->err, rc, "open attempt");
	}
	/* Signing in again is counted by its enrollment: it has one such attempt. */
	if (strcmp(t->kind, "enroll") == 0 && (rc = room_for_another(c, address)) != RC_OK)
		return rc;
	rc = store_run(c, insert_sql,
	    DB_ARGS(db_text(t->id), db_text(t->organization_id), db_text(t->kind), db_text(t->user_identifier),
		db_text(t->model_family), db_text(t->product), db_text(t->os_version), db_text(t->mode),
		db_text(t->method), db_text(t->rule_id), db_text(address), db_text(t->enrollment_id),
		db_int(t->started_at != 0 ? t->started_at : c->now)),
	    NULL);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "open attempt");
}

static enum rc
one(struct call *c, const char *sql, struct db_args args, struct attempt *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, args, &r);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "find attempt");
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "no such attempt");
	attempt_from_row(out, &r, 0);
	return RC_OK;
}

enum rc
attempt_get(struct call *c, const char *id, struct attempt *out)
{
	return one(c, "SELECT " COLUMNS " FROM attempt WHERE id = ?1", DB_ARGS(db_text(id)), out);
}

const char *
attempt_code(struct arena *a, const char *id)
{
	char *code;

	if (strlen(id) < CODE_LENGTH)
		return id;
	code = arena_printf(a, "%.4s-%.4s", id, id + 4);
	for (char *p = code; *p != '\0'; p++)
		*p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
	return code;
}

enum rc
attempt_by_code(struct call *c, const char *code, struct attempt *out)
{
	/* An index is on this expression. */
	static const char sql[] = "SELECT " COLUMNS " FROM attempt WHERE substr(id, 1, 8) IN (?1, ?2)"
				  " ORDER BY started_at DESC, id LIMIT 1";
	/* Ids that are not made with Crockford's alphabet have an i, l or o: what was heard is tried as it is, too. */
	char heard[CODE_LENGTH + 1] = "", meant[CODE_LENGTH + 1] = "";
	size_t n = 0;

	for (; *code != '\0'; code++) {
		char ch = (char)(*code >= 'A' && *code <= 'Z' ? *code - 'A' + 'a' : *code);

		if (ch == ' ' || ch == '-')
			continue;
		if (n == CODE_LENGTH || !((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9')))
			return fail(&c->err, RC_NOT_FOUND, "not an attempt's code");
		heard[n] = ch;
		meant[n++] = (char)(ch == 'o' ? '0' : ch == 'i' || ch == 'l' ? '1' : ch);
	}
	if (n != CODE_LENGTH)
		return fail(&c->err, RC_NOT_FOUND, "not an attempt's code");
	return one(c, sql, DB_ARGS(db_text(heard), db_text(meant)), out);
}

enum rc
attempt_latest(struct call *c, const char *user_identifier, struct attempt *out)
{
	static const char sql[] = "SELECT " COLUMNS " FROM attempt WHERE user_identifier = ?1"
				  " ORDER BY started_at DESC, updated_at DESC, id LIMIT 1";

	return one(c, sql, DB_ARGS(db_text(user_identifier)), out);
}

enum rc
attempt_list(struct call *c, const char *organization_id, const char *user_identifier, const char *state,
    const char *code, const struct db_page *page, struct attempt **out, int *n)
{
	/* What an index is for is compared as it is, the other columns in a way that no index is for: an engine that
	 * knows nothing of the rows would take the wrong one. Of one person; of an organization with one code, with one
	 * state, or all. */
	const bool theirs = user_identifier != NULL, coded = !theirs && code != NULL,
		   is_state = !theirs && !coded && state != NULL;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c,
	    arena_printf(c->arena,
		"SELECT " COLUMNS " FROM attempt WHERE %s AND %s AND %s AND %s AND started_at <= ?4"
		" AND (started_at < ?4 OR id < ?5) ORDER BY started_at DESC, id DESC LIMIT ?6",
		theirs ? "user_identifier = ?2" : "?2 = ''",
		!theirs && organization_id != NULL ? "organization_id = ?1" : "(?1 = '' OR organization_id = ?1)",
		coded ? "code = ?7" : "(?7 = '' OR code = ?7)", is_state ? "state = ?3" : "(?3 = '' OR state = ?3)"),
	    DB_ARGS(db_text(organization_id != NULL ? organization_id : ""), db_text(theirs ? user_identifier : ""),
		db_text(state != NULL ? state : ""), db_int(page->before != 0 ? page->before : INT64_MAX),
		db_text(page->id != NULL ? page->id : ""), db_int(page->limit), db_text(code != NULL ? code : "")),
	    &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list attempts");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		attempt_from_row(&(*out)[i], &r, i);
	return RC_OK;
}

enum rc
attempt_signed_in(struct call *c, const char *id, const char *account_id)
{
	static const char sql[] = "UPDATE attempt SET account_id = ?2, updated_at = ?3,"
				  " state = CASE WHEN state = 'open' THEN 'signed-in' ELSE state END WHERE id = ?1";

	return store_run(c, sql, DB_ARGS(db_text(id), db_text(account_id), db_int(c->now)), NULL);
}

enum rc
attempt_set_method(struct call *c, const char *id, const char *method)
{
	return store_run(
	    c, "UPDATE attempt SET method = ?2 WHERE id = ?1", DB_ARGS(db_text(id), db_text(method)), NULL);
}

enum rc
attempt_set_state(struct call *c, const char *id, const char *state, const char *enrollment_id)
{
	static const char sql[] = "UPDATE attempt SET state = ?2, enrollment_id = COALESCE(?3, enrollment_id),"
				  " updated_at = ?4 WHERE id = ?1";

	return store_run(c, sql, DB_ARGS(db_text(id), db_text(state), db_text(enrollment_id), db_int(c->now)), NULL);
}

/* ---- events ---- */

struct add_event {
	const char *id, *details;
	enum enroll_code code;
	const struct enroll_failure *f; /* of it */
	bool must; /* also beyond the cap */
	bool once; /* not twice in a row: a device that is refused asks again and again */
};

static enum rc
add_event(struct call *c, void *arg)
{
	/* The attempt's row gives the number and is the newest event's copy: one statement decides both. */
	static const char next_sql[] = "UPDATE attempt SET events = events + 1, stage = ?2, code = ?3, updated_at = ?4"
				       " WHERE id = ?1 AND (events - pruned < ?5 OR ?6 = 1) AND (code <> ?3 OR ?7 = 0)"
				       " RETURNING events";
	static const char insert_sql[] = "INSERT INTO event (attempt_id, seq, at, stage, code, outcome, details)"
					 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	const struct add_event *e = arg;
	const char *stage = enroll_stage_name(e->f->stage);
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, next_sql,
	    DB_ARGS(db_text(e->id), db_text(stage), db_text(e->f->code), db_int(c->now),
		db_int(c->conf->events_per_attempt), db_int(e->must), db_int(e->once)),
	    &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	rc = store_run(c, insert_sql,
	    DB_ARGS(db_text(e->id), db_int(db_get_int(&r, 0, 0)), db_int(c->now), db_text(stage), db_text(e->f->code),
		db_text(enroll_outcome_name(e->f->outcome)), db_text(e->details)),
	    NULL);
	return rc == RC_OK ? tell_step(c, e->id, e->code) : rc;
}

enum rc
attempt_event(struct call *c, const char *id, enum enroll_code code, const char *details, ...)
{
	struct add_event e = { .id = id, .code = code, .f = enroll_failure(code) };
	enum log_level level;
	enum rc rc = RC_OK;
	va_list ap;

	if (details != NULL) {
		va_start(ap, details);
		e.details = arena_vprintf(c->arena, details, ap);
		va_end(ap);
		if (strlen(e.details) > 1000)
			e.details = arena_strndup(c->arena, e.details, 1000);
	}
	level = e.f->outcome == OUTCOME_FAILED ? LOG_WARN_ : LOG_INFO_;
	log_line(level, e.f->operator_, "code", e.f->code, "attempt", id, "trace", http_trace_id(c), "details",
	    e.details, NULL);
	if (id == NULL)
		return RC_OK;
	/* Steps that happen once in an attempt are few by nature; refusals can be repeated at will, and so
	 * can the good steps of an enrollment's life, which history pruning takes care of. */
	e.must = e.f->outcome == OUTCOME_OK && e.f->stage != STAGE_ENROLL && e.f->stage != STAGE_SIGNIN &&
		 e.f->stage != STAGE_COMMAND;
	e.once = e.f->outcome == OUTCOME_REFUSED && e.f->stage == STAGE_ONGOING;
	rc = store_part(c, add_event, &e);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "write event %s", e.f->code);
}
