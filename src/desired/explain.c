#include "desired/explain.h"

#include <string.h>

#include "ddm/status.h"
#include "desired/delivery.h"
#include "desired/round.h"
#include "store/store.h"

struct channel_said {
	struct ddm_report *reports;
	int n_reports;
	struct delivery *deliveries;
	int n_deliveries;
	struct ddm_item *apps; /* elements of app.managed.list */
	int n_apps;
	struct round_state state;
	const char *no_ddm; /* why declarative management is not on; NULL: nothing is known against it */
};

static const struct {
	const char *state, *sentence;
	bool there;
} app_states[] = {
	{ "managed", NULL, true },
	{ "optional", NULL, true }, /* it is on offer, which is all that was wanted */
	{ "queued", "the device has it in line", false },
	{ "not-present", "the device has not begun to install it", false },
	{ "prompting-for-consent", "the person is asked whether to install it", false },
	{ "prompting-for-login", "the person is asked to sign in to the App Store", false },
	{ "prompting-for-management", "the person is asked whether it may be managed", false },
	{ "downloading", "it is being downloaded", false },
	{ "installing", "it is being installed", false },
	{ "managed-but-uninstalled", "the person removed it", false },
	{ "failed", "the installation failed", false },
};

/* ---- by declaration ---- */

static const json_t *
app_of(struct call *c, const struct channel_said *said, const struct explained *x)
{
	for (int i = 0; i < said->n_apps; i++) {
		struct err ignored;
		json_t *app;
		const char *declaration;

		if (json_parse(c->arena, bytes_str(said->apps[i].value), &app, &ignored) != RC_OK)
			continue;
		declaration = json_get_text(app, "declaration-identifier");
		if (declaration != NULL && strcmp(declaration, x->wanted->identifier) == 0)
			return app;
	}
	return NULL;
}

static void
explain_app(struct call *c, const struct channel_said *said, struct explained *x)
{
	const json_t *app = app_of(c, said, x);
	const char *state = json_get_text(app, "state"),
		   *reason = ddm_status_reason(c, json_object_get(app, "reasons"));

	x->state = "waiting";
	x->reason = reason != NULL ? reason : "the device has not reported the app yet";
	for (size_t i = 0; state != NULL && i < sizeof app_states / sizeof app_states[0]; i++) {
		if (strcmp(app_states[i].state, state) != 0)
			continue;
		x->state = app_states[i].there ? "in place" : strcmp(state, "failed") == 0 ? "refused" : "waiting";
		x->reason = reason != NULL && !app_states[i].there
				? arena_printf(c->arena, "%s: %s", app_states[i].sentence, reason)
				: app_states[i].sentence;
	}
}

static void
explain_declared(struct call *c, const struct channel_said *said, struct explained *x)
{
	const struct ddm_report *r = NULL;

	for (int i = 0; i < said->n_reports && r == NULL; i++) {
		if (strcmp(said->reports[i].identifier, x->wanted->identifier) == 0)
			r = &said->reports[i];
	}
	x->state = "waiting";
	if (r == NULL || strcmp(r->server_token, x->wanted->server_token) != 0) {
		x->reason = said->no_ddm != NULL          ? said->no_ddm
			    : said->state.fetched_at == 0 ? "the device has not asked for its declarations yet"
			    : strcmp(said->state.fetched_token, said->state.token) != 0
				? "the device has not asked since this changed"
				: "the device has not reported it yet";
	} else if (strcmp(r->valid, "invalid") == 0) {
		x->state = "refused";
		x->reason = r->reason != NULL ? r->reason : "the device calls it invalid, and says no more";
	} else if (strcmp(r->valid, "unknown") == 0) {
		x->reason = r->reason != NULL ? r->reason : "the device has it, and has not judged it yet";
	} else if (!r->active && strncmp(desired_type(x->wanted->item), "com.apple.configuration.", 24) == 0) {
		x->reason = r->reason != NULL ? r->reason : "no activation that is in force names it";
	} else if (x->wanted->item->kind == DESIRED_APP) {
		explain_app(c, said, x);
	} else {
		x->state = "in place";
	}
}

