#include "administrator/administrator.h"

#include <string.h>

#include "account/account.h"
#include "account/throttle.h"
#include "administrator/signin.h"
#include "crypto/hash.h"
#include "fmt/uri.h"
#include "idp/provider.h"
#include "store/store.h"

#define SELECT \
	"SELECT id, name, role, organization_id, provider_id, subject, password_hash, totp, totp_step, created_by," \
	" created_at, changed_at, signed_in_at, disabled_at," \
	" (SELECT COUNT(*) FROM administrator_key k WHERE k.administrator_id = a.id)," \
	" (SELECT COUNT(*) FROM administrator_code k WHERE k.administrator_id = a.id) FROM administrator a"

static void
read_row(const struct db_rows *r, int row, struct administrator *a)
{
	*a = (struct administrator){
		.id = db_get_text(r, row, 0),
		.name = db_get_text(r, row, 1),
		.organization_id = db_get_text(r, row, 3),
		.provider_id = db_get_text(r, row, 4),
		.subject = db_get_text(r, row, 5),
		.password_hash = db_get_text(r, row, 6),
		.totp = db_get_blob(r, row, 7),
		.totp_step = db_get_int(r, row, 8),
		.created_by = db_get_text(r, row, 9),
		.created_at = db_get_int(r, row, 10),
		.changed_at = db_get_int(r, row, 11),
		.signed_in_at = db_get_int(r, row, 12),
		.disabled_at = db_get_int(r, row, 13),
		.keys = (int)db_get_int(r, row, 14),
		.codes = (int)db_get_int(r, row, 15),
	};
	(void)actor_role_parse(db_get_text(r, row, 2), &a->role);
}

static enum rc
nobody(struct call *c, const char *which)
{
	return fail(&c->err, RC_NOT_FOUND, "there is no administrator %.254s", which);
}

static enum rc
get_one(struct call *c, const char *sql, struct db_args args, struct administrator *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, args, &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return nobody(c, args.v[0].text);
	read_row(&r, 0, out);
	return RC_OK;
}

enum rc
administrator_get(struct call *c, const char *which, struct administrator *out)
{
	return get_one(c, SELECT " WHERE name = ?1 OR id = ?1", DB_ARGS(db_text(account_fold(c->arena, which))), out);
}

enum rc
administrator_at_provider(
    struct call *c, const char *provider_id, const char *subject, const char *name, struct administrator *out)
{
	return get_one(c,
	    SELECT " WHERE provider_id = ?2 AND (subject = ?3 OR (subject IS NULL AND name = ?1))"
		   " ORDER BY CASE WHEN subject IS NULL THEN 1 ELSE 0 END LIMIT 1",
	    DB_ARGS(db_text(name), db_text(provider_id), db_text(subject)), out);
}

enum rc
administrator_list(struct call *c, struct administrator **out, int *n)
{
	struct db_rows r;
	enum rc rc = store_run(c, SELECT " ORDER BY name", DB_NONE, &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (; *n < r.rows; (*n)++)
		read_row(&r, *n, &(*out)[*n]);
	return RC_OK;
}

/* ---- making one ---- */

static enum rc
add(struct call *c, void *arg)
{
	struct administrator *a = arg;
	struct provider p;
	struct db_rows r;
	enum rc rc;

	if (a->provider_id != NULL && (rc = provider_get(c, a->provider_id, &p)) != RC_OK)
		return rc;
	if ((rc = store_run(c, "SELECT COUNT(*) FROM administrator", DB_NONE, &r)) != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= ADMINISTRATORS_MAX)
		return fail(
		    &c->err, RC_TOO_LARGE, "there are %d administrators, which is the most", ADMINISTRATORS_MAX);
	rc = store_run(c,
	    "INSERT INTO administrator (id, name, role, organization_id, provider_id, password_hash, totp_step,"
	    " created_at, created_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8, ?7)"
	    " ON CONFLICT DO NOTHING RETURNING id",
	    DB_ARGS(db_text(a->id), db_text(a->name), db_text(actor_role_name(a->role)), db_text(a->organization_id),
		db_text(a->provider_id), db_text(a->password_hash), db_int(a->created_at), db_text(a->created_by)),
	    &r);
	if (rc != RC_OK || r.rows > 0)
		return rc;
	return fail(&c->err, RC_CONFLICT, "there is an administrator %s already", a->name);
}

enum rc
administrator_add(struct call *c, struct administrator *a)
{
	const char *user, *domain;
	enum rc rc = uri_identifier_split(c->arena, a->name, &user, &domain, &c->err);

	if (rc != RC_OK)
		return rc;
	if (a->provider_id != NULL && a->password_hash != NULL)
		return fail(&c->err, RC_BAD_INPUT, "whom a provider signs in has no password here");
	a->id = crypto_id(c->arena);
	a->name = account_fold(c->arena, a->name);
	a->created_at = a->changed_at = c->now;
	return store_part(c, add, a);
}

/* ---- changing ---- */

/* Of `sql`, which has the id as ?1 and may have three values more, and what must happen with every change. */
static enum rc
change(struct call *c, const char *id, const char *sql, struct db_args args)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, args, &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return nobody(c, id);
	rc = throttle_clear_person(c, administrator_subject(c->arena, db_get_text(&r, 0, 0)));
	return rc != RC_OK ? rc
			   : store_run(c, "DELETE FROM administrator_session WHERE administrator_id = ?1",
				 DB_ARGS(db_text(id)), NULL);
}

