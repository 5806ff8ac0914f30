/* What goes: rows by age, names and details by request. The chain stays whole behind what went, and says what did. */
#include "audit/chain.h"

#include <ctype.h>

#include "base/buf.h"
#include "fmt/base64.h"
#include "store/store.h"

#define PRUNE_PAGE 500 /* rows of one unit */
#define FORGET_PAGE 200 /* details of one unit */
#define SEARCH_PAGE 500 /* details read at once */

/* ---- by age ---- */

struct pruning {
	struct bytes key;
	int64_t before;
	int rows;
};

static enum rc
delete_through(struct call *c, int64_t through)
{
	/* Names that no row has any more, of those that went; then details and rows. */
	static const char *const sql[] = {
		"DELETE FROM audit_name WHERE id IN (SELECT actor FROM audit WHERE seq <= ?1 UNION"
		" SELECT person FROM audit WHERE seq <= ?1 AND person IS NOT NULL)"
		" AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.actor = audit_name.id AND a.seq > ?1)"
		" AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.person = audit_name.id AND a.seq > ?1)",
		"DELETE FROM audit_detail WHERE seq <= ?1",
		"DELETE FROM audit_recent WHERE seq <= ?1",
		"DELETE FROM audit WHERE seq <= ?1",
	};
	enum rc rc = RC_OK;

	for (size_t i = 0; i < sizeof sql / sizeof sql[0] && rc == RC_OK; i++)
		rc = store_run(c, sql[i], DB_ARGS(db_int(through)), NULL);
	return rc;
}

static enum rc
prune_in_unit(struct call *c, void *arg)
{
	struct pruning *p = arg;
	struct audit_entry e = { .actor = "server", .way = "server", .action = "prune", .outcome = "done" };
	struct chain_head h;
	struct db_rows r;
	bool there;
	enum rc rc;

	p->rows = 0;
	if ((rc = chain_head_get(c, p->key, &h, &there)) != RC_OK)
		return rc;
	rc = store_run(c, "SELECT seq, hash, at FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2",
	    DB_ARGS(db_int(h.start), db_int(PRUNE_PAGE)), &r);
	/* Only from the front; and what is not sealed is left for whoever looks into it. */
	while (rc == RC_OK && h.sealed && p->rows < r.rows && db_get_int(&r, p->rows, 2) < p->before)
		p->rows++;
	if (rc != RC_OK || p->rows == 0)
		return rc;
	h.start = db_get_int(&r, p->rows - 1, 0) + 1;
	h.start_hash = db_get_blob(&r, p->rows - 1, 1);
	e.detail = arena_printf(
	    c->arena, "{\"through\":%lld,\"hash\":\"%s\"}", (long long)h.start - 1, hex_encode(c->arena, h.start_hash));
	if ((rc = delete_through(c, h.start - 1)) != RC_OK || (rc = chain_add(c, &h, &e)) != RC_OK)
		return rc;
	return chain_head_put(c, p->key, &h);
}

/* The oldest row says whether there is anything to do: asked each round, and once in a long while answered yes. A round
 * that prunes for one row alone would leave one behind. */
static enum rc
due(struct call *c, int64_t before, bool *out)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT at FROM audit ORDER BY seq LIMIT 1", DB_NONE, &r);

	*out = rc == RC_OK && r.rows > 0 && db_get_int(&r, 0, 0) < before;
	return rc;
}

/* Readings that were counted since their row, and have not been repeated for a while: a row says how many. */
struct closing {
	struct bytes key;
	int64_t before;
};

