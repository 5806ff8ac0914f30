/* /scim/v2/Users. A user is an account; `active` false is a person who is disabled. */
#include <string.h>
#include <strings.h>

#include "account/account.h"
#include "enroll/person.h"
#include "scim/resource.h"
#include "store/store.h"

#define SOURCE "scim"

struct row { /* what the directory says of an account */
	const char *external_id;
	int64_t updated_at;
};

struct wish { /* what is to be; NULL: as it is */
	struct account before;
	const char *user_name, *external_id, *display_name; /* "": none any more */
	bool active;
	const char *by;
	struct account after;
};

static enum rc
row_of(struct call *c, const char *id, struct row *out)
{
	struct db_rows r;
	enum rc rc =
	    store_run(c, "SELECT external_id, updated_at FROM account WHERE id = ?1", DB_ARGS(db_text(id)), &r);

	*out = (struct row){ 0 };
	if (rc == RC_OK && r.rows > 0)
		*out = (struct row){ db_get_text(&r, 0, 0), db_get_int(&r, 0, 1) };
	return rc;
}

/* Somebody of the caller's organization. */
static enum rc
find(struct scim_call *x, struct account *out)
{
	enum rc rc = account_get(x->c, x->r->segment[0], out);

	if (rc == RC_NOT_FOUND || (rc == RC_OK && strcmp(out->organization_id, x->service.organization_id) != 0))
		return fail(&x->c->err, RC_NOT_FOUND, "there is no such user");
	return rc;
}

static enum rc
user_json(struct scim_call *x, const struct account *a, json_t **out)
{
	json_t *groups = json_array();
	struct row row;
	enum rc rc = row_of(x->c, a->id, &row);

	for (const char *const *g = a->groups; g != NULL && *g != NULL; g++)
		json_array_append_new(groups, json_pack("{s:s}", "display", *g));
	*out = json_keep(x->c->arena, json_pack("{s:[s], s:s, s:s*, s:s, s:s*, s:b, s:o, s:o}", "schemas", SCIM_USER,
					  "id", a->id, "externalId", row.external_id, "userName", a->user_identifier,
					  "displayName", a->display_name, "active", a->disabled_at == 0, "groups",
					  groups, "meta", scim_meta(x, "User", a->id, a->created_at, row.updated_at)));
	return rc;
}

static enum rc
answer(struct scim_call *x, const char *id)
{
	struct account a;
	enum rc rc = account_get(x->c, id, &a);

	return rc == RC_OK ? user_json(x, &a, &x->out) : rc;
}

enum rc
scim_user_get(struct scim_call *x)
{
	struct account a;
	enum rc rc = find(x, &a);

	return rc == RC_OK ? answer(x, a.id) : rc;
}

static enum rc
row_json(struct scim_call *x, const struct db_rows *r, int row, json_t **out)
{
	struct account a;
	enum rc rc = account_get(x->c, db_get_text(r, row, 0), &a);

	return rc == RC_OK ? user_json(x, &a, out) : rc;
}

enum rc
scim_user_list(struct scim_call *x)
{
	static const struct scim_column columns[] = {
		{ "userName", "user_identifier", true },
		{ "externalId", "external_id", false },
		{ "id", "id", false },
		{ "displayName", "display_name", false },
		{ NULL, NULL, false },
	};
	static const struct scim_listing users = { "account", "id", "user_identifier", columns, row_json };

	return scim_answer_list(x, &users);
}

/* ---- what the directory wants ---- */

/* displayName, or what stands for it. */
static enum rc
name_of(struct scim_call *x, const json_t *user, const char **out)
{
	const json_t *name = scim_get(user, "name");
	const char *given, *family;
	enum rc rc;

	if ((rc = scim_text(x, user, "displayName", out)) != RC_OK || *out != NULL)
		return rc;
	if ((rc = scim_text(x, name, "formatted", out)) != RC_OK || *out != NULL ||
	    (rc = scim_text(x, name, "givenName", &given)) != RC_OK ||
	    (rc = scim_text(x, name, "familyName", &family)) != RC_OK)
		return rc;
	if (given != NULL && family != NULL)
		*out = arena_printf(x->c->arena, "%s %s", given, family);
	return RC_OK;
}

static enum rc
read_user(struct scim_call *x, struct wish *w)
{
	enum rc rc;

	if ((rc = scim_text(x, x->body, "userName", &w->user_name)) != RC_OK ||
	    (rc = scim_text(x, x->body, "externalId", &w->external_id)) != RC_OK ||
	    (rc = name_of(x, x->body, &w->display_name)) != RC_OK ||
	    (rc = scim_flag(x, scim_get(x->body, "active"), &w->active)) != RC_OK)
		return rc;
	return w->user_name != NULL && w->user_name[0] != '\0' ? RC_OK
							       : scim_refuse(x, "invalidValue", "userName is missing");
}