/* Two changes within a second must differ, too: a sign-in that began between them is no longer good. */
#define CHANGED "changed_at = CASE WHEN changed_at >= ?2 THEN changed_at + 1 ELSE ?2 END"

static enum rc
change_all(struct call *c, void *arg)
{
	const struct administrator *a = arg;

	return change(c, a->id,
	    "UPDATE administrator SET " CHANGED ", role = ?3, organization_id = ?4, disabled_at = ?5 WHERE id = ?1"
	    " RETURNING name",
	    DB_ARGS(db_text(a->id), db_int(c->now), db_text(actor_role_name(a->role)), db_text(a->organization_id),
		a->disabled_at != 0 ? db_int(a->disabled_at) : db_null()));
}

enum rc
administrator_change(struct call *c, const struct administrator *a)
{
	struct administrator to = *a;

	return store_part(c, change_all, &to);
}

struct password {
	const char *id, *hash;
};

static enum rc
set_password(struct call *c, void *arg)
{
	const struct password *in = arg;

	return change(c, in->id,
	    "UPDATE administrator SET " CHANGED ", password_hash = ?3 WHERE id = ?1 AND provider_id IS NULL"
	    " RETURNING name",
	    DB_ARGS(db_text(in->id), db_int(c->now), db_text(in->hash)));
}

enum rc
administrator_set_password(struct call *c, const char *id, const char *password_hash)
{
	struct password in = { id, password_hash };

	return store_part(c, set_password, &in);
}

static enum rc
forget_factors(struct call *c, const char *id)
{
	enum rc rc =
	    store_run(c, "DELETE FROM administrator_code WHERE administrator_id = ?1", DB_ARGS(db_text(id)), NULL);

	return rc != RC_OK ? rc
			   : store_run(c, "DELETE FROM administrator_key WHERE administrator_id = ?1",
				 DB_ARGS(db_text(id)), NULL);
}

static enum rc
reset(struct call *c, void *arg)
{
	const char *id = arg;
	enum rc rc = change(c, id,
	    "UPDATE administrator SET " CHANGED ", totp = NULL, subject = NULL WHERE id = ?1 RETURNING name",
	    DB_ARGS(db_text(id), db_int(c->now)));

	return rc != RC_OK ? rc : forget_factors(c, id);
}

enum rc
administrator_reset(struct call *c, const char *id)
{
	return store_part(c, reset, (void *)(uintptr_t)id);
}

static enum rc
remove_one(struct call *c, void *arg)
{
	const char *id = arg;
	enum rc rc = change(c, id, "DELETE FROM administrator WHERE id = ?1 RETURNING name", DB_ARGS(db_text(id)));

	return rc != RC_OK ? rc : forget_factors(c, id);
}

enum rc
administrator_remove(struct call *c, const char *id)
{
	return store_part(c, remove_one, (void *)(uintptr_t)id);
}
