#include "idp/liveness.h"

#include <string.h>

#include "account/account.h"
#include "enroll/attempt.h"
#include "enroll/grant.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "idp/read.h"
#include "store/store.h"

#define BUSY_S 60 /* longer than any look takes; another one may begin after */
#define JUST_ASKED_S 60 /* a device that renews more often does not make the provider be asked more often */
#define RETRY_S 300 /* after no answer */
#define LOGOUT_OLD_S 300 /* seconds; a logout token is not older */

struct session {
	const char *attempt_id, *provider_id, *account_id;
	struct bytes refresh_token; /* sealed; absent: there is nothing to ask with */
	int64_t signed_in_at, renewed_at, failing_since;
	struct provider provider;
	struct account account;
	bool wanted; /* a grant lives by it */
};

enum rc
idp_due(struct call *c, const char *attempt_id)
{
	return store_run(c,
	    "UPDATE provider_session SET due_at = ?2 WHERE attempt_id = ?1 AND due_at > ?2 AND renewed_at < ?3",
	    DB_ARGS(db_text(attempt_id), db_int(c->now), db_int(c->now - JUST_ASKED_S)), NULL);
}

/* ---- which one ---- */

/* Taking it is one statement, so of two that look one gets it: a provider whose refresh tokens rotate would take two
 * uses of one for a theft. */
