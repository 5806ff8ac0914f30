#include "administrator/own.h"

#include "administrator/session.h"
#include "crypto/hash.h"
#include "store/store.h"

enum rc
own_keys(struct call *c, const char *id, struct own_key **out, int *n)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "SELECT id, created_at, used_at FROM administrator_key WHERE administrator_id = ?1 ORDER BY created_at, id",
	    DB_ARGS(db_text(id)), &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (; *n < r.rows; (*n)++)
		(*out)[*n] = (struct own_key){ db_get_text(&r, *n, 0), db_get_int(&r, *n, 1), db_get_int(&r, *n, 2) };
	return RC_OK;
}

enum rc
own_sessions(struct call *c, const char *id, const char *token, struct own_session **out, int *n)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "SELECT began_at, seen_at, CASE WHEN hash = ?2 THEN 1 ELSE 0 END FROM administrator_session"
	    " WHERE administrator_id = ?1 AND seen_at > ?3 AND began_at > ?4 ORDER BY began_at DESC LIMIT 100",
	    DB_ARGS(db_text(id), db_blob(crypto_sha256_text(c->arena, token)), db_int(c->now - SESSION_IDLE_S),
		db_int(c->now - SESSION_LIFE_S)),
	    &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (; *n < r.rows; (*n)++)
		(*out)[*n] =
		    (struct own_session){ db_get_int(&r, *n, 0), db_get_int(&r, *n, 1), db_get_int(&r, *n, 2) != 0 };
	return RC_OK;
}

/* One statement each, so that of two requests that take the last two factors one is refused. */
enum rc
own_remove_key(struct call *c, const char *id, const char *key_id)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "DELETE FROM administrator_key WHERE id = ?2 AND administrator_id = ?1 AND"
	    " (EXISTS (SELECT 1 FROM administrator WHERE id = ?1 AND totp IS NOT NULL)"
	    " OR EXISTS (SELECT 1 FROM administrator_key k WHERE k.administrator_id = ?1 AND k.id <> ?2))",
	    DB_ARGS(db_text(id), db_text(key_id)), &r);

	if (rc != RC_OK || r.changed > 0)
		return rc;
	rc = store_run(c, "SELECT 1 FROM administrator_key WHERE id = ?2 AND administrator_id = ?1",
	    DB_ARGS(db_text(id), db_text(key_id)), &r);
	if (rc != RC_OK)
		return rc;
	return r.rows > 0 ? fail(&c->err, RC_CONFLICT, "it is the last second factor")
			  : fail(&c->err, RC_NOT_FOUND, "there is no such key");
}

enum rc
own_remove_app(struct call *c, const char *id)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "UPDATE administrator SET totp = NULL, changed_at = changed_at + 1 WHERE id = ?1 AND totp IS NOT NULL"
	    " AND EXISTS (SELECT 1 FROM administrator_key WHERE administrator_id = ?1)",
	    DB_ARGS(db_text(id)), &r);

	return rc == RC_OK && r.changed == 0
		   ? fail(&c->err, RC_CONFLICT, "there is no app, or it is the last second factor")
		   : rc;
}

enum rc
own_end_other_sessions(struct call *c, const char *id, const char *token)
{
	return store_run(c, "DELETE FROM administrator_session WHERE administrator_id = ?1 AND hash <> ?2",
	    DB_ARGS(db_text(id), db_blob(crypto_sha256_text(c->arena, token))), NULL);
}
