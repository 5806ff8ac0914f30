#include "admin/routes.h"

#include <limits.h>
#include <string.h>

#include "account/account.h"
#include "ca/ca.h"
#include "command/queue.h"
#include "command/renewal.h"
#include "desired/explain.h"
#include "enroll/attempt.h"
#include "enroll/escrow.h"
#include "enroll/person.h"
#include "fmt/base64.h"
#include "store/store.h"

json_t *
admin_enrollment_brief(struct admin_call *x, const struct enrollment *e)
{
	json_t *j = json_object();

	admin_put_text(j, "id", e->id);
	admin_put_text(j, "organization", e->organization_id);
	admin_put_text(j, "user", admin_user_name(x, e->account_id));
	admin_put_text(j, "mode", e->mode);
	admin_put_text(j, "state", e->state);
	admin_put_text(j, "family", e->family);
	admin_put_text(j, "product", e->product);
	admin_put_text(j, "os_version", e->os_version);
	admin_put_time(j, "created_at", e->created_at);
	admin_put_time(j, "enrolled_at", e->enrolled_at);
	admin_put_time(j, "ended_at", e->ended_at);
	admin_put_time(j, "last_seen_at", e->last_seen_at);
	admin_put_flag(j, "inactive", enrollment_inactive(x->c, e));
	return j;
}

enum rc
admin_enrollment_list(struct admin_call *x)
{
	static const char *const states[] = { "live", "pending", "enrolled", "reauth", "evicting", "unenrolled",
		"evicted", "replaced", "inactive", NULL };
	const char *organization_id, *user = admin_query(x, "user"), *state = admin_query(x, "state");
	json_t *items = admin_items(x);
	struct account person = { 0 };
	struct enrollment *all;
	struct db_page page;
	enum rc rc;
	int n, i;

	for (i = 0; state != NULL && states[i] != NULL && strcmp(states[i], state) != 0; i++)
		;
	if (state != NULL && states[i] == NULL)
		return fail(&x->c->err, RC_BAD_INPUT,
		    "a state is live, pending, enrolled, reauth, evicting, unenrolled, evicted, replaced or inactive");
	if ((rc = admin_page(x, &page)) != RC_OK || (rc = admin_organization_owner(x, &organization_id)) != RC_OK)
		return rc;
	if (user != NULL && (rc = account_find(x->c, account_fold(x->c->arena, user), &person)) != RC_OK)
		return rc == RC_NOT_FOUND ? fail(&x->c->err, rc, "there is no user %.200s", user) : rc;
	if ((rc = enrollment_list(x->c, organization_id, person.id, state, &page, &all, &n)) != RC_OK)
		return rc;
	if (n == page.limit)
		admin_page_next(x, all[n - 1].created_at, all[n - 1].id);
	for (i = 0; i < n; i++)
		json_array_append_new(items, admin_enrollment_brief(x, &all[i]));
	return RC_OK;
}

/* ---- one ---- */

static void
put_frozen(struct admin_call *x, const struct enrollment *e)
{
	json_t *j = json_object();

	admin_put_text(j, "Topic", e->topic);
	admin_put_text(j, "ServerURL", e->server_url);
	admin_put_text(j, "CheckInURL", e->check_in_url);
	admin_put_text(j, "AssignedManagedAppleID", e->assigned_managed_apple_id);
	admin_put(j, "AccessRights", e->access_rights >= 0 ? json_integer(e->access_rights) : json_null());
	admin_put_flag(j, "PerUserConnections", e->per_user_connections);
	admin_put_text(j, "identity_proof", e->identity_proof);
	admin_put_text(j, "PayloadIdentifier", e->profile_identifier);
	admin_put(x->out, "frozen", j);
}

