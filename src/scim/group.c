/* /scim/v2/Groups. A group is a name; who is in it are people of the organization. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "crypto/hash.h"
#include "enroll/person.h"
#include "scim/resource.h"
#include "store/store.h"

#define AT_ONCE 500 /* members that are read before they are changed */
#define HAS_MEMBER "name IN (SELECT m.name FROM account_group m WHERE m.account_id"
#define COLUMNS "id, name, external_id, created_at, updated_at"

struct group {
	const char *id, *name, *external_id;
	int64_t created_at, updated_at;
};

struct edit { /* members as the request wants them */
	enum scim_op op; /* replace: these and no others */
	const char **member; /* account ids, sorted */
	int n;
};

struct wish {
	const char *organization_id, *by;
	struct group g; /* id NULL: a new one */
	const char *name, *external_id; /* NULL: as it is */
	struct edit edits[SCIM_OPERATIONS];
	int n;
	const char *saved; /* the group's id, afterwards */
};

static void
read_row(const struct db_rows *r, int row, struct group *g)
{
	*g = (struct group){ db_get_text(r, row, 0), db_get_text(r, row, 1), db_get_text(r, row, 2),
		db_get_int(r, row, 3), db_get_int(r, row, 4) };
}

static enum rc
find(struct scim_call *x, const char *id, struct group *out)
{
	struct db_rows r;
	enum rc rc = store_run(x->c, "SELECT " COLUMNS " FROM directory_group WHERE organization_id = ?1 AND id = ?2",
	    DB_ARGS(db_text(x->service.organization_id), db_text(id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0) {
		(void)fail(&x->c->err, RC_NOT_FOUND, "there is no such group");
		return RC_NOT_FOUND;
	}
	read_row(&r, 0, out);
	return RC_OK;
}

/* The first `most` after a user identifier; "": from the start. */
static enum rc
members_of(
    struct call *c, const char *organization_id, const char *name, const char *after, int most, struct db_rows *r)
{
	return store_run(c,
	    "SELECT a.id, a.user_identifier FROM account_group g JOIN account a ON a.id = g.account_id"
	    " WHERE g.organization_id = ?1 AND g.name = ?2 AND a.user_identifier > ?4 ORDER BY a.user_identifier LIMIT "
	    "?3",
	    DB_ARGS(db_text(organization_id), db_text(name), db_int(most), db_text(after)), r);
}

/* Some people at a time are changed with memory of its own, without a ceiling: what is known of so many is its bound, and
 * the request's would end a large group's change. */
static enum rc
apart(struct call *c, enum rc (*fn)(struct call *c, void *arg), void *arg)
{
	struct arena *whole = c->arena;
	enum rc rc;

	c->arena = arena_new(0);
	rc = fn(c, arg);
	arena_free(c->arena);
	c->arena = whole;
	return rc;
}

struct members { /* on the way through all of a group */
	const struct wish *w;
	enum rc (*fn)(struct call *c, const struct wish *w, const char *id, const void *arg);
	const void *arg;
	const char *after; /* user identifier, in `keep` */
	struct arena *keep;
	bool more;
};

static enum rc
next_members(struct call *c, void *arg)
{
	struct members *m = arg;
	struct db_rows r = { 0 };
	enum rc rc = members_of(c, m->w->organization_id, m->w->g.name, m->after, AT_ONCE, &r);

	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		rc = m->fn(c, m->w, db_get_text(&r, i, 0), m->arg);
	m->more = rc == RC_OK && r.rows == AT_ONCE;
	if (m->more)
		m->after = arena_strdup(m->keep, db_get_text(&r, r.rows - 1, 1));
	return rc;
}

/* Every member, however many, also where `fn` takes them out. */
static enum rc
each_member(struct call *c, const struct wish *w,
    enum rc (*fn)(struct call *, const struct wish *, const char *, const void *), const void *arg)
{
	struct members m = { w, fn, arg, "", c->arena, true };
	enum rc rc = RC_OK;

	while (m.more)
		rc = apart(c, next_members, &m);
	return rc;
}

/* Of a list like "members,externalId" (RFC 7644 3.9). */
static bool
names(const char *list, const char *name)
{
	size_t n;

	for (; list != NULL && *list != '\0'; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		if (n == strlen(name) && strncasecmp(list, name, n) == 0)
			return true;
	}
	return false;
}

static enum rc
group_json(struct scim_call *x, const struct group *g, json_t **out)
{
	bool left_out = names(http_query(x->c, x->r, "excludedAttributes", true), "members");
	json_t *members = left_out ? NULL : json_array();
	struct db_rows r = { 0 };
	enum rc rc = RC_OK;

	if (!left_out)
		rc = members_of(x->c, x->service.organization_id, g->name, "", SCIM_SHOWN, &r);
	x->members += r.rows;
	for (int i = 0; rc == RC_OK && i < r.rows; i++)
		json_array_append_new(
		    members, json_pack("{s:s, s:s}", "value", db_get_text(&r, i, 0), "display", db_get_text(&r, i, 1)));
	*out = json_keep(x->c->arena, json_pack("{s:[s], s:s, s:s*, s:s, s:o*, s:o}", "schemas", SCIM_GROUP, "id",
					  g->id, "externalId", g->external_id, "displayName", g->name, "members",
					  members, "meta", scim_meta(x, "Group", g->id, g->created_at, g->updated_at)));
	return rc;
}

enum rc
scim_group_get(struct scim_call *x)
{
	struct group g;
	enum rc rc = find(x, x->r->segment[0], &g);

	return rc == RC_OK ? group_json(x, &g, &x->out) : rc;
}

static enum rc
row_json(struct scim_call *x, const struct db_rows *r, int row, json_t **out)
{
	struct group g;

	read_row(r, row, &g);
	return group_json(x, &g, out);
}

enum rc
scim_group_list(struct scim_call *x)
{
	static const struct scim_column columns[] = {
		{ "displayName", "name", false },
		{ "externalId", "external_id", false },
		{ "id", "id", false },
		{ "members", HAS_MEMBER, false }, /* Entra ID asks so whether somebody is in */
		{ "members.value", HAS_MEMBER, false },
		{ NULL, NULL, false },
	};
	static const struct scim_listing groups = { "directory_group", COLUMNS, "name", columns, row_json };

	return scim_answer_list(x, &groups);
}

/* ---- who is in it ---- */

/* In the group, or out of it; what the rules then refuse ends (enroll/person.h). */
static enum rc
put_member(struct call *c, const struct wish *w, const char *id, bool in)
{
	const char **groups;
	struct account a;
	int n = 0, ended;
	enum rc rc = account_get(c, id, &a);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && strcmp(a.organization_id, w->organization_id) != 0)) {
		return in ? fail(&c->err, RC_BAD_INPUT, "a member is no user here") : RC_OK;
	}
	if (rc != RC_OK || account_in_group(&a, w->g.name) == in)
		return rc;
	for (; a.groups[n] != NULL; n++)
		;
	groups = arena_array(c->arena, (size_t)n + 2, sizeof *groups);
	n = 0;
	for (int i = 0; a.groups[i] != NULL; i++) {
		if (strcmp(a.groups[i], w->g.name) != 0)
			groups[n++] = a.groups[i];
	}
	if (in)
		groups[n] = w->g.name;
	return person_set_groups(c, &a, groups, w->by, &ended);
}

