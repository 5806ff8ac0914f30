#include "enroll/enrollment.h"
#include "store/store.h"

enum rc
channel_put(struct call *c, const struct channel *ch)
{
	static const char sql[] =
	    "INSERT INTO channel (enrollment_id, user_id, push_token, push_magic, user_short_name, user_long_name, "
	    "updated_at)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (enrollment_id, user_id) DO UPDATE SET"
	    " push_token = EXCLUDED.push_token, push_magic = EXCLUDED.push_magic,"
	    " user_short_name = COALESCE(EXCLUDED.user_short_name, channel.user_short_name),"
	    " user_long_name = COALESCE(EXCLUDED.user_long_name, channel.user_long_name),"
	    " updated_at = EXCLUDED.updated_at, push_tries = 0, push_refused = NULL,"
	    /* What came while the token before was refused. */
	    " wake_at = CASE WHEN channel.push_refused IS NOT NULL AND EXISTS (SELECT 1 FROM command q"
	    "  WHERE q.enrollment_id = EXCLUDED.enrollment_id AND q.user_id = EXCLUDED.user_id AND q.answered_at IS "
	    "NULL)"
	    "  THEN EXCLUDED.updated_at ELSE channel.wake_at END";

	return store_run(c, sql,
	    DB_ARGS(db_text(ch->enrollment_id), db_text(ch->user_id), db_blob(ch->push_token), db_text(ch->push_magic),
		db_text(ch->user_short_name), db_text(ch->user_long_name), db_int(c->now)),
	    NULL);
}

enum rc
channel_list(struct call *c, const char *enrollment_id, struct channel **out, int *n)
{
	static const char sql[] = "SELECT user_id, push_token, push_magic, user_short_name, user_long_name, updated_at,"
				  " wake_at, last_seen_at, pushed_at, push_tries, push_refused FROM channel WHERE "
				  "enrollment_id = ?1 ORDER BY user_id";
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, sql, DB_ARGS(db_text(enrollment_id)), &r)) != RC_OK)
		return fail_in(&c->err, rc, "list channels");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct channel){ enrollment_id, db_get_text(&r, i, 0), db_get_blob(&r, i, 1),
			db_get_text(&r, i, 2), db_get_text(&r, i, 3), db_get_text(&r, i, 4), db_get_int(&r, i, 5),
			db_get_int(&r, i, 6), db_get_int(&r, i, 7), db_get_int(&r, i, 8), db_get_int(&r, i, 9),
			db_get_text(&r, i, 10) };
	return RC_OK;
}

enum rc
channel_wake(struct call *c, const char *enrollment_id, const char *user_id)
{
	static const char sql[] = "UPDATE channel SET wake_at = ?3 WHERE enrollment_id = ?1 AND user_id = ?2"
				  " AND push_refused IS NULL";

	return store_run(c, sql, DB_ARGS(db_text(enrollment_id), db_text(user_id), db_int(c->now)), NULL);
}
