#include "enroll/grant.h"

#include <string.h>

#include "account/policy.h"
#include "crypto/hash.h"
#include "enroll/pass.h"
#include "store/store.h"

/* Tokens are rows keyed by SHA-256, of three kinds. `access` and `refresh` are what their names say. A
 * refresh token is written FAMILY.SECRET: SECRET changes with every rotation, FAMILY stays with the grant
 * and has a row of kind `family`. So old refresh tokens need not be kept to notice that one came back:
 * whoever shows the family with a secret that is not there held a real one once. */

#define SIBLINGS 4 /* rows of one kind and generation: a phone may lose an answer more than once */

static void
grant_read(struct grant *g, const struct db_rows *r, int row, int column)
{
	*g = (struct grant){
		.id = db_get_text(r, row, column),
		.organization_id = db_get_text(r, row, column + 1),
		.account_id = db_get_text(r, row, column + 2),
		.attempt_id = db_get_text(r, row, column + 3),
		.enrollment_id = db_get_text(r, row, column + 4),
		.method = db_get_text(r, row, column + 5),
		.client_id = db_get_text(r, row, column + 6),
		.scope = db_get_text(r, row, column + 7),
		.generation = db_get_int(r, row, column + 8),
		.created_at = db_get_int(r, row, column + 9),
		.used_at = db_get_int(r, row, column + 10),
		.ends_at = db_get_int(r, row, column + 11),
		.revoked_at = db_get_int(r, row, column + 12),
		.revoked_why = db_get_text(r, row, column + 13),
		.confirmed = db_get_int(r, row, column + 14) != 0,
	};
}

/* ---- issuing ---- */

static enum rc
put_token(struct call *c, const struct grant *g, const char *kind, const char *token, int64_t expires_at)
{
	return store_run(c,
	    "INSERT INTO oauth_token (hash, kind, grant_id, generation, issued_at, expires_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	    DB_ARGS(db_blob(crypto_sha256_text(c->arena, token)), db_text(kind), db_text(g->id), db_int(g->generation),
		db_int(c->now), db_int(expires_at)),
	    NULL);
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* What holds for one person: the organization's settings, or their groups' where those are stricter. */
struct lives {
	int64_t access_s, web_s, idle_s, longest_s, spread;
	const char *longest_by; /* NULL: the organization */
};

static enum rc
lives_of(struct call *c, const struct organization *o, const struct grant *g, struct lives *out)
{
	struct policy p;
	enum rc rc = policy_of(c, g->organization_id, g->account_id, &p);

	*out = (struct lives){
		.access_s = policy_hold(&p, POLICY_ACCESS_TOKEN_LIFE, o->access_token_life_s, NULL),
		.idle_s = policy_hold(&p, POLICY_REFRESH_IDLE, o->refresh_idle_s, NULL),
		.spread = policy_hold(&p, POLICY_SPREAD, o->spread, NULL),
	};
	/* A web token can't be renewed: the organization's setting for how long renewals go on is not about it. */
	out->web_s = policy_hold(&p, POLICY_WEB_TOKEN_LIFE, o->web_token_life_s, NULL);
	out->web_s = policy_hold(&p, POLICY_LONGEST, out->web_s, NULL);
	out->longest_s = policy_hold(&p, POLICY_LONGEST, o->refresh_max_s, &out->longest_by);
	return rc;
}

/* An access token and, with a family, the refresh token of the grant's generation. */
static enum rc
issue(struct call *c, const struct lives *l, const struct grant *g, const char *family, struct grant_tokens *out)
{
	int64_t life_s = family != NULL ? sooner(l->access_s, g->ends_at - c->now) : g->ends_at - c->now;
	enum rc rc;

	*out = (struct grant_tokens){ .access = crypto_token(c->arena), .expires_in_s = life_s };
	rc = put_token(c, g, "access", out->access, c->now + life_s);
	if (rc != RC_OK || family == NULL)
		return rc;
	out->refresh = arena_printf(c->arena, "%s.%s", family, crypto_token(c->arena));
	return put_token(c, g, "refresh", out->refresh, sooner(c->now + l->idle_s, g->ends_at));
}

