/* Adding rows. Only here is anything inserted into the chain. */
#include "audit/chain.h"

#include <assert.h>

#include "base/log.h"
#include "crypto/hash.h"
#include "fmt/base64.h"
#include "store/store.h"

/* The id that rows have for a name; made where there is none. */
static enum rc
name_id(struct call *c, const char *name, const char **id)
{
	struct bytes salt = chain_salt(c->arena);
	struct db_rows r;
	enum rc rc;

	if ((rc = store_run(c, "SELECT id FROM audit_name WHERE name = ?1", DB_ARGS(db_text(name)), &r)) != RC_OK)
		return rc;
	if (r.rows > 0) {
		*id = db_get_text(&r, 0, 0);
		return RC_OK;
	}
	*id = chain_name_id(c->arena, salt, name);
	return store_run(c, "INSERT INTO audit_name (id, salt, name) VALUES (?1, ?2, ?3)",
	    DB_ARGS(db_text(*id), db_blob(salt), db_text(name)), NULL);
}

static enum rc
put_detail(struct call *c, struct audit_row *row, const char *text)
{
	struct bytes salt = chain_salt(c->arena);

	row->detail = chain_digest(c->arena, salt, text);
	return store_run(c, "INSERT INTO audit_detail (seq, salt, content) VALUES (?1, ?2, ?3)",
	    DB_ARGS(db_int(row->seq), db_blob(salt), db_text(text)), NULL);
}

/* Of two nodes that add at once, one must meet the other at a row that both change, so that its unit runs again: the
 * head's, which is put before. A sequence number that is taken would end it. */
static enum rc
hold_head(struct call *c)
{
	return store_run(c, "UPDATE audit_head SET seq = seq WHERE one = 1", DB_NONE, NULL);
}

static enum rc
put_row(struct call *c, const struct audit_row *w)
{
	return store_run(c,
	    "INSERT INTO audit (seq, at, actor, way, organization_id, action, object, person, outcome, begun, again,"
	    " detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
	    DB_ARGS(db_int(w->seq), db_int(w->at), db_text(w->actor), db_text(w->way), db_text(w->organization_id),
		db_text(w->action), db_text(w->object), db_text(w->person), db_text(w->outcome), db_int(w->begun),
		db_int(w->again), db_blob(w->detail), db_blob(w->hash)),
	    NULL);
}

enum rc
chain_add(struct call *c, struct chain_head *h, struct audit_entry *e)
{
	struct audit_row row = {
		.seq = h->seq + 1,
		.at = c->now,
		.way = e->way,
		.organization_id = e->organization_id,
		.action = e->action,
		.object = e->object,
		.person = e->person_id,
		.outcome = e->outcome,
		.begun = e->begun,
		.again = e->again,
	};
	enum rc rc = hold_head(c);

	if (rc == RC_OK)
		rc = name_id(c, e->actor, &row.actor);
	if (rc == RC_OK && row.person == NULL && e->person != NULL)
		rc = name_id(c, e->person, &row.person);
	if (rc == RC_OK && e->detail != NULL)
		rc = put_detail(c, &row, e->detail);
	row.hash = chain_hash(c->arena, h->hash, &row);
	if (rc != RC_OK || (rc = put_row(c, &row)) != RC_OK)
		return rc;
	h->seq = e->seq = row.seq;
	h->hash = row.hash;
	e->person_id = row.person;
	return RC_OK;
}

struct adding {
	struct audit_entry *e;
	struct bytes key;
	struct bytes recent; /* digest of a reading; absent: of no reading */
};

static enum rc
add_in_unit(struct call *c, void *arg)
{
	static const char begin_sql[] = "INSERT INTO audit_recent (digest, seq, at, again) VALUES (?1, ?2, ?3, 0)"
					" ON CONFLICT (digest) DO UPDATE SET seq = ?2, at = ?3, again = 0";
	static const char before_sql[] = "SELECT again FROM audit_recent WHERE digest = ?1";
	const struct adding *in = arg;
	struct audit_entry e = *in->e; /* set anew at each run */
	struct chain_head h;
	struct db_rows r;
	bool there;
	enum rc rc;

	if (in->recent.p != NULL) {
		if ((rc = store_run(c, before_sql, DB_ARGS(db_blob(in->recent)), &r)) != RC_OK)
			return rc;
		e.again = r.rows > 0 ? db_get_int(&r, 0, 0) : 0;
	}
	if ((rc = chain_head_get(c, in->key, &h, &there)) != RC_OK || (rc = chain_add(c, &h, &e)) != RC_OK ||
	    (rc = chain_head_put(c, in->key, &h)) != RC_OK)
		return rc;
	if (!h.sealed)
		log_error("the head of the audit is not what this server wrote: postern audit verify");
	in->e->seq = e.seq;
	in->e->person_id = e.person_id;
	if (in->recent.p == NULL)
		return RC_OK;
	return store_run(c, begin_sql, DB_ARGS(db_blob(in->recent), db_int(e.seq), db_int(c->now)), NULL);
}

static enum rc
add(struct call *c, struct audit_entry *e, struct bytes recent)
{
	struct adding in = { .e = e, .recent = recent };
	enum rc rc;

	assert(!store_in_unit(c));
	if (e->detail != NULL && strlen(e->detail) > AUDIT_DETAIL_MAX)
		return fail(
		    &c->err, RC_TOO_LARGE, "what the audit is to keep is larger than %d octets", AUDIT_DETAIL_MAX);
	if ((rc = chain_key(c, &in.key)) == RC_OK)
		rc = store_unit(c, add_in_unit, &in);
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "audit");
}

enum rc
audit_add(struct call *c, struct audit_entry *e)
{
	return add(c, e, (struct bytes){ 0 });
}

enum rc
audit_read(struct call *c, struct audit_entry *e)
{
	static const char again_sql[] = "UPDATE audit_recent SET again = again + 1 WHERE digest = ?1 AND at > ?2"
					" AND at <= ?3 RETURNING seq";
	struct audit_row same = {
		.actor = e->actor,
		.way = e->way,
		.organization_id = e->organization_id,
		.action = e->action,
		.object = e->object,
		.person = e->person,
		.outcome = e->outcome,
		.detail = bytes_str(e->detail),
	};
	struct bytes digest = chain_hash(c->arena, (struct bytes){ 0 }, &same);
	struct db_rows r;
	enum rc rc;

	rc = store_run(c, again_sql, DB_ARGS(db_blob(digest), db_int(c->now - AUDIT_QUIET_S), db_int(c->now)), &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "audit");
	if (r.rows == 0)
		return add(c, e, digest);
	e->seq = db_get_int(&r, 0, 0);
	return RC_OK;
}
