#include "admin/routes.h"

#include <string.h>

#include "admin/plist_json.h"
#include "command/policy.h"
#include "command/queue.h"
#include "fmt/base64.h"
#include "fmt/plist.h"

static json_t *
queued_json(const struct command *m)
{
	json_t *j = json_object();

	admin_put_text(j, "uuid", m->uuid);
	admin_put_text(j, "enrollment", m->enrollment_id);
	admin_put_text(j, "user_channel", m->user_id[0] != '\0' ? m->user_id : NULL);
	admin_put_text(j, "channel", m->user_id[0] != '\0' ? m->user_id : "device");
	admin_put_text(j, "request_type", m->request_type);
	admin_put_text(j, "status", m->not_now_at != 0 ? "NotNow" : m->delivered_at != 0 ? "delivered" : "queued");
	admin_put_text(j, "queued_by", m->queued_by);
	admin_put_time(j, "queued_at", m->queued_at);
	admin_put_time(j, "delivered_at", m->delivered_at);
	admin_put_time(j, "not_now_at", m->not_now_at);
	return j;
}

static json_t *
result_json(const struct command_result *m)
{
	json_t *j = json_object();

	admin_put_text(j, "uuid", m->uuid);
	admin_put_text(j, "enrollment", m->enrollment_id);
	admin_put_text(j, "user_channel", m->user_id[0] != '\0' ? m->user_id : NULL);
	admin_put_text(j, "channel", m->user_id[0] != '\0' ? m->user_id : "device");
	admin_put_text(j, "request_type", m->request_type);
	admin_put_text(j, "status", m->status);
	admin_put_text(j, "error", m->error);
	admin_put_int(j, "dropped", m->dropped);
	admin_put_time(j, "queued_at", m->queued_at);
	admin_put_time(j, "answered_at", m->answered_at);
	return j;
}