/* A fleet that enrolled on one day is not to sign in again on one day, and no token outlives its life. */
static int64_t
spread(int64_t life_s, int64_t percent)
{
	uint32_t random;

	crypto_random(&random, sizeof random);
	return life_s - (int64_t)((double)life_s * (double)percent / 100 * random / UINT32_MAX);
}

/* The enrollment that an attempt to sign in again is for; NULL for an attempt to enroll. */
static enum rc
enrollment_of(struct call *c, const char *attempt_id, const char **enrollment_id)
{
	struct db_rows r;
	enum rc rc;

	*enrollment_id = NULL;
	rc = store_run(c,
	    "SELECT a.kind, a.state, a.enrollment_id, e.ended_at FROM attempt a"
	    " LEFT JOIN enrollment e ON e.id = a.enrollment_id WHERE a.id = ?1",
	    DB_ARGS(db_text(attempt_id)), &r);
	if (rc != RC_OK || r.rows == 0)
		return rc;
	/* A code may have been on its way when the end came. */
	if (strcmp(db_get_text(&r, 0, 1), "ended") == 0)
		return fail(&c->err, RC_NOT_FOUND, "the enrollment that this sign-in was for has ended");
	if (strcmp(db_get_text(&r, 0, 0), "reauth") != 0)
		return RC_OK;
	if (db_is_null(&r, 0, 2) || !db_is_null(&r, 0, 3))
		return fail(&c->err, RC_NOT_FOUND, "the enrollment to sign in again for has ended");
	*enrollment_id = db_get_text(&r, 0, 2);
	return RC_OK;
}

/* A new sign-in takes the place of what the same attempt or enrollment had before. */
static enum rc
replace_earlier(struct call *c, const struct grant *g)
{
	enum rc rc;

	rc = store_run(c,
	    "UPDATE oauth_grant SET revoked_at = ?2, revoked_why = 'replaced'"
	    " WHERE attempt_id = ?1 AND enrollment_id IS NULL AND revoked_at IS NULL",
	    DB_ARGS(db_text(g->attempt_id), db_int(c->now)), NULL);
	if (rc != RC_OK || g->enrollment_id == NULL)
		return rc;
	rc = grant_revoke_enrollment(c, g->enrollment_id, "signed-in-again", NULL);
	if (rc != RC_OK)
		return rc;
	return store_run(c,
	    "UPDATE enrollment SET grant_id = ?2, state = CASE WHEN state = 'reauth' THEN 'enrolled' ELSE state END"
	    " WHERE id = ?1",
	    DB_ARGS(db_text(g->enrollment_id), db_text(g->id)), NULL);
}

enum rc
grant_start(struct call *c, const struct organization *o, struct grant *g, struct grant_tokens *out)
{
	bool web = strcmp(g->method, "apple-as-web") == 0;
	const char *family = web ? NULL : crypto_token(c->arena);
	struct lives l;
	enum rc rc = lives_of(c, o, g, &l);

	if (rc != RC_OK)
		return rc;
	g->id = crypto_id(c->arena);
	g->generation = 1;
	g->confirmed = false;
	g->created_at = g->used_at = c->now;
	g->ends_at = c->now + (web ? spread(l.web_s, l.spread) : l.longest_s);
	g->revoked_at = 0;
	g->revoked_why = NULL;
	if ((rc = enrollment_of(c, g->attempt_id, &g->enrollment_id)) != RC_OK || (rc = replace_earlier(c, g)) != RC_OK)
		return rc;
	rc = store_run(c,
	    "INSERT INTO oauth_grant (id, organization_id, account_id, attempt_id, enrollment_id, method, client_id,"
	    "  scope, generation, confirmed, created_at, used_at, ends_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10, ?11)",
	    DB_ARGS(db_text(g->id), db_text(g->organization_id), db_text(g->account_id), db_text(g->attempt_id),
		db_text(g->enrollment_id), db_text(g->method), db_text(g->client_id), db_text(g->scope),
		db_int(g->generation), db_int(c->now), db_int(g->ends_at)),
	    NULL);
	if (rc == RC_OK && family != NULL)
		rc = put_token(c, g, "family", family, g->ends_at);
	return rc == RC_OK ? issue(c, &l, g, family, out) : rc;
}

/* ---- refreshing ---- */

struct refresh {
	const char *token, *client_id;
	struct grant *g;
	struct grant_tokens *out;
};

