#include "oauth/signin.h"

#include <string.h>

#include "account/account.h"
#include "crypto/hash.h"
#include "enroll/challenge.h"
#include "enroll/grant.h"
#include "enroll/person.h"
#include "fmt/base64.h"
#include "fmt/json.h"
#include "idp/signin.h"
#include "keys/keys.h"
#include "oauth/code.h"
#include "store/store.h"

#define CONTEXT "signin-form"
#define CALLBACK_CONTEXT "signin-callback"
#define FIELD_MAX 4096 /* octets of the sealed field */
#define CHALLENGE_LENGTH 43 /* base64url of SHA-256 */

static const char *const methods[] = { [SIGNIN_WEB] = "apple-as-web", [SIGNIN_OAUTH2] = "apple-oauth2" };

/* ---- the sealed field ---- */

enum rc
signin_seal(struct call *c, const struct signin_form *f, const char **field)
{
	struct bytes sealed;
	enum rc rc;
	json_t *j = json_pack("{s:I, s:i, s:s, s:s, s:s*, s:s*}", "at", (json_int_t)c->now, "flow", (int)f->flow,
	    "attempt", f->attempt, "nonce", f->nonce, "state", f->state, "challenge", f->challenge);

	if (j == NULL)
		return fail(&c->err, RC_INTERNAL, "the sign-in form can't be written");
	json_keep(c->arena, j);
	rc = keys_seal(c->keys, c->arena, CONTEXT, json_text(c->arena, j, 0), &sealed, &c->err);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "seal the sign-in form");
	*field = base64url_encode(c->arena, sealed);
	return RC_OK;
}

/* Unsealed and readable, which only this server's forms are. */
static enum rc
unseal(struct call *c, const char *context, const char *field, json_t **out)
{
	struct bytes sealed, plain;
	enum rc rc = RC_BAD_INPUT;

	if (strlen(field) > FIELD_MAX)
		return fail(&c->err, RC_FORBIDDEN, "the form's field is too long");
	sealed = base64url_decode(c->arena, bytes_str(field));
	if (sealed.p != NULL)
		rc = keys_unseal(c->keys, c->arena, context, sealed, &plain, &c->err);
	if (rc == RC_UNAVAILABLE)
		return rc;
	if (rc != RC_OK)
		return fail(&c->err, RC_FORBIDDEN, "the form was not made by this server");
	if (json_parse(c->arena, plain, out, &c->err) != RC_OK)
		return fail(&c->err, RC_FORBIDDEN, "the form was made by another version");
	return RC_OK;
}

enum rc
signin_open(struct call *c, const char *field, enum signin_flow flow, const char *attempt, const char *nonce,
    struct signin_form *out)
{
	json_t *j = NULL;
	enum rc rc;

	*out = (struct signin_form){ .flow = flow };
	if ((rc = unseal(c, CONTEXT, field, &j)) != RC_OK)
		return rc;
	out->attempt = json_get_text(j, "attempt");
	out->nonce = json_get_text(j, "nonce");
	out->state = json_get_text(j, "state");
	out->challenge = json_get_text(j, "challenge");
	if (out->attempt == NULL || strcmp(out->attempt, attempt) != 0 || json_get_int(j, "flow", -1) != (int)flow)
		return fail(&c->err, RC_FORBIDDEN, "the form belongs to another attempt");
	if (out->nonce == NULL || nonce == NULL || !crypto_equal(out->nonce, nonce))
		return fail(&c->err, RC_FORBIDDEN, "the form came without the cookie of its page");
	if (json_get_int(j, "at", 0) + SIGNIN_FORM_LIFE_S <= c->now)
		return fail(&c->err, RC_FORBIDDEN, "the page was open for more than an hour");
	return RC_OK;
}

enum rc
signin_callback_seal(struct call *c, const char *attempt, const char *nonce, const char *location, const char **out)
{
	json_t *j = json_keep(c->arena, json_pack("{s:I, s:s, s:s, s:s}", "at", (json_int_t)c->now, "attempt", attempt,
					    "nonce", nonce, "location", location));
	struct bytes sealed;
	enum rc rc;

	rc = keys_seal(c->keys, c->arena, CALLBACK_CONTEXT, json_text(c->arena, j, 0), &sealed, &c->err);
	if (rc == RC_OK)
		*out = base64url_encode(c->arena, sealed);
	return rc;
}

