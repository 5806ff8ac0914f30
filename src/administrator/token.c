#include "administrator/token.h"

#include <string.h>

#include "crypto/hash.h"
#include "store/store.h"

#define NAME_MAX_OCTETS 100
#define USED_STEP_S 3600 /* the last use is written once in so long: most requests write nothing */
#define COLUMNS \
	"id, name, role, organization_id, created_by, created_at, expires_at, COALESCE(used_at, 0), " \
	"COALESCE(revoked_at, " \
	"0)"

static void
read_row(struct api_token *t, const struct db_rows *r, int row)
{
	*t = (struct api_token){
		.id = db_get_text(r, row, 0),
		.name = db_get_text(r, row, 1),
		.organization_id = db_get_text(r, row, 3),
		.created_by = db_get_text(r, row, 4),
		.created_at = db_get_int(r, row, 5),
		.expires_at = db_get_int(r, row, 6),
		.used_at = db_get_int(r, row, 7),
		.revoked_at = db_get_int(r, row, 8),
	};
	/* A role that a newer version wrote may nothing here. */
	(void)actor_role_parse(db_get_text(r, row, 2), &t->role);
}

struct add {
	struct api_token *t;
	struct bytes hash;
};

static enum rc
add_in_unit(struct call *c, void *arg)
{
	static const char sql[] = "INSERT INTO api_token (id, name, role, organization_id, created_by, created_at,"
				  " expires_at, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
	const struct add *in = arg;
	const struct api_token *t = in->t;
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT COUNT(*) FROM api_token", DB_NONE, &r);

	if (rc == RC_OK && db_get_int(&r, 0, 0) >= API_TOKENS_MAX)
		return fail(&c->err, RC_TOO_LARGE, "there are %d tokens, which is the most", API_TOKENS_MAX);
	if (rc == RC_OK)
		rc = store_run(c, sql,
		    DB_ARGS(db_text(t->id), db_text(t->name), db_text(actor_role_name(t->role)),
			db_text(t->organization_id), db_text(t->created_by), db_int(t->created_at),
			db_int(t->expires_at), db_blob(in->hash)),
		    NULL);
	return rc == RC_CONFLICT
		   ? fail(&c->err, rc, "there is a token %.100s: revoke it, or take another name", t->name)
		   : rc;
}

enum rc
api_token_add(struct call *c, struct api_token *t, const char **secret)
{
	struct add in = { .t = t };
	size_t n = strlen(t->name);

	if (n == 0 || n > NAME_MAX_OCTETS || strpbrk(t->name, "\r\n") != NULL)
		return fail(&c->err, RC_BAD_INPUT, "a token's name is one line of 1 to %d octets", NAME_MAX_OCTETS);
	if (t->expires_at <= c->now || t->expires_at > c->now + API_TOKEN_LIFE_MAX_S)
		return fail(&c->err, RC_BAD_INPUT, "a token lives for ten years at most");
	t->id = crypto_id(c->arena);
	t->created_at = c->now;
	*secret = arena_printf(c->arena, API_TOKEN_PREFIX "%s", crypto_token(c->arena));
	in.hash = crypto_sha256_text(c->arena, *secret);
	return store_unit(c, add_in_unit, &in);
}

enum rc
api_token_find(struct call *c, const char *secret, struct api_token *out)
{
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;

	if (strlen(secret) <= API_TOKEN_SECRET_MAX)
		rc = store_run(c, "SELECT " COLUMNS " FROM api_token WHERE hash = ?1 AND revoked_at IS NULL",
		    DB_ARGS(db_blob(crypto_sha256_text(c->arena, secret))), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_UNAUTHENTICATED, "the token is not known, or revoked");
	read_row(out, &r, 0);
	if (out->expires_at <= c->now)
		return fail(&c->err, RC_UNAUTHENTICATED, "the token %.100s has expired: make a new one", out->name);
	if (out->used_at > c->now - USED_STEP_S)
		return RC_OK;
	return store_run(c, "UPDATE api_token SET used_at = ?2 WHERE id = ?1",
	    DB_ARGS(db_text(out->id), db_int(c->now - c->now % USED_STEP_S)), NULL);
}

enum rc
api_token_list(struct call *c, const char *organization_id, struct api_token **out, int *n)
{
	struct db_rows r;
	enum rc rc;

	*n = 0;
	rc = store_run(c,
	    "SELECT " COLUMNS " FROM api_token WHERE ?1 = '' OR organization_id = ?1 ORDER BY name, created_at, id",
	    DB_ARGS(db_text(organization_id != NULL ? organization_id : "")), &r);
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		read_row(&(*out)[*n], &r, *n);
	return RC_OK;
}

enum rc
api_token_revoke(struct call *c, const char *organization_id, const char *which, struct api_token *out)
{
	static const char sql[] = "UPDATE api_token SET revoked_at = ?3 WHERE (id = ?1 OR name = ?1)"
				  " AND revoked_at IS NULL AND (?2 = '' OR organization_id = ?2) RETURNING " COLUMNS;
	struct db_rows r;
	enum rc rc = store_run(c, sql,
	    DB_ARGS(db_text(which), db_text(organization_id != NULL ? organization_id : ""), db_int(c->now)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND,
		    "there is no token %.100s that could be revoked (postern api-token list)", which);
	read_row(out, &r, 0);
	return RC_OK;
}
