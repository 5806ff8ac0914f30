#include "licence/licence.h"

#include <string.h>

#include "store/store.h"

#define LISTED 500 /* apps */

static const char *const names[] = { "none", "coming", "held", "short", "failed", "going" };

const char *
licence_is_name(enum licence_is is)
{
	return names[is];
}

static enum licence_is
is_of(const char *name)
{
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(names[i], name) == 0)
			return (enum licence_is)i;
	}
	return LICENCE_NONE;
}

/* ---- who wants what ---- */

struct wish {
	const char *organization_id, *account_id, *adam_id; /* adam_id NULL: all */
};

/* What is on its way back is wanted again once it is there. */
static enum rc
want(struct call *c, void *arg)
{
	static const char sql[] =
	    "INSERT INTO licence (account_id, adam_id, organization_id, wanted, state, tries, due_at, updated_at)"
	    " VALUES (?1, ?2, ?3, 1, 'none', 0, ?4, ?4) ON CONFLICT (account_id, adam_id) DO UPDATE SET wanted = 1,"
	    " due_at = CASE WHEN licence.state IN ('none', 'failed', 'short') THEN ?4 ELSE NULL END, updated_at = ?4"
	    " WHERE licence.wanted = 0";
	const struct wish *w = arg;

	return store_run(c, sql,
	    DB_ARGS(db_text(w->account_id), db_text(w->adam_id), db_text(w->organization_id), db_int(c->now)), NULL);
}

static enum rc
release(struct call *c, void *arg)
{
	static const char sql[] = "UPDATE licence SET wanted = 0, tries = 0, updated_at = ?3,"
				  " due_at = CASE WHEN state IN ('coming', 'going') THEN NULL ELSE ?3 END"
				  " WHERE account_id = ?1 AND adam_id = COALESCE(?2, adam_id) AND wanted = 1";
	const struct wish *w = arg;

	return store_run(c, sql, DB_ARGS(db_text(w->account_id), db_text(w->adam_id), db_int(c->now)), NULL);
}

enum rc
licence_want(struct call *c, const char *organization_id, const char *account_id, const char *adam_id)
{
	struct wish w = { organization_id, account_id, adam_id };

	return store_part(c, want, &w);
}

enum rc
licence_release(struct call *c, const char *account_id, const char *adam_id)
{
	struct wish w = { NULL, account_id, adam_id };

	return store_part(c, release, &w);
}

enum rc
licence_release_all(struct call *c, const char *account_id)
{
	struct wish w = { NULL, account_id, NULL };

	return store_part(c, release, &w);
}

/* As somebody who wants it sees the row. */
static struct licence_state
state_of(bool wanted, const char *state, const char *reason)
{
	struct licence_state s = { is_of(state), reason };

	if (wanted && (s.is == LICENCE_NONE || s.is == LICENCE_GOING))
		s.is = LICENCE_COMING;
	else if (!wanted)
		s = (struct licence_state){ s.is == LICENCE_NONE ? LICENCE_NONE : LICENCE_GOING, NULL };
	return s;
}

enum rc
licence_state(struct call *c, const char *account_id, const char *adam_id, struct licence_state *out)
{
	static const char sql[] = "SELECT wanted, state, reason FROM licence WHERE account_id = ?1 AND adam_id = ?2";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(account_id), db_text(adam_id)), &r);

	*out = (struct licence_state){ LICENCE_NONE, NULL };
	if (rc == RC_OK && r.rows > 0)
		*out = state_of(db_get_int(&r, 0, 0) != 0, db_get_text(&r, 0, 1), db_get_text(&r, 0, 2));
	return rc;
}

/* ---- for the administrator ---- */

enum rc
licence_assets(struct call *c, const char *organization_id, struct licence_asset **out, int *n)
{
	static const char sql[] =
	    "SELECT k.adam_id, COALESCE(a.total, 0), COALESCE(a.assigned, 0), COALESCE(a.available, 0),"
	    " (SELECT COUNT(*) FROM licence l WHERE l.organization_id = ?1 AND l.adam_id = k.adam_id AND l.wanted = 1),"
	    " (SELECT COUNT(*) FROM licence l WHERE l.organization_id = ?1 AND l.adam_id = k.adam_id AND l.state = "
	    "'held'),"
	    " (SELECT COUNT(*) FROM licence l WHERE l.organization_id = ?1 AND l.adam_id = k.adam_id"
	    "  AND l.state = 'short' AND l.wanted = 1)"
	    " FROM (SELECT adam_id FROM licence_asset WHERE organization_id = ?1"
	    "  UNION SELECT adam_id FROM licence WHERE organization_id = ?1) k"
	    " LEFT JOIN licence_asset a ON a.organization_id = ?1 AND a.adam_id = k.adam_id ORDER BY k.adam_id LIMIT "
	    "?2";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id), db_int(LISTED)), &r);

	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct licence_asset){ db_get_text(&r, i, 0), db_get_int(&r, i, 1), db_get_int(&r, i, 2),
			db_get_int(&r, i, 3), db_get_int(&r, i, 4), db_get_int(&r, i, 5), db_get_int(&r, i, 6) };
	return RC_OK;
}

enum rc
licence_list(struct call *c, const char *organization_id, const char *user, const struct licence *after, int limit,
    struct licence **out, int *n)
{
	static const char sql[] = "SELECT a.user_identifier, l.adam_id, l.wanted, l.state, l.reason, l.updated_at, "
				  "l.account_id FROM licence l"
				  " LEFT JOIN account a ON a.id = l.account_id WHERE l.organization_id = ?1"
				  " AND COALESCE(a.user_identifier, '') = COALESCE(?2, a.user_identifier, '')"
				  " AND (l.adam_id, l.account_id) > (?3, ?4) ORDER BY l.adam_id, l.account_id LIMIT ?5";
	struct db_rows r;
	enum rc rc = store_run(c, sql,
	    DB_ARGS(db_text(organization_id), db_text(user), db_text(after != NULL ? after->adam_id : ""),
		db_text(after != NULL ? after->account_id : ""), db_int(limit)),
	    &r);

	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct licence){ db_get_text(&r, i, 6), db_get_text(&r, i, 0), db_get_text(&r, i, 1),
			state_of(db_get_int(&r, i, 2) != 0, db_get_text(&r, i, 3), db_get_text(&r, i, 4)),
			db_get_int(&r, i, 5) };
	return RC_OK;
}
