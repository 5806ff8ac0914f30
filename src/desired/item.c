#include "desired/item.h"

#include <string.h>

#include "command/policy.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "ddm/ddm.h"
#include "desired/way.h"
#include "fmt/base64.h"
#include "fmt/plist.h"
#include "store/store.h"

#define NAME_MAX_OCTETS 200

#define COLUMNS \
	"id, organization_id, kind, name, title, type, user_channel, digest, created_at, updated_at, app_store_id"

static const char *const kind_names[DESIRED_KINDS] = { "profile", "app", "declaration" };

const char *
desired_kind_name(enum desired_kind kind)
{
	return kind_names[kind];
}

enum rc
desired_kind_parse(const char *name, enum desired_kind *out, struct err *e)
{
	for (int i = 0; i < DESIRED_KINDS; i++) {
		if (strcmp(kind_names[i], name) == 0) {
			*out = (enum desired_kind)i;
			return RC_OK;
		}
	}
	return fail(e, RC_BAD_INPUT, "there are profiles, apps and declarations, and nothing of the kind %.40s", name);
}

/* ---- what is given ---- */

static enum rc
read_profile(struct call *c, struct desired_item *it)
{
	struct bytes inner = it->content;
	struct cms_signed message;
	const char *scope;
	plist_t root;

	if (inner.n > 0 && inner.p[0] == 0x30) {
		if (cms_verify(c->arena, inner, (struct bytes){ 0 }, &message, &c->err) != RC_OK)
			return fail_in(&c->err, RC_BAD_INPUT, "the profile's signature");
		inner = message.content;
	}
	if (plist_parse(c->arena, inner, &root, &c->err) != RC_OK)
		return fail_in(&c->err, RC_BAD_INPUT, "the profile");
	it->name = plist_text(c->arena, root, "PayloadIdentifier");
	it->title = plist_text(c->arena, root, "PayloadDisplayName");
	scope = plist_text(c->arena, root, "PayloadScope");
	it->user_channel = scope != NULL && strcmp(scope, "User") == 0;
	if (it->name == NULL || !(plist_has(root, "PayloadContent") || plist_has(root, "EncryptedPayloadContent")))
		return fail(
		    &c->err, RC_BAD_INPUT, "a configuration profile has a PayloadIdentifier and PayloadContent");
	return RC_OK;
}

static enum rc
read_declaration(struct call *c, struct desired_item *it)
{
	enum ddm_kind kind;
	json_t *root;
	enum rc rc;

	if ((rc = desired_item_json(c, it, &root)) != RC_OK)
		return rc;
	it->name = json_get_text(root, "Identifier");
	it->type = json_get_text(root, "Type");
	if (it->name == NULL || it->type == NULL || !json_is_object(json_object_get(root, "Payload")))
		return fail(&c->err, RC_BAD_INPUT, "a declaration has Type, Identifier and Payload");
	if (strlen(it->name) > DDM_IDENTIFIER_MAX)
		return fail(&c->err, RC_BAD_INPUT, "an Identifier has at most %d octets", DDM_IDENTIFIER_MAX);
	if (strncmp(it->name, "postern.", 8) == 0)
		return fail(&c->err, RC_BAD_INPUT, "Identifiers that begin with postern. are the server's own");
	return ddm_kind_of(it->type, &kind, &c->err);
}

