#include "oauth/token.h"

#include <string.h>

#include "account/account.h"
#include "enroll/attempt.h"
#include "enroll/challenge.h"
#include "idp/liveness.h"
#include "store/store.h"

/* A device renews every hour: the first times are told, then about one a day. */
#define TELL_FIRST 4
#define TELL_EVERY 24

struct exchange {
	const struct oauth_redeem *in;
	struct grant_tokens *out;
};

/* The event must be written before its refusal is answered; a store that is gone is the worse news. */
static enum rc
refuse(struct call *c, enum rc rc, const char *attempt_id, enum enroll_code code)
{
	struct err why = c->err;
	enum rc wrote = attempt_event(c, attempt_id, code, "%s", why.text);

	if (wrote != RC_OK)
		return wrote;
	c->err = why;
	return rc;
}

static enum rc
person_may(struct call *c, const char *account_id)
{
	struct account who;
	enum rc rc = account_get(c, account_id, &who);

	if (rc == RC_OK && who.disabled_at != 0)
		return fail(&c->err, RC_NOT_FOUND, "the person was disabled after signing in");
	return rc;
}

static enum rc
begin_grant(struct call *c, const struct oauth_code *code, struct grant *g, struct grant_tokens *out)
{
	struct organization o;
	enum rc rc;

	*g = (struct grant){
		.organization_id = code->organization_id,
		.account_id = code->account_id,
		.attempt_id = code->attempt_id,
		.method = "apple-oauth2",
		.client_id = code->client_id,
		.scope = code->scope,
	};
	if ((rc = person_may(c, code->account_id)) != RC_OK)
		return rc;
	if ((rc = organization_get(c, code->organization_id, &o)) != RC_OK)
		return rc;
	return grant_start(c, &o, g, out);
}

static enum rc
exchange(struct call *c, void *arg)
{
	const struct exchange *x = arg;
	struct oauth_code code;
	struct grant g;
	enum rc rc;

	*x->out = (struct grant_tokens){ 0 };
	rc = oauth_code_redeem(c, x->in, &code);
	if (rc == RC_CONFLICT)
		return refuse(c, rc, code.attempt_id, EV_code_replayed);
	if (rc == RC_FORBIDDEN)
		return refuse(c, rc, code.attempt_id, EV_code_mismatch);
	if (rc == RC_OK)
		rc = begin_grant(c, &code, &g, x->out);
	if (rc == RC_NOT_FOUND)
		return refuse(c, rc, code.attempt_id, EV_code_invalid);
	if (rc == RC_OK)
		rc = oauth_code_redeemed(c, x->in->code, g.id);
	if (rc == RC_OK)
		rc = attempt_event(c, g.attempt_id, EV_token_issued, NULL);
	if (rc == RC_OK && g.enrollment_id != NULL)
		rc = attempt_event(c, g.attempt_id, EV_signed_in_again, NULL);
	return rc;
}

enum rc
token_exchange(struct call *c, const struct oauth_redeem *in, struct grant_tokens *out)
{
	struct exchange x = { in, out };

	return store_unit(c, exchange, &x);
}

struct refresh {
	const char *token, *client_id;
	struct grant_tokens *out;
};

static enum rc
refresh(struct call *c, void *arg)
{
	const struct refresh *x = arg;
	struct grant g;
	enum rc rc = grant_refresh(c, x->token, x->client_id, &g, x->out);

	switch (rc) {
	case RC_OK:
		if ((rc = idp_due(c, g.attempt_id)) != RC_OK)
			return rc;
		if (g.generation > TELL_FIRST && g.generation % TELL_EVERY != 0)
			return RC_OK;
		return attempt_event(c, g.attempt_id, EV_token_refreshed, NULL);
	case RC_CONFLICT:
		return refuse(c, rc, g.attempt_id, EV_refresh_reused);
	case RC_NOT_FOUND:
	case RC_FORBIDDEN:
		return refuse(c, rc, g.attempt_id, EV_refresh_invalid);
	default:
		return rc;
	}
}

enum rc
token_refresh(struct call *c, const char *refresh_token, const char *client_id, struct grant_tokens *out)
{
	struct refresh x = { refresh_token, client_id, out };

	return store_unit(c, refresh, &x);
}

struct revocation {
	const char *token, *client_id;
};

static enum rc
revoke(struct call *c, void *arg)
{
	const struct revocation *x = arg;
	struct grant_shown s;
	const struct grant *g = &s.bearer.grant;
	enum rc rc = grant_show(c, x->token, &s);

	if (rc != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	/* An apple-as-web token was issued to no client: whoever holds it may end it. */
	if (g->client_id != NULL && strcmp(g->client_id, x->client_id) != 0)
		return fail(&c->err, RC_FORBIDDEN, "the token was issued to another client");
	if (g->revoked_at != 0)
		return RC_OK;
	rc = grant_revoke(c, g->id, "client-revoked");
	return rc == RC_OK ? attempt_event(c, g->attempt_id, EV_client_revoked, NULL) : rc;
}

enum rc
token_revoke(struct call *c, const char *token, const char *client_id)
{
	struct revocation x = { token, client_id };

	return store_unit(c, revoke, &x);
}
