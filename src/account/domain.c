/* The names an organization answers for, and the certificates that its devices' built-in identities
 * chain to. */
#include <string.h>

#include "account/account.h"
#include "account/organization.h"
#include "crypto/x509.h"
#include "fmt/uri.h"
#include "store/store.h"

static enum rc
organization_there(struct call *c, const char *id)
{
	struct organization o;

	return organization_get(c, id, &o);
}

struct entry {
	const char *organization_id, *domain;
};

static enum rc
add(struct call *c, void *arg)
{
	const struct entry *in = arg;
	struct db_rows r;
	enum rc rc = organization_there(c, in->organization_id);

	if (rc != RC_OK)
		return rc;
	rc = store_run(c,
	    "INSERT INTO domain (name, organization_id, added_at) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT DO NOTHING RETURNING name",
	    DB_ARGS(db_text(in->domain), db_text(in->organization_id), db_int(c->now)), &r);
	if (rc == RC_OK && r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "the domain %s is taken", in->domain);
	return rc;
}

enum rc
domain_add(struct call *c, const char *organization_id, const char *domain)
{
	struct entry in = { organization_id, NULL };

	if (!uri_is_fqdn(domain))
		return fail(&c->err, RC_BAD_INPUT, "%.100s is no fully qualified domain name", domain);
	in.domain = account_fold(c->arena, domain);
	return store_part(c, add, &in);
}

enum rc
domain_remove(struct call *c, const char *organization_id, const char *domain)
{
	struct db_rows r;
	enum rc rc = store_run(c, "DELETE FROM domain WHERE name = ?1 AND organization_id = ?2",
	    DB_ARGS(db_text(account_fold(c->arena, domain)), db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	return r.changed > 0 ? RC_OK : fail(&c->err, RC_NOT_FOUND, "%s has no domain %.100s", organization_id, domain);
}

enum rc
domain_list(struct call *c, const char *organization_id, struct domain **out, int *n)
{
	struct db_rows r;
	enum rc rc;

	*n = 0;
	rc = organization_id != NULL
		 ? store_run(c,
		       "SELECT name, organization_id, added_at FROM domain WHERE organization_id = ?1 ORDER BY name",
		       DB_ARGS(db_text(organization_id)), &r)
		 : store_run(c, "SELECT name, organization_id, added_at FROM domain ORDER BY name", DB_NONE, &r);
	if (rc != RC_OK)
		return rc;
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (*n = 0; *n < r.rows; (*n)++)
		(*out)[*n] = (struct domain){ db_get_text(&r, *n, 0), db_get_text(&r, *n, 1), db_get_int(&r, *n, 2) };
	return RC_OK;
}
