/* Every change, and every reading of a person's data, makes a row in the audit: here, and in no handler.
 *
 * A change has two rows. The first says that it begins, and is on disk before the handler is called: nothing is changed
 * that no row speaks of. The second says what came of it, with the object as it was before and after, in the members that
 * differ. A refusal before the handler, and a reading, have one. */
#include <string.h>

#include "account/account.h"
#include "admin/routes.h"
#include "audit/audit.h"
#include "base/log.h"

#define PERSON_MAX 254 /* octets: no longer is the name of an account */

/* What may be kept of a kind of object, which a path calls {kind}: members of its answer, never a secret, and nothing
 * that says which device of a person it is. Of a kind that is not here no member is kept. `collection`: where objects of
 * that kind are made, and listed where they have no path of their own. */
static const struct kind {
	const char *name, *collection, *members;
} kinds[] = {
	/* clang-format off */
	{ "organization", "/organizations", "id name lab topic server_uuid identity_proof device_ca_mode"
	  " device_ca_ignore_times access_rights access_token_life_s refresh_idle_s refresh_max_s web_token_life_s"
	  " spread_percent colour logo domains device_cas attestation_cas" },
	{ "user", "/users", "id organization user managed_apple_account display_name source has_password disabled groups" },
	{ "group", "/groups", "group access_token_life_s web_token_life_s refresh_idle_s longest_s grace_s spread_percent" },
	{ "device_group", "/device-groups", "name organization mode model_family os_from os_below user_group by_rule members"
	  " items" },
	{ "item", "/items/{kind}", "kind name title type channel organization groups updated_at" },
	{ "rule", "/rules", "id organization position domain user group model_family percent outcome redirect_url message"
	  " method identity" },
	{ "provider", "/identity-providers", "id organization kind name domain issuer client_id client_auth tenant scope"
	  " user_claim apple_account groups_claim key_id directory again group_needed interval_s grace_s longest_s creates"
	  " redirects" },
	{ "enrollment", "/enrollments", "id organization user mode state family product os_version ended_at evict_at queued" },
	{ "command", "/enrollments/{enrollment}/commands", "uuid enrollment channel request_type status" },
	{ "service", "/services", "id organization name purpose created_by" },
	{ "webhook", "/webhooks", "id organization url events created_by" },
	{ "api_token", "/api-tokens", "id name role organization expires_at created_by" },
	{ "administrator", "/administrators", "id name role organization provider has_password second_factors recovery_codes disabled"
	  " created_by" },
	{ "document", NULL, "organization kind url set_at" },
	{ "purpose", NULL, "organization subject serial not_before not_after" },
	{ "certificate", "/certificates", "fingerprint serial organization enrollment state issued_at not_after revoked_at" },
	/* clang-format on */
};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

/* Of what is erased not even the row of the erasing keeps anything. */
static const char *const kept_of_nothing[] = { "/users/{user}/erase" };

static bool
is_in(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], path) == 0)
			return true;
	}
	return false;
}
#define IN(list, path) is_in(list, sizeof(list) / sizeof *(list), path)

/* ---- what a path is about ---- */

/* The {name} that begins at `brace`, which may be NULL; *n: its length. */
static const char *
placeholder(const char *brace, size_t *n)
{
	*n = brace != NULL ? strcspn(brace + 1, "}") : 0;
	return brace != NULL ? brace + 1 : NULL;
}

static const struct kind *
kind_named(const char *name, size_t n)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (strlen(kinds[i].name) == n && strncmp(kinds[i].name, name, n) == 0)
			return &kinds[i];
	}
	return NULL;
}

static const struct kind *
kind_made_at(const char *path)
{
	for (size_t i = 0; i < N_KINDS; i++) {
		if (kinds[i].collection != NULL && strcmp(kinds[i].collection, path) == 0)
			return &kinds[i];
	}
	return NULL;
}

/* What is under way. `path` is cut after the placeholder of the object: "/users/{user}" of "/users/{user}/password". */
struct about {
	const char *path; /* NULL: the path names no object */
	const struct kind *kind; /* NULL: nothing of it is kept */
	const char *name, *value; /* "user", "eliza@betterbag.com" */
	size_t name_n;
};