static enum rc
read_app(struct call *c, struct desired_item *it)
{
	static const char *const names[] = { "AppStoreID", "BundleID", "ManifestURL", "Configuration", "Attributes" };
	const char *key, *url;
	json_t *root, *value;
	enum rc rc;
	size_t i;
	int ways = 0;

	if (it->name == NULL)
		return fail(&c->err, RC_BAD_INPUT, "an app has a name");
	if ((rc = desired_item_json(c, it, &root)) != RC_OK)
		return rc;
	json_object_foreach(root, key, value)
	{
		for (i = 0; i < sizeof names / sizeof names[0] && strcmp(names[i], key) != 0; i++)
			;
		if (i == sizeof names / sizeof names[0])
			return fail(&c->err, RC_BAD_INPUT, "an app has no %.60s", key);
		if (i < 3 ? json_string_length(value) == 0 : !json_is_object(value))
			return fail(&c->err, RC_BAD_INPUT, "%s is %s", key, i < 3 ? "a text" : "a dictionary");
		ways += i < 3;
	}
	url = json_get_text(root, "ManifestURL");
	if (url != NULL && strncmp(url, "https://", 8) != 0)
		return fail(&c->err, RC_BAD_INPUT, "ManifestURL is an https URL");
	it->app_store_id = json_get_text(root, "AppStoreID");
	if (it->app_store_id != NULL && it->app_store_id[strspn(it->app_store_id, "0123456789")] != '\0')
		return fail(&c->err, RC_BAD_INPUT, "an AppStoreID is a number");
	if (it->app_store_id != NULL && url != NULL)
		return fail(&c->err, RC_BAD_INPUT, "an app is from the App Store or from a manifest");
	return ways > 0 ? RC_OK : fail(&c->err, RC_BAD_INPUT, "an app has an AppStoreID, a BundleID or a ManifestURL");
}

enum rc
desired_item_json(struct call *c, const struct desired_item *it, json_t **out)
{
	enum rc rc = json_parse(c->arena, it->content, out, &c->err);

	if (rc != RC_OK)
		return fail_in(&c->err, RC_BAD_INPUT, "the %s", kind_names[it->kind]);
	if (!json_is_object(*out))
		return fail(&c->err, RC_BAD_INPUT, "the %s is no dictionary", kind_names[it->kind]);
	return RC_OK;
}

static enum rc (*const read[DESIRED_KINDS])(struct call *c, struct desired_item *it) = {
	[DESIRED_PROFILE] = read_profile,
	[DESIRED_APP] = read_app,
	[DESIRED_DECLARATION] = read_declaration,
};

static enum rc
put_in_unit(struct call *c, void *arg)
{
	static const char sql[] =
	    "INSERT INTO desired_item (" COLUMNS ", content) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?11)"
	    " ON CONFLICT (organization_id, kind, name) DO UPDATE SET title = EXCLUDED.title, type = EXCLUDED.type,"
	    " user_channel = EXCLUDED.user_channel, digest = EXCLUDED.digest, content = EXCLUDED.content, app_store_id "
	    "= EXCLUDED.app_store_id,"
	    " updated_at = EXCLUDED.updated_at RETURNING id";
	struct desired_item *it = arg;
	struct db_rows r;
	enum rc rc = store_run(c,
	    "SELECT COUNT(*) FROM desired_item WHERE organization_id = ?1 AND NOT (kind = ?2 AND name = ?3)",
	    DB_ARGS(db_text(it->organization_id), db_text(kind_names[it->kind]), db_text(it->name)), &r);

	if (rc != RC_OK)
		return rc;
	if (db_get_int(&r, 0, 0) >= DESIRED_ITEMS_MAX)
		return fail(&c->err, RC_CONFLICT, "there are %d profiles, apps and declarations, which is the limit",
		    DESIRED_ITEMS_MAX);
	rc = store_run(c, sql,
	    DB_ARGS(db_text(crypto_id(c->arena)), db_text(it->organization_id), db_text(kind_names[it->kind]),
		db_text(it->name), db_text(it->title), db_text(it->type), db_int(it->user_channel), db_text(it->digest),
		db_int(c->now), db_text(it->app_store_id), db_blob(it->content)),
	    &r);
	if (rc != RC_OK)
		return rc;
	it->id = db_get_text(&r, 0, 0);
	rc = store_run(c, "DELETE FROM desired_verdict WHERE item_id = ?1", DB_ARGS(db_text(it->id)), NULL);
	return rc == RC_OK ? group_changed(c, it->organization_id) : rc;
}

