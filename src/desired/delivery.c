#include "desired/delivery.h"

#include <string.h>

#include "command/queue.h"
#include "fmt/plist.h"
#include "store/store.h"

#define BY "desired state"

static const struct {
	const char *status;
	bool pending; /* it goes on by itself */
	const char *sentence;
} statuses[] = {
	{ "Queued", true, "the device has it in line" },
	{ "NeedsRedemption", true, "it waits for a redemption code" },
	{ "Redeeming", true, "the device redeems a code" },
	{ "Prompting", true, "the person is asked whether to install it" },
	{ "PromptingForLogin", true, "the person is asked to sign in to the App Store" },
	{ "PromptingForUpdate", true, "the person is asked whether to update it" },
	{ "PromptingForUpdateLogin", true, "the person is asked to sign in for the update" },
	{ "PromptingForManagement", true, "the person is asked whether it may be managed" },
	{ "ValidatingPurchase", true, "the App Store is asked whether there is a licence" },
	{ "ValidatingUpdate", true, "the App Store is asked about the update" },
	{ "Updating", true, "it is being updated" },
	{ "Installing", true, "it is being installed" },
	{ "Managed", false, NULL },
	{ "ManagedButUninstalled", false, "the person removed it; it comes back when they install it" },
	{ "UserInstalledApp", false,
	    "the person had installed it before: it stays theirs, and can't become managed in an account-driven "
	    "enrollment" },
	{ "UserRejected", false, "the person refused to install it" },
	{ "UpdateRejected", false, "the person refused the update" },
	{ "ManagementRejected", false, "the person refused to have it managed" },
	{ "Failed", false, "the installation failed" },
	{ "Unknown", false, "the device does not know what became of it" },
};
#define N_STATUSES (sizeof statuses / sizeof statuses[0])

static size_t
status_row(const char *status)
{
	size_t i;

	for (i = 0; i < N_STATUSES && strcmp(statuses[i].status, status) != 0; i++)
		;
	return i;
}

const char *
delivery_sentence(const char *status)
{
	size_t i = status_row(status);

	return i < N_STATUSES ? statuses[i].sentence : NULL;
}

bool
delivery_is_there(const char *status)
{
	return strcmp(status, "Managed") == 0 || strcmp(status, "in-place") == 0;
}

bool
delivery_concerns(const char *request_type)
{
	static const char *const types[] = { "InstallApplication", "ManagedApplicationList", "RemoveApplication",
		"InstallProfile", "RemoveProfile" };

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		if (strcmp(types[i], request_type) == 0)
			return true;
	}
	return false;
}

/* ---- rows ---- */

enum rc
delivery_list(struct call *c, const char *enrollment_id, const char *user_id, struct delivery **out, int *n)
{
	static const char sql[] = "SELECT item_id, name, digest, command_uuid, state, reason, kind, updated_at"
				  " FROM desired_delivery WHERE enrollment_id = ?1 AND user_id = ?2 ORDER BY item_id";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(user_id)), &r);

	*n = 0;
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list deliveries");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (; rc == RC_OK && *n < r.rows; (*n)++) {
		struct delivery *d = &(*out)[*n];

		*d = (struct delivery){ db_get_text(&r, *n, 0), db_get_text(&r, *n, 1), db_get_text(&r, *n, 2),
			db_get_text(&r, *n, 3), db_get_text(&r, *n, 4), db_get_text(&r, *n, 5), DESIRED_PROFILE,
			db_get_int(&r, *n, 7) };
		rc = desired_kind_parse(db_get_text(&r, *n, 6), &d->kind, &c->err);
	}
	return rc;
}

static enum rc
keep(struct call *c, const struct desired_set *s, struct delivery *d)
{
	static const char sql[] =
	    "INSERT INTO desired_delivery (enrollment_id, user_id, item_id, kind, name, digest, command_uuid, state,"
	    " reason, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
	    " ON CONFLICT (enrollment_id, user_id, item_id) DO UPDATE SET name = EXCLUDED.name,"
	    " digest = EXCLUDED.digest, command_uuid = EXCLUDED.command_uuid, state = EXCLUDED.state,"
	    " reason = EXCLUDED.reason, updated_at = EXCLUDED.updated_at";

	d->updated_at = c->now;
	return store_run(c, sql,
	    DB_ARGS(db_text(s->e->id), db_text(s->user_id), db_text(d->item_id), db_text(desired_kind_name(d->kind)),
		db_text(d->name), db_text(d->digest), db_text(d->command_uuid), db_text(d->state), db_text(d->reason),
		db_int(c->now)),
	    NULL);
}

static enum rc
drop(struct call *c, const struct desired_set *s, const struct delivery *d)
{
	return store_run(c, "DELETE FROM desired_delivery WHERE enrollment_id = ?1 AND user_id = ?2 AND item_id = ?3",
	    DB_ARGS(db_text(s->e->id), db_text(s->user_id), db_text(d->item_id)), NULL);
}