static void
find_about(struct admin_call *x, const struct admin_route *row, struct about *out)
{
	const char *brace = NULL;
	int n = 0;

	*out = (struct about){ 0 };
	/* The object is what the path names last, where it has a path of its own to be read at; else what is named first. */
	for (const char *p = strchr(row->path, '{'); p != NULL; p = strchr(p + 1, '{'), n++) {
		const char *end = strchr(p, '}') + 1;
		const char *cut = arena_strndup(x->c->arena, row->path, (size_t)(end - row->path));

		bool readable = admin_reader(cut, strlen(cut)) != NULL;

		if ((readable && strcmp(cut, "/items/{kind}") != 0) || out->name == NULL) {
			brace = p;
			out->path = readable ? cut : NULL;
			out->value = x->r->segment[n];
			out->name = placeholder(brace, &out->name_n);
		}
	}
	out->kind = brace != NULL ? kind_named(out->name, out->name_n) : NULL;
}

/* ---- the object as its readers see it ---- */

static json_t *
only(struct admin_call *x, const json_t *object, const struct kind *k)
{
	json_t *kept = admin_object(x), *v;

	for (const char *p = k->members; *p != '\0'; p += strspn(p, " ")) {
		char *name = arena_strndup(x->c->arena, p, strcspn(p, " "));

		if ((v = json_object_get(object, name)) != NULL)
			json_object_set(kept, name, v);
		p += strlen(name);
	}
	return kept;
}

static json_t *
answer_of(struct admin_call *x, const char *path)
{
	const struct admin_route *row = admin_reader(path, strlen(path));
	struct admin_call look = *x;
	struct err before = x->c->err;
	enum rc rc;

	look.out = NULL;
	rc = row != NULL ? row->handler(&look) : RC_NOT_FOUND;
	x->c->err = before;
	return rc == RC_OK ? look.out : NULL;
}

/* The object, whole; NULL: there is none, or it can't be read by itself. */
static json_t *
shown(struct admin_call *x, const struct about *t)
{
	json_t *list, *item;
	size_t i;

	if (t->path != NULL)
		return answer_of(x, t->path);
	if (t->kind == NULL || t->kind->collection == NULL || strchr(t->kind->collection, '{') != NULL ||
	    strcmp(t->kind->name, "certificate") == 0)
		return NULL;
	list = json_object_get(answer_of(x, t->kind->collection), "items");
	json_array_foreach(list, i, item)
	{
		const char *id = json_get_text(item, "id");

		if (id != NULL && strcmp(id, t->value) == 0)
			return item;
	}
	return NULL;
}

/* {"before": {...}, "after": {...}}, of what differs; NULL: nothing does. */
static const char *
difference(struct admin_call *x, const struct kind *k, const json_t *before, const json_t *after)
{
	json_t *was = before != NULL ? only(x, before, k) : NULL, *is = after != NULL ? only(x, after, k) : NULL;
	json_t *d = admin_object(x), *v;
	const char *name;
	void *next;

	if (was != NULL && is != NULL) {
		json_object_foreach_safe(was, next, name, v)
		{
			if (json_equal(v, json_object_get(is, name))) {
				json_object_del(is, name);
				json_object_del(was, name);
			}
		}
	}
	if (was != NULL && json_object_size(was) > 0)
		json_object_set(d, "before", was);
	if (is != NULL && json_object_size(is) > 0)
		json_object_set(d, "after", is);
	if (json_object_size(d) == 0)
		return NULL;
	return (const char *)json_text(x->c->arena, d, 0).p;
}

/* ---- a row ---- */

static const char *
way_name(enum actor_way way)
{
	static const char *const names[] = {
		[ACTOR_SOCKET] = "socket", [ACTOR_TOKEN] = "token", [ACTOR_SESSION] = "session"
	};

	return names[way];
}