static int
by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum rc
unless_listed(struct call *c, const struct wish *w, const char *id, const void *arg)
{
	const struct edit *e = arg;
	bool listed = e->n > 0 && bsearch(&id, e->member, (size_t)e->n, sizeof *e->member, by_id) != NULL;

	return listed ? RC_OK : put_member(c, w, id, false);
}

struct listed { /* on the way through the members that a request names */
	const struct wish *w;
	const struct edit *e;
	int done;
};

static enum rc
next_listed(struct call *c, void *arg)
{
	struct listed *l = arg;
	enum rc rc = RC_OK;

	for (int n = 0; rc == RC_OK && n < AT_ONCE && l->done < l->e->n; n++)
		rc = put_member(c, l->w, l->e->member[l->done++], l->e->op != SCIM_REMOVE);
	return rc;
}

static enum rc
apply(struct call *c, const struct wish *w, const struct edit *e)
{
	struct listed l = { w, e, 0 };
	enum rc rc = RC_OK;

	if (e->op == SCIM_REPLACE)
		rc = each_member(c, w, unless_listed, e);
	while (rc == RC_OK && l.done < e->n)
		rc = apart(c, next_listed, &l);
	return rc;
}

/* ---- changing ---- */

static enum rc
insert(struct call *c, struct wish *w)
{
	struct db_rows r;
	enum rc rc;

	w->g = (struct group){ crypto_id(c->arena), w->name, w->external_id, c->now, c->now };
	rc = store_run(c,
	    "INSERT INTO directory_group (" COLUMNS ", organization_id) VALUES (?1, ?2, ?3, ?4, ?4, ?5)"
	    " ON CONFLICT DO NOTHING RETURNING id",
	    DB_ARGS(db_text(w->g.id), db_text(w->name), db_text(w->external_id), db_int(c->now),
		db_text(w->organization_id)),
	    &r);
	return rc == RC_OK && r.rows == 0 ? fail(&c->err, RC_CONFLICT, "there is a group of that name") : rc;
}

