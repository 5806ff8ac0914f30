#include "command/queue.h"

#include <string.h>

#include "command/policy.h"
#include "command/secret.h"
#include "crypto/hash.h"
#include "enroll/attempt.h"
#include "enroll/tell.h"
#include "fmt/plist.h"
#include "store/store.h"

#define COLUMNS "uuid, enrollment_id, user_id, request_type, queued_by, payload, queued_at, delivered_at, not_now_at"
#define N_COLUMNS 9
#define QUEUED " WHERE enrollment_id = ?1 AND user_id = ?2 AND answered_at IS NULL"

static void
command_from_row(struct command *m, const struct db_rows *r, int i, int at)
{
	*m = (struct command){
		.uuid = db_get_text(r, i, at),
		.enrollment_id = db_get_text(r, i, at + 1),
		.user_id = db_get_text(r, i, at + 2),
		.request_type = db_get_text(r, i, at + 3),
		.queued_by = db_get_text(r, i, at + 4),
		.payload = db_get_blob(r, i, at + 5),
		.queued_at = db_get_int(r, i, at + 6),
		.delivered_at = db_get_int(r, i, at + 7),
		.not_now_at = db_get_int(r, i, at + 8),
	};
}

static struct policy_target
target_of(const struct enrollment *e, const char *user_id)
{
	return policy_target_of(e->mode, e->family, e->os_version, user_id[0] != '\0');
}

/* ---- sending ---- */

struct sending {
	const struct enrollment *e;
	const char *user_id, *request_type, *by, *uuid;
	struct bytes payload;
	bool first; /* ahead of everything */
};

static enum rc
queue_in_unit(struct call *c, void *arg)
{
	static const char live_sql[] = "SELECT 1 FROM enrollment WHERE id = ?1 AND ended_at IS NULL";
	static const char channel_sql[] = "SELECT 1 FROM channel WHERE enrollment_id = ?1 AND user_id = ?2";
	static const char span_sql[] =
	    "SELECT COUNT(*), COALESCE(MIN(position), 1), COALESCE(MAX(position), 0) FROM command" QUEUED;
	static const char insert_sql[] =
	    "INSERT INTO command (uuid, enrollment_id, user_id, position, request_type, payload,"
	    " queued_at, queued_by, put_off) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)";
	const struct sending *s = arg;
	struct db_rows r;
	int64_t position;
	enum rc rc;

	if ((rc = store_run(c, live_sql, DB_ARGS(db_text(s->e->id)), &r)) != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "the enrollment ended");
	rc = store_run(c, channel_sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0 && s->user_id[0] != '\0')
		return fail(&c->err, RC_NOT_FOUND, "the enrollment has no user channel %s", s->user_id);
	rc = store_run(c, span_sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id)), &r);
	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= COMMAND_QUEUE_MAX)
		return fail(
		    &c->err, RC_CONFLICT, "%d commands are queued already, which is the limit", COMMAND_QUEUE_MAX);
	position = s->first ? db_get_int(&r, 0, 1) - 1 : db_get_int(&r, 0, 2) + 1;
	rc = store_run(c, insert_sql,
	    DB_ARGS(db_text(s->uuid), db_text(s->e->id), db_text(s->user_id), db_int(position),
		db_text(s->request_type), db_blob(s->payload), db_int(c->now), db_text(s->by)),
	    NULL);
	return rc == RC_OK ? channel_wake(c, s->e->id, s->user_id) : rc;
}

static enum rc
queue(struct call *c, struct sending *s, plist_t command)
{
	plist_t root = plist_keep(c->arena, plist_new_dict());

	s->uuid = crypto_uuid(c->arena);
	s->request_type = plist_text(c->arena, command, "RequestType");
	plist_put_text(root, "CommandUUID", s->uuid);
	plist_put(root, "Command", plist_copy(command));
	s->payload = plist_xml(c->arena, root);
	return store_part(c, queue_in_unit, s);
}

enum rc
command_send(
    struct call *c, const struct enrollment *e, const char *user_id, plist_t command, const char *by, const char **uuid)
{
	struct policy_target t = target_of(e, user_id);
	struct sending s = { .e = e, .user_id = user_id, .by = by };
	const char *type = plist_text(c->arena, command, "RequestType");
	struct err why;
	enum rc rc;

	if (type == NULL)
		return fail(&c->err, RC_BAD_INPUT, "the command has no RequestType");
	if (!ENROLLMENT_LIVE(e))
		return fail(&c->err, RC_CONFLICT, "the enrollment ended (%s)", e->state);
	if ((rc = command_secret_leave_out(c, type, command)) != RC_OK)
		return rc;
	if ((rc = policy_command_check(c->arena, &t, type, command, &why)) != RC_OK) {
		enum rc written = attempt_event(c, e->attempt_id, EV_command_refused, "%s", why.text);

		c->err = why;
		return written == RC_OK ? rc : written;
	}
	if ((rc = command_secret_held(c, e, type)) != RC_OK)
		return rc;
	rc = queue(c, &s, command);
	*uuid = s.uuid;
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "queue %s", type);
}

