#include "administrator/session.h"

#include <string.h>

#include "crypto/hash.h"
#include "store/store.h"

#define TOKEN_LENGTH 43
#define SEEN_STEP_S 60 /* the last request is written once in so long: most write nothing */
#define PRUNE 50 /* ended ones that a new one clears away */

enum rc
session_begin(struct call *c, const char *administrator_id, bool proven, const char **token)
{
	enum rc rc = store_run(c,
	    "DELETE FROM administrator_session WHERE hash IN (SELECT hash FROM administrator_session"
	    " WHERE seen_at <= ?1 OR began_at <= ?2 LIMIT ?3)",
	    DB_ARGS(db_int(c->now - SESSION_IDLE_S), db_int(c->now - SESSION_LIFE_S), db_int(PRUNE)), NULL);

	*token = crypto_token(c->arena);
	return rc != RC_OK
		   ? rc
		   : store_run(c,
			 "INSERT INTO administrator_session (hash, administrator_id, began_at, seen_at, proven_at)"
			 " VALUES (?1, ?2, ?3, ?3, ?4)",
			 DB_ARGS(db_blob(crypto_sha256_text(c->arena, *token)), db_text(administrator_id),
			     db_int(c->now), db_int(proven ? c->now : 0)),
			 NULL);
}

enum rc
session_find(struct call *c, const char *token, bool quietly, struct session *out)
{
	static const char sql[] = "SELECT a.id, a.name, a.role, a.organization_id, s.began_at, s.seen_at, s.proven_at"
				  " FROM administrator_session s JOIN administrator a ON a.id = s.administrator_id"
				  " WHERE s.hash = ?1 AND s.seen_at > ?2 AND s.began_at > ?3 AND a.disabled_at IS NULL";
	struct bytes hash = { 0 };
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;

	*out = (struct session){ .actor.way = ACTOR_SESSION };
	if (strlen(token) == TOKEN_LENGTH) {
		hash = crypto_sha256_text(c->arena, token);
		rc = store_run(c, sql,
		    DB_ARGS(db_blob(hash), db_int(c->now - SESSION_IDLE_S), db_int(c->now - SESSION_LIFE_S)), &r);
	}
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0 || !actor_role_parse(db_get_text(&r, 0, 2), &out->actor.role))
		return fail(&c->err, RC_UNAUTHENTICATED, "the session has ended: sign in at /console/sign-in");
	out->actor.id = db_get_text(&r, 0, 0);
	out->actor.name = db_get_text(&r, 0, 1);
	out->actor.organization_id = db_get_text(&r, 0, 3);
	out->began_at = db_get_int(&r, 0, 4);
	out->seen_at = db_get_int(&r, 0, 5);
	if (db_get_int(&r, 0, 6) != 0)
		out->actor.proven_until = db_get_int(&r, 0, 6) + SESSION_PROVEN_S;
	if (quietly || c->now - out->seen_at < SEEN_STEP_S)
		return RC_OK;
	out->seen_at = c->now;
	return store_run(c, "UPDATE administrator_session SET seen_at = ?2 WHERE hash = ?1",
	    DB_ARGS(db_blob(hash), db_int(c->now)), NULL);
}

enum rc
session_prove(struct call *c, struct bytes hash, const char *administrator_id)
{
	struct db_rows r;
	enum rc rc = store_run(c,
	    "UPDATE administrator_session SET proven_at = ?3, seen_at = ?3 WHERE hash = ?1 AND administrator_id = ?2"
	    " AND seen_at > ?4 AND began_at > ?5",
	    DB_ARGS(db_blob(hash), db_text(administrator_id), db_int(c->now), db_int(c->now - SESSION_IDLE_S),
		db_int(c->now - SESSION_LIFE_S)),
	    &r);

	return rc == RC_OK && r.changed == 0 ? fail(&c->err, RC_UNAUTHENTICATED, "the session has ended") : rc;
}

enum rc
session_end(struct call *c, const char *token)
{
	return store_run(c, "DELETE FROM administrator_session WHERE hash = ?1",
	    DB_ARGS(db_blob(crypto_sha256_text(c->arena, token))), NULL);
}
