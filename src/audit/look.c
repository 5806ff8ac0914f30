/* Listing rows, and looking whether they are as they were written. */
#include "audit/chain.h"

#include <stdlib.h>

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "store/store.h"

#define VERIFY_PAGE 1000 /* rows */

/* What stands beside a row: names and detail, each with the salt of its digest and what took it away. */
#define BESIDE_COLUMNS \
	", n.name, p.name, d.content, n.salt, p.salt, d.salt, n.erased_by, p.erased_by, d.erased_by," \
	" n.id, p.id, d.seq"
#define BESIDE_JOINS \
	" FROM audit a LEFT JOIN audit_name n ON n.id = a.actor LEFT JOIN audit_name p ON p.id = a.person" \
	" LEFT JOIN audit_detail d ON d.seq = a.seq"
enum beside { ACTOR, PERSON, DETAIL, BESIDES };
#define TEXT_AT(k) (13 + (int)(k))
#define SALT_AT(k) (16 + (int)(k))
#define ERASED_AT(k) (19 + (int)(k))
#define THERE_AT(k) (22 + (int)(k))

static void
read_row(const struct db_rows *r, int i, struct audit_row *out)
{
	chain_read(r, i, out);
	out->actor_name = db_get_text(r, i, TEXT_AT(ACTOR));
	out->person_name = db_get_text(r, i, TEXT_AT(PERSON));
	out->text = db_get_text(r, i, TEXT_AT(DETAIL));
}

/* ---- listing ---- */

/* The id of a name that is asked for. *out "": nobody has it. */
static enum rc
find_name(struct call *c, const char *name, const char **out)
{
	struct db_rows r;
	enum rc rc;

	*out = NULL;
	if (name == NULL)
		return RC_OK;
	rc = store_run(c, "SELECT id FROM audit_name WHERE name = ?1", DB_ARGS(db_text(name)), &r);
	*out = rc == RC_OK && r.rows > 0 ? db_get_text(&r, 0, 0) : "";
	return rc;
}

enum rc
audit_list(struct call *c, const struct audit_filter *f, struct audit_row **out, int *n)
{
#define WHERE \
	" WHERE a.seq > ?1 AND a.seq < ?2 AND a.at >= ?3 AND a.at < ?4 AND (?5 = '' OR a.organization_id = ?5)" \
	" AND (?6 = '' OR a.object = ?6)"
	/* By a person or an actor through their indexes; each of the four is a plan of its own. */
	static const char *const conditions[] = { WHERE " AND ?7 = '' AND ?8 = ''",
		WHERE " AND a.person = ?7 AND ?8 = ''", WHERE " AND ?7 = '' AND a.actor = ?8",
		WHERE " AND a.person = ?7 AND a.actor = ?8" };
#undef WHERE
	const char *person, *actor, *sql;
	struct db_rows r;
	enum rc rc;

	*n = 0;
	if ((rc = find_name(c, f->person, &person)) != RC_OK || (rc = find_name(c, f->actor, &actor)) != RC_OK)
		return rc;
	sql = arena_printf(c->arena, "SELECT " CHAIN_COLUMNS BESIDE_COLUMNS BESIDE_JOINS "%s ORDER BY a.seq%s LIMIT %d",
	    conditions[(person != NULL) + 2 * (actor != NULL)], f->oldest ? "" : " DESC",
	    f->limit > 0 ? f->limit : AUDIT_PAGE);
	rc = store_run(c, sql,
	    DB_ARGS(db_int(f->oldest ? f->after : 0), db_int(!f->oldest && f->before > 0 ? f->before : INT64_MAX),
		db_int(f->since), db_int(f->until > 0 ? f->until : INT64_MAX),
		db_text(f->organization_id != NULL ? f->organization_id : ""),
		db_text(f->object != NULL ? f->object : ""), db_text(person != NULL ? person : ""),
		db_text(actor != NULL ? actor : "")),
	    &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "audit");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (int i = 0; i < r.rows; i++)
		read_row(&r, i, &(*out)[i]);
	*n = r.rows;
	return RC_OK;
}

enum rc
audit_head(struct call *c, int64_t *seq, struct bytes *hash)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT seq, hash FROM audit_head WHERE one = 1", DB_NONE, &r);

	*seq = 0;
	*hash = (struct bytes){ 0 };
	if (rc == RC_OK && r.rows > 0) {
		*seq = db_get_int(&r, 0, 0);
		*hash = db_get_blob(&r, 0, 1);
	}
	return rc;
}