/* A command of the server's own. There is one of a kind in line at most: its device is woken again. */
static enum rc
send_own(struct call *c, struct sending *s, plist_t command, const char **uuid)
{
	static const char there_sql[] = "SELECT uuid FROM command WHERE enrollment_id = ?1 AND user_id = ''"
					" AND answered_at IS NULL AND queued_by = ?2";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, there_sql, DB_ARGS(db_text(s->e->id), db_text(s->by)), &r)) != RC_OK)
		return rc;
	if (r.rows > 0) {
		*uuid = db_get_text(&r, 0, 0);
		return channel_wake(c, s->e->id, s->user_id);
	}
	rc = queue(c, s, command);
	*uuid = s->uuid;
	return rc;
}

enum rc
command_send_removal(struct call *c, const struct enrollment *e, const char **uuid)
{
	struct sending s = { .e = e, .user_id = "", .by = "eviction", .first = true };
	plist_t command = plist_keep(c->arena, plist_new_dict());

	plist_put_text(command, "RequestType", "RemoveProfile");
	plist_put_text(command, "Identifier", e->profile_identifier);
	return send_own(c, &s, command, uuid);
}

enum rc
command_send_renewal(struct call *c, const struct enrollment *e, const char **uuid, bool *made)
{
	struct sending s = { .e = e, .user_id = "", .by = COMMAND_RENEWAL };
	plist_t command = plist_keep(c->arena, plist_new_dict());
	enum rc rc;

	plist_put_text(command, "RequestType", "InstallProfile");
	plist_put_data(command, "Payload", bytes_str(""));
	rc = send_own(c, &s, command, uuid);
	*made = s.uuid != NULL;
	return rc;
}

enum rc
command_set_data(struct call *c, struct command *m, const char *key, struct bytes value)
{
	plist_t root, command;
	enum rc rc;

	if ((rc = plist_parse(c->arena, m->payload, &root, &c->err)) != RC_OK)
		return rc;
	if ((command = plist_dict(root, "Command")) == NULL)
		return fail(&c->err, RC_INTERNAL, "a command without Command is queued");
	plist_put_data(command, key, value);
	m->payload = plist_xml(c->arena, root);
	return RC_OK;
}

enum rc
command_is_removal(struct call *c, const struct enrollment *e, const char *uuid, bool *yes)
{
	static const char sql[] =
	    "SELECT 1 FROM command WHERE uuid = ?1 AND enrollment_id = ?2 AND queued_by = 'eviction'";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(uuid), db_text(e->id)), &r);

	*yes = rc == RC_OK && r.rows > 0;
	return rc;
}

/* ---- the loop ---- */

struct turn {
	const struct enrollment *e;
	const char *user_id;
	const struct command_answer *in;
	struct command *next;
	bool answered;
	const char *type; /* the RequestType of what is answered; NULL: nothing in line has this UUID */
	struct bytes stored; /* the filtered answer */
	int dropped;
	const char *error;
};

static enum rc
first_queued(struct call *c, const struct turn *t, struct db_rows *r)
{
	static const char sql[] = "SELECT " COLUMNS " FROM command" QUEUED " AND put_off = 0 ORDER BY position LIMIT 1";

	return store_run(c, sql, DB_ARGS(db_text(t->e->id), db_text(t->user_id)), r);
}

static enum rc
deliver(struct call *c, struct turn *t)
{
	static const char sql[] = "UPDATE command SET delivered_at = ?2 WHERE uuid = ?1";
	struct db_rows r;
	enum rc rc;

	if (t->next == NULL)
		return RC_OK;
	*t->next = (struct command){ 0 };
	if ((rc = first_queued(c, t, &r)) != RC_OK || r.rows == 0)
		return rc;
	command_from_row(t->next, &r, 0, 0);
	if (t->next->delivered_at != 0)
		return RC_OK;
	return store_run(c, sql, DB_ARGS(db_text(t->next->uuid), db_int(c->now)), NULL);
}

static enum rc
put_off(struct call *c, struct turn *t)
{
	/* NotNow keeps its place: the device asks again by itself. */
	static const char sql[] = "UPDATE command SET not_now_at = ?4, put_off = 1"
				  " WHERE uuid = ?1 AND enrollment_id = ?2 AND user_id = ?3 AND answered_at IS NULL";
	struct db_rows r;
	enum rc rc;

	rc = store_run(
	    c, sql, DB_ARGS(db_text(t->in->uuid), db_text(t->e->id), db_text(t->user_id), db_int(c->now)), &r);
	t->answered = rc == RC_OK && r.changed > 0;
	return rc;
}

