#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "assignment/assignment.h"
#include "base/clock.h"
#include "crypto/hash.h"
#include "enroll/attempt.h"
#include "enroll/escrow.h"
#include "enroll/grant.h"
#include "enroll/os.h"
#include "fmt/json.h"
#include "fmt/plist.h"
#include "keys/keys.h"
#include "mdm/message.h"
#include "store/store.h"

#define TEXT_MAX 256 /* octets of a name or version */
#define PUSH_TOKEN_MAX 256 /* octets; real ones have 32 */

/* Text of the message, or NULL when it is absent or too long to be one. */
static const char *
text(struct call *c, const struct mdm_message *m, const char *key)
{
	const char *s = plist_text(c->arena, m->body, key);

	return s != NULL && strlen(s) <= TEXT_MAX ? s : NULL;
}

static void
accept_message(struct mdm_message *m)
{
	*m->out = (struct enroll_reply){ .status = 200 };
}

/* ---- Authenticate ---- */

struct authenticate {
	struct mdm_message *m;
	const char *device_id, *version;
};

static enum rc
end_earlier(struct call *c, const struct authenticate *a)
{
	const struct enrollment *e = &a->m->who->enrollment;
	struct enrollment earlier;
	enum rc rc;

	rc = enrollment_by_device(c, e->organization_id, a->device_id, &earlier);
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if (strcmp(earlier.id, e->id) == 0)
		return RC_OK;
	if ((rc = attempt_event(c, earlier.attempt_id, EV_replaced, NULL)) != RC_OK)
		return rc;
	return enrollment_end(c, earlier.id, "replaced");
}

/* The token that came along was used, which ends the grace of the one before it; the gate left that to this unit. */
static enum rc
use_bearer(struct call *c, const struct pass *p)
{
	enum rc rc = grant_confirm(c, p->grant_id, p->generation);

	return rc == RC_OK ? pass_give(c, p) : rc;
}

static enum rc
authenticate_in_unit(struct call *c, void *arg)
{
	static const char sql[] =
	    "UPDATE enrollment SET device_id = ?2, certificate_fp = ?3, renew_at = COALESCE(?11, renew_at), pass_hash "
	    "= NULL, product = COALESCE(?4, "
	    "product),"
	    " os_version = COALESCE(?5, os_version), build_version = COALESCE(?6, build_version), device_name = ?7,"
	    " serial_number = ?8, imei = ?9, meid = ?10 WHERE id = ?1 AND ended_at IS NULL RETURNING id";
	const struct authenticate *a = arg;
	const struct mdm_message *m = a->m;
	const struct enrollment *e = &m->who->enrollment;
	struct db_rows r;
	enum rc rc;

	if ((rc = end_earlier(c, a)) != RC_OK)
		return rc;
	/* The sign-in that the profile was made for, whoever carries a bearer. */
	if (e->grant_id != NULL && (rc = grant_bind(c, e->grant_id, e->id)) != RC_OK)
		return rc;
	rc = store_run(c, sql,
	    DB_ARGS(db_text(e->id), db_text(a->device_id), db_blob(m->who->certificate_fp),
		db_text(text(c, m, "ProductName")), db_text(a->version), db_text(text(c, m, "BuildVersion")),
		db_text(text(c, m, "DeviceName")), db_text(text(c, m, "SerialNumber")), db_text(text(c, m, "IMEI")),
		db_text(text(c, m, "MEID")), m->who->renew_at != 0 ? db_int(m->who->renew_at) : db_null()),
	    &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "the enrollment ended meanwhile");
	if (m->who->pass.hash.p != NULL && (rc = use_bearer(c, &m->who->pass)) != RC_OK)
		return rc;
	if (m->dropped > 0 && (rc = attempt_event(c, e->attempt_id, EV_identifiers_dropped, "Authenticate")) != RC_OK)
		return rc;
	return attempt_event(c, e->attempt_id, EV_authenticated, NULL);
}