/* ---- verifying ---- */

struct verifying {
	struct call *c;
	struct chain_head head;
	struct audit_verdict *v;
	int64_t listed_by; /* an erasing row, and */
	const char *listed; /* its detail: read once for many rows */
};

static void
wrong(struct verifying *y, int64_t seq, const char *why)
{
	y->v->wrong = seq;
	y->v->why = why;
}

/* Did row `by` of the chain take that away? Its detail is ",5,7,id,...,". */
static enum rc
erased(struct verifying *y, int64_t by, const char *what, bool *out)
{
	static const char sql[] = "SELECT d.content FROM audit a JOIN audit_detail d ON d.seq = a.seq WHERE a.seq = ?1"
				  " AND a.action = 'erase'";
	struct call *c = y->c;
	struct db_rows r;
	enum rc rc;

	/* A name may be older than the oldest row that is kept. */
	*out = by > 0 && by < y->head.start;
	if (by < y->head.start)
		return RC_OK;
	if (by != y->listed_by) {
		if ((rc = store_run(c, sql, DB_ARGS(db_int(by)), &r)) != RC_OK)
			return rc;
		y->listed = r.rows > 0 && db_get_text(&r, 0, 0) != NULL ? db_get_text(&r, 0, 0) : "";
		y->listed_by = by;
	}
	*out = strstr(y->listed, arena_printf(c->arena, "\"%s\"", what)) != NULL;
	return RC_OK;
}

/* A name or a detail against the digest in the chain. `want` NULL: the row has none, and there must be none. */
static enum rc
check_beside(struct verifying *y, const struct db_rows *r, int i, enum beside k, const char *want)
{
	static const struct {
		const char *missing, *other;
	} sentences[BESIDES] = {
		[ACTOR] = { "the name of who did it is missing, and no row erased it",
		    "the name of who did it was changed" },
		[PERSON] = { "the name of whom it concerns is missing, and no row erased it",
		    "the name of whom it concerns was changed" },
		[DETAIL] = { "its detail is missing, and no row erased it", "its detail was changed" },
	};
	struct call *c = y->c;
	const char *text = db_get_text(r, i, TEXT_AT(k)), *what = want, *got;
	int64_t seq = db_get_int(r, i, 0);
	struct bytes digest;
	bool gone = false;
	enum rc rc;

	if (want == NULL) {
		if (!db_is_null(r, i, THERE_AT(k)))
			wrong(y, seq, sentences[k].other);
		return RC_OK;
	}
	if (text == NULL) {
		if (k == DETAIL)
			what = arena_printf(c->arena, "%lld", (long long)seq);
		if ((rc = erased(y, db_get_int(r, i, ERASED_AT(k)), what, &gone)) == RC_OK && !gone)
			wrong(y, seq, sentences[k].missing);
		return rc;
	}
	digest = chain_digest(c->arena, db_get_blob(r, i, SALT_AT(k)), text);
	got = k == DETAIL ? hex_encode(c->arena, digest) : base64url_encode(c->arena, digest);
	if (strcmp(got, want) != 0)
		wrong(y, seq, sentences[k].other);
	return RC_OK;
}

static enum rc
check_row(struct verifying *y, const struct db_rows *r, int i, int64_t seq, struct bytes *previous)
{
	struct arena *a = y->c->arena;
	struct audit_row row;
	enum rc rc;

	read_row(r, i, &row);
	if (row.seq != seq) {
		wrong(y, seq, "it is missing");
		return RC_OK;
	}
	if (!bytes_eq(chain_hash(a, *previous, &row), row.hash)) {
		wrong(y, seq, "it is not as it was written, or the row before it is not");
		return RC_OK;
	}
	*previous = row.hash;
	if ((rc = check_beside(y, r, i, ACTOR, row.actor)) == RC_OK && y->v->why == NULL &&
	    (rc = check_beside(y, r, i, PERSON, row.person)) == RC_OK && y->v->why == NULL)
		rc = check_beside(y, r, i, DETAIL, row.detail.p != NULL ? hex_encode(a, row.detail) : NULL);
	return rc;
}

