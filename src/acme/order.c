#include "acme/order.h"

#include <string.h>

#include "acme/acme.h"
#include "acme/attest.h"
#include "crypto/hash.h"
#include "enroll/enrollment.h"
#include "keys/keys.h"
#include "store/store.h"

#define CONTEXT "acme-order"
#define COLUMNS \
	"id, organization_id, enrollment_id, challenge_hash, identifier, account, token, state, problem, raw_key," \
	" certificate, expires_at"

enum rc
order_get(struct call *c, const char *organization_id, const char *id, struct order *out)
{
	static const char sql[] = "SELECT " COLUMNS " FROM acme_order WHERE id = ?1 AND organization_id = ?2";
	struct bytes identifier = { NULL, 0 };
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(id), db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "no such order");
	*out = (struct order){
		.id = db_get_text(&r, 0, 0),
		.organization_id = db_get_text(&r, 0, 1),
		.enrollment_id = db_get_text(&r, 0, 2),
		.challenge_hash = db_get_blob(&r, 0, 3),
		.account = db_get_blob(&r, 0, 5),
		.token = db_get_text(&r, 0, 6),
		.state = db_get_text(&r, 0, 7),
		.problem = db_get_text(&r, 0, 8),
		.key = db_get_blob(&r, 0, 9),
		.certificate = db_get_blob(&r, 0, 10),
		.expires_at = db_get_int(&r, 0, 11),
	};
	if ((rc = keys_unseal(c->keys, c->arena, CONTEXT, db_get_blob(&r, 0, 4), &identifier, &c->err)) != RC_OK)
		return fail_in(&c->err, rc == RC_UNAVAILABLE ? rc : RC_INTERNAL, "identifier of an order");
	out->identifier = arena_strndup(c->arena, (const char *)identifier.p, identifier.n);
	return RC_OK;
}

struct add {
	const struct order *o;
	struct bytes identifier;
};

static enum rc
add_in_unit(struct call *c, void *arg)
{
	static const char insert_sql[] = "INSERT INTO acme_order (" COLUMNS ") VALUES"
					 " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL, NULL, NULL, ?9)";
	const struct add *in = arg;
	const struct order *o = in->o;
	struct db_rows r;
	enum rc rc;

	rc = store_run(
	    c, "SELECT COUNT(*) FROM acme_order WHERE challenge_hash = ?1", DB_ARGS(db_blob(o->challenge_hash)), &r);
	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= ACME_ORDERS_MAX)
		return fail(&c->err, RC_TOO_LARGE, "over %d orders with one ClientIdentifier", ACME_ORDERS_MAX);
	return store_run(c, insert_sql,
	    DB_ARGS(db_text(o->id), db_text(o->organization_id), db_text(o->enrollment_id), db_blob(o->challenge_hash),
		db_blob(in->identifier), db_blob(o->account), db_text(o->token), db_text(o->state),
		db_int(o->expires_at)),
	    NULL);
}

enum rc
order_add(struct call *c, struct order *o)
{
	struct add in = { .o = o };
	enum rc rc = keys_seal(c->keys, c->arena, CONTEXT, bytes_str(o->identifier), &in.identifier, &c->err);

	if (rc != RC_OK)
		return rc;
	o->id = crypto_token(c->arena);
	o->token = crypto_token(c->arena);
	o->state = "pending";
	return store_unit(c, add_in_unit, &in);
}

struct attested {
	const struct order *o;
	enum enroll_code code;
	const struct attestation *at;
	bool good;
	const char *details;
};

static enum rc
attested_in_unit(struct call *c, void *arg)
{
	/* Never under User Enrollment, whatever an attestation says (S-10). */
	static const char sql[] =
	    "UPDATE acme_order SET state = ?2, problem = ?3, raw_key = ?4,"
	    " serial_number = (SELECT ?5 FROM enrollment e WHERE e.id = enrollment_id AND e.mode = 'adde'),"
	    " udid = (SELECT ?6 FROM enrollment e WHERE e.id = enrollment_id AND e.mode = 'adde')"
	    " WHERE id = ?1 AND state = 'pending' RETURNING id";
	const struct attested *in = arg;
	const struct order *o = in->o;
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, sql,
	    DB_ARGS(db_text(o->id), db_text(o->state), db_text(o->problem), in->good ? db_blob(in->at->key) : db_null(),
		in->good ? db_text(in->at->serial_number) : db_null(), in->good ? db_text(in->at->udid) : db_null()),
	    &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_CONFLICT, "two answers to one challenge at the same time");
	return enrollment_event(c, o->enrollment_id, in->code, in->details);
}

enum rc
order_attested(
    struct call *c, struct order *o, enum enroll_code code, const struct attestation *at, const char *details)
{
	const struct enroll_failure *f = enroll_failure(code);
	struct attested in = { o, code, at, f->outcome == OUTCOME_OK, details };

	o->state = in.good ? "ready" : "invalid";
	o->problem = in.good ? NULL : f->code;
	return store_unit(c, attested_in_unit, &in);
}

enum rc
order_issued(struct call *c, const char *id, struct bytes certificate)
{
	return store_run(c, "UPDATE acme_order SET state = 'valid', certificate = ?2 WHERE id = ?1",
	    DB_ARGS(db_text(id), db_blob(certificate)), NULL);
}