static enum rc
take(struct call *c, void *arg)
{
	struct session *s = arg;
	struct db_rows r;
	enum rc rc;

	*s = (struct session){ 0 };
	rc = store_run(c,
	    "SELECT attempt_id FROM provider_session WHERE due_at <= ?1 AND busy_until <= ?1"
	    " ORDER BY due_at, attempt_id LIMIT 1",
	    DB_ARGS(db_int(c->now)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	rc = store_run(c,
	    "UPDATE provider_session SET busy_until = ?2 WHERE attempt_id = ?1 AND busy_until <= ?3"
	    " RETURNING attempt_id, provider_id, account_id, refresh_token, signed_in_at, renewed_at, failing_since",
	    DB_ARGS(db_text(db_get_text(&r, 0, 0)), db_int(c->now + BUSY_S), db_int(c->now)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	s->attempt_id = db_get_text(&r, 0, 0);
	s->provider_id = db_get_text(&r, 0, 1);
	s->account_id = db_get_text(&r, 0, 2);
	s->refresh_token = db_get_blob(&r, 0, 3);
	s->signed_in_at = db_get_int(&r, 0, 4);
	s->renewed_at = db_get_int(&r, 0, 5);
	s->failing_since = db_get_int(&r, 0, 6);
	rc = store_run(c, "SELECT 1 FROM oauth_grant WHERE attempt_id = ?1 AND revoked_at IS NULL AND ends_at > ?2",
	    DB_ARGS(db_text(s->attempt_id), db_int(c->now)), &r);
	s->wanted = rc == RC_OK && r.rows > 0;
	if (rc == RC_OK)
		rc = provider_get(c, s->provider_id, &s->provider);
	if (rc == RC_OK)
		rc = account_get(c, s->account_id, &s->account);
	if (rc == RC_OK)
		rc = provider_narrow(c, &s->provider, s->account_id);
	if (rc == RC_NOT_FOUND) { /* provider or person is gone, and with them what was to be asked */
		s->wanted = false;
		rc = RC_OK;
	}
	return rc;
}

/* ---- what comes of it ---- */

struct outcome {
	const struct session *s;
	bool ended; /* the grant ends; `code` says why */
	bool silent; /* no answer */
	enum enroll_code code;
	const char *detail;
	struct bytes refresh_token; /* sealed: the next one */
	const struct idp_person *person; /* NULL: no ID token came */
};

static enum rc
forget(struct call *c, const char *attempt_id)
{
	return store_run(c, "DELETE FROM provider_session WHERE attempt_id = ?1", DB_ARGS(db_text(attempt_id)), NULL);
}

static enum rc
end_grants(struct call *c, const char *attempt_id, enum enroll_code code, const char *detail)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT id FROM oauth_grant WHERE attempt_id = ?1 AND revoked_at IS NULL",
	    DB_ARGS(db_text(attempt_id)), &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		rc = grant_revoke(c, db_get_text(&r, i, 0), enroll_failure(code)->code);
	if (rc == RC_OK)
		rc = attempt_event(c, attempt_id, code, "%s", detail);
	return rc == RC_OK ? forget(c, attempt_id) : rc;
}

static enum rc
stays(struct call *c, const struct outcome *o)
{
	return store_run(c,
	    "UPDATE provider_session SET refresh_token = ?2, renewed_at = ?3, due_at = ?4, busy_until = 0,"
	    " failing_since = NULL WHERE attempt_id = ?1",
	    DB_ARGS(db_text(o->s->attempt_id), db_blob(o->refresh_token), db_int(c->now),
		db_int(idp_next(c, &o->s->provider))),
	    NULL);
}

/* No answer is no reason to end anything, for as long as the provider's grace lasts; said once. */
static enum rc
waits(struct call *c, const struct outcome *o)
{
	const struct session *s = o->s;
	int64_t since = s->failing_since != 0 ? s->failing_since : c->now;
	enum rc rc;

	if (c->now - since >= s->provider.grace_s)
		return end_grants(c, s->attempt_id, EV_provider_silent_too_long, o->detail);
	rc = store_run(c,
	    "UPDATE provider_session SET due_at = ?2, busy_until = 0, failing_since = ?3,"
	    " refresh_token = COALESCE(?4, refresh_token) WHERE attempt_id = ?1",
	    DB_ARGS(db_text(s->attempt_id), db_int(c->now + RETRY_S), db_int(since), db_blob(o->refresh_token)), NULL);
	return rc == RC_OK && s->failing_since == 0
		   ? attempt_event(c, s->attempt_id, EV_provider_silent, "%s", o->detail)
		   : rc;
}

static enum rc
note(struct call *c, void *arg)
{
	struct outcome *o = arg;
	enum enroll_code code = EV_provider_ended;
	enum rc rc;

	if (!o->s->wanted)
		return forget(c, o->s->attempt_id);
	if (o->silent)
		return waits(c, o);
	if (!o->ended && o->person != NULL) {
		rc = idp_up_to_date(c, &o->s->provider, o->person, &o->s->account, &code);
		if (rc == RC_FORBIDDEN)
			return end_grants(c, o->s->attempt_id, code, o->s->provider.group_needed);
		if (rc != RC_OK)
			return rc;
	}
	return o->ended ? end_grants(c, o->s->attempt_id, o->code, o->detail) : stays(c, o);
}

/* ---- asking ---- */

/* The person of a new ID token must be the same. Where none came, nothing is said of them. */
static enum rc
read_token(struct idp *i, struct call *c, const struct idp_tokens *tokens, struct outcome *o, struct idp_person *who)
{
	const struct session *s = o->s;
	struct id_token token;
	struct db_rows r;
	enum rc rc;

	if (tokens->id_token == NULL)
		return RC_OK;
	rc = idp_check_token(i, c, &s->provider, tokens, NULL, false, &token, &o->code);
	if (rc == RC_OK)
		rc = idp_read_person(c, &s->provider, &token, who, &o->code);
	if (rc == RC_OK)
		rc = idp_read_groups(i, c, &s->provider, tokens, who);
	if (rc != RC_OK)
		return rc;
	if (who->groups_unknown != NULL && s->provider.group_needed != NULL)
		return fail(&c->err, RC_UNAVAILABLE, "%s", who->groups_unknown);
	rc = store_run(c, "SELECT 1 FROM account_identity WHERE provider_id = ?1 AND subject = ?2 AND account_id = ?3",
	    DB_ARGS(db_text(s->provider_id), db_text(who->subject), db_text(s->account_id)), &r);
	if (rc == RC_OK && r.rows == 0) {
		o->code = EV_provider_ended;
		return fail(&c->err, RC_FORBIDDEN, "its ID token is of another person");
	}
	o->person = who;
	return rc;
}

/* invalid_grant is the one word that ends a sign-in: all others are about us (RFC 6749 5.2). */
static enum rc
ask(struct idp *i, struct call *c, struct outcome *o, struct idp_person *who)
{
	const struct session *s = o->s;
	struct idp_tokens tokens;
	const char *token, *error = NULL;
	enum rc rc;

	if (s->provider.longest_s > 0 && c->now - s->signed_in_at >= s->provider.longest_s) {
		*o = (struct outcome){
			.s = s, .ended = true, .code = EV_provider_longest, .detail = s->provider.issuer
		};
		return RC_OK;
	}
	if (s->refresh_token.p == NULL) { /* nothing to ask with: the grant's own lives decide */
		o->refresh_token = s->refresh_token;
		return RC_OK;
	}
	if ((rc = idp_unseal(c, s->refresh_token, &token)) != RC_OK)
		return rc;
	rc = idp_refresh(i, c, &s->provider, token, &tokens, &error);
	if (rc == RC_FORBIDDEN && strcmp(error, "invalid_grant") == 0) {
		*o = (struct outcome){ .s = s, .ended = true, .code = EV_provider_ended, .detail = error };
		return RC_OK;
	}
	if (rc == RC_OK) {
		/* One that rotates must be kept whatever is said beside it: the one before is worth nothing any more. */
		if ((rc = idp_seal(
			 c, tokens.refresh_token != NULL ? tokens.refresh_token : token, &o->refresh_token)) != RC_OK)
			return rc;
		rc = read_token(i, c, &tokens, o, who);
		if (rc == RC_FORBIDDEN) {
			o->ended = true;
			o->detail = arena_strdup(c->arena, c->err.text);
			return RC_OK;
		}
	}
	if (rc != RC_OK && !store_is_broken(c->store)) {
		o->silent = true;
		o->detail = arena_strdup(c->arena, c->err.text);
		return RC_OK;
	}
	return rc;
}

enum rc
idp_look(struct idp *i, struct call *c, bool *found)
{
	struct session s;
	struct outcome o = { .s = &s };
	struct idp_person who;
	enum rc rc = store_unit(c, take, &s);

	*found = rc == RC_OK && s.attempt_id != NULL;
	if (!*found)
		return rc;
	c->trace = s.attempt_id;
	if (s.wanted && (rc = ask(i, c, &o, &who)) != RC_OK)
		return rc;
	return store_unit(c, note, &o);
}

/* ---- back-channel logout ---- */

struct logout {
	const struct provider *p;
	const char *sid, *sub;
	int n;
};

static enum rc
log_out(struct call *c, void *arg)
{
	struct logout *l = arg;
	struct db_rows r;
	enum rc rc;

	rc = l->sid != NULL
		 ? store_run(c, "SELECT attempt_id FROM provider_session WHERE provider_id = ?1 AND sid = ?2",
		       DB_ARGS(db_text(l->p->id), db_text(l->sid)), &r)
		 : store_run(c,
		       "SELECT s.attempt_id FROM provider_session s JOIN account_identity i"
		       " ON i.account_id = s.account_id AND i.provider_id = s.provider_id"
		       " WHERE i.provider_id = ?1 AND i.subject = ?2",
		       DB_ARGS(db_text(l->p->id), db_text(l->sub)), &r);
	for (l->n = 0; rc == RC_OK && l->n < r.rows; l->n++)
		rc = end_grants(c, db_get_text(&r, l->n, 0), EV_provider_logged_out, l->p->issuer);
	return rc;
}

/* What it says before it is believed: whose it is. */
static const json_t *
peek(struct arena *a, const char *token)
{
	const char *first = strchr(token, '.'), *second = first != NULL ? strchr(first + 1, '.') : NULL;
	struct bytes text;
	json_t *root = NULL;

	if (second == NULL)
		return NULL;
	text = base64url_decode(a, bytes_of(first + 1, (size_t)(second - first - 1)));
	return text.p != NULL && json_parse(a, text, &root, NULL) == RC_OK && json_is_object(root) ? root : NULL;
}

static enum rc
provider_of(struct call *c, const char *token, struct provider *out)
{
	const json_t *claims = peek(c->arena, token), *aud = json_object_get(claims, "aud");
	const char *iss = claims != NULL ? json_get_text(claims, "iss") : NULL;
	struct db_rows r;
	enum rc rc;

	if (json_is_array(aud) && json_array_size(aud) == 1)
		aud = json_array_get(aud, 0);
	if (iss == NULL || !json_is_string(aud)) {
		(void)fail(&c->err, RC_BAD_INPUT, "it names no issuer and audience");
		return RC_BAD_INPUT;
	}
	rc = store_run(c, "SELECT id FROM identity_provider WHERE issuer = ?1 AND client_id = ?2 ORDER BY id LIMIT 1",
	    DB_ARGS(db_text(iss), db_text(json_string_value(aud))), &r);
	if (rc == RC_OK && r.rows == 0) {
		(void)fail(&c->err, RC_BAD_INPUT, "it is of no provider of ours");
		return RC_BAD_INPUT;
	}
	return rc == RC_OK ? provider_get(c, db_get_text(&r, 0, 0), out) : rc;
}

/* 2.6: everything but what every ID token has in common, which jose and the caller checked. */
static enum rc
check_logout(struct call *c, const json_t *claims, const struct provider *p)
{
	const json_t *event =
	    json_object_get(json_object_get(claims, "events"), "http://schemas.openid.net/event/backchannel-logout");
	int64_t iat = json_get_int(claims, "iat", 0), exp = json_get_int(claims, "exp", c->now + 1);
	const char *iss = json_get_text(claims, "iss");

	if (iss == NULL || strcmp(iss, p->issuer) != 0 || !json_is_object(event))
		return fail(&c->err, RC_BAD_INPUT, "it is no logout token");
	if (json_object_get(claims, "nonce") != NULL)
		return fail(&c->err, RC_BAD_INPUT, "it has a nonce, as an ID token has");
	if (iat < c->now - LOGOUT_OLD_S - ID_TOKEN_SKEW || iat > c->now + ID_TOKEN_SKEW ||
	    exp <= c->now - ID_TOKEN_SKEW)
		return fail(&c->err, RC_BAD_INPUT, "it is too old, or of the future");
	if (json_get_text(claims, "sid") == NULL && json_get_text(claims, "sub") == NULL)
		return fail(&c->err, RC_BAD_INPUT, "it names neither session nor person");
	return RC_OK;
}

enum rc
idp_logout(struct idp *i, struct call *c, const char *logout_token, int *n)
{
	enum jose_fault fault;
	const struct jose_keys *keys;
	struct provider p = { 0 };
	json_t *claims = NULL;
	struct logout l = { .p = &p };
	enum rc rc;

	*n = 0;
	if ((rc = provider_of(c, logout_token, &p)) != RC_OK)
		return rc;
	for (int tries = 0, unknown = 1; tries < 2 && unknown; tries++) {
		if ((rc = idp_keys(i, c, &p, tries > 0, &keys)) != RC_OK)
			return rc;
		rc = jose_verify(c->arena, bytes_str(logout_token), keys, &claims, &fault, &c->err);
		unknown = rc == RC_NOT_FOUND;
	}
	if (rc != RC_OK)
		return RC_BAD_INPUT;
	if ((rc = check_logout(c, claims, &p)) != RC_OK)
		return rc;
	l.sid = json_get_text(claims, "sid");
	l.sub = json_get_text(claims, "sub");
	rc = store_unit(c, log_out, &l);
	*n = l.n;
	return rc;
}