/* "user 7f3k…": a person's by the account's id, so that no name stands in the chain. */
static const char *
object_of(struct admin_call *x, const struct about *t, const struct kind *k, const json_t *shown_as)
{
	const char *id = json_get_text(shown_as, "id");

	if (id == NULL)
		id = json_get_text(shown_as, "uuid");
	/* What there is not, or belongs to others, is not told to whoever is of one organization and looks here. */
	if (id == NULL && shown_as == NULL && x->actor->organization_id != NULL)
		return NULL;
	if (id == NULL && (k == NULL || (strcmp(k->name, "user") != 0 && strcmp(k->name, "administrator") != 0)))
		id = t->value != NULL ? t->value : json_get_text(shown_as, "name");
	if (id == NULL)
		return NULL;
	return t->name != NULL && k == t->kind ? arena_printf(x->c->arena, "%.*s %.200s", (int)t->name_n, t->name, id)
					       : arena_printf(x->c->arena, "%s %.200s", k != NULL ? k->name : "", id);
}

/* Of which organization; NULL: of none that is known. */
static const char *
organization_of(const struct admin_call *x, const struct kind *k, const json_t *shown_as)
{
	if (x->actor->organization_id != NULL)
		return x->actor->organization_id;
	return json_get_text(shown_as, k != NULL && strcmp(k->name, "organization") == 0 ? "id" : "organization");
}

/* Whose enrollment it is, where the answer does not say. */
static const char *
person_of_enrollment(struct admin_call *x, const char *id)
{
	struct err before = x->c->err;
	struct enrollment e;
	enum rc rc = id != NULL ? admin_enrollment(x, id, &e) : RC_NOT_FOUND;

	x->c->err = before;
	return rc == RC_OK ? admin_user_name(x, e.account_id) : NULL;
}

/* The same name, where there is such a person: of nobody no name is kept. */
static const char *
person_there(struct admin_call *x, const char *name)
{
	struct err before = x->c->err;
	struct account a;
	enum rc rc = account_find(x->c, account_fold(x->c->arena, name), &a);

	x->c->err = before;
	return rc == RC_OK && admin_reaches(x, a.organization_id) ? a.user_identifier : NULL;
}

static const char *
person_of(struct admin_call *x, const struct about *t, const json_t *shown_as)
{
	const char *user = NULL;

	if (t->kind != NULL && strcmp(t->kind->name, "rule") == 0)
		return NULL; /* its user is a pattern */
	if (shown_as != NULL && (user = json_get_text(shown_as, "user")) == NULL)
		user = person_of_enrollment(x, json_get_text(shown_as, "enrollment"));
	if (user == NULL && t->name != NULL && strncmp(t->name, "enrollment}", 11) == 0)
		user = person_of_enrollment(x, t->value);
	if (user == NULL && t->kind != NULL && strcmp(t->kind->name, "user") == 0)
		user = person_there(x, t->value);
	if (user == NULL && admin_query(x, "user") != NULL)
		user = person_there(x, admin_query(x, "user"));
	if (user == NULL)
		user = admin_text(x, "user");
	if (user != NULL && strlen(user) > PERSON_MAX)
		user = NULL; /* nobody's */
	if (user == NULL)
		user = person_of_enrollment(x, admin_text(x, "enrollment"));
	return user != NULL ? account_fold(x->c->arena, user) : NULL;
}

static struct audit_entry
entry(struct admin_call *x, const struct admin_route *row)
{
	return (struct audit_entry){
		.actor = x->actor->name,
		.way = way_name(x->actor->way),
		.action = arena_printf(x->c->arena, "%s %s", x->r->method, row->path),
	};
}

static const char *
outcome(enum rc rc)
{
	return rc == RC_OK ? "done" : rc_name(rc);
}

/* ---- reading ---- */

/* Filters of a listing; whose it is and which page, the row does not repeat. */
static const char *
filters(struct admin_call *x)
{
	static const char *const left_out[] = { "user", "organization", "before", "after", "cursor", "limit", "page" };
	json_t *kept = admin_object(x);

	for (const char *p = x->r->query; p != NULL && *p != '\0'; p += strspn(p, "&")) {
		char *name = arena_strndup(x->c->arena, p, strcspn(p, "=&"));
		const char *value = admin_query(x, name);

		/* Of an enrollment that the actor does not reach its answer said nothing. */
		if (value != NULL && strcmp(name, "enrollment") == 0 && person_of_enrollment(x, value) == NULL)
			value = NULL;
		if (value != NULL && !IN(left_out, name))
			json_object_set_new(kept, name, json_string(value));
		p += strcspn(p, "&");
	}
	if (json_object_size(kept) == 0)
		return NULL;
	return (const char *)json_text(x->c->arena, json_keep(x->c->arena, json_pack("{s:O}", "filter", kept)), 0).p;
}

