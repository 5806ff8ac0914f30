/* The certificates that an organization's devices must lead to. */
#include "account/organization.h"

#include "crypto/x509.h"
#include "store/store.h"

#define ADD(table) \
	"INSERT INTO " table " (organization_id, fingerprint, certificate, subject, added_at)" \
	" SELECT id, ?2, ?3, ?4, ?5 FROM organization WHERE id = ?1 ON CONFLICT DO NOTHING"
#define CLEAR(table) "DELETE FROM " table " WHERE organization_id = ?1"
#define POOL(table) "SELECT certificate FROM " table " WHERE organization_id = ?1 ORDER BY added_at, fingerprint"

static const struct {
	const char *name, *add, *clear, *pool;
} pools[] = {
	[TRUST_DEVICE] = { "device CA", ADD("device_ca"), CLEAR("device_ca"), POOL("device_ca") },
	[TRUST_ATTESTATION] = { "attestation CA", ADD("attestation_ca"), CLEAR("attestation_ca"),
	    POOL("attestation_ca") },
};

enum rc
trust_add(struct call *c, enum trust which, const char *organization_id, struct bytes certificate)
{
	struct organization there;
	struct x509_info info = { 0 };
	enum rc rc = x509_parse(c->arena, certificate, &info, &c->err);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "%s", pools[which].name);
	if (!info.is_ca)
		return fail(&c->err, RC_BAD_INPUT, "%s is no CA certificate", info.subject);
	if ((rc = organization_get(c, organization_id, &there)) != RC_OK)
		return rc;
	return store_run(c, pools[which].add,
	    DB_ARGS(db_text(organization_id), db_blob(info.fingerprint), db_blob(certificate), db_text(info.subject),
		db_int(c->now)),
	    NULL);
}

enum rc
trust_clear(struct call *c, enum trust which, const char *organization_id)
{
	return store_run(c, pools[which].clear, DB_ARGS(db_text(organization_id)), NULL);
}

enum rc
trust_pool(struct call *c, enum trust which, const char *organization_id, struct bytes **certificates, int *n)
{
	struct db_rows r;
	enum rc rc = store_run(c, pools[which].pool, DB_ARGS(db_text(organization_id)), &r);

	*n = 0;
	if (rc != RC_OK)
		return rc;
	*certificates = arena_array(c->arena, (size_t)r.rows, sizeof **certificates);
	for (*n = 0; *n < r.rows; (*n)++)
		(*certificates)[*n] = db_get_blob(&r, *n, 0);
	return RC_OK;
}
