#include "desired/wanted.h"

#include <string.h>

#include "command/policy.h"
#include "ddm/ddm.h"
#include "ddm/status.h"
#include "licence/licence.h"
#include "store/store.h"

struct desired_memo {
	struct desired_memo *next;
	const char *item_id, *target, *why;
	enum desired_way way;
};

static const char *const way_names[] = { /* of what the tables decide */
	[DESIRED_BY_DECLARATION] = "declaration",
	[DESIRED_BY_COMMAND] = "command",
	[DESIRED_NOT] = "none"
};

enum rc
desired_wishes_read(struct call *c, const char *organization_id, struct desired_wishes *out)
{
	struct licence_service service;
	struct db_rows r;
	enum rc rc = store_run(
	    c, "SELECT id, desired_version FROM organization WHERE id = ?1", DB_ARGS(db_text(organization_id)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no organization %.60s", organization_id);
	*out = (struct desired_wishes){ .organization_id = db_get_text(&r, 0, 0), .version = db_get_int(&r, 0, 1) };
	if (out->version == 0) /* nobody ever wished anything */
		return RC_OK;
	rc = licence_service_get(c, organization_id, &service);
	if (rc != RC_OK && rc != RC_NOT_FOUND)
		return rc;
	out->licences = rc == RC_OK;
	if ((rc = group_list(c, organization_id, &out->groups, &out->n_groups)) != RC_OK ||
	    (rc = desired_item_list(c, organization_id, -1, &out->items, &out->n_items)) != RC_OK)
		return rc;
	return desired_assignments(c, organization_id, &out->assignments, &out->n_assignments);
}

/* ---- the way of one item ---- */

/* The types of declarations that the device named; "" where it refused declarative management as a whole; NULL: it has
 * not said. */
static enum rc
capabilities(struct call *c, const struct enrollment *e, const char *user_id, const char **out)
{
	static const char sql[] = "SELECT refused FROM desired_state WHERE enrollment_id = ?1 AND user_id = ?2";
	struct ddm_item *items;
	struct db_rows r;
	int n;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(e->id), db_text(user_id)), &r);

	*out = NULL;
	if (rc == RC_OK && r.rows > 0 && db_get_int(&r, 0, 0) != 0) {
		*out = "";
		return RC_OK;
	}
	if (rc == RC_OK)
		rc = ddm_status_items(c, e->id, user_id, "management.client-capabilities", &items, &n);
	if (rc == RC_OK && n > 0)
		*out = items[0].value;
	return rc;
}

static bool
declares(const char *capabilities, const char *type)
{
	char quoted[128];

	if (capabilities == NULL || strlen(type) > sizeof quoted - 3)
		return true;
	quoted[0] = '"';
	memcpy(quoted + 1, type, strlen(type));
	memcpy(quoted + 1 + strlen(type), "\"", 2);
	return strstr(capabilities, quoted) != NULL;
}

static enum rc
remembered(struct call *c, struct desired_memo *m, bool *found)
{
	struct db_rows r;
	enum rc rc = store_run(c, "SELECT way, why FROM desired_verdict WHERE item_id = ?1 AND target = ?2",
	    DB_ARGS(db_text(m->item_id), db_text(m->target)), &r);

	*found = false;
	if (rc != RC_OK || r.rows == 0)
		return rc;
	for (int i = 0; i < 3; i++) {
		if (strcmp(way_names[i], db_get_text(&r, 0, 0)) == 0) {
			m->way = (enum desired_way)i;
			m->why = db_get_text(&r, 0, 1);
			*found = true;
		}
	}
	return RC_OK;
}

/* In memory of its own: what items are made of, all together, is more than a request may hold. */
static enum rc
judge(
    struct call *c, const struct desired_item *it, const struct policy_target *t, bool declares, struct desired_memo *m)
{
	struct call inner = *c;
	struct desired_item whole = *it;
	const char *why;
	enum rc rc;