/* In one step, so that no rule sees somebody in neither. */
static enum rc
rename_of(struct call *c, const struct wish *w, const char *id, const void *arg)
{
	struct account a;
	const char **groups;
	int n = 0, ended;
	enum rc rc;

	(void)arg;
	if ((rc = account_get(c, id, &a)) != RC_OK)
		return rc;
	for (; a.groups[n] != NULL; n++)
		;
	groups = arena_array(c->arena, (size_t)n + 1, sizeof *groups);
	for (n = 0; a.groups[n] != NULL; n++)
		groups[n] = strcmp(a.groups[n], w->g.name) == 0 ? w->name : a.groups[n];
	return person_set_groups(c, &a, groups, w->by, &ended);
}

/* Members follow: theirs is the name. */
static enum rc
rename_group(struct call *c, struct wish *w)
{
	enum rc rc = each_member(c, w, rename_of, NULL);

	/* What holds for it goes along, where the new name has nothing of its own. */
	if (rc == RC_OK)
		rc = store_run(c,
		    "UPDATE group_policy SET name = ?3 WHERE organization_id = ?1 AND name = ?2 AND NOT EXISTS"
		    " (SELECT 1 FROM group_policy o WHERE o.organization_id = ?1 AND o.name = ?3)",
		    DB_ARGS(db_text(w->organization_id), db_text(w->g.name), db_text(w->name)), NULL);
	w->g.name = w->name;
	return rc;
}

static enum rc
update(struct call *c, struct wish *w)
{
	enum rc rc = RC_OK;

	if (w->name != NULL && strcmp(w->name, w->g.name) != 0)
		rc = rename_group(c, w);
	if (w->external_id != NULL)
		w->g.external_id = w->external_id;
	w->g.updated_at = c->now;
	return rc == RC_OK
		   ? store_run(c,
			 "UPDATE directory_group SET name = ?2, external_id = ?3, updated_at = ?4 WHERE id = ?1",
			 DB_ARGS(db_text(w->g.id), db_text(w->g.name), db_text(w->g.external_id), db_int(c->now)), NULL)
		   : rc;
}

static enum rc
write_group(struct call *c, void *arg)
{
	struct wish *given = arg, *w = arena_alloc(c->arena, sizeof *w);
	enum rc rc;

	*w = *given; /* the unit may run again */
	rc = w->g.id == NULL ? insert(c, w) : update(c, w);
	for (int i = 0; rc == RC_OK && i < w->n; i++)
		rc = apply(c, w, &w->edits[i]);
	if (rc != RC_OK)
		store_discard(c); /* all of a request, or nothing */
	given->saved = w->g.id;
	return rc;
}

static enum rc
save(struct scim_call *x, struct wish *w)
{
	struct group g;
	enum rc rc;

	w->organization_id = x->service.organization_id;
	w->by = x->by;
	if (w->name != NULL && (w->name[0] == '\0' || strlen(w->name) > 100 || strpbrk(w->name, ",\r\n") != NULL))
		return scim_refuse(x, "invalidValue", "displayName has 1 to 100 octets, no comma and no line end");
	if ((rc = store_unit(x->c, write_group, w)) != RC_OK)
		return rc;
	rc = find(x, w->saved, &g);
	return rc == RC_OK ? group_json(x, &g, &x->out) : rc;
}