enum rc
desired_item_put(struct call *c, struct desired_item *it)
{
	enum rc rc;

	if (it->content.n == 0)
		return fail(&c->err, RC_BAD_INPUT, "the %s is empty", kind_names[it->kind]);
	if (it->content.n > DESIRED_CONTENT_MAX)
		return fail(
		    &c->err, RC_TOO_LARGE, "a %s has at most %d octets", kind_names[it->kind], DESIRED_CONTENT_MAX);
	if ((rc = read[it->kind](c, it)) != RC_OK)
		return rc;
	if (it->name[0] == '\0' || strlen(it->name) > NAME_MAX_OCTETS)
		return fail(&c->err, RC_BAD_INPUT, "a name has 1 to %d octets", NAME_MAX_OCTETS);
	it->digest = base64url_encode(c->arena, crypto_sha256(c->arena, it->content));
	return store_part(c, put_in_unit, it);
}

/* ---- looking ---- */

static enum rc
from_row(struct call *c, struct desired_item *it, const struct db_rows *r, int i)
{
	enum desired_kind kind;
	enum rc rc = desired_kind_parse(db_get_text(r, i, 2), &kind, &c->err);

	*it = (struct desired_item){
		.id = db_get_text(r, i, 0),
		.organization_id = db_get_text(r, i, 1),
		.kind = rc == RC_OK ? kind : DESIRED_PROFILE,
		.name = db_get_text(r, i, 3),
		.title = db_get_text(r, i, 4),
		.type = db_get_text(r, i, 5),
		.user_channel = db_get_int(r, i, 6) != 0,
		.digest = db_get_text(r, i, 7),
		.created_at = db_get_int(r, i, 8),
		.updated_at = db_get_int(r, i, 9),
		.app_store_id = db_get_text(r, i, 10),
	};
	return rc;
}

enum rc
desired_item_list(struct call *c, const char *organization_id, int kind, struct desired_item **out, int *n)
{
	static const char sql[] = "SELECT " COLUMNS " FROM desired_item WHERE organization_id = ?1"
				  " AND kind = COALESCE(?2, kind) ORDER BY kind, name";
	struct db_rows r;
	enum rc rc =
	    store_run(c, sql, DB_ARGS(db_text(organization_id), db_text(kind >= 0 ? kind_names[kind] : NULL)), &r);

	*n = 0;
	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list what can be given");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	for (; rc == RC_OK && *n < r.rows; (*n)++)
		rc = from_row(c, &(*out)[*n], &r, *n);
	return rc;
}

enum rc
desired_item_get(
    struct call *c, const char *organization_id, enum desired_kind kind, const char *name, struct desired_item *out)
{
	static const char sql[] =
	    "SELECT " COLUMNS " FROM desired_item WHERE organization_id = ?1 AND kind = ?2 AND name = ?3";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id), db_text(kind_names[kind]), db_text(name)), &r);

	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "there is no %s %.200s", kind_names[kind], name);
	return from_row(c, out, &r, 0);
}

enum rc
desired_item_content(struct call *c, struct desired_item *it)
{
	struct db_rows r;
	enum rc rc;

	if (it->content.p != NULL)
		return RC_OK;
	rc = store_run(c, "SELECT content FROM desired_item WHERE id = ?1", DB_ARGS(db_text(it->id)), &r);
	if (rc != RC_OK)
		return rc;
	if (r.rows == 0)
		return fail(&c->err, RC_NOT_FOUND, "the %s %.200s is gone", kind_names[it->kind], it->name);
	it->content = db_get_blob(&r, 0, 0);
	return RC_OK;
}

static enum rc
remove_in_unit(struct call *c, void *arg)
{
	static const char *const rows[] = {
		"DELETE FROM assignment WHERE item_id = ?1",
		"DELETE FROM desired_verdict WHERE item_id = ?1",
		"DELETE FROM desired_item WHERE id = ?1",
	};
	const struct desired_item *it = arg;
	enum rc rc = RC_OK;

	for (size_t i = 0; rc == RC_OK && i < sizeof rows / sizeof rows[0]; i++)
		rc = store_run(c, rows[i], DB_ARGS(db_text(it->id)), NULL);
	return rc == RC_OK ? group_changed(c, it->organization_id) : rc;
}

enum rc
desired_item_remove(struct call *c, const struct desired_item *it)
{
	struct desired_item copy = *it;

	return store_part(c, remove_in_unit, &copy);
}

/* ---- assignments ---- */

