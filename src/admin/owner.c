/* Whose is what a request names? Asked for those who reach one organization only. */
#include <string.h>

#include "account/account.h"
#include "admin/routes.h"
#include "ca/ca.h"
#include "command/queue.h"
#include "enroll/attempt.h"
#include "fmt/base64.h"
#include "store/store.h"

bool
admin_reaches(const struct admin_call *x, const char *organization_id)
{
	const char *own = x->actor->organization_id;

	return own == NULL || (organization_id != NULL && strcmp(own, organization_id) == 0);
}

/* ---- owners: the id of the organization; NULL in *out: there is no such thing ---- */

static enum rc
by_row(struct call *c, const char *sql, const char *value, const char **out)
{
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(value)), &r);

	*out = rc == RC_OK && r.rows > 0 ? db_get_text(&r, 0, 0) : NULL;
	return rc;
}

/* Of somebody who is not there yet, the domain's. */
static enum rc
of_user(struct call *c, const char *value, const char **out)
{
	const char *name = account_fold(c->arena, value), *at = strrchr(name, '@');
	enum rc rc = by_row(c, "SELECT organization_id FROM account WHERE user_identifier = ?1", name, out);

	if (rc == RC_OK && *out == NULL && at != NULL)
		rc = by_row(c, "SELECT organization_id FROM domain WHERE name = ?1", at + 1, out);
	return rc;
}

static enum rc
of_attempt(struct call *c, const char *value, const char **out)
{
	struct attempt t;
	enum rc rc = attempt_get(c, value, &t);

	if (rc == RC_NOT_FOUND)
		rc = attempt_by_code(c, value, &t);
	*out = rc == RC_OK ? t.organization_id : NULL;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
of_command(struct call *c, const char *value, const char **out)
{
	return by_row(c,
	    "SELECT e.organization_id FROM command k JOIN enrollment e ON e.id = k.enrollment_id WHERE k.uuid = ?1",
	    value, out);
}

static enum rc
of_certificate(struct call *c, const char *value, const char **out)
{
	struct bytes fingerprint = hex_decode(c->arena, value);
	struct ca_certificate k;
	enum rc rc = fingerprint.n == 32 ? ca_find(c, fingerprint, &k) : RC_NOT_FOUND;

	*out = rc == RC_OK ? k.organization_id : NULL;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
of_service(struct call *c, const char *value, const char **out)
{
	return by_row(c, "SELECT organization_id FROM service WHERE id = ?1", value, out);
}

static enum rc
of_webhook(struct call *c, const char *value, const char **out)
{
	return by_row(c, "SELECT COALESCE(organization_id, '') FROM webhook WHERE id = ?1", value, out);
}

static enum rc
of_grant(struct call *c, const char *value, const char **out)
{
	return by_row(c, "SELECT organization_id FROM oauth_grant WHERE id = ?1", value, out);
}

/* What stands in a path, a query or a body under that name. Organizations and enrollments are not here: all that
 * name one go through admin_organization and admin_enrollment, which look themselves. */
static const struct kind {
	const char *name;
	enum rc (*owner)(struct call *c, const char *value, const char **out);
} kinds[] = {
	{ "user", of_user },
	{ "attempt", of_attempt },
	{ "command", of_command },
	{ "certificate", of_certificate },
	{ "service", of_service },
	{ "webhook", of_webhook },
	{ "grant", of_grant },
};

static enum rc
check(struct admin_call *x, const struct kind *k, const char *value)
{
	struct err before = x->c->err;
	const char *owner;
	enum rc rc;

	if (value == NULL)
		return RC_OK;
	if ((rc = k->owner(x->c, value, &owner)) != RC_OK)
		return rc;
	x->c->err = before;
	return owner == NULL || admin_reaches(x, owner)
		   ? RC_OK
		   : fail(&x->c->err, RC_NOT_FOUND, "there is no %s %.60s", k->name, value);
}

/* The segment that the route calls {name}; NULL: it has none. */
static const char *
segment(const struct admin_call *x, const char *path, const char *name)
{
	const char *p = path;
	size_t n = strlen(name);

	for (int i = 0; (p = strchr(p, '{')) != NULL; i++, p++) {
		if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '}')
			return x->r->segment[i];
	}
	return NULL;
}

enum rc
admin_owner_check(struct admin_call *x, const struct admin_route *row)
{
	enum rc rc = RC_OK;

	if (x->actor->organization_id == NULL)
		return RC_OK;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && rc == RC_OK; i++) {
		if ((rc = check(x, &kinds[i], segment(x, row->path, kinds[i].name))) == RC_OK &&
		    (rc = check(x, &kinds[i], admin_query(x, kinds[i].name))) == RC_OK)
			rc = check(x, &kinds[i], admin_text(x, kinds[i].name));
	}
	return rc;
}