struct shown { /* what a refresh token turned out to be */
	int64_t generation, expires_at;
	bool live; /* its own row is there; else only its family's */
	bool disabled; /* its person is, or is gone */
};

static enum rc
look_up(struct call *c, const char *kind, const char *token, struct grant *g, struct shown *out)
{
	struct db_rows r;
	enum rc rc;

	rc = store_run(c,
	    "SELECT " GRANT_COLUMNS ", t.generation, t.expires_at, a.id, a.disabled_at FROM oauth_token t"
	    " JOIN oauth_grant g ON g.id = t.grant_id LEFT JOIN account a ON a.id = g.account_id"
	    " WHERE t.hash = ?1 AND t.kind = ?2",
	    DB_ARGS(db_blob(crypto_sha256_text(c->arena, token)), db_text(kind)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the %s token is unknown", kind);
	grant_read(g, &r, 0, 0);
	*out = (struct shown){
		.generation = db_get_int(&r, 0, GRANT_N_COLUMNS),
		.expires_at = db_get_int(&r, 0, GRANT_N_COLUMNS + 1),
		.live = true,
		.disabled = db_is_null(&r, 0, GRANT_N_COLUMNS + 2) || !db_is_null(&r, 0, GRANT_N_COLUMNS + 3),
	};
	return RC_OK;
}

/* By its own row, else by its family's. */
static enum rc
recognize(struct call *c, const char *token, const char *family, struct grant *g, struct shown *out)
{
	enum rc rc = look_up(c, "refresh", token, g, out);

	if (rc != RC_NOT_FOUND)
		return rc;
	rc = look_up(c, "family", family, g, out);
	out->live = false;
	return rc;
}

/* Good are the newest generation, and the one before until something of the newest was used. */
bool
grant_in_turn(const struct grant *g, int64_t generation)
{
	return generation == g->generation || (generation == g->generation - 1 && !g->confirmed);
}

/* What is too old to be of use, and siblings past the few that lost answers can explain. */
static enum rc
tidy(struct call *c, const struct grant *g)
{
	static const char *const kinds[] = { "access", "refresh" };
	enum rc rc = store_run(c,
	    "DELETE FROM oauth_token WHERE grant_id = ?1 AND kind IN ('access', 'refresh') AND generation < ?2",
	    DB_ARGS(db_text(g->id), db_int(g->generation - 1)), NULL);

	for (size_t i = 0; rc == RC_OK && i < sizeof kinds / sizeof kinds[0]; i++)
		rc = store_run(c,
		    "DELETE FROM oauth_token WHERE grant_id = ?1 AND kind = ?2 AND generation = ?3 AND hash NOT IN"
		    " (SELECT hash FROM oauth_token WHERE grant_id = ?1 AND kind = ?2 AND generation = ?3"
		    "  ORDER BY issued_at DESC, hash LIMIT ?4)",
		    DB_ARGS(db_text(g->id), db_text(kinds[i]), db_int(g->generation), db_int(SIBLINGS - 1)), NULL);
	return rc;
}

static enum rc
rotate(struct call *c, const struct shown *t, const char *family, struct grant *g, struct grant_tokens *out)
{
	struct organization o;
	struct lives l;
	enum rc rc;

	if ((rc = organization_get(c, g->organization_id, &o)) != RC_OK || (rc = lives_of(c, &o, g, &l)) != RC_OK)
		return rc;
	/* What was set since the person signed in holds, too. */
	g->ends_at = sooner(g->ends_at, g->created_at + l.longest_s);
	if (g->ends_at <= c->now)
		return fail(&c->err, RC_NOT_FOUND, "the longest time without a full sign-in is over (%s%s)",
		    l.longest_by != NULL ? "group " : "the organization's",
		    l.longest_by != NULL ? l.longest_by : " setting");
	/* The one before came back: its answer was lost. It gets another token of the newest generation
	 * beside the lost one, since two answers under way may arrive in either order. */
	if (t->generation == g->generation)
		g->generation++;
	g->confirmed = false;
	g->used_at = c->now;
	rc = store_run(c,
	    "UPDATE oauth_grant SET generation = ?2, confirmed = 0, used_at = ?3, ends_at = ?4 WHERE id = ?1",
	    DB_ARGS(db_text(g->id), db_int(g->generation), db_int(c->now), db_int(g->ends_at)), NULL);
	if (rc == RC_OK && g->enrollment_id != NULL)
		rc = pass_take_enrollment(c, g->enrollment_id);
	if (rc == RC_OK)
		rc = tidy(c, g);
	return rc == RC_OK ? issue(c, &l, g, family, out) : rc;
}

/* An old token came back. Where the newest has expired by itself it is no news that this one has, too: a
 * phone that lay in a drawer for months. */
static enum rc
out_of_turn(struct call *c, struct grant *g)
{
	struct db_rows r;
	enum rc rc;

	rc = store_run(c,
	    "SELECT generation FROM oauth_token WHERE grant_id = ?1 AND kind = 'refresh' AND expires_at > ?2 LIMIT 1",
	    DB_ARGS(db_text(g->id), db_int(c->now)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the refresh token is expired");
	if ((rc = grant_revoke(c, g->id, "refresh-reused")) != RC_OK)
		return rc;
	g->revoked_at = c->now;
	g->revoked_why = "refresh-reused";
	return fail(&c->err, RC_CONFLICT, "an old refresh token came back: the grant is revoked");
}

static enum rc
refresh(struct call *c, void *arg)
{
	const struct refresh *in = arg;
	struct grant *g = in->g;
	const char *dot = strchr(in->token, '.');
	const char *family = arena_strndup(c->arena, in->token, dot != NULL ? (size_t)(dot - in->token) : 0);
	struct shown t = { 0 };
	enum rc rc;

	*g = (struct grant){ 0 };
	*in->out = (struct grant_tokens){ 0 };
	if ((rc = recognize(c, in->token, family, g, &t)) != RC_OK)
		return rc;
	if (g->client_id == NULL || strcmp(g->client_id, in->client_id) != 0)
		return fail(&c->err, RC_FORBIDDEN, "the refresh token was issued to another client");
	if (g->revoked_at != 0)
		return fail(&c->err, RC_NOT_FOUND, "the grant is revoked");
	if (!t.live || !grant_in_turn(g, t.generation))
		return out_of_turn(c, g);
	if (t.disabled)
		return fail(&c->err, RC_NOT_FOUND, "the person is disabled");
	if (t.expires_at <= c->now || g->ends_at <= c->now)
		return fail(&c->err, RC_NOT_FOUND, "the refresh token is expired");
	return rotate(c, &t, family, g, in->out);
}

enum rc
grant_refresh(
    struct call *c, const char *refresh_token, const char *client_id, struct grant *g, struct grant_tokens *out)
{
	struct refresh in = { refresh_token, client_id, g, out };

	return store_part(c, refresh, &in);
}

/* ---- using ---- */

struct bytes
grant_token_hash(struct call *c, const char *token)
{
	return crypto_sha256_text(c->arena, token);
}

void
grant_bearer_read(struct call *c, struct grant_bearer *out, const struct db_rows *r, int row, int column)
{
	int after = column + GRANT_N_COLUMNS;

	grant_read(&out->grant, r, row, column);
	out->generation = db_get_int(r, row, after);
	out->expires_at = db_get_int(r, row, after + 1);
	out->expired = out->expires_at <= c->now;
	out->revoked = out->grant.revoked_at != 0;
	out->account_disabled = db_is_null(r, row, after + 2) || !db_is_null(r, row, after + 3);
	out->user_identifier = db_get_text(r, row, after + 4);
	out->managed_apple_account = db_get_text(r, row, after + 5);
}

enum rc
grant_find(struct call *c, const char *access_token, struct grant_bearer *out)
{
	struct db_rows r;
	enum rc rc;

	*out = (struct grant_bearer){ 0 };
	rc = store_run(c,
	    "SELECT " GRANT_BEARER_COLUMNS " FROM oauth_token t"
	    " JOIN oauth_grant g ON g.id = t.grant_id LEFT JOIN account a ON a.id = g.account_id"
	    " WHERE t.hash = ?1 AND t.kind = 'access'",
	    DB_ARGS(db_blob(grant_token_hash(c, access_token))), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the access token is unknown");
	grant_bearer_read(c, out, &r, 0, 0);
	return RC_OK;
}

enum rc
grant_confirm(struct call *c, const char *grant_id, int64_t generation)
{
	return store_run(c, "UPDATE oauth_grant SET confirmed = 1 WHERE id = ?1 AND generation = ?2 AND confirmed = 0",
	    DB_ARGS(db_text(grant_id), db_int(generation)), NULL);
}

struct bind {
	const char *grant_id, *enrollment_id;
};

static enum rc
bind(struct call *c, void *arg)
{
	const struct bind *in = arg;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c,
	    "UPDATE oauth_grant SET enrollment_id = ?2"
	    " WHERE id = ?1 AND (enrollment_id IS NULL OR enrollment_id = ?2) RETURNING id",
	    DB_ARGS(db_text(in->grant_id), db_text(in->enrollment_id)), &r);
	if (rc != RC_OK || r.rows > 0)
		return rc;
	rc = store_run(c, "SELECT id FROM oauth_grant WHERE id = ?1", DB_ARGS(db_text(in->grant_id)), &r);
	if (rc != RC_OK)
		return rc;
	return r.rows > 0 ? fail(&c->err, RC_CONFLICT, "the grant is bound to another enrollment")
			  : fail(&c->err, RC_NOT_FOUND, "there is no such grant");
}

enum rc
grant_bind(struct call *c, const char *grant_id, const char *enrollment_id)
{
	struct bind in = { grant_id, enrollment_id };

	return store_part(c, bind, &in);
}

/* ---- ending ---- */

struct revocation {
	const char *sql, *key, *why;
	enum rc (*take)(struct call *c, const char *key); /* the passes of what is revoked */
	int n;
};

static enum rc
revoke(struct call *c, void *arg)
{
	struct revocation *v = arg;
	struct db_rows r;
	enum rc rc = store_run(c, v->sql, DB_ARGS(db_text(v->key), db_int(c->now), db_text(v->why)), &r);

	v->n = rc == RC_OK ? r.changed : 0;
	return rc == RC_OK && v->n > 0 ? v->take(c, v->key) : rc;
}

#define REVOKE "UPDATE oauth_grant SET revoked_at = ?2, revoked_why = ?3 WHERE revoked_at IS NULL AND "

static enum rc
revoke_all(struct call *c, struct revocation *v, int *n)
{
	enum rc rc = store_part(c, revoke, v);

	if (n != NULL)
		*n = rc == RC_OK ? v->n : 0;
	return rc;
}

enum rc
grant_revoke(struct call *c, const char *grant_id, const char *why)
{
	struct revocation v = { REVOKE "id = ?1", grant_id, why, pass_take_grant, 0 };

	return revoke_all(c, &v, NULL);
}

enum rc
grant_revoke_account(struct call *c, const char *account_id, const char *why, int *n)
{
	struct revocation v = { REVOKE "account_id = ?1", account_id, why, pass_take_account, 0 };

	return revoke_all(c, &v, n);
}

enum rc
grant_revoke_enrollment(struct call *c, const char *enrollment_id, const char *why, int *n)
{
	struct revocation v = { REVOKE "enrollment_id = ?1", enrollment_id, why, pass_take_enrollment, 0 };

	return revoke_all(c, &v, n);
}

enum rc
grant_list(struct call *c, const char *organization_id, const char *account_id, const char *enrollment_id,
    const struct db_page *page, struct grant **out, int *n)
{
	struct db_rows r;
	enum rc rc;

	*n = 0;
	rc = store_run(c,
	    "SELECT " GRANT_COLUMNS " FROM oauth_grant g"
	    " WHERE (?1 = '' OR g.organization_id = ?1) AND (?2 = '' OR g.account_id = ?2) AND g.created_at <= ?3"
	    " AND (?6 = '' OR g.enrollment_id = ?6) AND (g.created_at < ?3 OR g.id < ?5)"
	    " ORDER BY g.created_at DESC, g.id DESC LIMIT ?4",
	    DB_ARGS(db_text(organization_id != NULL ? organization_id : ""),
		db_text(account_id != NULL ? account_id : ""), db_int(page->before != 0 ? page->before : INT64_MAX),
		db_int(page->limit), db_text(page->id != NULL ? page->id : ""),
		db_text(enrollment_id != NULL ? enrollment_id : "")),
	    &r);
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		grant_read(&(*out)[*n], &r, *n, 0);
	return RC_OK;
}
