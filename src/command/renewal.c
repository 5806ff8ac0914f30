#include "command/renewal.h"

#include <string.h>

#include "command/queue.h"
#include "enroll/attempt.h"
#include "store/store.h"

#define AGAIN_S 86400 /* after one that was told and has not renewed */
#define AT_ONCE 8 /* with a pause of a second, 28,800 an hour */

struct order {
	const struct enrollment *e;
	const char *by, *uuid;
};

static bool
enrolled(const struct enrollment *e)
{
	return strcmp(e->state, "enrolled") == 0 || strcmp(e->state, "reauth") == 0;
}

static enum rc
order_in_unit(struct call *c, void *arg)
{
	struct order *o = arg;
	bool made;
	enum rc rc = command_send_renewal(c, o->e, &o->uuid, &made);

	return rc == RC_OK && made ? attempt_event(c, o->e->attempt_id, EV_renewal_ordered, "by %s", o->by) : rc;
}

enum rc
renewal_order(struct call *c, const struct enrollment *e, const char *by, const char **uuid)
{
	struct order o = { .e = e, .by = by };
	enum rc rc;

	if (!enrolled(e))
		return fail(
		    &c->err, RC_CONFLICT, "the enrollment is %s: only one that is enrolled is renewed", e->state);
	rc = store_part(c, order_in_unit, &o);
	*uuid = o.uuid;
	return rc;
}

struct due {
	const char *id;
	int64_t at;
};

static enum rc
tell_in_unit(struct call *c, void *arg)
{
	/* Who moves the time on is the one who tells. */
	static const char claim_sql[] =
	    "UPDATE enrollment SET renew_at = ?3 WHERE id = ?1 AND renew_at = ?2 RETURNING id";
	const struct due *d = arg;
	struct enrollment e;
	struct db_rows r;
	const char *uuid;
	enum rc rc;

	rc = store_run(c, claim_sql, DB_ARGS(db_text(d->id), db_int(d->at), db_int(c->now + AGAIN_S)), &r);
	if (rc != RC_OK || r.rows == 0 || (rc = enrollment_get(c, d->id, &e)) != RC_OK || !enrolled(&e))
		return rc;
	rc = renewal_order(c, &e, "the planner", &uuid);
	/* A full line is one of many reasons to try again tomorrow. */
	return rc == RC_CONFLICT ? RC_OK : rc;
}

enum rc
renewal_look(struct call *c, bool *more)
{
	static const char sql[] = "SELECT id, renew_at FROM enrollment WHERE renew_at <= ?1 ORDER BY renew_at LIMIT ?2";
	struct db_rows r;
	enum rc rc;

	(void)more;
	rc = store_run(c, sql, DB_ARGS(db_int(c->now), db_int(AT_ONCE)), &r);
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		struct due d = { db_get_text(&r, i, 0), db_get_int(&r, i, 1) };

		rc = store_unit(c, tell_in_unit, &d);
	}
	return rc;
}
