#include "oauth/code.h"

#include <string.h>

#include "crypto/hash.h"
#include "enroll/grant.h"
#include "store/store.h"

enum rc
oauth_code_issue(struct call *c, const struct oauth_code *g, const char **code)
{
	*code = crypto_token(c->arena);
	return store_run(c,
	    "INSERT INTO oauth_code (hash, organization_id, account_id, attempt_id, client_id, redirect_uri, scope,"
	    "  challenge, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	    DB_ARGS(db_blob(crypto_sha256_text(c->arena, *code)), db_text(g->organization_id), db_text(g->account_id),
		db_text(g->attempt_id), db_text(g->client_id), db_text(g->redirect_uri), db_text(g->scope),
		db_text(g->challenge), db_int(c->now + OAUTH_CODE_TTL)),
	    NULL);
}

#define COLUMNS \
	"organization_id, account_id, attempt_id, client_id, redirect_uri, scope, challenge, expires_at, grant_id"

static void
read_row(const struct db_rows *r, struct oauth_code *g)
{
	*g = (struct oauth_code){
		.organization_id = db_get_text(r, 0, 0),
		.account_id = db_get_text(r, 0, 1),
		.attempt_id = db_get_text(r, 0, 2),
		.client_id = db_get_text(r, 0, 3),
		.redirect_uri = db_get_text(r, 0, 4),
		.scope = db_get_text(r, 0, 5),
		.challenge = db_get_text(r, 0, 6),
	};
}

/* Not spendable: unknown, or used before. Then somebody saw it: what the first use got is revoked
 * (RFC 6749 4.1.2). */
static enum rc
spent_before(struct call *c, struct bytes hash, struct oauth_code *g)
{
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, "SELECT " COLUMNS " FROM oauth_code WHERE hash = ?1", DB_ARGS(db_blob(hash)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the code is unknown");
	read_row(&r, g);
	if (!db_is_null(&r, 0, 8) && (rc = grant_revoke(c, db_get_text(&r, 0, 8), "code-replayed")) != RC_OK)
		return rc;
	return fail(&c->err, RC_CONFLICT, "the code was used before");
}

static bool
verifier_ok(struct call *c, const char *challenge, const char *verifier)
{
	/* A verifier without a challenge is a request of which somebody took the challenge away
	 * (RFC 9700 4.8). */
	if (challenge == NULL || verifier == NULL)
		return challenge == NULL && verifier == NULL;
	return crypto_equal(challenge, crypto_s256(c->arena, verifier));
}

enum rc
oauth_code_redeem(struct call *c, const struct oauth_redeem *in, struct oauth_code *g)
{
	struct bytes hash = crypto_sha256_text(c->arena, in->code);
	struct db_rows r;
	enum rc rc;

	*g = (struct oauth_code){ 0 };
	/* Spending the row and reading it are one statement, so of two racing requests one wins. The row
	 * stays: a second use must be noticed. */
	rc = store_run(c, "UPDATE oauth_code SET spent_at = ?2 WHERE hash = ?1 AND spent_at IS NULL RETURNING " COLUMNS,
	    DB_ARGS(db_blob(hash), db_int(c->now)), &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "redeem code");
	if (r.rows == 0)
		return spent_before(c, hash, g);
	read_row(&r, g);
	if (db_get_int(&r, 0, 7) <= c->now)
		return fail(&c->err, RC_NOT_FOUND, "the code is expired");
	if (strcmp(g->client_id, in->client_id) != 0)
		return fail(&c->err, RC_FORBIDDEN, "the code was issued to another client");
	if (in->redirect_uri == NULL || strcmp(g->redirect_uri, in->redirect_uri) != 0)
		return fail(&c->err, RC_FORBIDDEN, "the code was issued for another redirect URI");
	if (!verifier_ok(c, g->challenge, in->verifier))
		return fail(&c->err, RC_FORBIDDEN, "the PKCE verifier does not match");
	return RC_OK;
}

enum rc
oauth_code_redeemed(struct call *c, const char *code, const char *grant_id)
{
	return store_run(c, "UPDATE oauth_code SET grant_id = ?2 WHERE hash = ?1",
	    DB_ARGS(db_blob(crypto_sha256_text(c->arena, code)), db_text(grant_id)), NULL);
}