	inner.arena = arena_new(0);
	if ((rc = desired_item_content(&inner, &whole)) == RC_OK) {
		m->way = desired_way_of(inner.arena, t, &whole, declares, &why);
		m->why = why != NULL ? arena_strdup(c->arena, why) : NULL;
	} else {
		c->err = inner.err;
	}
	arena_free(inner.arena);
	return rc;
}

static enum rc
find_way(struct call *c, struct desired_wishes *w, struct desired_item *it, const struct policy_target *t,
    const char *target, bool declares, const struct desired_memo **out)
{
	static const char keep_sql[] = "INSERT INTO desired_verdict (item_id, target, way, why) VALUES (?1, ?2, ?3, ?4)"
				       " ON CONFLICT DO NOTHING";
	struct desired_memo *m;
	bool found;
	enum rc rc;

	for (m = w->memo; m != NULL; m = m->next) {
		if (strcmp(m->item_id, it->id) == 0 && strcmp(m->target, target) == 0) {
			*out = m;
			return RC_OK;
		}
	}
	m = arena_alloc(c->arena, sizeof *m);
	*m = (struct desired_memo){ .next = w->memo, .item_id = it->id, .target = target };
	if ((rc = remembered(c, m, &found)) != RC_OK)
		return rc;
	if (!found) {
		if ((rc = judge(c, it, t, declares, m)) != RC_OK)
			return rc;
		rc = store_run(c, keep_sql,
		    DB_ARGS(db_text(it->id), db_text(target), db_text(way_names[m->way]), db_text(m->why)), NULL);
		if (rc != RC_OK)
			return rc;
	}
	w->memo = m;
	*out = m;
	return RC_OK;
}

/* ---- all of one channel ---- */

/* Groups that give an item: one of them by name, and whether all of them leave it to the person. */
static const char *
giver(const struct desired_wishes *w, const struct desired_item *it, const bool *matches, bool *optional)
{
	const char *name = NULL;

	*optional = true;
	for (int i = 0; i < w->n_assignments; i++) {
		const struct assignment *s = &w->assignments[i];
		int g;

		if (strcmp(s->item_id, it->id) != 0)
			continue;
		for (g = 0; g < w->n_groups && strcmp(w->groups[g].id, s->group_id) != 0; g++)
			;
		if (g == w->n_groups || !matches[g])
			continue;
		if (name == NULL)
			name = s->group;
		*optional = *optional && s->optional;
	}
	return name;
}

/* What is known of the channel that is asked about. */
struct asking {
	const struct enrollment *e;
	bool user, two_channels;
	const char *said; /* its capabilities */
};

static enum rc
way_on(struct call *c, struct desired_wishes *w, const struct asking *q, struct desired_item *it, bool user,
    const struct desired_memo **out)
{
	const struct enrollment *e = q->e;
	struct policy_target t = policy_target_of(e->mode, e->family, e->os_version, user);
	bool knows = declares(q->said, desired_type(it));
	/* With what the item is made of: a verdict that was worked out before a change counts no more. */
	const char *target =
	    arena_printf(c->arena, "%.12s %s %s %s %s%s", it->digest, e->mode, e->family != NULL ? e->family : "iPhone",
		e->os_version != NULL ? e->os_version : "", user ? "user" : "device", knows ? "" : " commands");

	return find_way(c, w, it, &t, target, knows, out);
}

/* A Mac has two channels. What is for the user's goes there; anything else to the device's, unless the tables have it
 * on the user's alone. *here: on the one that is asked about. */
static enum rc
place(struct call *c, struct desired_wishes *w, const struct asking *q, struct desired_item *it,
    const struct desired_memo **m, bool *here)
{
	const struct desired_memo *user;
	enum rc rc;

	*here = true;
	if (!q->two_channels || it->user_channel) {
		*here = !q->two_channels || q->user;
		return *here ? way_on(c, w, q, it, q->user, m) : RC_OK;
	}
	if ((rc = way_on(c, w, q, it, false, m)) != RC_OK)
		return rc;
	if ((*m)->way != DESIRED_NOT) {
		*here = !q->user;
		return RC_OK;
	}
	if ((rc = way_on(c, w, q, it, true, &user)) != RC_OK)
		return rc;
	*here = q->user == (user->way != DESIRED_NOT);
	if (q->user)
		*m = user;
	return RC_OK;
}