/* The head, and the newest row as the same moment has it. */
static enum rc
check_head(struct verifying *y)
{
	struct call *c = y->c;
	struct bytes key;
	struct db_rows r;
	bool there;
	enum rc rc;

	if ((rc = chain_key(c, &key)) != RC_OK || (rc = chain_head_get(c, key, &y->head, &there)) != RC_OK)
		return rc;
	rc = store_run(c, "SELECT MAX(seq) FROM audit", DB_NONE, &r);
	if (rc != RC_OK)
		return rc;
	y->v->last = y->head.seq;
	if (!there && db_get_int(&r, 0, 0) > 0)
		wrong(y, 0, "the head is missing");
	else if (!y->head.sealed)
		wrong(y, 0, "the head is not what the server wrote: rows may have been cut off its end");
	else if (db_get_int(&r, 0, 0) < y->head.seq)
		wrong(y, db_get_int(&r, 0, 0) + 1, "it is missing, and all rows behind it");
	return RC_OK;
}

/* The digest of the row before `from`. */
static enum rc
digest_before(struct verifying *y, int64_t from, struct bytes *out)
{
	struct db_rows r;
	enum rc rc;

	*out = y->head.start_hash;
	if (from <= y->head.start)
		return RC_OK;
	rc = store_run(y->c, "SELECT hash FROM audit WHERE seq = ?1", DB_ARGS(db_int(from - 1)), &r);
	if (rc == RC_OK && r.rows > 0)
		*out = db_get_blob(&r, 0, 0);
	else if (rc == RC_OK)
		wrong(y, from - 1, "it is missing");
	return rc;
}

enum rc
audit_verify(struct call *c, int64_t from, struct audit_verdict *out)
{
	static const char sql[] = "SELECT " CHAIN_COLUMNS BESIDE_COLUMNS BESIDE_JOINS
				  " WHERE a.seq >= ?1 AND a.seq <= ?2 ORDER BY a.seq LIMIT ?3";
	struct verifying y = { .c = c, .v = out };
	struct bytes previous;
	struct db_rows r;
	enum rc rc;
	int i;

	*out = (struct audit_verdict){ 0 };
	if ((rc = check_head(&y)) != RC_OK)
		return rc;
	if (from < y.head.start)
		from = y.head.start;
	if ((rc = digest_before(&y, from, &previous)) != RC_OK)
		return rc;
	rc = store_run(c, sql, DB_ARGS(db_int(from), db_int(y.head.seq), db_int(VERIFY_PAGE)), &r);
	for (i = 0; rc == RC_OK && out->why == NULL && i < r.rows; i++)
		rc = check_row(&y, &r, i, from + i, &previous);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "audit");
	out->rows = i;
	if (out->why == NULL && r.rows < VERIFY_PAGE && from + i <= y.head.seq)
		wrong(&y, from + i, "it is missing");
	if (out->why == NULL && from + i > y.head.seq && !bytes_eq(previous, y.head.hash))
		wrong(&y, 0, "the head has another digest than the last row");
	out->from = out->why == NULL && from + i <= y.head.seq ? from + i : 0;
	return RC_OK;
}

enum rc
audit_verify_noted(struct call *c, int64_t seq, const char *hash, struct audit_verdict *out)
{
	struct verifying y = { .c = c, .v = out };
	struct bytes is = { 0 };
	struct db_rows r;
	enum rc rc;

	*out = (struct audit_verdict){ 0 };
	if ((rc = check_head(&y)) != RC_OK)
		return rc;
	out->why = NULL; /* of the head itself the pages tell */
	out->wrong = 0;
	rc = store_run(c, "SELECT hash FROM audit WHERE seq = ?1", DB_ARGS(db_int(seq)), &r);
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "audit");
	if (r.rows > 0)
		is = db_get_blob(&r, 0, 0);
	else if (seq == y.head.start - 1)
		is = y.head.start_hash;
	if (is.p == NULL && seq < y.head.start)
		return fail(&c->err, RC_NOT_FOUND, "row %lld was pruned: note a newer head", (long long)seq);
	if (is.p == NULL)
		wrong(&y, seq, "it is missing: rows were cut off since the head was noted");
	else if (strcmp(hex_encode(c->arena, is), hash) != 0)
		wrong(&y, seq, "its digest is another than the one that was noted");
	return RC_OK;
}