static void
on_authenticate(struct call *c, struct mdm_message *m)
{
	const struct enrollment *e = &m->who->enrollment;
	struct authenticate a = { .m = m };
	struct device_ids attested, said;

	if (e->enrolled_at != 0) { /* a lost answer: said again, nothing changes */
		accept_message(m);
		return;
	}
	a.device_id = text(c, m, strcmp(e->mode, "byod") == 0 ? "EnrollmentID" : "UDID");
	a.version = text(c, m, "OSVersion");
	if (a.device_id == NULL) {
		mdm_refuse(c, m, 400, EV_message_malformed);
		return;
	}
	said = (struct device_ids){ text(c, m, "SerialNumber"), text(c, m, "UDID") };
	if (enrollment_attested(c, e->id, &attested) != RC_OK)
		return;
	if (!enrollment_same_device(e->family, &attested, &said)) {
		mdm_refuse(c, m, 403, EV_acme_other_device);
		return;
	}
	switch (store_unit(c, authenticate_in_unit, &a)) {
	case RC_OK:
		accept_message(m);
		break;
	case RC_CONFLICT:
		mdm_refuse(c, m, 403, EV_identity_other_enrollment);
		break;
	default:
		break;
	}
}

/* ---- TokenUpdate ---- */

struct token_update {
	struct mdm_message *m;
	struct channel channel;
	struct bytes unlock_token; /* absent: not sent, which clears nothing (S-24) */
};