/* Asked of current systems: what a device with an older one gets is decided when it is told. */
static enum rc
check_group(struct call *c, const struct desired_item *it, const struct device_group *g)
{
	static const struct {
		const char *mode, *family;
	} kinds[] = { { "byod", "iPhone" }, { "byod", "iPad" }, { "byod", "Mac" }, { "byod", "RealityDevice" },
		{ "adde", "iPhone" }, { "adde", "iPad" }, { "adde", "Mac" }, { "adde", "RealityDevice" } };
	const char *why = NULL;
	bool asked = false;

	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		bool user = it->user_channel && strcmp(kinds[i].family, "Mac") == 0;
		struct policy_target t = policy_target_of(kinds[i].mode, kinds[i].family, NULL, user);

		if (g->by_rule && ((g->mode != NULL && strcmp(g->mode, kinds[i].mode) != 0) ||
				      (g->model_family != NULL && strcmp(g->model_family, kinds[i].family) != 0)))
			continue;
		asked = true;
		if (desired_way_of(c->arena, &t, it, true, &why) != DESIRED_NOT)
			return RC_OK;
	}
	return asked ? fail(&c->err, RC_FORBIDDEN, "no device in %s may have it: %s", g->name, why) : RC_OK;
}

struct assigning {
	const struct desired_item *it;
	const struct device_group *g;
	bool optional, remove;
};

static enum rc
assign_in_unit(struct call *c, void *arg)
{
	static const char put_sql[] = "INSERT INTO assignment (item_id, group_id, optional) VALUES (?1, ?2, ?3)"
				      " ON CONFLICT (item_id, group_id) DO UPDATE SET optional = EXCLUDED.optional";
	static const char remove_sql[] = "DELETE FROM assignment WHERE item_id = ?1 AND group_id = ?2";
	const struct assigning *in = arg;
	struct db_value item = db_text(in->it->id), group = db_text(in->g->id);
	struct db_rows r;
	enum rc rc = in->remove ? store_run(c, remove_sql, DB_ARGS(item, group), &r)
				: store_run(c, put_sql, DB_ARGS(item, group, db_int(in->optional)), &r);

	if (rc == RC_OK && r.changed == 0)
		return fail(&c->err, RC_NOT_FOUND, "%s is not given to %s", in->it->name, in->g->name);
	return rc == RC_OK ? group_changed(c, in->g->organization_id) : rc;
}

enum rc
desired_assign(struct call *c, const struct desired_item *it, const struct device_group *g, bool optional)
{
	struct desired_item whole = *it;
	struct assigning in = { &whole, g, optional, false };
	enum rc rc;

	if (optional && it->kind != DESIRED_APP)
		return fail(&c->err, RC_BAD_INPUT, "only an app can be optional");
	if ((rc = desired_item_content(c, &whole)) != RC_OK || (rc = check_group(c, &whole, g)) != RC_OK)
		return rc;
	return store_part(c, assign_in_unit, &in);
}

enum rc
desired_unassign(struct call *c, const struct desired_item *it, const struct device_group *g)
{
	struct assigning in = { it, g, false, true };

	return store_part(c, assign_in_unit, &in);
}

enum rc
desired_assignments(struct call *c, const char *organization_id, struct assignment **out, int *n)
{
	static const char sql[] = "SELECT s.item_id, s.group_id, g.name, s.optional FROM device_group g"
				  " JOIN assignment s ON s.group_id = g.id WHERE g.organization_id = ?1"
				  " ORDER BY g.name, s.item_id";
	struct db_rows r;
	enum rc rc = store_run(c, sql, DB_ARGS(db_text(organization_id)), &r);

	if (rc != RC_OK)
		return fail_in(&c->err, rc, "list assignments");
	*out = arena_array(c->arena, (size_t)r.rows, sizeof **out);
	*n = r.rows;
	for (int i = 0; i < r.rows; i++)
		(*out)[i] = (struct assignment){ db_get_text(&r, i, 0), db_get_text(&r, i, 1), db_get_text(&r, i, 2),
			db_get_int(&r, i, 3) != 0 };
	return RC_OK;
}
