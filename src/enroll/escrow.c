#include "enroll/escrow.h"

#include "keys/keys.h"
#include "store/store.h"

static const struct {
	const char *context, *put, *get;
} rows[ESCROWS] = {
	[ESCROW_UNLOCK] = { "unlock-token",
	    "UPDATE enrollment SET unlock_token = ?2 WHERE id = ?1 AND ended_at IS NULL",
	    "SELECT unlock_token FROM enrollment WHERE id = ?1" },
	[ESCROW_BOOTSTRAP] = { "bootstrap-token",
	    "UPDATE enrollment SET bootstrap_token = ?2 WHERE id = ?1 AND ended_at IS NULL",
	    "SELECT bootstrap_token FROM enrollment WHERE id = ?1" },
};

enum rc
escrow_put(struct call *c, const char *enrollment_id, enum escrow which, struct bytes token)
{
	struct bytes sealed = { NULL, 0 };
	enum rc rc;

	if (token.n > 0 && (rc = keys_seal(c->keys, c->arena, rows[which].context, token, &sealed, &c->err)) != RC_OK)
		return rc;
	return store_run(
	    c, rows[which].put, DB_ARGS(db_text(enrollment_id), sealed.p != NULL ? db_blob(sealed) : db_null()), NULL);
}

enum rc
escrow_get(struct call *c, const char *enrollment_id, enum escrow which, struct bytes *token)
{
	struct db_rows r;
	enum rc rc = store_run(c, rows[which].get, DB_ARGS(db_text(enrollment_id)), &r);

	*token = (struct bytes){ NULL, 0 };
	if (rc != RC_OK || r.rows == 0 || db_is_null(&r, 0, 0))
		return rc;
	return keys_unseal(c->keys, c->arena, rows[which].context, db_get_blob(&r, 0, 0), token, &c->err);
}

enum rc
escrow_held(struct call *c, const char *enrollment_id, bool held[ESCROWS])
{
	struct db_rows r;
	enum rc rc = RC_OK;

	for (int i = 0; i < ESCROWS && rc == RC_OK; i++) {
		rc = store_run(c, rows[i].get, DB_ARGS(db_text(enrollment_id)), &r);
		held[i] = rc == RC_OK && r.rows > 0 && !db_is_null(&r, 0, 0);
	}
	return rc;
}