/* What is sent is what may be sent; a refusal is the row's reason. */
static enum rc
send(struct call *c, const struct desired_set *s, struct delivery *d, plist_t command)
{
	enum rc rc = command_send(c, s->e, s->user_id, command, BY, &d->command_uuid);

	d->state = "asked";
	d->reason = NULL;
	if (rc == RC_OK || rc == RC_UNAVAILABLE || rc == RC_INTERNAL)
		return rc == RC_OK ? keep(c, s, d) : rc;
	if (rc == RC_CONFLICT) /* the queue is full: another round may find room */
		return RC_OK;
	d->state = "refused";
	d->reason = arena_strdup(c->arena, c->err.text);
	d->command_uuid = NULL;
	return keep(c, s, d);
}

/* ---- what became of it ---- */

/* The newest list of apps that was asked for after this was sent. */
static enum rc
app_status(struct call *c, const struct desired_set *s, const struct delivery *d, const char **status)
{
	static const char sql[] = "SELECT answer FROM command WHERE enrollment_id = ?1 AND user_id = ?2"
				  " AND request_type = 'ManagedApplicationList' AND status = 'Acknowledged'"
				  " AND queued_at >= ?3 ORDER BY answered_at DESC LIMIT 1";
	struct db_rows r;
	plist_t root, apps, app;
	struct err ignored;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id), db_int(d->updated_at)), &r);

	*status = NULL;
	if (rc != RC_OK || r.rows == 0 || plist_parse(c->arena, db_get_blob(&r, 0, 0), &root, &ignored) != RC_OK ||
	    (apps = plist_dict(root, "ManagedApplicationList")) == NULL || (app = plist_dict(apps, d->name)) == NULL)
		return rc;
	*status = plist_text(c->arena, app, "Status");
	return RC_OK;
}

/* InstallApplication's answer says what the app's bundle identifier is. */
static void
learn_name(struct call *c, struct delivery *d, struct bytes answer)
{
	struct err ignored;
	const char *name;
	plist_t root;

	if (d->kind == DESIRED_APP && plist_parse(c->arena, answer, &root, &ignored) == RC_OK &&
	    (name = plist_text(c->arena, root, "Identifier")) != NULL)
		d->name = name;
}

static enum rc
learn(struct call *c, const struct desired_set *s, struct delivery *d)
{
	static const char sql[] = "SELECT status, error, answer, answered_at FROM command WHERE uuid = ?1";
	const char *status;
	struct db_rows r;
	enum rc rc;

	if (d->command_uuid != NULL) {
		if ((rc = store_run(c, sql, DB_ARGS(db_text(d->command_uuid)), &r)) != RC_OK)
			return rc;
		if (r.rows > 0 && db_is_null(&r, 0, 3))
			return RC_OK; /* in line */
		d->command_uuid = NULL;
		if (r.rows > 0 && strcmp(db_get_text(&r, 0, 0), "Acknowledged") == 0) {
			learn_name(c, d, db_get_blob(&r, 0, 2));
			d->state = d->kind == DESIRED_APP && d->digest != NULL ? "Queued" : "in-place";
		} else {
			d->state = "refused";
			d->reason = r.rows > 0 ? db_get_text(&r, 0, 1) : "the command is gone";
		}
		return keep(c, s, d);
	}
	if (d->kind != DESIRED_APP || d->digest == NULL || strcmp(d->state, "refused") == 0)
		return RC_OK;
	if ((rc = app_status(c, s, d, &status)) != RC_OK || status == NULL || strcmp(status, d->state) == 0)
		return rc;
	d->state = status;
	d->reason = delivery_sentence(status);
	return keep(c, s, d);
}

/* ---- what is to be done ---- */

static const struct wanted *
wanted_of(const struct desired_set *s, const char *item_id)
{
	for (int i = 0; i < s->n_wanted; i++) {
		if (strcmp(s->wanted[i].item->id, item_id) == 0)
			return &s->wanted[i];
	}
	return NULL;
}

/* It comes by declaration from now on, which takes over what a command brought. */
static enum rc
hand_over(struct call *c, const struct desired_set *s, const struct delivery *d)
{
	if (d->command_uuid != NULL)
		(void)command_cancel(c, d->command_uuid, BY);
	return drop(c, s, d);
}

/* What stood in its way may be gone. */
static bool
is_old_refusal(const struct call *c, const struct delivery *d)
{
	return strcmp(d->state, "refused") == 0 && c->now >= d->updated_at + DELIVERY_REFUSED_S;
}