static enum rc
token_update_in_unit(struct call *c, void *arg)
{
	static const char enrolled_sql[] = "UPDATE enrollment SET state = 'enrolled', enrolled_at = ?2"
					   " WHERE id = ?1 AND state = 'pending' AND ended_at IS NULL RETURNING id";
	static const char known_sql[] = "SELECT 1 FROM channel WHERE enrollment_id = ?1 AND user_id = ?2";
	const struct token_update *u = arg;
	const struct enrollment *e = &u->m->who->enrollment;
	const char *user_id = u->channel.user_id;
	struct db_rows r, known;
	enum rc rc;

	rc = store_run(c, known_sql, DB_ARGS(db_text(e->id), db_text(user_id)), &known);
	if (rc == RC_OK)
		rc = channel_put(c, &u->channel);
	if (rc == RC_OK && u->unlock_token.n > 0)
		rc = escrow_put(c, e->id, ESCROW_UNLOCK, u->unlock_token);
	if (rc != RC_OK)
		return rc;
	if (known.rows == 0 && (rc = account_changed(c, e->account_id)) != RC_OK) /* told by the next round */
		return rc;
	if (user_id[0] != '\0')
		return known.rows == 0 ? attempt_event(c, e->attempt_id, EV_user_channel, NULL) : RC_OK;
	rc = store_run(c, enrolled_sql, DB_ARGS(db_text(e->id), db_int(c->now)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	if ((rc = attempt_set_state(c, e->attempt_id, "enrolled", e->id)) != RC_OK)
		return rc;
	return attempt_event(c, e->attempt_id, EV_enrolled, "%s, %s %s",
	    e->product != NULL ? e->product : "unknown product", os_name(e->family),
	    e->os_version != NULL ? e->os_version : "of unknown version");
}

static void
on_token_update(struct call *c, struct mdm_message *m)
{
	const struct enrollment *e = &m->who->enrollment;
	struct token_update u = { .m = m, .unlock_token = plist_data(c->arena, m->body, "UnlockToken") };

	u.channel = (struct channel){
		.enrollment_id = e->id,
		.user_id = m->who->user_id,
		.push_token = plist_data(c->arena, m->body, "Token"),
		.push_magic = text(c, m, "PushMagic"),
		.user_short_name = text(c, m, "UserShortName"),
		.user_long_name = text(c, m, "UserLongName"),
	};
	if (u.channel.push_token.n == 0 || u.channel.push_token.n > PUSH_TOKEN_MAX || u.channel.push_magic == NULL ||
	    u.unlock_token.n > ESCROW_MAX) {
		fail(&c->err, RC_BAD_INPUT,
		    "Token (1 to %d octets) or PushMagic is missing, or UnlockToken is over %d octets", PUSH_TOKEN_MAX,
		    ESCROW_MAX);
		mdm_refuse(c, m, 400, EV_message_malformed);
		return;
	}
	if (store_unit(c, token_update_in_unit, &u) == RC_OK)
		accept_message(m);
}

/* ---- CheckOut ---- */

/* Apple refuses a sign-in some ten seconds after GetToken (protocol 9.1), and the device tells nobody why. */
#define REFUSED_S 60

/* What Apple last said of the account and of the time is all there is to find the reason by; the certificate that it
 * has is in none of its answers. */
static enum rc
why_refused(struct call *c, const char *organization_id, const char **reason)
{
	struct assignment_service s;
	struct organization o;
	enum rc rc;

	if ((rc = organization_get(c, organization_id, &o)) != RC_OK)
		return rc;
	rc = assignment_service_get(c, organization_id, &s);
	if (rc == RC_NOT_FOUND)
		*reason = "without a server token (postern apple setup) there is nothing to compare it with";
	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	if (o.server_uuid == NULL || strcasecmp(o.server_uuid, s.server_uuid) != 0)
		*reason = arena_printf(c->arena, "Apple's server_uuid of this server is %s", s.server_uuid);
	else if (s.clock_off_s != 0)
		*reason = arena_printf(c->arena, "this server's clock is %lld seconds %s Apple's",
		    (long long)(s.clock_off_s < 0 ? -s.clock_off_s : s.clock_off_s),
		    s.clock_off_s < 0 ? "behind" : "ahead of");
	else if (s.trouble != NULL) /* a new token may have come with a new certificate */
		*reason = arena_printf(c->arena, "when Apple was asked last: %s", s.trouble);
	else
		*reason =
		    "server_uuid and clock are as Apple's: the certificate there is of another key, or Managed Apple "
		    "Accounts are not allowed on this device";
	return RC_OK;
}

static enum rc
note_refusal(struct call *c, const struct enrollment *e)
{
	const char *reason = "";
	struct event last;
	enum rc rc = attempt_newest(c, e->attempt_id, &last);

	if (rc == RC_NOT_FOUND)
		return RC_OK;
	if (rc != RC_OK || strcmp(last.code, enroll_failure(EV_gettoken_answered)->code) != 0 ||
	    last.at < c->now - REFUSED_S)
		return rc;
	if ((rc = why_refused(c, e->organization_id, &reason)) != RC_OK)
		return rc;
	return attempt_event(c, e->attempt_id, EV_account_refused, "the token had %s, at %s by this server's clock; %s",
	    last.details != NULL ? last.details : "no iss", clock_rfc3339(c->arena, last.at), reason);
}

static enum rc
check_out_in_unit(struct call *c, void *arg)
{
	const struct mdm_message *m = arg;
	const struct enrollment *e = &m->who->enrollment;
	bool evicting = strcmp(e->state, "evicting") == 0;
	enum rc rc;

	if (m->who->user_id[0] != '\0') /* a user logged out of management; the Mac stays */
		return enrollment_channel_end(c, e->id, m->who->user_id);
	if (!evicting && (rc = note_refusal(c, e)) != RC_OK)
		return rc;
	rc = attempt_event(c, e->attempt_id, evicting ? EV_evicted : EV_unenrolled, NULL);
	return rc == RC_OK ? enrollment_end(c, e->id, evicting ? "evicted" : "unenrolled") : rc;
}

static void
on_check_out(struct call *c, struct mdm_message *m)
{
	if (store_unit(c, check_out_in_unit, m) == RC_OK)
		accept_message(m);
}

/* ---- GetToken (protocol 9) ---- */

static void
on_get_token(struct call *c, struct mdm_message *m)
{
	const struct enrollment *e = &m->who->enrollment;
	const char *service = text(c, m, "TokenServiceType");
	struct organization o;
	json_t *claims;
	plist_t answer;
	char *token;

	if (service == NULL || strcmp(service, "com.apple.maid") != 0) {
		mdm_refuse(c, m, 400, EV_gettoken_unknown);
		return;
	}
	if (organization_get(c, e->organization_id, &o) != RC_OK)
		return;
	if (o.server_uuid ==
	    NULL) { /* so it does not offer this service either: not our failure, which 500 would say */
		fail(&c->err, RC_BAD_INPUT, "organization %s", o.id);
		mdm_refuse(c, m, 400, EV_gettoken_no_uuid);
		return;
	}
	claims = json_keep(c->arena, json_pack("{s:s, s:I, s:s, s:s}", "iss", o.server_uuid, "iat", (json_int_t)c->now,
					 "jti", crypto_uuid(c->arena), "service_type", service));
	if (keys_jws(c->keys, c->arena, arena_printf(c->arena, "maid-%s", o.id), "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
		(const char *)json_text(c->arena, claims, 0).p, &token, &c->err) != RC_OK)
		return;
	if (attempt_event(c, e->attempt_id, EV_gettoken_answered, "iss %s", o.server_uuid) != RC_OK)
		return;
	answer = plist_keep(c->arena, plist_new_dict());
	plist_put_data(answer, "TokenData", bytes_str(token));
	*m->out = (struct enroll_reply){ 200, "application/xml; charset=UTF-8", plist_xml(c->arena, answer) };
}

/* ---- bootstrap tokens: a supervised Mac's, of Device Enrollment alone ---- */

struct set_bootstrap {
	const struct mdm_message *m;
	struct bytes token; /* n 0: it is to be forgotten */
};

static enum rc
set_bootstrap_in_unit(struct call *c, void *arg)
{
	const struct set_bootstrap *s = arg;
	const struct enrollment *e = &s->m->who->enrollment;
	enum rc rc = escrow_put(c, e->id, ESCROW_BOOTSTRAP, s->token);

	return rc == RC_OK ? attempt_event(c, e->attempt_id,
				 s->token.n > 0 ? EV_bootstrap_token_kept : EV_bootstrap_token_cleared, NULL)
			   : rc;
}

static void
on_set_bootstrap_token(struct call *c, struct mdm_message *m)
{
	struct set_bootstrap s = { m, plist_data(c->arena, m->body, "BootstrapToken") };

	if (s.token.n > ESCROW_MAX) {
		fail(&c->err, RC_BAD_INPUT, "BootstrapToken is over %d octets", ESCROW_MAX);
		mdm_refuse(c, m, 400, EV_message_malformed);
	} else if (store_unit(c, set_bootstrap_in_unit, &s) == RC_OK) {
		accept_message(m);
	}
}

static void
on_get_bootstrap_token(struct call *c, struct mdm_message *m)
{
	struct bytes token;
	plist_t answer;

	if (escrow_get(c, m->who->enrollment.id, ESCROW_BOOTSTRAP, &token) != RC_OK)
		return;
	answer = plist_keep(c->arena, plist_new_dict());
	if (token.n > 0) /* none: the key is left out (Apple's page Get Bootstrap Token) */
		plist_put_data(answer, "BootstrapToken", token);
	*m->out = (struct enroll_reply){ 200, "application/xml; charset=UTF-8", plist_xml(c->arena, answer) };
}

/* Another user than the enrollment's person logs in to the Mac: 410 says that they are not managed in this session
 * (protocol 7.4). The digest that Apple's message offers instead would need their clear password. */
static void
on_user_authenticate(struct call *c, struct mdm_message *m)
{
	(void)c;
	*m->out = (struct enroll_reply){ .status = 410 };
}

/* Served even to an enrollment that is being evicted, for which no token is demanded, and to a disabled person's Mac,
 * whose device channel carries none: what they say of themselves. Nothing is handed out to them. */
#define ANYONE true

static const struct {
	const char *type;
	void (*handler)(struct call *c, struct mdm_message *m);
	bool to;
} kinds[] = {
	{ "Authenticate", on_authenticate, ANYONE },
	{ "TokenUpdate", on_token_update, ANYONE },
	{ "CheckOut", on_check_out, ANYONE },
	{ "DeclarativeManagement", mdm_declarative, false },
	{ "UserAuthenticate", on_user_authenticate, ANYONE },
	{ "GetToken", on_get_token, false },
	{ "SetBootstrapToken", on_set_bootstrap_token, false },
	{ "GetBootstrapToken", on_get_bootstrap_token, false },
};

void
mdm_checkin(struct call *c, struct mdm_message *m, const char *type)
{
	const struct enrollment *e = &m->who->enrollment;
	const char *topic = plist_text(c->arena, m->body, "Topic");

	if (topic != NULL && strcmp(topic, e->topic) != 0) {
		mdm_refuse(c, m, 403, EV_topic_mismatch);
		return;
	}
	if (policy_checkin_check(&m->target, type, &c->err) != RC_OK) {
		mdm_refuse(c, m, 400, EV_message_unknown);
		return;
	}
	policy_checkin_filter(c->arena, &m->target, m->body, &m->dropped);
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		if (strcmp(kinds[i].type, type) != 0)
			continue;
		if (kinds[i].to != ANYONE && strcmp(e->state, "evicting") == 0)
			mdm_refuse(c, m, 403, EV_only_leaving);
		else if (kinds[i].to != ANYONE && m->who->account_disabled)
			mdm_refuse(c, m, 403, EV_person_disabled);
		else
			kinds[i].handler(c, m);
		return;
	}
	fail(&c->err, RC_BAD_INPUT, "%.100s is not served", type);
	mdm_refuse(c, m, 400, EV_message_unknown);
}
