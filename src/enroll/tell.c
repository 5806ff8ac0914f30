#include "enroll/tell.h"

#include "store/store.h"
#include "webhook/webhook.h"

/* Steps that have an event of their own. Another one that was refused or failed is the attempt's failure, while
 * somebody tries to enroll or to sign in; what is refused later asks the person to sign in again. */
static const struct {
	enum enroll_code code;
	enum webhook_type type;
} steps[] = {
	{ EV_enrolled, WEBHOOK_enrolled },
	{ EV_signed_in_again, WEBHOOK_signed_in_again },
	{ EV_token_revoked, WEBHOOK_reauth },
	{ EV_client_revoked, WEBHOOK_reauth },
	{ EV_eviction_ordered, WEBHOOK_eviction_ordered },
	{ EV_account_refused, WEBHOOK_attempt_failed },
	{ EV_evicted, WEBHOOK_evicted },
	{ EV_unenrolled, WEBHOOK_unenrolled },
	{ EV_replaced, WEBHOOK_replaced },
	{ EV_certificate_issued, WEBHOOK_certificate_issued },
	{ EV_certificate_renewed, WEBHOOK_certificate_renewed },
};

/* Refusals of an enrolled device's requests that its client answers by itself, or that are about one message. */
static const enum enroll_code by_itself[] = { EV_bearer_missing, EV_bearer_expired, EV_gettoken_no_uuid,
	EV_gettoken_unknown, EV_provider_silent };

/* False: nobody is told. */
static bool
type_of(enum enroll_code code, enum webhook_type *type)
{
	const struct enroll_failure *f = enroll_failure(code);

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		if (steps[i].code == code) {
			*type = steps[i].type;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof by_itself / sizeof by_itself[0]; i++) {
		if (by_itself[i] == code)
			return false;
	}
	*type = f->stage == STAGE_ONGOING ? WEBHOOK_reauth : WEBHOOK_attempt_failed;
	return f->outcome != OUTCOME_OK && f->stage != STAGE_COMMAND && f->stage != STAGE_END;
}

/* All that payloads say of whom they are about. An enrollment's steps are told in the order of the attempt that made
 * it, those of signing in again among them. */
static enum rc
about(struct call *c, const char *attempt_id, struct webhook_message *m)
{
	static const char sql[] =
	    "SELECT a.organization_id, a.enrollment_id, a.kind, COALESCE(e.mode, a.mode), COALESCE(e.family,"
	    " a.model_family), COALESCE(e.os_version, a.os_version), COALESCE(u.user_identifier, a.user_identifier),"
	    " COALESCE(e.attempt_id, a.id) FROM attempt a LEFT JOIN enrollment e ON e.id = a.enrollment_id"
	    " LEFT JOIN account u ON u.id = a.account_id WHERE a.id = ?1";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(attempt_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return RC_NOT_FOUND;
	m->organization_id = db_get_text(&r, 0, 0);
	m->subject = db_get_text(&r, 0, 7);
	m->data = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?}", "organization", m->organization_id,
	    "attempt", attempt_id, "kind", db_get_text(&r, 0, 2), "enrollment", db_get_text(&r, 0, 1), "mode",
	    db_get_text(&r, 0, 3), "model_family", db_get_text(&r, 0, 4), "os_version", db_get_text(&r, 0, 5), "user",
	    db_get_text(&r, 0, 6));
	return RC_OK;
}

enum rc
tell_step(struct call *c, const char *attempt_id, enum enroll_code code)
{
	const struct enroll_failure *f = enroll_failure(code);
	struct webhook_message m = { 0 };
	struct webhook_listener *to;
	enum rc rc;
	int n;

	if (!type_of(code, &m.type))
		return RC_OK;
	if ((rc = webhook_listeners(c, m.type, &to, &n)) != RC_OK || n == 0)
		return rc;
	if ((rc = about(c, attempt_id, &m)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	json_object_set_new(m.data, "stage", json_string(enroll_stage_name(f->stage)));
	json_object_set_new(m.data, "code", json_string(f->code));
	json_object_set_new(m.data, "outcome", json_string(enroll_outcome_name(f->outcome)));
	json_object_set_new(m.data, "message", json_string(f->operator_));
	return webhook_tell(c, to, n, &m);
}

enum rc
tell_answer(struct call *c, const struct enrollment *e, const char *uuid, const char *request_type, const char *status)
{
	struct webhook_message m = { .type = WEBHOOK_command_answered };
	struct webhook_listener *to;
	enum rc rc;
	int n;

	if ((rc = webhook_listeners(c, m.type, &to, &n)) != RC_OK || n == 0)
		return rc;
	if ((rc = about(c, e->attempt_id, &m)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	json_object_set_new(m.data, "command", json_string(uuid));
	json_object_set_new(m.data, "request_type", json_string(request_type != NULL ? request_type : ""));
	json_object_set_new(m.data, "status", json_string(status));
	return webhook_tell(c, to, n, &m);
}