static enum rc
put_channels(struct admin_call *x, const struct enrollment *e)
{
	json_t *list = json_array();
	struct channel *channels;
	enum rc rc;
	int n;

	admin_put(x->out, "channels", list);
	if ((rc = channel_list(x->c, e->id, &channels, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_t *j = json_object();

		json_array_append_new(list, j);
		admin_put_text(j, "channel", channels[i].user_id[0] == '\0' ? "device" : "user");
		admin_put_text(j, "user_id", channels[i].user_id);
		admin_put_text(j, "user_short_name", channels[i].user_short_name);
		admin_put_text(j, "user_long_name", channels[i].user_long_name);
		admin_put_time(j, "updated_at", channels[i].updated_at);
		admin_put_time(j, "last_seen_at", channels[i].last_seen_at);
		admin_put_flag(j, "waits_for_wake", channels[i].wake_at != 0);
		admin_put_time(j, "pushed_at", channels[i].pushed_at);
		admin_put_int(j, "push_tries", channels[i].push_tries);
		admin_put_text(j, "push_refused", channels[i].push_refused);
	}
	return RC_OK;
}

static enum rc
put_certificates(struct admin_call *x, const struct enrollment *e)
{
	json_t *list = json_array();
	struct ca_certificate *certificates;
	enum rc rc;
	int n;

	admin_put(x->out, "certificates", list);
	if ((rc = ca_list(x->c, e->id, &certificates, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_t *j = json_object();

		json_array_append_new(list, j);
		admin_put_text(j, "fingerprint", hex_encode(x->c->arena, certificates[i].fingerprint));
		admin_put_text(j, "serial", certificates[i].serial);
		admin_put_time(j, "issued_at", certificates[i].issued_at);
		admin_put_time(j, "not_after", certificates[i].not_after);
		admin_put_time(j, "revoked_at", certificates[i].revoked_at);
		admin_put_flag(j, "in_use",
		    certificates[i].revoked_at == 0 && bytes_eq(certificates[i].fingerprint, e->certificate_fp));
	}
	return RC_OK;
}

/* What each channel should have against what it has. */
static enum rc
put_desired(struct admin_call *x, const struct enrollment *e)
{
	json_t *list = json_array();
	struct channel *channels;
	struct explained *all;
	enum rc rc = RC_OK;
	int n = 0, n_channels = 0;

	admin_put(x->out, "desired", list);
	if (ENROLLMENT_LIVE(e))
		rc = channel_list(x->c, e->id, &channels, &n_channels);
	for (int k = 0; rc == RC_OK && k < n_channels; k++) {
		rc = desired_explain(x->c, e, channels[k].user_id, &all, &n);
		for (int i = 0; rc == RC_OK && i < n; i++) {
			const struct wanted *w = all[i].wanted;
			json_t *j = json_object();

			json_array_append_new(list, j);
			admin_put_text(j, "kind", desired_kind_name(w->item->kind));
			admin_put_text(j, "name", w->item->name);
			admin_put_text(j, "title", w->item->title);
			admin_put_text(j, "channel", channels[k].user_id[0] == '\0' ? "device" : "user");
			admin_put_text(j, "group", w->group);
			admin_put_flag(j, "optional", w->optional);
			admin_put_text(j, "way",
			    w->way == DESIRED_BY_DECLARATION ? "declaration"
			    : w->way == DESIRED_BY_COMMAND   ? "command"
							     : NULL);
			admin_put_text(j, "state", all[i].state);
			admin_put_text(j, "reason", all[i].reason);
		}
	}
	return rc;
}

enum rc
admin_enrollment_get(struct admin_call *x)
{
	struct enrollment e;
	struct command *queue;
	bool held[ESCROWS];
	enum rc rc;
	int n;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, admin_enrollment_brief(x, &e));
	/* The organization's own devices: under BYOD the columns are empty (S-10). */
	admin_put_text(x->out, "device_id", e.device_id);
	admin_put_text(x->out, "device_name", e.device_name);
	admin_put_text(x->out, "serial_number", e.serial_number);
	admin_put_text(x->out, "build_version", e.build_version);
	admin_put_text(x->out, "attempt", e.attempt_id);
	admin_put_text(x->out, "sign_in_again_attempt", e.reauth_attempt_id);
	admin_put_text(x->out, "grant", e.grant_id);
	admin_put_time(x->out, "evict_at", e.evict_at);
	if (enrollment_inactive(x->c, &e))
		admin_put_text(x->out, "inactive_sentence",
		    arena_printf(x->c->arena,
			"the device was not seen for %d days: postern push %s asks it to come; postern enrollment "
			"evict %s, if it is gone for good",
			(int)((x->c->now - (e.last_seen_at != 0 ? e.last_seen_at : e.enrolled_at)) / 86400), e.id,
			e.id));
	if ((rc = escrow_held(x->c, e.id, held)) != RC_OK)
		return rc;
	admin_put_flag(x->out, "unlock_token_held", held[ESCROW_UNLOCK]);
	admin_put_flag(x->out, "bootstrap_token_held", held[ESCROW_BOOTSTRAP]);
	put_frozen(x, &e);
	if ((rc = put_channels(x, &e)) != RC_OK || (rc = put_certificates(x, &e)) != RC_OK ||
	    (rc = put_desired(x, &e)) != RC_OK || (rc = command_list(x->c, e.id, NULL, INT_MAX, &queue, &n)) != RC_OK)
		return rc;
	admin_put_int(x->out, "queued", n);
	return RC_OK;
}

/* ---- waking ---- */

struct push_what {
	const struct enrollment *e;
	const char *organization_trouble, *refused;
	int channels;
};

static enum rc
push_in_unit(struct call *c, void *arg)
{
	static const char trouble_sql[] = "SELECT push_trouble FROM organization WHERE id = ?1";
	struct push_what *w = arg;
	struct channel *channels;
	struct db_rows r;
	enum rc rc;
	int n;

	w->channels = 0;
	if ((rc = channel_list(c, w->e->id, &channels, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n && rc == RC_OK; i++) {
		if (channels[i].push_refused != NULL) {
			w->refused = channels[i].push_refused;
		} else {
			w->channels++;
			rc = channel_wake(c, w->e->id, channels[i].user_id);
		}
	}
	if (rc == RC_OK)
		rc = store_run(c, trouble_sql, DB_ARGS(db_text(w->e->organization_id)), &r);
	if (rc == RC_OK && r.rows > 0)
		w->organization_trouble = db_get_text(&r, 0, 0);
	return rc;
}

enum rc
admin_enrollment_push(struct admin_call *x)
{
	int64_t changed_at;
	struct enrollment e;
	struct push_what w = { .e = &e };
	enum rc rc;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK)
		return rc;
	if (!ENROLLMENT_LIVE(&e))
		return fail(&x->c->err, RC_CONFLICT, "the enrollment ended (%s)", e.state);
	rc = keys_changed(x->room->keys, x->c->arena, arena_printf(x->c->arena, "push-%s", e.organization_id),
	    &changed_at, &x->c->err);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	if (rc != RC_OK)
		return fail(&x->c->err, RC_CONFLICT,
		    "the organization has no push certificate: postern org set --push-certificate FILE --push-key "
		    "FILE");
	if ((rc = store_unit(x->c, push_in_unit, &w)) != RC_OK)
		return rc;
	if (w.channels == 0 && w.refused == NULL)
		return fail(&x->c->err, RC_CONFLICT, "the device has not sent a push token yet (TokenUpdate)");
	if (w.channels == 0)
		return fail(&x->c->err, RC_CONFLICT,
		    "the push service refuses the device's token (%.60s): it is woken again after its next TokenUpdate",
		    w.refused);
	x->out = admin_object(x);
	admin_put_text(x->out, "id", e.id);
	admin_put_int(x->out, "channels", w.channels);
	admin_put_text(x->out, "trouble", w.organization_trouble);
	return RC_OK;
}

enum rc
admin_enrollment_renew(struct admin_call *x)
{
	struct enrollment e;
	const char *uuid;
	enum rc rc;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK ||
	    (rc = renewal_order(x->c, &e, x->actor->name, &uuid)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "id", e.id);
	admin_put_text(x->out, "uuid", uuid);
	return RC_OK;
}

/* ---- the end ---- */

struct evict {
	const char *id, *actor, *way;
};

static enum rc
evict_in_unit(struct call *c, void *arg)
{
	struct evict *v = arg;
	struct enrollment e;
	enum rc rc;

	if ((rc = enrollment_get(c, v->id, &e)) != RC_OK)
		return rc;
	return person_evict(c, &e, v->actor, &v->way);
}

enum rc
admin_enrollment_evict(struct admin_call *x)
{
	static const struct {
		const char *way, *sentence;
	} sentences[] = {
		{ "status", "at its next request the device gets 403 com.apple.unrecognized.device and removes the "
			    "enrollment" },
		{ "profile", "at its next request the device gets RemoveProfile as its only command: it is too old to "
			     "understand the"
			     " 403" },
		{ "ended", "no device had come back with the profile: it is no longer good for anything" },
	};
	struct evict v = { .actor = x->actor->name };
	struct enrollment e;
	enum rc rc;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK)
		return rc;
	v.id = e.id;
	if ((rc = store_unit(x->c, evict_in_unit, &v)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "id", e.id);
	admin_put_text(x->out, "way", v.way);
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++) {
		if (strcmp(sentences[i].way, v.way) == 0)
			admin_put_text(x->out, "sentence", sentences[i].sentence);
	}
	return RC_OK;
}

enum rc
admin_enrollment_remove(struct admin_call *x)
{
	struct enrollment e;
	enum rc rc;

	if ((rc = admin_enrollment(x, x->r->segment[0], &e)) != RC_OK)
		return rc;
	if ((rc = enrollment_remove(x->c, e.id)) != RC_OK)
		return rc;
	x->out = admin_object(x);
	admin_put_text(x->out, "id", e.id);
	return RC_OK;
}