static enum rc
store_answer(struct call *c, struct turn *t)
{
	static const char sql[] =
	    "UPDATE command SET status = ?4, answer = ?5, error = ?6, dropped = ?7, answered_at = ?8, payload = NULL"
	    " WHERE uuid = ?1 AND enrollment_id = ?2 AND user_id = ?3 AND answered_at IS NULL";
	const struct command_answer *in = t->in;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, sql,
	    DB_ARGS(db_text(in->uuid), db_text(t->e->id), db_text(t->user_id), db_text(in->status), db_blob(t->stored),
		db_text(t->error), db_int(t->dropped), db_int(c->now)),
	    &r);
	if (rc != RC_OK || r.changed == 0)
		return rc; /* unknown, or the same answer again: the first one counted */
	t->answered = true;
	if (t->dropped > 0 &&
	    (rc = attempt_event(c, t->e->attempt_id, EV_identifiers_dropped, "answer to %s", t->type)) != RC_OK)
		return rc;
	return tell_answer(c, t->e, in->uuid, t->type, in->status);
}

static enum rc
turn_in_unit(struct call *c, void *arg)
{
	static const char session_sql[] = "UPDATE command SET put_off = 0" QUEUED " AND put_off = 1";
	struct turn *t = arg;
	enum rc rc;

	t->answered = false;
	if (t->in->uuid == NULL)
		rc = store_run(c, session_sql, DB_ARGS(db_text(t->e->id), db_text(t->user_id)), NULL);
	else if (strcmp(t->in->status, "NotNow") == 0)
		rc = put_off(c, t);
	else
		rc = store_answer(c, t);
	return rc == RC_OK ? deliver(c, t) : rc;
}

/* First of the ErrorChain, as a sentence. */
static const char *
error_sentence(struct call *c, plist_t body)
{
	plist_t chain = plist_array(body, "ErrorChain"), first;
	const char *domain, *description;

	if (chain == NULL || plist_array_get_size(chain) == 0)
		return NULL;
	first = plist_array_get_item(chain, 0);
	if (plist_get_node_type(first) != PLIST_DICT)
		return NULL;
	domain = plist_text(c->arena, first, "ErrorDomain");
	description = plist_text(c->arena, first, "USEnglishDescription");
	if (description == NULL)
		description = plist_text(c->arena, first, "LocalizedDescription");
	if (description == NULL)
		description = "no description";
	if (domain == NULL)
		domain = "no domain";
	return arena_printf(c->arena, "%.*s (%.*s %lld)", (int)bytes_fit(description, 400), description,
	    (int)bytes_fit(domain, 100), domain, (long long)plist_int(first, "ErrorCode", 0));
}

/* The RequestType of what is answered; NULL: nothing in line has this UUID. */
static enum rc
type_of(struct call *c, const struct command_answer *in, const char **type)
{
	static const char sql[] = "SELECT request_type FROM command WHERE uuid = ?1 AND answered_at IS NULL";
	size_t n = strlen(in->uuid);
	struct db_rows r;
	enum rc rc;

	*type = NULL;
	if (in->queued != NULL && strncmp(in->queued, in->uuid, n) == 0 && in->queued[n] == ' ') {
		*type = in->queued + n + 1;
		return RC_OK;
	}
	if ((rc = store_run(c, sql, DB_ARGS(db_text(in->uuid)), &r)) == RC_OK && r.rows > 0)
		*type = db_get_text(&r, 0, 0);
	return rc;
}

/* What may be kept of an answer (S-10, S-32): filtered by the tables for the command that it answers, and
 * without the keys that every message carries. */
static enum rc
filter(struct call *c, struct turn *t)
{
	static const char *const envelope[] = { "CommandUUID", "Status", "EnrollmentID", "UDID", "EnrollmentUserID",
		"UserID", "UserShortName", "UserLongName", "NotOnConsole", "ErrorChain" };
	struct policy_target target = target_of(t->e, t->user_id);
	enum rc rc;

	if ((rc = type_of(c, t->in, &t->type)) != RC_OK || t->type == NULL)
		return rc;
	policy_answer_filter(c->arena, &target, t->type, t->in->body, &t->dropped);
	t->error = error_sentence(c, t->in->body);
	for (size_t i = 0; i < sizeof envelope / sizeof envelope[0]; i++)
		plist_dict_remove_item(t->in->body, envelope[i]);
	t->stored = plist_xml(c->arena, t->in->body);
	return RC_OK;
}