enum rc
signin_callback_open(struct call *c, const char *sealed, const char *attempt, const char *nonce, const char **location)
{
	const char *of, *by;
	json_t *j = NULL;
	enum rc rc;

	if (sealed == NULL || nonce == NULL)
		return fail(&c->err, RC_FORBIDDEN, "nobody signed in in this browser");
	if ((rc = unseal(c, CALLBACK_CONTEXT, sealed, &j)) != RC_OK)
		return rc;
	of = json_get_text(j, "attempt");
	by = json_get_text(j, "nonce");
	*location = json_get_text(j, "location");
	if (of == NULL || by == NULL || *location == NULL || strcmp(of, attempt) != 0 || !crypto_equal(by, nonce))
		return fail(&c->err, RC_FORBIDDEN, "the sign-in was for another attempt");
	if (json_get_int(j, "at", 0) + SIGNIN_CALLBACK_LIFE_S <= c->now)
		return fail(&c->err, RC_FORBIDDEN, "the sign-in is over");
	return RC_OK;
}

/* ---- the authorization request ---- */

static bool
is_challenge(const char *s)
{
	return strlen(s) == CHALLENGE_LENGTH &&
	       strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == CHALLENGE_LENGTH;
}

enum rc
signin_authorize(struct call *c, const struct uri_items *query, struct signin_form *f)
{
	const struct {
		const char *name, *must; /* NULL: whatever it says */
	} rows[] = {
		{ "response_type", "code" },
		{ "client_id", CHALLENGE_CLIENT_ID },
		{ "redirect_uri", CHALLENGE_REDIRECT },
		{ "state", NULL },
		{ "code_challenge", NULL },
		{ "code_challenge_method", NULL },
	};
	const char *method = uri_item(query, "code_challenge_method");

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int n = 0;

		for (int k = 0; k < query->n; k++)
			n += strcmp(query->item[k].name, rows[i].name) == 0;
		if (n > 1)
			return fail(&c->err, RC_BAD_INPUT, "%s is there twice", rows[i].name);
		if (rows[i].must != NULL && (n == 0 || strcmp(uri_item(query, rows[i].name), rows[i].must) != 0))
			return fail(&c->err, RC_BAD_INPUT, "%s is not %s", rows[i].name, rows[i].must);
	}
	f->state = uri_item(query, "state");
	f->challenge = uri_item(query, "code_challenge");
	if (f->state != NULL && strlen(f->state) > SIGNIN_STATE_MAX)
		return fail(&c->err, RC_BAD_INPUT, "state is longer than %d octets", SIGNIN_STATE_MAX);
	if ((f->challenge == NULL) != (method == NULL) || (method != NULL && strcmp(method, "S256") != 0) ||
	    (f->challenge != NULL && !is_challenge(f->challenge)))
		return fail(&c->err, RC_BAD_INPUT, "code_challenge is not one of the method S256");
	return RC_OK;
}

/* ---- whom an attempt is for ---- */

static enum rc
again(struct call *c, struct signin_attempt *out)
{
	struct account who;
	enum rc rc;

	if (out->attempt.enrollment_id == NULL)
		return fail(&c->err, RC_CONFLICT, "the attempt to sign in again has no enrollment");
	if ((rc = enrollment_get(c, out->attempt.enrollment_id, &out->enrollment)) != RC_OK)
		return rc == RC_NOT_FOUND ? fail(&c->err, RC_CONFLICT, "the enrollment is gone") : rc;
	if (!ENROLLMENT_LIVE(&out->enrollment))
		return fail(&c->err, RC_CONFLICT, "the enrollment has ended");
	if ((rc = account_get(c, out->enrollment.account_id, &who)) != RC_OK)
		return rc == RC_NOT_FOUND ? fail(&c->err, RC_CONFLICT, "the enrollment's person is gone") : rc;
	out->user_identifier = who.user_identifier;
	return RC_OK;
}

enum rc
signin_attempt(struct call *c, const char *path_attempt, enum signin_flow flow, struct signin_attempt *out)
{
	static const char *const over[] = { "enrolled", "ended" };
	struct attempt *t = &out->attempt;
	enum rc rc;

	*out = (struct signin_attempt){ 0 };
	if ((rc = challenge_attempt(c, path_attempt, t)) != RC_OK ||
	    (rc = organization_get(c, t->organization_id, &out->organization)) != RC_OK)
		return rc;
	c->trace = t->id;
	out->user_identifier = t->user_identifier;
	/* Else the browser could choose a long-lived token where the challenge meant a short one. */
	if (t->method != NULL && strcmp(t->method, methods[flow]) != 0)
		return fail(&c->err, RC_UNAUTHENTICATED, "the challenge was for %s", t->method);
	out->again = strcmp(t->kind, "reauth") == 0;
	if (out->again)
		return again(c, out);
	for (size_t i = 0; i < sizeof over / sizeof over[0]; i++) {
		if (strcmp(t->state, over[i]) == 0)
			return fail(&c->err, RC_CONFLICT, "the attempt is %s", t->state);
	}
	return RC_OK;
}