/* It was given before: whether the licence came or went, nothing of the person's is taken away for it. */
static enum rc
is_given(struct call *c, const struct enrollment *e, const struct wanted *x, bool *given)
{
	static const char sql[] = "SELECT 1 FROM ddm_declaration WHERE enrollment_id = ?1 AND identifier = ?2"
				  " UNION ALL SELECT 1 FROM desired_delivery WHERE enrollment_id = ?1 AND item_id = ?3"
				  " AND digest IS NOT NULL AND state <> 'refused'";
	struct db_rows r;
	enum rc rc = store_run(c, sql,
	    DB_ARGS(db_text(e->id), db_text(x->identifier != NULL ? x->identifier : ""), db_text(x->item->id)), &r);

	*given = rc == RC_OK && r.rows > 0;
	return rc;
}

/* An app without its licence would be asked for and refused, time and again. */
static enum rc
wait_for_licence(struct call *c, const struct enrollment *e, struct wanted *x)
{
	struct licence_state s;
	bool given;
	enum rc rc = licence_state(c, e->account_id, x->item->app_store_id, &s);

	if (rc != RC_OK || s.is == LICENCE_HELD)
		return rc;
	if ((rc = is_given(c, e, x, &given)) != RC_OK || given)
		return rc;
	x->way = DESIRED_LATER;
	x->why = s.reason != NULL ? s.reason : "a licence for the person was asked for, and is not there yet";
	return RC_OK;
}

static void
settle(struct call *c, struct wanted *x, const struct desired_memo *m)
{
	const struct desired_item *it = x->item;

	x->way = m->way;
	x->why = m->why;
	if (x->way == DESIRED_BY_COMMAND && x->optional) {
		x->way = DESIRED_NOT;
		x->why =
		    "an app that the person may take or leave can be offered by declaration only, which this device"
		    " does not know";
	}
	if (x->way != DESIRED_BY_DECLARATION)
		return;
	x->identifier = it->kind == DESIRED_DECLARATION
			    ? it->name
			    : arena_printf(c->arena, "postern.%s.%s", desired_kind_name(it->kind), it->id);
	x->server_token =
	    ddm_server_token(c->arena, arena_printf(c->arena, "%s %d %s", x->identifier, (int)x->optional, it->digest));
}

enum rc
desired_wanted(struct call *c, struct desired_wishes *w, const struct enrollment *e, const char *user_id,
    struct wanted **out, int *n)
{
	bool *matches = arena_array(c->arena, (size_t)w->n_groups, sizeof *matches);
	struct asking q = { .e = e, .user = user_id[0] != '\0' };
	enum rc rc;

	*n = 0;
	*out = NULL;
	if (w->n_assignments == 0)
		return RC_OK;
	q.two_channels = e->family != NULL && strcmp(e->family, "Mac") == 0;
	*out = arena_array(c->arena, (size_t)w->n_items, sizeof **out);
	if ((rc = group_match(c, w->groups, w->n_groups, e, matches)) != RC_OK ||
	    (rc = capabilities(c, e, user_id, &q.said)) != RC_OK)
		return rc;
	for (int i = 0; i < w->n_items; i++) {
		struct wanted *x = &(*out)[*n];
		const struct desired_memo *m = NULL;
		bool here;

		*x = (struct wanted){ .item = &w->items[i] };
		if ((x->group = giver(w, x->item, matches, &x->optional)) == NULL)
			continue;
		if ((rc = place(c, w, &q, x->item, &m, &here)) != RC_OK)
			return rc;
		if (!here)
			continue;
		settle(c, x, m);
		if (w->licences && x->item->app_store_id != NULL && x->way != DESIRED_NOT &&
		    (rc = wait_for_licence(c, e, x)) != RC_OK)
			return rc;
		(*n)++;
	}
	return RC_OK;
}