/* An Idle that needs no write: nothing is queued, or the first one was delivered before. */
static enum rc
idle_turn(struct call *c, struct turn *t, bool *needs_unit)
{
	static const char sql[] =
	    "SELECT " COLUMNS ", put_off FROM command" QUEUED " ORDER BY put_off DESC, position LIMIT 1";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(t->e->id), db_text(t->user_id)), &r)) != RC_OK)
		return rc;
	*needs_unit = r.rows > 0 && (db_get_int(&r, 0, 9) != 0 || db_is_null(&r, 0, 7));
	if (t->next != NULL && r.rows > 0 && !*needs_unit)
		command_from_row(t->next, &r, 0, 0);
	return RC_OK;
}

enum rc
command_next(struct call *c, const struct enrollment *e, const char *user_id, struct command_answer *answer,
    struct command *next, bool *answered)
{
	struct turn t = { .e = e, .user_id = user_id, .in = answer, .next = next };
	bool needs_unit = true;
	enum rc rc = RC_OK;

	if (next != NULL)
		*next = (struct command){ 0 };
	*answered = false;
	if (answer->uuid == NULL)
		rc = idle_turn(c, &t, &needs_unit);
	else if (strcmp(answer->status, "NotNow") != 0)
		rc = filter(c, &t);
	if (rc == RC_OK && needs_unit)
		rc = store_unit(c, turn_in_unit, &t);
	if (rc == RC_OK && next != NULL && next->uuid != NULL)
		rc = command_secret_fill(c, e, next);
	*answered = t.answered;
	answer->request_type = t.answered ? t.type : NULL;
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "command loop");
}

/* ---- looking and cancelling ---- */

enum rc
command_cancel(struct call *c, const char *uuid, const char *by)
{
	static const char sql[] = "UPDATE command SET status = 'Cancelled', error = ?2, dropped = 0, answered_at = ?3,"
				  " payload = NULL WHERE uuid = ?1 AND answered_at IS NULL";
	const char *why = arena_printf(c->arena, "cancelled by %s", by != NULL ? by : "an administrator");
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(uuid), db_text(why), db_int(c->now)), &r);

	if (rc == RC_OK && r.changed == 0)
		return fail(&c->err, RC_NOT_FOUND, "no command %s is queued", uuid);
	return rc;
}

enum rc
command_list(struct call *c, const char *enrollment_id, const char *after, int limit, struct command **out, int *n)
{
	/* The one before may have been answered meanwhile, and still says where it was. */
	static const char sql[] = "SELECT " COLUMNS " FROM command WHERE enrollment_id = ?1 AND answered_at IS NULL"
				  " AND (?2 = '' OR (user_id, position) > (SELECT user_id, position FROM command"
				  " WHERE uuid = ?2)) ORDER BY user_id, position LIMIT ?3";
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(after != NULL ? after : ""), db_int(limit)), &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list commands");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		command_from_row(&(*out)[i], &r, i, 0);
	return RC_OK;
}

#define RESULT_COLUMNS \
	"uuid, enrollment_id, user_id, request_type, status, error, answer, dropped, queued_at, answered_at"

static void
result_from_row(struct command_result *m, const struct db_rows *r, int i, int at)
{
	*m = (struct command_result){
		.uuid = db_get_text(r, i, at),
		.enrollment_id = db_get_text(r, i, at + 1),
		.user_id = db_get_text(r, i, at + 2),
		.request_type = db_get_text(r, i, at + 3),
		.status = db_get_text(r, i, at + 4),
		.error = db_get_text(r, i, at + 5),
		.answer = db_get_blob(r, i, at + 6),
		.dropped = db_get_int(r, i, at + 7),
		.queued_at = db_get_int(r, i, at + 8),
		.answered_at = db_get_int(r, i, at + 9),
	};
}

enum rc
command_results(
    struct call *c, const char *enrollment_id, const struct db_page *page, struct command_result **out, int *n)
{
	static const char sql[] = "SELECT " RESULT_COLUMNS " FROM command WHERE enrollment_id = ?1"
				  " AND answered_at IS NOT NULL AND answered_at <= ?2 AND (answered_at < ?2 OR"
				  " uuid < ?3) ORDER BY answered_at DESC, uuid DESC LIMIT ?4";
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, sql,
	    DB_ARGS(db_text(enrollment_id), db_int(page->before != 0 ? page->before : INT64_MAX),
		db_text(page->id != NULL ? page->id : ""), db_int(page->limit)),
	    &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list results");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		result_from_row(&(*out)[i], &r, i, 0);
	return RC_OK;
}

enum rc
command_find(struct call *c, const char *uuid, struct command *queued, struct command_result *result, bool *is_result)
{
	static const char sql[] = "SELECT " COLUMNS ", " RESULT_COLUMNS " FROM command WHERE uuid = ?1";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(uuid)), &r)) != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "no command %s", uuid);
	command_from_row(queued, &r, 0, 0);
	result_from_row(result, &r, 0, N_COLUMNS);
	*is_result = result->answered_at != 0;
	return RC_OK;
}