static enum rc
check(struct scim_call *x, const struct wish *w)
{
	if ((w->external_id != NULL && strlen(w->external_id) > 200) ||
	    (w->display_name != NULL && (strlen(w->display_name) > 200 || strpbrk(w->display_name, "\r\n") != NULL)))
		return scim_refuse(
		    x, "invalidValue", "externalId and displayName have 200 octets at most, in one line");
	return RC_OK;
}

/* What the account room keeps for others is set by it; the rest here. */
static enum rc
write_user(struct call *c, void *arg)
{
	struct wish *w = arg;
	const struct account *a = &w->after;
	enum rc rc = RC_OK;
	int n;

	if (w->before.id == NULL) {
		w->after = (struct account){ .organization_id = w->before.organization_id,
			.user_identifier = w->user_name,
			.display_name = w->display_name,
			.source = SOURCE };
		if ((rc = account_add(c, &w->after)) != RC_OK)
			return rc;
	} else {
		w->after = w->before;
		if (w->user_name != NULL && strcmp(account_fold(c->arena, w->user_name), a->user_identifier) != 0)
			rc = person_rename(c, &w->before, w->user_name, NULL, w->by, &n);
		if (rc != RC_OK)
			return rc;
	}
	if (w->external_id != NULL)
		rc = store_run(c, "UPDATE account SET external_id = NULLIF(?2, ''), updated_at = ?3 WHERE id = ?1",
		    DB_ARGS(db_text(a->id), db_text(w->external_id), db_int(c->now)), NULL);
	if (rc == RC_OK && w->display_name != NULL)
		rc = account_set_name(c, a->id, w->display_name[0] != '\0' ? w->display_name : NULL);
	if (rc == RC_OK && w->active != (a->disabled_at == 0))
		rc = person_set_disabled(c, a, !w->active, w->by, &n);
	return rc;
}

static enum rc
save(struct scim_call *x, struct wish *w)
{
	enum rc rc = check(x, w);

	w->by = x->by;
	w->before.organization_id = x->service.organization_id;
	if (rc == RC_OK && (rc = store_unit(x->c, write_user, w)) == RC_NOT_FOUND) /* the domain is not theirs */
		return scim_refuse(x, "invalidValue", "userName is of no domain of this organization");
	return rc == RC_OK ? answer(x, w->after.id) : rc;
}

enum rc
scim_user_add(struct scim_call *x)
{
	struct wish w = { .active = true };
	enum rc rc = read_user(x, &w);

	x->status = 201;
	return rc == RC_OK ? save(x, &w) : rc;
}

enum rc
scim_user_put(struct scim_call *x)
{
	struct wish w = { .active = true };
	enum rc rc = find(x, &w.before);

	if (rc != RC_OK || (rc = read_user(x, &w)) != RC_OK)
		return rc;
	return save(x, &w);
}

enum rc
scim_user_patch(struct scim_call *x)
{
	struct wish w = { 0 };
	struct scim_change *list;
	enum rc rc = find(x, &w.before);
	int n;

	w.active = w.before.disabled_at == 0;
	if (rc == RC_OK)
		rc = scim_changes(x, &list, &n);
	for (int i = 0; rc == RC_OK && i < n; i++) {
		const char **text = strcasecmp(list[i].path, "externalId") == 0       ? &w.external_id
				    : strcasecmp(list[i].path, "userName") == 0       ? &w.user_name
				    : strcasecmp(list[i].path, "displayName") == 0    ? &w.display_name
				    : strcasecmp(list[i].path, "name.formatted") == 0 ? &w.display_name
										      : NULL;

		if (list[i].op == SCIM_REMOVE) {
			if (text == &w.user_name || strcasecmp(list[i].path, "active") == 0)
				rc = scim_refuse(x, "mutability", "a user has a userName, and is active or not");
			else if (text != NULL)
				*text = "";
		} else if (strcasecmp(list[i].path, "active") == 0)
			rc = scim_flag(x, list[i].value, &w.active);
		else if (text != NULL && (*text = json_string_value(list[i].value)) == NULL)
			rc = scim_refuse(x, "invalidValue", "a value is not a text");
	}
	return rc == RC_OK ? save(x, &w) : rc;
}

enum rc
scim_user_remove(struct scim_call *x)
{
	struct account a;
	int evicted;
	enum rc rc = find(x, &a);

	x->status = 204;
	return rc == RC_OK ? person_remove(x->c, &a, x->by, &evicted) : rc;
}