/* ---- by command ---- */

static void
explain_delivered(const struct channel_said *said, struct explained *x)
{
	const struct delivery *d = NULL;

	for (int i = 0; i < said->n_deliveries && d == NULL; i++) {
		if (strcmp(said->deliveries[i].item_id, x->wanted->item->id) == 0)
			d = &said->deliveries[i];
	}
	x->state = "waiting";
	if (d == NULL || d->digest == NULL || strcmp(d->digest, x->wanted->item->digest) != 0) {
		x->reason = "the command for it is not queued yet";
	} else if (strcmp(d->state, "refused") == 0) {
		x->state = "refused";
		x->reason = d->reason != NULL ? d->reason : "the device refused it, and says no more";
	} else if (delivery_is_there(d->state)) {
		x->state = "in place";
	} else if (strcmp(d->state, "asked") == 0) {
		x->reason = "its command waits for the device";
	} else {
		x->reason = d->reason != NULL ? d->reason : delivery_sentence(d->state);
	}
}

/* ---- all ---- */

/* DeclarativeManagement was refused by the device: no declaration will ever arrive. */
static enum rc
read_refusal(struct call *c, const char *enrollment_id, const char *user_id, struct channel_said *said)
{
	static const char sql[] =
	    "SELECT status, error FROM command WHERE enrollment_id = ?1 AND user_id = ?2"
	    " AND request_type = 'DeclarativeManagement' AND answered_at IS NOT NULL ORDER BY answered_at DESC LIMIT 1";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(user_id)), &r);

	if (rc == RC_OK && r.rows > 0 && strstr(db_get_text(&r, 0, 0), "Error") != NULL)
		said->no_ddm = arena_printf(c->arena, "the device refused DeclarativeManagement: %s",
		    db_is_null(&r, 0, 1) ? "no reason" : db_get_text(&r, 0, 1));
	return rc;
}

static enum rc
read_said(struct call *c, const char *enrollment_id, const char *user_id, struct channel_said *said)
{
	enum rc rc = round_state(c, enrollment_id, user_id, &said->state);

	if (rc == RC_NOT_FOUND)
		said->no_ddm = "the device will be told at the next round";
	else if (rc != RC_OK)
		return rc;
	if ((rc = ddm_status_declarations(c, enrollment_id, user_id, &said->reports, &said->n_reports)) != RC_OK ||
	    (rc = ddm_status_items(c, enrollment_id, user_id, "app.managed.list", &said->apps, &said->n_apps)) !=
		RC_OK ||
	    (rc = delivery_list(c, enrollment_id, user_id, &said->deliveries, &said->n_deliveries)) != RC_OK)
		return rc;
	return read_refusal(c, enrollment_id, user_id, said);
}

enum rc
desired_explain(struct call *c, const struct enrollment *e, const char *user_id, struct explained **out, int *n)
{
	struct desired_wishes w;
	struct channel_said said = { 0 };
	struct wanted *wanted;
	enum rc rc;

	*n = 0;
	if ((rc = desired_wishes_read(c, e->organization_id, &w)) != RC_OK ||
	    (rc = desired_wanted(c, &w, e, user_id, &wanted, n)) != RC_OK ||
	    (rc = read_said(c, e->id, user_id, &said)) != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)*n, sizeof **out);
	for (int i = 0; i < *n; i++) {
		struct explained *x = &(*out)[i];

		x->wanted = &wanted[i];
		if (wanted[i].way == DESIRED_NOT) {
			x->state = "not allowed";
			x->reason = wanted[i].why;
		} else if (wanted[i].way == DESIRED_LATER) {
			x->state = "waiting";
			x->reason = wanted[i].why;
		} else if (wanted[i].way == DESIRED_BY_COMMAND) {
			explain_delivered(&said, x);
		} else {
			explain_declared(c, &said, x);
		}
	}
	return RC_OK;
}