/* ---- trying ---- */

struct trial {
	const char *user; /* as it was tried */
	const struct signin_attempt *a;
	const struct signin_form *f;
	struct account who;
	const struct provider *provider; /* NULL: a password of ours */
	const struct idp_person *person;
	struct signin_result *out;
};

static enum rc
web_token(struct call *c, struct trial *t)
{
	struct grant g = {
		.organization_id = t->who.organization_id,
		.account_id = t->who.id,
		.attempt_id = t->a->attempt.id,
		.method = methods[SIGNIN_WEB],
	};
	struct grant_tokens tokens;
	enum rc rc = grant_start(c, &t->a->organization, &g, &tokens);

	if (rc != RC_OK)
		return rc;
	t->out->location = arena_printf(c->arena, CHALLENGE_CALLBACK "?access-token=%s", tokens.access);
	rc = attempt_event(c, g.attempt_id, EV_token_issued, NULL);
	if (rc == RC_OK && g.enrollment_id != NULL)
		rc = attempt_event(c, g.attempt_id, EV_signed_in_again, NULL);
	return rc;
}

static enum rc
oauth2_code(struct call *c, struct trial *t)
{
	struct oauth_code g = {
		.organization_id = t->who.organization_id,
		.account_id = t->who.id,
		.attempt_id = t->a->attempt.id,
		.client_id = CHALLENGE_CLIENT_ID,
		.redirect_uri = CHALLENGE_REDIRECT,
		.scope = CHALLENGE_SCOPE,
		.challenge = t->f->challenge,
	};
	const char *code;
	enum rc rc = oauth_code_issue(c, &g, &code);

	if (rc != RC_OK)
		return rc;
	t->out->location = t->f->state != NULL ? arena_printf(c->arena, CHALLENGE_REDIRECT "?code=%s&state=%s", code,
						     uri_encode(c->arena, t->f->state))
					       : arena_printf(c->arena, CHALLENGE_REDIRECT "?code=%s", code);
	return RC_OK;
}

static enum rc
signed_in(struct call *c, void *arg)
{
	struct trial *t = arg;
	const char *id = t->a->attempt.id;
	enum rc rc;

	t->out->code = EV_signin_ok;
	if ((rc = account_signed_in(c, t->user)) != RC_OK ||
	    (rc = attempt_event(c, id, EV_signin_ok, "as %s", t->who.user_identifier)) != RC_OK ||
	    (rc = attempt_signed_in(c, id, t->who.id)) != RC_OK)
		return rc;
	rc = t->f->flow == SIGNIN_WEB ? web_token(c, t) : oauth2_code(c, t);
	if (rc == RC_NOT_FOUND) /* the enrollment ended meanwhile: nobody signed in to anything */
		store_discard(c);
	return rc;
}

/* A name without a domain is one of the domain that was typed in Settings. */
static const char *
whole_identifier(struct arena *a, const struct signin_attempt *at, const char *user)
{
	const char *domain = at->user_identifier != NULL ? strrchr(at->user_identifier, '@') : NULL;

	if (strchr(user, '@') != NULL || domain == NULL)
		return user;
	return arena_printf(a, "%s%s", user, domain);
}

/* For the operator alone, and never what was typed: that may be a password in the wrong field. */
static enum rc
note_wrong(struct call *c, const struct trial *t)
{
	struct account who;
	enum rc rc = account_find(c, t->user, &who);

	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	if (rc == RC_NOT_FOUND)
		return attempt_event(c, t->a->attempt.id, EV_signin_wrong_password, "no such person");
	return attempt_event(c, t->a->attempt.id, EV_signin_wrong_password, "%s%s%s", who.user_identifier,
	    who.disabled_at != 0 ? ", who is disabled" : "",
	    strcmp(who.organization_id, t->a->organization.id) != 0 ? ", of another organization" : "");
}

static enum rc
other_person(struct call *c, const struct signin_attempt *a, struct signin_result *out)
{
	out->code = EV_signin_other_person;
	return attempt_event(c, a->attempt.id, out->code, NULL);
}

/* Only the enrollment's person may sign in to it again. */
static bool
is_other(const struct signin_attempt *a, const struct account *who)
{
	return a->again && strcmp(who->managed_apple_account, a->enrollment.assigned_managed_apple_id) != 0;
}