static enum rc
reading(struct admin_call *x, const struct admin_route *row, enum rc rc)
{
	struct audit_entry e = entry(x, row);
	struct about t;

	/* What is not there, or was asked wrongly, told nothing. */
	if (row->what == ADMIN_SEES || (rc != RC_OK && rc != RC_FORBIDDEN))
		return rc;
	find_about(x, row, &t);
	e.outcome = outcome(rc);
	e.organization_id = organization_of(x, NULL, NULL);
	if (rc != RC_OK) {
		e.person = person_of(x, &t, NULL);
	} else {
		e.object = object_of(x, &t, t.kind, t.path != NULL && strcmp(t.path, row->path) == 0 ? x->out : NULL);
		e.person = person_of(x, &t, x->out);
		e.organization_id = organization_of(x, t.kind, x->out);
		e.detail = filters(x);
	}
	if (audit_read(x->c, &e) == RC_OK)
		return rc;
	x->out = NULL;
	return RC_UNAVAILABLE;
}

/* ---- changing ---- */

/* What came of it. Where this row can't be written the change stands, and the row before says that it began. */
static void
conclude(struct admin_call *x, struct audit_entry *e, enum rc rc)
{
	struct err before = x->c->err;

	e->begun = e->seq;
	e->outcome = outcome(rc);
	if (e->detail != NULL && strlen(e->detail) > AUDIT_DETAIL_MAX)
		e->detail = "{\"left_out\":\"too large\"}";
	if (audit_add(x->c, e) != RC_OK)
		log_error("what came of a change is missing in the audit", "begun",
		    arena_printf(x->c->arena, "%lld", (long long)e->begun), "outcome", e->outcome, "error",
		    x->c->err.text);
	x->c->err = before;
}

static enum rc
changing(struct admin_call *x, const struct admin_route *row)
{
	struct audit_entry e = entry(x, row);
	const struct kind *made;
	const json_t *before, *after;
	struct about t;
	enum rc rc;

	find_about(x, row, &t);
	made = kind_made_at(row->path);
	before = made == NULL ? shown(x, &t) : NULL;
	e.object = made == NULL ? object_of(x, &t, t.kind, before) : NULL;
	e.person = person_of(x, &t, before);
	e.organization_id = organization_of(x, t.kind, before);
	e.outcome = "begun";
	if ((rc = audit_add(x->c, &e)) != RC_OK)
		return rc;
	rc = admin_condition_held(x, row);
	if (rc == RC_OK && e.object == NULL && made == NULL)
		e.object = object_of(x, &t, t.kind, x->out != NULL ? x->out : admin_object(x));
	if (rc == RC_OK && made != NULL) {
		e.object = object_of(x, &t, made, x->out);
		e.organization_id = organization_of(x, made, x->out);
		e.detail = difference(x, made, NULL, x->out);
	} else if (rc == RC_OK && t.kind != NULL && !IN(kept_of_nothing, row->path)) {
		after = strcmp(x->r->method, "DELETE") == 0 && t.path != NULL && strcmp(t.path, row->path) == 0
			    ? NULL
			    : shown(x, &t);
		e.detail = difference(x, t.kind, before, after);
	}
	conclude(x, &e, rc);
	return rc;
}

enum rc
admin_recorded(struct admin_call *x, const struct admin_route *row, enum rc rc)
{
	struct audit_entry e;
	struct about t;

	if (strcmp(x->r->method, "GET") == 0)
		return reading(x, row, rc == RC_OK ? row->handler(x) : rc);
	if (rc == RC_OK)
		return changing(x, row);
	e = entry(x, row);
	find_about(x, row, &t);
	e.organization_id = organization_of(x, NULL, NULL);
	if (rc != RC_NOT_FOUND)
		e.person = person_of(x, &t, NULL);
	e.outcome = outcome(rc);
	conclude(x, &e, rc);
	return rc;
}
