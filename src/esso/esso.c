#include "esso/esso.h"

#include "account/organization.h"
#include "esso/prestage.h"
#include "store/store.h"

static enum rc
check(struct call *c, enum esso_kind kind, struct bytes document)
{
	const struct esso_report *r = esso_check(c->arena, document, kind);
	const struct esso_finding *first = &r->findings[0];

	if (r->n == 1)
		return fail(&c->err, RC_BAD_INPUT, "%s: %s (%s)", esso_rules[first->rule].name,
		    esso_rules[first->rule].sentence, first->where);
	if (r->n > 1)
		return fail(&c->err, RC_BAD_INPUT, "%s: %s (%s); and %d more", esso_rules[first->rule].name,
		    esso_rules[first->rule].sentence, first->where, r->n - 1);
	return RC_OK;
}

struct keep {
	const char *organization_id;
	enum esso_kind kind;
	struct bytes document;
};

static enum rc
keep(struct call *c, void *arg)
{
	const struct keep *in = arg;
	struct organization o;
	enum rc rc = organization_get(c, in->organization_id, &o);

	if (rc == RC_OK && in->kind == ESSO_STANDARD)
		rc = esso_prestage(c, in->organization_id, in->document);
	if (rc != RC_OK) {
		store_discard(c); /* all of its declarations, or the document is not kept */
		return rc;
	}
	return store_run(c,
	    "INSERT INTO esso_document (organization_id, developer, document, set_at) VALUES (?1, ?2, ?3, ?4)"
	    " ON CONFLICT (organization_id, developer) DO UPDATE SET document = excluded.document, set_at = "
	    "excluded.set_at",
	    DB_ARGS(db_text(in->organization_id), db_int(in->kind), db_blob(in->document), db_int(c->now)), NULL);
}

enum rc
esso_set(struct call *c, const char *organization_id, enum esso_kind kind, struct bytes document)
{
	struct keep in = { organization_id, kind, document };
	enum rc rc = check(c, kind, document);

	return rc == RC_OK ? store_unit(c, keep, &in) : rc;
}

static enum rc
none(struct call *c, const char *organization_id, enum esso_kind kind)
{
	return fail(&c->err, RC_NOT_FOUND, "%.60s has no %s document for Enrollment SSO (postern esso set%s)",
	    organization_id, esso_kind_name(kind), kind == ESSO_DEVELOPER ? " --developer" : "");
}

enum rc
esso_get(struct call *c, const char *organization_id, enum esso_kind kind, struct esso_document *out)
{
	struct db_rows r;
	enum rc rc =
	    store_run(c, "SELECT document, set_at FROM esso_document WHERE organization_id = ?1 AND developer = ?2",
		DB_ARGS(db_text(organization_id), db_int(kind)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return none(c, organization_id, kind);
	*out = (struct esso_document){ db_get_blob(&r, 0, 0), db_get_int(&r, 0, 1) };
	return RC_OK;
}

static enum rc
remove_in_unit(struct call *c, void *arg)
{
	const struct keep *in = arg;
	struct db_rows r;
	enum rc rc = store_run(c,
	    "DELETE FROM esso_document WHERE organization_id = ?1 AND developer = ?2 RETURNING organization_id",
	    DB_ARGS(db_text(in->organization_id), db_int(in->kind)), &r);

	if (rc != RC_OK || r.rows == 0)
		return rc != RC_OK ? rc : none(c, in->organization_id, in->kind);
	return in->kind == ESSO_STANDARD ? esso_prestage(c, in->organization_id, (struct bytes){ 0 }) : RC_OK;
}

enum rc
esso_remove(struct call *c, const char *organization_id, enum esso_kind kind)
{
	struct keep in = { .organization_id = organization_id, .kind = kind };

	return store_unit(c, remove_in_unit, &in);
}
