#include "enroll/challenge.h"

#include <string.h>

#include "config/config.h"
#include "crypto/hash.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "store/store.h"

#define AGAIN "r-" /* and the id: the path of an attempt to sign in again */
#define AGAIN_LENGTH 18 /* a sealed string may begin the same way by chance, but is never as short */

const char *
challenge_value(struct arena *a, const char *base, const char *method, const char *attempt)
{
	/* State travels in the path: the client drops any query of apple-as-web's url (protocol 4.2). */
	if (strcmp(method, "apple-as-web") == 0)
		return arena_printf(a, "Bearer method=\"apple-as-web\", url=\"%s/signin/%s\"", base, attempt);
	return arena_printf(a,
	    "Bearer method=\"apple-oauth2\", authorization-url=\"%s/oauth2/authorize?attempt=%s\","
	    " token-url=\"%s/oauth2/token\", redirect-url=\"" CHALLENGE_REDIRECT "\", client-id=\"" CHALLENGE_CLIENT_ID
	    "\", scope=\"" CHALLENGE_SCOPE "\"",
	    base, attempt, base);
}

const char *
challenge_esso_url(struct arena *a, const char *base, const char *organization_id, bool developer)
{
	return arena_printf(a, "%s/esso/%s%s", base, organization_id, developer ? "/developer" : "");
}

static void
add_header(struct challenge *out, const char *name, const char *value)
{
	out->header[out->n++] = (struct challenge_header){ name, value };
}

enum rc
challenge_make(
    struct call *c, const char *organization_id, const char *method, const char *attempt, struct challenge *out)
{
	static const char *const names[] = { "X-Apple-MDM-ESSO", "X-Apple-MDM-ESSO-Developer" };
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT developer FROM esso_document WHERE organization_id = ?1 ORDER BY developer",
	    DB_ARGS(db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	*out = (struct challenge){ .n = 0 };
	add_header(out, "WWW-Authenticate", challenge_value(c->arena, c->conf->url, method, attempt));
	for (int i = 0; i < r.rows && out->n < 3; i++) {
		bool developer = db_get_int(&r, i, 0) != 0;

		add_header(
		    out, names[developer], challenge_esso_url(c->arena, c->conf->url, organization_id, developer));
	}
	return RC_OK;
}

/* ---- the attempt of a path ---- */

/* The organization of a sealed string whose row is missing: by the identifier's domain; without an
 * identifier only where there is no choice. */
static enum rc
organization_of(struct call *c, const struct attempt_seal *seal, struct organization *out)
{
	const char *at = seal->user_identifier != NULL ? strrchr(seal->user_identifier, '@') : NULL;
	struct organization *all;
	enum rc rc;
	int n;

	if (at != NULL)
		return organization_by_domain(c, at + 1, out);
	if ((rc = organization_list(c, &all, &n)) != RC_OK)
		return rc;
	if (n != 1)
		return fail(&c->err, RC_NOT_FOUND, "nothing says which organization this attempt is of");
	*out = all[0];
	return RC_OK;
}

static enum rc
open_sealed(struct call *c, const char *sealed, struct attempt *out)
{
	struct attempt_seal seal = { 0 };
	struct organization o = { 0 };
	struct attempt row = { .kind = "enroll" };
	enum rc rc;

	if ((rc = attempt_unseal(c, sealed, &seal)) != RC_OK)
		return rc;
	row.id = attempt_id(c->arena, sealed);
	if ((rc = attempt_get(c, row.id, out)) != RC_NOT_FOUND)
		return rc;
	if ((rc = organization_of(c, &seal, &o)) != RC_OK)
		return rc;
	row.organization_id = o.id;
	row.user_identifier = seal.user_identifier;
	row.model_family = seal.model_family;
	row.rule_id = seal.rule_id;
	if ((rc = attempt_open(c, &row)) != RC_OK)
		return rc;
	return attempt_get(c, row.id, out);
}

enum rc
challenge_attempt(struct call *c, const char *path_attempt, struct attempt *out)
{
	enum rc rc;

	if (strlen(path_attempt) > ATTEMPT_SEALED_MAX)
		return fail(&c->err, RC_BAD_INPUT, "the attempt in the path is too long");
	if (strlen(path_attempt) != AGAIN_LENGTH || strncmp(path_attempt, AGAIN, strlen(AGAIN)) != 0)
		return open_sealed(c, path_attempt, out);
	if ((rc = attempt_get(c, path_attempt + strlen(AGAIN), out)) != RC_OK)
		return rc;
	/* An id alone opens attempts to sign in again and no others: those need what discovery sealed. */
	if (strcmp(out->kind, "reauth") != 0)
		return fail(&c->err, RC_NOT_FOUND, "this attempt is none to sign in again");
	return RC_OK;
}

/* ---- signing in again ---- */

struct again {
	const struct enrollment *e;
	const char *method, *id;
};

static enum rc
find_or_make(struct call *c, void *arg)
{
	struct again *in = arg;
	const struct enrollment *e = in->e;
	const char *id = attempt_id(c->arena, crypto_token(c->arena));
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, "SELECT reauth_attempt_id FROM enrollment WHERE id = ?1", DB_ARGS(db_text(e->id)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no enrollment %s", e->id);
	if ((in->id = db_get_text(&r, 0, 0)) != NULL)
		return store_run(c, "UPDATE attempt SET method = ?2 WHERE id = ?1 AND (method IS NULL OR method <> ?2)",
		    DB_ARGS(db_text(in->id), db_text(in->method)), NULL);

	/* Written here and not by attempt_open: caps on strangers' attempts don't hold for an enrolled
	 * device. Its person is known from the start, and nobody else may finish it. */
	rc = store_run(c,
	    "INSERT INTO attempt (id, organization_id, kind, user_identifier, account_id, model_family, product,"
	    "  os_version, mode, method, state, stage, code, events, enrollment_id, started_at, updated_at)"
	    " VALUES (?1, ?2, 'reauth', (SELECT user_identifier FROM account WHERE id = ?3), ?3, ?4, ?5, ?6, ?7, ?8,"
	    "  'open', ?9, ?10, 0, ?11, ?12, ?12)",
	    DB_ARGS(db_text(id), db_text(e->organization_id), db_text(e->account_id), db_text(e->family),
		db_text(e->product), db_text(e->os_version), db_text(e->mode), db_text(in->method),
		db_text(enroll_stage_name(enroll_failure(EV_challenged)->stage)),
		db_text(enroll_failure(EV_challenged)->code), db_text(e->id), db_int(c->now)),
	    NULL);
	if (rc == RC_OK)
		rc = store_run(c, "UPDATE enrollment SET reauth_attempt_id = ?2 WHERE id = ?1",
		    DB_ARGS(db_text(e->id), db_text(id)), NULL);
	in->id = id;
	return rc;
}

enum rc
challenge_reauth(struct call *c, const struct enrollment *e, const char *method, const char **path)
{
	struct again in = { e, method, e->reauth_attempt_id };
	struct db_rows r;
	enum rc rc = RC_OK;
	bool there = false;

	/* A device that asks again and again before its person comes costs one read. */
	if (in.id != NULL) {
		rc = store_run(c, "SELECT id FROM attempt WHERE id = ?1 AND method = ?2",
		    DB_ARGS(db_text(in.id), db_text(method)), &r);
		there = rc == RC_OK && r.rows > 0;
	}
	if (rc == RC_OK && !there)
		rc = store_part(c, find_or_make, &in);
	if (rc == RC_OK)
		*path = arena_printf(c->arena, AGAIN "%s", in.id);
	return rc;
}