static enum rc
close_in_unit(struct call *c, void *arg)
{
	static const char sql[] =
	    "SELECT r.digest, r.again, r.seq, n.name, a.way, a.organization_id, a.action, a.object, a.person FROM "
	    "audit_recent r"
	    " JOIN audit a ON a.seq = r.seq LEFT JOIN audit_name n ON n.id = a.actor WHERE r.at < ?1 LIMIT ?2";
	const struct closing *in = arg;
	struct chain_head h;
	struct db_rows r;
	bool there;
	enum rc rc;

	if ((rc = chain_head_get(c, in->key, &h, &there)) != RC_OK ||
	    (rc = store_run(c, sql, DB_ARGS(db_int(in->before), db_int(FORGET_PAGE)), &r)) != RC_OK)
		return rc;
	for (int i = 0; i < r.rows && rc == RC_OK; i++) {
		struct audit_entry e = {
			.actor = db_get_text(&r, i, 3) != NULL ? db_get_text(&r, i, 3) : "erased",
			.way = db_get_text(&r, i, 4),
			.organization_id = db_get_text(&r, i, 5),
			.action = db_get_text(&r, i, 6),
			.object = db_get_text(&r, i, 7),
			.person_id = db_get_text(&r, i, 8),
			.outcome = "repeated",
			.begun = db_get_int(&r, i, 2),
			.again = db_get_int(&r, i, 1),
		};

		if (e.again > 0)
			rc = chain_add(c, &h, &e);
		if (rc == RC_OK)
			rc = store_run(c, "DELETE FROM audit_recent WHERE digest = ?1",
			    DB_ARGS(db_blob(db_get_blob(&r, i, 0))), NULL);
	}
	return rc == RC_OK && r.rows > 0 ? chain_head_put(c, in->key, &h) : rc;
}

enum rc
audit_prune(struct call *c, int64_t before, int *rows)
{
	struct closing closing = { .before = c->now - AUDIT_QUIET_S };
	struct pruning p = { .before = before };
	struct db_rows r;
	bool needed = false;
	enum rc rc;

	*rows = 0;
	rc = store_run(c, "SELECT 1 FROM audit_recent WHERE at < ?1 LIMIT 1", DB_ARGS(db_int(closing.before)), &r);
	if (rc == RC_OK)
		rc = due(c, before, &needed);
	if (rc != RC_OK || (r.rows == 0 && !needed))
		return rc;
	if ((rc = chain_key(c, &p.key)) != RC_OK)
		return rc;
	closing.key = p.key;
	if (r.rows > 0 && (rc = store_unit(c, close_in_unit, &closing)) != RC_OK)
		return fail_in(&c->err, rc, "audit");
	if (needed && (rc = store_unit(c, prune_in_unit, &p)) != RC_OK)
		return fail_in(&c->err, rc, "audit");
	*rows = p.rows;
	return RC_OK;
}

/* ---- by request ---- */

struct forgetting {
	const struct audit_entry *by;
	const char *object;
	const char *const *names;
	struct bytes key;
	const char **ids; /* of names */
	int n_ids;
	int64_t *details; /* seq */
	int n_details, room;
	int from, to; /* of those: this unit's */
};

static void
add_id(struct call *c, struct forgetting *f, const char *id)
{
	const char **more = arena_array(c->arena, (size_t)f->n_ids + 1, sizeof *more);

	for (int i = 0; i < f->n_ids; i++) {
		if (strcmp(f->ids[i], id) == 0)
			return;
		more[i] = f->ids[i];
	}
	more[f->n_ids++] = id;
	f->ids = more;
}

static void
add_detail(struct call *c, struct forgetting *f, int64_t seq)
{
	if (f->n_details == f->room) {
		int64_t *more;

		f->room = f->room > 0 ? 2 * f->room : 64;
		more = arena_array(c->arena, (size_t)f->room, sizeof *more);
		if (f->n_details > 0)
			memcpy(more, f->details, (size_t)f->n_details * sizeof *more);
		f->details = more;
	}
	f->details[f->n_details++] = seq;
}

static enum rc
find_ids(struct call *c, struct forgetting *f)
{
	struct db_rows r;
	enum rc rc;

	/* Whoever was called otherwise before, too: what was done to the same account concerned the same person. */
	rc = store_run(c, "SELECT DISTINCT person FROM audit WHERE object = ?1 AND person IS NOT NULL",
	    DB_ARGS(db_text(f->object)), &r);
	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		add_id(c, f, db_get_text(&r, i, 0));
	for (int k = 0; rc == RC_OK && f->names[k] != NULL; k++) {
		rc = store_run(c, "SELECT id FROM audit_name WHERE name = ?1", DB_ARGS(db_text(f->names[k])), &r);
		for (int i = 0; rc == RC_OK && i < r.rows; i++)
			add_id(c, f, db_get_text(&r, i, 0));
	}
	return rc;
}

/* Is one of the names in it? ASCII letters count the same in either case. */
static bool
says(const char *text, const char *const *names)
{
	for (; *names != NULL; names++) {
		size_t n = strlen(*names);

		for (const char *p = text; n > 0 && *p != '\0'; p++) {
			size_t k = 0;

			while (k < n && tolower((unsigned char)p[k]) == tolower((unsigned char)(*names)[k]))
				k++;
			if (k == n)
				return true;
		}
	}
	return false;
}

