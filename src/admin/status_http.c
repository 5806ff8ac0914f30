#include "admin/routes.h"

#include "account/ending.h"
#include "base/clock.h"
#include "config/config.h"
#include "enroll/enrollment.h"
#include "store/store.h"

#define DAY 86400
#define PIECES 64 /* of free space, given back by one request: 64 MB */
#define TLS_WARN_DAYS 14

/* {"enrolled": 3, ...} from rows of name and number. */
static enum rc
put_counts(struct admin_call *x, const char *key, const char *sql, struct db_args args)
{
	json_t *o = json_object();
	struct db_rows r;
	enum rc rc;

	admin_put(x->out, key, o);
	if ((rc = store_run(x->c, sql, args, &r)) != RC_OK)
		return rc;
	for (int i = 0; i < r.rows; i++)
		admin_put_int(o, db_get_text(&r, i, 0), db_get_int(&r, i, 1));
	return RC_OK;
}

static enum rc
put_organizations(struct admin_call *x)
{
	json_t *list = json_array();
	struct organization *all;
	enum rc rc;
	int n;

	admin_put(x->out, "organizations", list);
	if ((rc = organization_list(x->c, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++) {
		json_t *j = json_object(), *warnings = json_array();

		json_array_append_new(list, j);
		admin_put_text(j, "id", all[i].id);
		admin_put_text(j, "name", all[i].name);
		admin_put_flag(j, "lab", all[i].lab);
		admin_put(j, "warnings", warnings);
		if ((rc = admin_organization_warnings(x, &all[i], warnings)) != RC_OK)
			return rc;
	}
	return RC_OK;
}

static void
put_tls(struct admin_call *x, json_t *warnings)
{
	const char *path = x->c->conf != NULL ? x->c->conf->tls_certificate : NULL;
	struct x509_info info;
	int64_t days;
	json_t *j;

	admin_put(x->out, "tls", json_null());
	if (!ending_tls(x->c, &info))
		return;
	j = json_object();
	admin_put(x->out, "tls", j);
	admin_put_text(j, "subject", info.subject);
	admin_put_text(j, "issuer", info.issuer);
	admin_put_time(j, "not_after", info.not_after);
	days = (info.not_after - x->c->now) / DAY;
	if (info.not_after < x->c->now)
		json_array_append_new(
		    warnings, json_sprintf("the TLS certificate %s is expired: no device connects any more", path));
	else if (days < TLS_WARN_DAYS)
		json_array_append_new(warnings,
		    json_sprintf("the TLS certificate %s ends in %d days: replace it and send posternd SIGHUP", path,
			(int)days));
}

static enum rc
put_size(struct admin_call *x)
{
	int64_t octets = 0, unused = 0;
	enum rc rc = store_size(x->c->store, &octets, &unused, &x->c->err);

	if (rc != RC_OK)
		return rc;
	admin_put_int(x->out, "store_size", octets);
	admin_put_int(x->out, "store_free", unused);
	return RC_OK;
}

/* Where it grows: the size of the store, and rows of the tables that have many. */
static enum rc
put_store(struct admin_call *x)
{
	static const char rows_sql[] =
	    "SELECT 'enrollment', COUNT(*) FROM enrollment UNION ALL SELECT 'certificate', COUNT(*) FROM certificate"
	    " UNION ALL SELECT 'attempt', COUNT(*) FROM attempt UNION ALL SELECT 'event', COUNT(*) FROM event"
	    " UNION ALL SELECT 'sign-in', COUNT(*) FROM oauth_grant UNION ALL SELECT 'token', COUNT(*) FROM oauth_token"
	    " UNION ALL SELECT 'command', COUNT(*) FROM command WHERE answered_at IS NULL"
	    " UNION ALL SELECT 'result', COUNT(*) FROM command WHERE answered_at IS NOT NULL";
	enum rc rc = put_size(x);

	return rc != RC_OK ? rc : put_counts(x, "rows", rows_sql, DB_NONE);
}

static enum rc
put_inactive(struct admin_call *x, json_t *warnings)
{
	static const char sql[] = "SELECT COUNT(*)" ENROLLMENT_INACTIVE_FROM("?1");
	struct db_rows r;
	enum rc rc = store_run(x->c, sql, DB_ARGS(db_int(enrollment_inactive_since(x->c))), &r);
	int64_t n = rc == RC_OK ? db_get_int(&r, 0, 0) : 0;

	admin_put_int(x->out, "inactive", n);
	if (n > 0)
		json_array_append_new(warnings,
		    json_sprintf("%lld device(s) were not seen for %d days or more: postern enrollment list --state "
				 "inactive names them; evict those that are gone",
			(long long)n, (int)x->c->conf->inactive_days));
	return rc;
}

enum rc
admin_status_get(struct admin_call *x)
{
	struct call *c = x->c;
	json_t *warnings = json_array();
	int version = 0;
	enum rc rc;

	x->out = admin_object(x);
	admin_put(x->out, "warnings", warnings);
	if ((rc = store_version(c->store, &version, &c->err)) != RC_OK)
		return rc;
	admin_put_text(x->out, "version", POSTERN_VERSION);
	admin_put_text(x->out, "url", c->conf != NULL ? c->conf->url : NULL);
	admin_put_int(x->out, "store_version", version);
	admin_put_time(x->out, "started_at", x->room->started_at);
	admin_put_int(x->out, "uptime_s", x->room->started_at != 0 ? c->now - x->room->started_at : 0);
	put_tls(x, warnings);
	if ((rc = put_store(x)) != RC_OK || (rc = put_inactive(x, warnings)) != RC_OK ||
	    (rc = put_organizations(x)) != RC_OK ||
	    (rc = put_counts(x, "enrollments", "SELECT state, COUNT(*) FROM enrollment GROUP BY state ORDER BY state",
		 DB_NONE)) != RC_OK ||
	    (rc = put_counts(
		 x, "attempts", "SELECT state, COUNT(*) FROM attempt GROUP BY state ORDER BY state", DB_NONE)) != RC_OK)
		return rc;
	/* Today and the day before: what discovery answered, in batches that are a minute old at most. */
	return put_counts(x, "discovery",
	    "SELECT code, SUM(count) FROM discovery_count WHERE day >= ?1 GROUP BY code ORDER BY code",
	    DB_ARGS(db_int(c->now / DAY - 1)));
}

/* Some of what is free, for whoever asks again until there is no more. Units wait for one piece at a time. */
enum rc
admin_store_shrink(struct admin_call *x)
{
	bool more = true;
	enum rc rc;

	for (int i = 0; more && i < PIECES; i++)
		if ((rc = store_shrink(x->c->store, true, &more, &x->c->err)) != RC_OK)
			return rc;
	x->out = admin_object(x);
	admin_put(x->out, "more", json_boolean(more));
	return put_size(x);
}