enum rc
admin_command_list(struct admin_call *x)
{
	json_t *items = admin_items(x);
	struct command_result *results;
	struct command *queue;
	struct db_page page;
	struct enrollment e;
	int n = 0, n_results;
	enum rc rc;

	if ((rc = admin_page(x, &page)) != RC_OK || (rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK)
		return rc;
	/* A place in the queue is a cursor without a time; what was answered comes behind all that is queued. */
	if (page.before == 0 && (rc = command_list(x->c, e.id, page.id, page.limit, &queue, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		json_array_append_new(items, queued_json(&queue[i]));
	if (n > 0 && n == page.limit) {
		admin_page_next(x, 0, queue[n - 1].uuid);
		return RC_OK;
	}
	page.id = page.before != 0 ? page.id : NULL;
	page.limit -= n;
	if ((rc = command_results(x->c, e.id, &page, &results, &n_results)) != RC_OK)
		return rc;
	for (int i = 0; i < n_results; i++)
		json_array_append_new(items, result_json(&results[i]));
	if (n_results == page.limit)
		admin_page_next(x, results[n_results - 1].answered_at, results[n_results - 1].uuid);
	return RC_OK;
}

static enum rc
put_plist(struct admin_call *x, const char *key, struct bytes document)
{
	struct err why;
	plist_t node;

	if (document.n == 0 || plist_parse(x->c->arena, document, &node, &why) != RC_OK)
		admin_put(x->out, key, json_null());
	else
		admin_put(x->out, key, admin_plist_json(x->c->arena, node));
	return RC_OK;
}

enum rc
admin_command_get(struct admin_call *x)
{
	struct command_result result;
	struct command queued;
	bool answered;
	enum rc rc = command_find(x->c, x->r->segment[0], &queued, &result, &answered);

	if (rc == RC_NOT_FOUND)
		return fail(
		    &x->c->err, rc, "there is no command %.60s (postern command list ENROLLMENT)", x->r->segment[0]);
	if (rc != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, answered ? result_json(&result) : queued_json(&queued));
	return answered ? put_plist(x, "answer", result.answer) : put_plist(x, "command", queued.payload);
}

/* ---- sending ---- */

/* A file may hold the Command dictionary alone or the whole message around it. */
static enum rc
from_plist(struct admin_call *x, const char *request_type, plist_t *out)
{
	struct call *c = x->c;
	struct bytes document = base64_decode(c->arena, bytes_str(admin_text(x, "plist")), false);
	const char *type;
	plist_t root;
	enum rc rc;

	if (document.p == NULL)
		return fail(&c->err, RC_BAD_INPUT, "plist must be a property list in base64");
	if ((rc = plist_parse(c->arena, document, &root, &c->err)) != RC_OK)
		return rc;
	*out = plist_dict(root, "Command") != NULL ? plist_dict(root, "Command") : root;
	type = plist_text(c->arena, *out, "RequestType");
	if (type == NULL && request_type != NULL)
		plist_put_text(*out, "RequestType", request_type);
	else if (type != NULL && request_type != NULL && strcmp(type, request_type) != 0)
		return fail(&c->err, RC_BAD_INPUT, "the file is a %.60s, not a %.60s", type, request_type);
	else if (type == NULL)
		return fail(&c->err, RC_BAD_INPUT, "the file says no RequestType: name one");
	return RC_OK;
}

static enum rc
build(struct admin_call *x, plist_t *out)
{
	struct call *c = x->c;
	const char *type = admin_text(x, "request_type");
	int n;

	if (admin_has(x, "plist") && admin_has(x, "pairs"))
		return fail(&c->err, RC_BAD_INPUT, "either pairs or a plist, not both");
	if (admin_has(x, "plist"))
		return from_plist(x, type, out);
	if (type == NULL)
		return fail(&c->err, RC_BAD_INPUT, "request_type is missing");
	return policy_command_build(c->arena, type, admin_list(x, "pairs", &n), out, &c->err);
}

static struct policy_target
target_of(const struct enrollment *e, bool user_channel)
{
	return policy_target_of(e->mode, e->family, e->os_version, user_channel);
}

/* Commands that take what nobody brings back (data, the enrollment), or open a device to whoever holds it. */
static bool
is_grave(const char *type)
{
	static const char *const grave[] = { "EraseDevice", "DeleteUser", "RemoveProfile", "ClearPasscode",
		"DeviceLock", "SetFirmwarePassword", "SetRecoveryLock", "UnlockUserAccount" };

	for (size_t i = 0; i < sizeof grave / sizeof grave[0]; i++) {
		if (strcmp(grave[i], type) == 0)
			return true;
	}
	return false;
}

enum rc
admin_command_send(struct admin_call *x)
{
	struct call *c = x->c;
	const char *user_id = admin_text(x, "user_channel"), *type, *uuid, *note;
	struct policy_target t;
	struct enrollment e;
	plist_t command = NULL;
	bool filled;
	enum rc rc;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK || (rc = build(x, &command)) != RC_OK)
		return rc;
	type = plist_text(c->arena, command, "RequestType");
	if (is_grave(type) && (rc = admin_proven(x)) != RC_OK)
		return rc;
	t = target_of(&e, user_id != NULL);
	filled = policy_command_fill(c->arena, &t, type, command);
	if ((rc = command_send(c, &e, user_id != NULL ? user_id : "", command, x->actor->name, &uuid)) != RC_OK)
		return rc;
	note = policy_command_note(c->arena, &t, type, command);
	x->out = admin_object(x);
	x->status = 201;
	admin_put_text(x->out, "uuid", uuid);
	admin_put_text(x->out, "enrollment", e.id);
	admin_put_text(x->out, "request_type", type);
	admin_put_flag(x->out, "filled", filled);
	admin_put_text(x->out, "note", note);
	return RC_OK;
}

enum rc
admin_command_cancel(struct admin_call *x)
{
	enum rc rc = command_cancel(x->c, x->r->segment[0], x->actor->name);

	return rc == RC_NOT_FOUND
		   ? fail(&x->c->err, rc, "no command %.60s is queued: it was answered already, or there is none",
			 x->r->segment[0])
		   : rc;
}

enum rc
admin_command_available(struct admin_call *x)
{
	json_t *items = admin_items(x);
	const char *const *names, *const *keys;
	struct policy_target t;
	struct enrollment e;
	enum rc rc;
	int n;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK)
		return rc;
	t = target_of(&e, admin_query(x, "user-channel") != NULL);
	n = policy_commands(x->c->arena, &t, &names);
	for (int i = 0; i < n; i++) {
		json_t *j = json_object(), *list = json_array();
		int n_keys = policy_command_keys(x->c->arena, &t, names[i], &keys);

		json_array_append_new(items, j);
		admin_put_text(j, "request_type", names[i]);
		admin_put_text(j, "note", policy_command_note(x->c->arena, &t, names[i], NULL));
		for (int k = 0; k < n_keys; k++)
			json_array_append_new(list, json_string(keys[k]));
		admin_put(j, "keys", list);
	}
	return RC_OK;
}