static bool
is_one_of(const char *id, const struct forgetting *f)
{
	for (int i = 0; id != NULL && i < f->n_ids; i++) {
		if (strcmp(f->ids[i], id) == 0)
			return true;
	}
	return false;
}

static enum rc
find_details(struct call *c, struct forgetting *f)
{
	static const char sql[] = "SELECT d.seq, d.content, a.person FROM audit_detail d JOIN audit a ON a.seq = d.seq"
				  " WHERE d.seq > ?1 AND d.content IS NOT NULL ORDER BY d.seq LIMIT ?2";
	struct call page = *c;
	int64_t after = 0;
	int rows = SEARCH_PAGE;
	enum rc rc = RC_OK;

	while (rc == RC_OK && rows == SEARCH_PAGE) {
		struct db_rows r;

		page.arena = arena_new(0); /* there may be more than a call has memory for */
		rc = store_run(&page, sql, DB_ARGS(db_int(after), db_int(SEARCH_PAGE)), &r);
		for (rows = 0; rc == RC_OK && rows < r.rows; rows++) {
			after = db_get_int(&r, rows, 0);
			if (is_one_of(db_get_text(&r, rows, 2), f) || says(db_get_text(&r, rows, 1), f->names))
				add_detail(c, f, after);
		}
		arena_free(page.arena);
	}
	c->err = page.err;
	return rc;
}

/* What this unit takes away, as its row says it: ["5","7","id"]. */
static const char *
list_text(struct call *c, const struct forgetting *f)
{
	struct buf b;

	buf_init(&b, AUDIT_DETAIL_MAX);
	buf_str(&b, "[");
	for (int i = f->from; i < f->to; i++)
		buf_printf(&b, "%s\"%lld\"", b.n > 1 ? "," : "", (long long)f->details[i]);
	for (int i = 0; f->from == 0 && i < f->n_ids; i++)
		buf_printf(&b, "%s\"%s\"", b.n > 1 ? "," : "", f->ids[i]);
	buf_str(&b, "]");
	return buf_finish(&b, c->arena);
}

static enum rc
forget_in_unit(struct call *c, void *arg)
{
	static const char detail_sql[] =
	    "UPDATE audit_detail SET content = NULL, salt = NULL, erased_by = ?2 WHERE seq = ?1";
	static const char name_sql[] = "UPDATE audit_name SET name = NULL, salt = NULL, erased_by = ?2 WHERE id = ?1";
	const struct forgetting *f = arg;
	struct audit_entry e = *f->by;
	struct chain_head h;
	bool there;
	enum rc rc;

	e.detail = list_text(c, f);
	if ((rc = chain_head_get(c, f->key, &h, &there)) != RC_OK || (rc = chain_add(c, &h, &e)) != RC_OK ||
	    (rc = chain_head_put(c, f->key, &h)) != RC_OK)
		return rc;
	for (int i = f->from; i < f->to && rc == RC_OK; i++)
		rc = store_run(c, detail_sql, DB_ARGS(db_int(f->details[i]), db_int(e.seq)), NULL);
	for (int i = 0; f->from == 0 && i < f->n_ids && rc == RC_OK; i++)
		rc = store_run(c, name_sql, DB_ARGS(db_text(f->ids[i]), db_int(e.seq)), NULL);
	return rc;
}

enum rc
audit_forget(struct call *c, const struct audit_entry *by, const char *object, const char *const *names)
{
	struct forgetting f = { .by = by, .object = object, .names = names };
	enum rc rc;

	if ((rc = chain_key(c, &f.key)) != RC_OK || (rc = find_ids(c, &f)) != RC_OK ||
	    (rc = find_details(c, &f)) != RC_OK)
		return rc;
	for (; rc == RC_OK && (f.from < f.n_details || (f.from == 0 && f.n_ids > 0 && f.to == 0)); f.from = f.to) {
		f.to = f.from + FORGET_PAGE < f.n_details ? f.from + FORGET_PAGE : f.n_details;
		rc = store_unit(c, forget_in_unit, &f);
		if (f.to == 0)
			break;
	}
	return rc == RC_OK ? rc : fail_in(&c->err, rc, "audit");
}