/* The rules that let the device in refuse its person now. */
static enum rc
not_any_more(struct call *c, struct trial *t)
{
	struct err why = c->err;
	enum rc rc = account_signed_in(c, t->user);

	t->out->code = EV_policy_refuses;
	return rc == RC_OK ? attempt_event(c, t->a->attempt.id, t->out->code, "%s", why.text) : rc;
}

/* The password is right. */
static enum rc
accepted(struct call *c, struct trial *t)
{
	const struct signin_attempt *a = t->a;
	/* The person of another tenant is as good as nobody here. */
	bool ours = strcmp(t->who.organization_id, a->organization.id) == 0;
	bool other = is_other(a, &t->who);
	enum rc rc = RC_NOT_FOUND;

	if (ours && !other && a->again)
		rc = person_may_enroll(c, &t->who, a->enrollment.family);
	if (rc == RC_FORBIDDEN)
		return not_any_more(c, t);
	if (ours && !other && (rc == RC_OK || rc == RC_NOT_FOUND))
		rc = store_unit(c, signed_in, t);
	if (rc != RC_NOT_FOUND)
		return rc;
	if ((rc = account_signed_in(c, t->user)) != RC_OK)
		return rc;
	if (!ours)
		return note_wrong(c, t);
	if (other)
		return other_person(c, a, t->out);
	t->out->code = EV_signin_finished;
	return attempt_event(c, a->attempt.id, t->out->code, NULL);
}

enum rc
signin_try(struct call *c, struct password_gate *gate, const struct signin_attempt *a, const struct signin_form *f,
    const char *user, const char *password, const char *address, struct signin_result *out)
{
	struct trial t = { .a = a, .f = f, .out = out };
	enum rc rc;

	*out = (struct signin_result){ .code = EV_signin_wrong_password };
	user = account_fold(c->arena, whole_identifier(c->arena, a, user));
	if (a->again && strcmp(user, a->user_identifier) != 0)
		return other_person(c, a, out);
	t.user = user;
	rc = account_sign_in(c, gate, user, password, address, &t.who, &out->wait_s);
	switch (rc) {
	case RC_OK:
		return accepted(c, &t);
	case RC_FORBIDDEN:
		return note_wrong(c, &t);
	case RC_TOO_LARGE:
		out->code = EV_signin_throttled;
		return attempt_event(c, a->attempt.id, out->code, "%d s to wait", out->wait_s);
	case RC_UNAVAILABLE:
		if (store_is_broken(c->store))
			return rc;
		/* Whether the line is full or the store could not be asked this once: a person tries again. */
		out->code = EV_signin_busy;
		return attempt_event(c, a->attempt.id, out->code, "%s", arena_strdup(c->arena, c->err.text));
	default:
		return rc;
	}
}

/* ---- somebody else said who it is ---- */

static enum rc
proven(struct call *c, void *arg)
{
	struct trial *t = arg;
	const char *id = t->a->attempt.id;
	enum rc rc = idp_account(c, t->provider, t->person, &t->who, &t->out->code);

	if (rc == RC_FORBIDDEN) {
		struct err why = c->err;

		return attempt_event(c, id, t->out->code, "%s", why.text);
	}
	if (rc != RC_OK)
		return rc;
	if (is_other(t->a, &t->who))
		return other_person(c, t->a, t->out);
	t->user = t->who.user_identifier;
	if (t->a->again && (rc = person_may_enroll(c, &t->who, t->a->enrollment.family)) != RC_OK)
		return rc == RC_FORBIDDEN ? not_any_more(c, t) : rc;
	if (t->person->groups_unknown != NULL &&
	    (rc = attempt_event(c, id, EV_provider_groups_kept, "%s", t->person->groups_unknown)) != RC_OK)
		return rc;
	rc = idp_keep(c, t->provider, t->person, id, t->who.id);
	return rc == RC_OK ? signed_in(c, t) : rc;
}

enum rc
signin_proven(struct call *c, const struct signin_attempt *a, const struct signin_form *f, const struct provider *p,
    const struct idp_person *who, struct signin_result *out)
{
	struct trial t = { .a = a, .f = f, .provider = p, .person = who, .out = out };
	enum rc rc;

	*out = (struct signin_result){ 0 };
	rc = store_unit(c, proven, &t);
	if (rc != RC_NOT_FOUND)
		return rc;
	out->code = EV_signin_finished; /* its enrollment ended meanwhile */
	return attempt_event(c, a->attempt.id, out->code, NULL);
}
