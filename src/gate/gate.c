#include "gate/gate.h"

#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "config/config.h"
#include "enroll/attempt.h"
#include "enroll/challenge.h"
#include "enroll/grant.h"
#include "enroll/os.h"
#include "fmt/json.h"
#include "fmt/plist.h"
#include "gate/identity.h"
#include "store/store.h"

#define USER_ID_MAX 63 /* octets; Apple's are UUIDs */

/* What has been found out so far; `why` is the refusal, if it comes to one. */
struct check {
	const struct gate_request *in;
	struct enroll_caller *who;
	struct gate_row row; /* as it was stored when the request came */
	plist_t message;
	const char *type; /* MessageType; NULL for a command's answer */
	enum enroll_code why;
	const char *details;
	struct challenge challenge;
};

static bool
is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* ---- refusals ---- */

static void
forbid(struct call *c, struct enroll_reply *out, int status, const char *code)
{
	json_t *o = json_keep(c->arena, json_pack("{s:s}", "code", code));

	*out = (struct enroll_reply){ status, "application/json", json_text(c->arena, o, 0) };
}

static enum rc
write_event(struct call *c, void *arg)
{
	const struct check *k = arg;

	return attempt_event(c, k->who->enrollment.attempt_id, k->why, k->details != NULL ? "%s" : NULL, k->details);
}

/* Never with 401: without a challenge that means "unenroll" to a device (protocol 7.4). */
static enum rc
refuse(struct call *c, struct check *k, struct enroll_reply *out, int status, enum enroll_code why)
{
	char *code = arena_printf(c->arena, "postern.%s", enroll_failure(why)->code);
	enum rc rc;

	k->why = why;
	k->details = c->err.text[0] != '\0' ? arena_strdup(c->arena, c->err.text) : NULL;
	rc = k->who->enrollment.id != NULL ? store_unit(c, write_event, k)
					   : attempt_event(c, NULL, why, "%s", c->err.text);
	forbid(c, out, status, code);
	return rc == RC_OK ? RC_FORBIDDEN : rc;
}

static enum rc
turn_away(struct call *c, struct check *k, struct enroll_reply *out)
{
	enum rc rc = attempt_event(c, NULL, EV_unknown_device_turned_away, "%s", k->who->enrollment.id);

	forbid(c, out, 403, "com.apple.unrecognized.device");
	return rc == RC_OK ? RC_FORBIDDEN : rc;
}

static enum rc
write_eviction(struct call *c, void *arg)
{
	const struct check *k = arg;
	enum rc rc;

	rc = attempt_event(c, k->who->enrollment.attempt_id, EV_evicted, "403 com.apple.unrecognized.device");
	return rc == RC_OK ? enrollment_end(c, k->who->enrollment.id, "evicted") : rc;
}

static enum rc
evict(struct call *c, struct check *k, struct enroll_reply *out)
{
	enum rc rc = store_unit(c, write_eviction, k);

	forbid(c, out, 403, "com.apple.unrecognized.device");
	return rc == RC_OK ? RC_FORBIDDEN : rc;
}

/* ---- 401 with the enrollment's one challenge (S-28) ---- */

static bool
renews_by_itself(const struct check *k)
{
	return k->why == EV_bearer_expired && is(k->row.bearer.grant.method, "apple-oauth2");
}

