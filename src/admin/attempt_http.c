#include "admin/routes.h"

#include <string.h>

#include "account/account.h"
#include "enroll/attempt.h"

static json_t *
attempt_json(struct admin_call *x, const struct attempt *t)
{
	const struct enroll_failure *f = enroll_failure_find(t->code);
	json_t *j = json_object();

	admin_put_text(j, "id", t->id);
	admin_put_text(j, "help_code", attempt_code(x->c->arena, t->id));
	admin_put_text(j, "organization", t->organization_id);
	admin_put_text(j, "kind", t->kind);
	admin_put_text(j, "user", t->user_identifier);
	admin_put_text(j, "signed_in_as", admin_user_name(x, t->account_id));
	admin_put_text(j, "model_family", t->model_family);
	admin_put_text(j, "product", t->product);
	admin_put_text(j, "os_version", t->os_version);
	admin_put_text(j, "mode", t->mode);
	admin_put_text(j, "method", t->method);
	admin_put_text(j, "rule", t->rule_id);
	admin_put_text(j, "network", t->address);
	admin_put_text(j, "state", t->state);
	admin_put_text(j, "stage", t->stage);
	admin_put_text(j, "code", t->code);
	admin_put_text(j, "outcome", f != NULL ? enroll_outcome_name(f->outcome) : NULL); /* of that step */
	admin_put_text(j, "enrollment", t->enrollment_id);
	admin_put_int(j, "events", t->events);
	admin_put_time(j, "started_at", t->started_at);
	admin_put_time(j, "updated_at", t->updated_at);
	return j;
}

enum rc
admin_attempt_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *organization_id, *user = admin_query(x, "user");
	struct attempt *all;
	struct db_page page;
	enum rc rc;
	int n;

	if ((rc = admin_page(x, &page)) != RC_OK || (rc = admin_organization_owner(x, &organization_id)) != RC_OK)
		return rc;
	if (user != NULL)
		user = account_fold(x->c->arena, user);
	rc =
	    attempt_list(x->c, organization_id, user, admin_query(x, "state"), admin_query(x, "code"), &page, &all, &n);
	if (rc != RC_OK)
		return rc;
	if (n == page.limit)
		admin_page_next(x, all[n - 1].started_at, all[n - 1].id);
	for (int i = 0; i < n; i++) {
		const struct enroll_failure *f = enroll_failure_find(all[i].code);
		json_t *j = attempt_json(x, &all[i]);

		json_array_append_new(items, j);
		admin_put_text(j, "sentence", f != NULL ? f->operator_ : NULL);
	}
	return RC_OK;
}

/* ---- one, with its timeline ---- */

static json_t *
event_json(const struct event *v)
{
	/* A code that a newer version wrote has no sentence here; it is shown all the same. */
	const struct enroll_failure *f = enroll_failure_find(v->code);
	json_t *j = json_object();

	admin_put_int(j, "seq", v->seq);
	admin_put_time(j, "at", v->at);
	admin_put_text(j, "stage", v->stage);
	admin_put_text(j, "code", v->code);
	admin_put_text(j, "outcome", v->outcome);
	admin_put_text(j, "sentence", f != NULL ? f->operator_ : NULL);
	admin_put_text(j, "details", v->details);
	admin_put_text(j, "person", f != NULL ? f->person : NULL);
	admin_put_text(j, "todo", f != NULL ? f->todo : NULL);
	return j;
}

static enum rc
put_sign_in_again(struct admin_call *x, const char *id)
{
	struct attempt again;
	enum rc rc = attempt_get(x->c, id, &again);
	json_t *j;

	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	j = json_object();
	admin_put_text(j, "id", again.id);
	admin_put_text(j, "state", again.state);
	admin_put_text(j, "code", again.code);
	admin_put_time(j, "updated_at", again.updated_at);
	admin_put(x->out, "sign_in_again", j);
	return RC_OK;
}

/* The enrollment that came of it, and where its signing in again is told. */
static enum rc
put_enrollment(struct admin_call *x, const struct attempt *t)
{
	struct enrollment e;
	enum rc rc;

	admin_put(x->out, "enrollment_is", json_null());
	if (t->enrollment_id == NULL)
		return RC_OK;
	rc = enrollment_get(x->c, t->enrollment_id, &e);
	if (rc == RC_NOT_FOUND) /* removed, or pruned: the timeline stays */
		return RC_OK;
	if (rc != RC_OK)
		return rc;
	admin_put(x->out, "enrollment_is", admin_enrollment_brief(x, &e));
	if (e.reauth_attempt_id != NULL && strcmp(e.reauth_attempt_id, t->id) != 0)
		rc = put_sign_in_again(x, e.reauth_attempt_id);
	if (strcmp(e.attempt_id, t->id) != 0)
		admin_put_text(x->out, "first_attempt", e.attempt_id);
	return rc;
}

static enum rc
show(struct admin_call *x, const struct attempt *t)
{
	json_t *timeline = json_array();
	struct event *events;
	enum rc rc;
	int n;

	x->out = json_keep(x->c->arena, attempt_json(x, t));
	admin_put(x->out, "timeline", timeline);
	/* Discovery writes nothing; what it decided came back sealed in the path, with its time. */
	if (strcmp(t->kind, "enroll") == 0)
		json_array_append_new(timeline, event_json(&(struct event){ .at = t->started_at,
						    .stage = enroll_stage_name(STAGE_DISCOVERY),
						    .code = enroll_failure(EV_discovered)->code,
						    .outcome = enroll_outcome_name(OUTCOME_OK) }));
	if ((rc = put_enrollment(x, t)) != RC_OK || (rc = attempt_events(x->c, t->id, &events, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(timeline, event_json(&events[i]));
	return RC_OK;
}

enum rc
admin_attempt_get(struct admin_call *x)
{
	struct attempt t;
	enum rc rc = attempt_get(x->c, x->r->segment[0], &t);

	if (rc == RC_NOT_FOUND)
		rc = attempt_by_code(x->c, x->r->segment[0], &t);
	if (rc == RC_NOT_FOUND)
		return fail(&x->c->err, rc, "there is no attempt %.60s (postern attempt list)", x->r->segment[0]);
	return rc == RC_OK ? show(x, &t) : rc;
}

enum rc
admin_attempt_latest(struct admin_call *x)
{
	const char *user = admin_query(x, "user");
	struct attempt t;
	enum rc rc;

	if (user == NULL)
		return fail(&x->c->err, RC_BAD_INPUT, "user is missing");
	rc = attempt_latest(x->c, account_fold(x->c->arena, user), &t);
	if (rc == RC_NOT_FOUND)
		return fail(&x->c->err, rc,
		    "no device of %.200s came as far as the enrollment request: postern check %.200s, postern rule "
		    "explain"
		    " and the counts of postern status say what discovery answers",
		    user, user);
	return rc == RC_OK ? show(x, &t) : rc;
}