/* The ids in a list of members, or the one in a bracket. */
static enum rc
read_members(struct scim_call *x, const json_t *list, const char *chosen, struct edit *e)
{
	size_t n = json_is_array(list) ? json_array_size(list) : 0;
	const json_t *v;
	size_t i;

	e->n = 0;
	if (n > SCIM_MEMBERS)
		return scim_refuse(x, "tooMany", "more than 1000 members in one request");
	e->member = arena_array(x->c->arena, n + 1, sizeof *e->member);
	if (chosen != NULL)
		e->member[e->n++] = chosen;
	for (i = 0; i < n && chosen == NULL; i++) {
		v = json_array_get(list, i);
		if ((e->member[e->n] = json_string_value(scim_get(v, "value"))) == NULL)
			return scim_refuse(x, "invalidValue", "a member has no value");
		e->n++;
	}
	if (list != NULL && !json_is_array(list) && !json_is_null(list) && chosen == NULL)
		return scim_refuse(x, "invalidValue", "members is a list");
	qsort(e->member, (size_t)e->n, sizeof *e->member, by_id);
	return RC_OK;
}

static struct wish *
new_wish(struct scim_call *x)
{
	return arena_alloc(x->c->arena, sizeof(struct wish));
}

static enum rc
read_group(struct scim_call *x, struct wish *w)
{
	const json_t *members = scim_get(x->body, "members");
	enum rc rc;

	if ((rc = scim_text(x, x->body, "displayName", &w->name)) != RC_OK ||
	    (rc = scim_text(x, x->body, "externalId", &w->external_id)) != RC_OK)
		return rc;
	if (w->name == NULL)
		return scim_refuse(x, "invalidValue", "displayName is missing");
	w->edits[0].op = SCIM_REPLACE;
	w->n = 1;
	return read_members(x, members, NULL, &w->edits[0]);
}

enum rc
scim_group_add(struct scim_call *x)
{
	struct wish *w = new_wish(x);
	enum rc rc = read_group(x, w);

	x->status = 201;
	return rc == RC_OK ? save(x, w) : rc;
}

enum rc
scim_group_put(struct scim_call *x)
{
	struct wish *w = new_wish(x);
	enum rc rc = find(x, x->r->segment[0], &w->g);

	if (rc != RC_OK || (rc = read_group(x, w)) != RC_OK)
		return rc;
	return save(x, w);
}

static enum rc
one_change(struct scim_call *x, const struct scim_change *g, struct wish *w)
{
	struct edit *e = &w->edits[w->n];

	if (strcasecmp(g->path, "displayName") == 0 && g->op != SCIM_REMOVE)
		return (w->name = json_string_value(g->value)) != NULL
			   ? RC_OK
			   : scim_refuse(x, "invalidValue", "displayName is a text");
	if (strcasecmp(g->path, "externalId") == 0) {
		w->external_id = json_string_value(g->value);
		return RC_OK;
	}
	if (strcasecmp(g->path, "members") != 0)
		return RC_OK; /* id, schemas and what other directories know */
	w->n++;
	/* Removed without saying whom: all (RFC 7644 3.5.2.2). */
	e->op = g->op == SCIM_REMOVE && g->chosen == NULL && g->value == NULL ? SCIM_REPLACE : g->op;
	return read_members(x, g->value, g->chosen, e);
}

enum rc
scim_group_patch(struct scim_call *x)
{
	struct wish *w = new_wish(x);
	struct scim_change *list;
	enum rc rc = find(x, x->r->segment[0], &w->g);
	int n;

	if (rc == RC_OK)
		rc = scim_changes(x, &list, &n);
	for (int i = 0; rc == RC_OK && i < n; i++)
		rc = one_change(x, &list[i], w);
	return rc == RC_OK ? save(x, w) : rc;
}

static enum rc
remove_group(struct call *c, void *arg)
{
	struct wish *w = arg;
	const struct edit nobody = { .op = SCIM_REPLACE };
	enum rc rc = apply(c, w, &nobody);

	return rc == RC_OK ? store_run(c, "DELETE FROM directory_group WHERE id = ?1", DB_ARGS(db_text(w->g.id)), NULL)
			   : rc;
}

enum rc
scim_group_remove(struct scim_call *x)
{
	struct wish *w = new_wish(x);
	enum rc rc = find(x, x->r->segment[0], &w->g);

	w->organization_id = x->service.organization_id;
	w->by = x->by;
	x->status = 204;
	return rc == RC_OK ? store_unit(x->c, remove_group, w) : rc;
}