static enum rc
write_challenge(struct call *c, void *arg)
{
	static const char reauth_sql[] = "UPDATE enrollment SET state = 'reauth' WHERE id = ?1 AND state = 'enrolled'";
	struct check *k = arg;
	const struct enrollment *e = &k->who->enrollment;
	struct attempt first;
	const char *path, *method;
	enum rc rc;

	if ((rc = attempt_get(c, e->attempt_id, &first)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_INTERNAL : rc;
	method = first.method != NULL ? first.method : "apple-oauth2";
	if ((rc = challenge_reauth(c, e, method, &path)) != RC_OK)
		return rc;
	if ((rc = challenge_make(c, e->organization_id, method, path, &k->challenge)) != RC_OK)
		return rc;
	if (!renews_by_itself(k) && (rc = store_run(c, reauth_sql, DB_ARGS(db_text(e->id)), NULL)) != RC_OK)
		return rc;
	return write_event(c, k);
}

static enum rc
challenge(struct call *c, struct check *k, struct enroll_reply *out, enum enroll_code why)
{
	enum rc rc;

	k->why = why;
	if ((rc = store_unit(c, write_challenge, k)) != RC_OK)
		return rc;
	*out = (struct enroll_reply){ .status = 401 };
	return RC_FORBIDDEN;
}

/* ---- 3: the enrollment ---- */

/* Which channel: only a Mac has a second one, and names it by EnrollmentUserID (byod) or UserID. */
static enum rc
find_channel(struct call *c, struct check *k)
{
	const struct enrollment *e = &k->who->enrollment;
	const char *user = NULL;

	if (is(e->family, "Mac"))
		user = plist_text(c->arena, k->message, is(e->mode, "byod") ? "EnrollmentUserID" : "UserID");
	if (user != NULL && (user[0] == '\0' || strlen(user) > USER_ID_MAX))
		return fail(&c->err, RC_BAD_INPUT, "the user channel's id is empty or over %d octets", USER_ID_MAX);
	k->who->user_id = user != NULL ? user : "";
	return RC_OK;
}

/* The message must come from the enrollment that the certificate belongs to. */
static enum rc
same_device(struct call *c, struct check *k, struct enroll_reply *out)
{
	const struct enrollment *e = &k->who->enrollment;
	bool byod = is(e->mode, "byod");
	const char *id = plist_text(c->arena, k->message, byod ? "EnrollmentID" : "UDID");

	if (id == NULL || id[0] == '\0' || strlen(id) > 128) {
		fail(&c->err, RC_BAD_INPUT, "%s is missing or over 128 octets", byod ? "EnrollmentID" : "UDID");
		return refuse(c, k, out, 400,
		    plist_has(k->message, byod ? "UDID" : "EnrollmentID") ? EV_mode_mismatch : EV_message_malformed);
	}
	if (e->device_id == NULL && is(k->type, "Authenticate"))
		return RC_OK;
	if (e->device_id == NULL) {
		fail(&c->err, RC_BAD_INPUT, "%s before Authenticate", k->type != NULL ? k->type : "a command's answer");
		return refuse(c, k, out, 400, EV_message_unknown);
	}
	if (strcmp(e->device_id, id) != 0) {
		c->err.text[0] = '\0';
		return refuse(c, k, out, 403, EV_identity_other_enrollment);
	}
	return RC_OK;
}

static enum rc
check_enrollment(struct call *c, struct check *k, struct enroll_reply *out)
{
	struct enrollment *e = &k->who->enrollment;

	if (k->row.enrollment.id == NULL)
		return turn_away(c, k, out);
	*e = k->row.enrollment;
	k->who->certificate_fp = k->row.certificate.fingerprint;
	k->who->queued = k->row.queued;
	k->who->renew_at = enrollment_renew_at(c, e->id, k->row.certificate.issued_at, k->row.certificate.not_after);
	c->trace = e->attempt_id;
	if (!is(e->organization_id, k->in->organization_id)) {
		fail(&c->err, RC_FORBIDDEN, "the certificate belongs to another organization");
		return refuse(c, k, out, 403, EV_identity_other_enrollment);
	}
	if (!ENROLLMENT_LIVE(e)) {
		/* It was told, or told us, and did not hear the answer: the same again. */
		if (is(k->type, "CheckOut")) {
			*out = (struct enroll_reply){ .status = 200 };
			return RC_FORBIDDEN;
		}
		return turn_away(c, k, out);
	}
	if (k->row.certificate.revoked_at != 0) {
		fail(&c->err, RC_FORBIDDEN, "the certificate was revoked");
		return refuse(c, k, out, 403, EV_identity_unknown);
	}
	if (find_channel(c, k) != RC_OK)
		return refuse(c, k, out, 400, EV_message_malformed);
	return same_device(c, k, out);
}

/* ---- 4 and 5: the bearer ---- */

/* What is wrong with the token that came along; ENROLL_CODES: nothing. */
static enum enroll_code
bearer_fault(const struct check *k)
{
	const struct enrollment *e = &k->who->enrollment;
	const struct grant_bearer *b = &k->row.bearer;

	if (k->row.passed)
		return ENROLL_CODES;
	if (k->in->bearer == NULL)
		return EV_bearer_missing;
	if (b->grant.id == NULL)
		return EV_bearer_unknown;
	if (b->grant.enrollment_id != NULL ? !is(b->grant.enrollment_id, e->id)
					   : !is(b->grant.attempt_id, e->attempt_id))
		return EV_bearer_other_enrollment;
	if (!is(b->grant.account_id, e->account_id))
		return EV_bearer_other_person;
	if (b->account_disabled)
		return EV_person_disabled;
	if (b->revoked)
		return EV_bearer_revoked;
	if (b->expired)
		return EV_bearer_expired;
	return ENROLL_CODES;
}

static bool
is_renewed(const struct check *k)
{
	const struct enrollment *e = &k->who->enrollment;

	return e->certificate_fp.p != NULL && !bytes_eq(e->certificate_fp, k->row.certificate.fingerprint);
}

/* A pass is for what stays as it is: not for a grant that Authenticate has yet to bind, nor for a certificate
 * that has yet to take over. */
static bool
deserves_pass(const struct check *k)
{
	const struct enrollment *e = &k->who->enrollment;
	const struct grant *g = &k->row.bearer.grant;

	return k->row.bearer.generation == g->generation && is(g->enrollment_id, e->id) && is(e->grant_id, g->id) &&
	       e->certificate_fp.p != NULL && !is_renewed(k);
}

static enum rc
note_in_unit(struct call *c, void *arg)
{
	static const char sql[] = "UPDATE enrollment SET state = 'enrolled' WHERE id = ?1 AND state = 'reauth'";
	const struct check *k = arg;
	const struct grant_bearer *b = &k->row.bearer;
	enum rc rc = RC_OK;

	if (b->generation == b->grant.generation && !b->grant.confirmed)
		rc = grant_confirm(c, b->grant.id, b->generation);
	if (rc == RC_OK && is(k->who->enrollment.state, "reauth"))
		rc = store_run(c, sql, DB_ARGS(db_text(k->who->enrollment.id)), NULL);
	return rc == RC_OK && deserves_pass(k) ? pass_give(c, &k->who->pass) : rc;
}

/* A good token ends the grace of the one before it, and a wait for the person to sign in; and the next time
 * it comes it needs no second look. */
static enum rc
note_good_bearer(struct call *c, struct check *k)
{
	const struct grant_bearer *b = &k->row.bearer;

	k->who->pass = (struct pass){ .enrollment_id = k->who->enrollment.id,
		.grant_id = b->grant.id,
		.generation = b->generation,
		.hash = grant_token_hash(c, k->in->bearer),
		.until = b->expires_at };
	/* The first Authenticate writes it beside what it says itself (mdm/checkin.c): one commit instead of two. */
	if (is(k->type, "Authenticate") && k->who->enrollment.enrolled_at == 0)
		return RC_OK;
	if ((b->generation == b->grant.generation && !b->grant.confirmed) || is(k->who->enrollment.state, "reauth") ||
	    deserves_pass(k))
		return store_unit(c, note_in_unit, k);
	return RC_OK;
}

/* A Mac's device channel carries no bearer (protocol 8), and is let in by its certificate; what a
 * disabled person's Mac may do is the server's to say. */
static enum rc
without_bearer(struct call *c, struct check *k)
{
	struct account who;
	enum rc rc = account_get(c, k->who->enrollment.account_id, &who);

	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	k->who->account_disabled = rc == RC_NOT_FOUND || who.disabled_at != 0;
	return RC_OK;
}

/* CheckOut is sent once, and the certificate says who it is (S-29). UserAuthenticate asks whether somebody who logs in
 * to the Mac is managed at all; who is not has no token. */
static bool
needs_bearer(const struct check *k)
{
	return !is(k->type, "CheckOut") && !is(k->type, "UserAuthenticate");
}

static enum rc
check_bearer(struct call *c, struct check *k, struct enroll_reply *out)
{
	struct enrollment *e = &k->who->enrollment;
	bool device_channel_of_mac = is(e->family, "Mac") && k->who->user_id[0] == '\0';
	enum enroll_code fault;

	if (is(e->state, "evicting") && !is(k->type, "CheckOut")) {
		/* Neither way of leaving demands a token (design: the way of one enrollment, 7). */
		return enrollment_evicts_by_status(e->family, e->os_version) ? evict(c, k, out) : RC_OK;
	}
	if (device_channel_of_mac)
		return without_bearer(c, k);
	if ((fault = bearer_fault(k)) != ENROLL_CODES) {
		return needs_bearer(k) ? challenge(c, k, out, fault) : RC_OK;
	}
	k->who->bearer_good = true;
	return k->row.passed ? RC_OK : note_good_bearer(c, k);
}

/* A renewed certificate takes the enrollment over with its first accepted request; the one before is good
 * until then, since a device may fail to install the new one (design: tokens and people). */
static enum rc
take_over(struct call *c, void *arg)
{
	static const char bind_sql[] = "UPDATE enrollment SET certificate_fp = ?2, renew_at = ?3, pass_hash = NULL"
				       " WHERE id = ?1 AND ended_at IS NULL";
	static const char revoke_sql[] = "UPDATE certificate SET revoked_at = ?3"
					 " WHERE enrollment_id = ?1 AND fingerprint <> ?2 AND revoked_at IS NULL";
	const struct check *k = arg;
	const char *id = k->who->enrollment.id;
	struct bytes fingerprint = k->row.certificate.fingerprint;
	enum rc rc;

	rc = store_run(c, bind_sql, DB_ARGS(db_text(id), db_blob(fingerprint), db_int(k->who->renew_at)), NULL);
	if (rc == RC_OK)
		rc = store_run(c, revoke_sql, DB_ARGS(db_text(id), db_blob(fingerprint), db_int(c->now)), NULL);
	return rc == RC_OK ? attempt_event(c, k->who->enrollment.attempt_id, EV_certificate_renewed, NULL) : rc;
}

enum rc
gate_check(struct call *c, const struct gate_request *in, struct enroll_caller *who, plist_t *message,
    struct enroll_reply *out, struct challenge *challenge_out)
{
	struct check *k = arena_alloc(c->arena, sizeof *k);
	enum enroll_code code;
	enum rc rc;

	*who = (struct enroll_caller){ .user_id = "" };
	*out = (struct enroll_reply){ 0 };
	*challenge_out = (struct challenge){ .n = 0 };
	k->in = in;
	k->who = who;
	if ((rc = gate_identity(c, in, &k->row, &code)) != RC_OK)
		return rc == RC_FORBIDDEN ? refuse(c, k, out, 403, code) : rc;
	if ((rc = plist_parse(c->arena, in->body, &k->message, &c->err)) != RC_OK)
		return rc == RC_BAD_INPUT || rc == RC_TOO_LARGE ? refuse(c, k, out, 400, EV_message_malformed) : rc;
	k->type = plist_text(c->arena, k->message, "MessageType");
	if ((rc = check_enrollment(c, k, out)) == RC_OK)
		rc = check_bearer(c, k, out);
	if (rc == RC_OK && is_renewed(k))
		rc = store_unit(c, take_over, k);
	*message = k->message;
	*challenge_out = k->challenge;
	return rc;
}