static enum rc
take_away(struct call *c, const struct desired_set *s, struct delivery *d)
{
	plist_t command = plist_keep(c->arena, plist_new_dict());

	if (d->digest == NULL)
		return d->command_uuid == NULL ? drop(c, s, d) : RC_OK;
	if (d->command_uuid != NULL) /* in line: it is not delivered any more */
		(void)command_cancel(c, d->command_uuid, BY);
	d->digest = NULL;
	plist_put_text(command, "RequestType", d->kind == DESIRED_APP ? "RemoveApplication" : "RemoveProfile");
	plist_put_text(command, "Identifier", d->name);
	return send(c, s, d, command);
}

static enum rc
give(struct call *c, const struct desired_set *s, const struct wanted *x)
{
	struct delivery d = { .item_id = x->item->id, .kind = x->item->kind, .name = x->item->name };
	struct policy_target t = policy_target_of(s->e->mode, s->e->family, s->e->os_version, s->user_id[0] != '\0');
	const char *bundle = NULL;
	json_t *app;
	enum rc rc;

	if ((rc = desired_item_content(c, x->item)) != RC_OK)
		return rc;
	if (d.kind == DESIRED_APP && desired_item_json(c, x->item, &app) == RC_OK)
		bundle = json_get_text(app, "BundleID");
	if (bundle != NULL)
		d.name = bundle;
	d.digest = x->item->digest;
	return send(c, s, &d, desired_command(c->arena, &t, x->item));
}

/* Apps on their way are asked for once after each step, and then no more often than DELIVERY_AGAIN_S. `since` is when
 * the last of them moved. */
static enum rc
ask_for_apps(struct call *c, const struct desired_set *s, int64_t since, int64_t *due_at)
{
	static const char sql[] =
	    "SELECT COALESCE(MAX(queued_at), 0), COUNT(*) - COUNT(answered_at) FROM command"
	    " WHERE enrollment_id = ?1 AND user_id = ?2 AND request_type = 'ManagedApplicationList'";
	plist_t command = plist_keep(c->arena, plist_new_dict());
	const char *uuid;
	struct db_rows r;
	int64_t last, pause;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(s->e->id), db_text(s->user_id)), &r);

	if (rc != RC_OK || db_get_int(&r, 0, 1) > 0)
		return rc; /* in line: its answer comes back here */
	last = db_get_int(&r, 0, 0);
	/* Somebody who does not answer a prompt is not asked about every quarter of an hour for ever. */
	pause = c->now - since < DELIVERY_AGAIN_S       ? DELIVERY_AGAIN_S
		: c->now - since < DELIVERY_AGAIN_MAX_S ? c->now - since
							: DELIVERY_AGAIN_MAX_S;
	*due_at = c->now + pause;
	if (last > since && c->now < last + pause) { /* of the same second: it may have come before */
		*due_at = last + pause;
		return RC_OK;
	}
	plist_put_text(command, "RequestType", "ManagedApplicationList");
	rc = command_send(c, s->e, s->user_id, command, BY, &uuid);
	return rc == RC_UNAVAILABLE || rc == RC_INTERNAL ? rc : RC_OK;
}

enum rc
delivery_step(struct call *c, const struct desired_set *s, int64_t *due_at)
{
	struct delivery *all;
	int64_t moved_at = 0; /* 0: no app is on its way */
	enum rc rc;
	int n;

	*due_at = 0;
	if ((rc = delivery_list(c, s->e->id, s->user_id, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < n; i++) {
		const struct wanted *x = wanted_of(s, all[i].item_id);

		if ((rc = learn(c, s, &all[i])) != RC_OK)
			return rc;
		if (x != NULL && x->way == DESIRED_BY_DECLARATION) {
			rc = hand_over(c, s, &all[i]);
		} else if (x == NULL || x->way != DESIRED_BY_COMMAND) {
			rc = take_away(c, s, &all[i]);
		} else if (all[i].digest == NULL || strcmp(all[i].digest, x->item->digest) != 0 ||
			   is_old_refusal(c, &all[i])) {
			rc = all[i].command_uuid == NULL ? give(c, s, x) : RC_OK;
		} else if (all[i].kind == DESIRED_APP && all[i].command_uuid == NULL) {
			size_t row = status_row(all[i].state);

			if (row < N_STATUSES && statuses[row].pending && all[i].updated_at >= moved_at)
				moved_at = all[i].updated_at;
		}
	}
	for (int i = 0; rc == RC_OK && i < s->n_wanted; i++) {
		int k;

		for (k = 0; k < n && strcmp(all[k].item_id, s->wanted[i].item->id) != 0; k++)
			;
		if (s->wanted[i].way == DESIRED_BY_COMMAND && k == n)
			rc = give(c, s, &s->wanted[i]);
	}
	if (rc == RC_OK && moved_at > 0)
		rc = ask_for_apps(c, s, moved_at, due_at);
	if (rc == RC_OK && *due_at == 0 &&
	    n > 0) /* an answer brings it here earlier; one that was lost on the way does not */
		*due_at = c->now + DELIVERY_LOOK_S;
	return rc;
}
