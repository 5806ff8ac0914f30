/* Profiles, apps and declarations that devices can be given. */
#include "admin/routes.h"

#include <string.h>

#include "admin/plist_json.h"
#include "desired/item.h"
#include "fmt/base64.h"
#include "fmt/plist.h"

static json_t *
item_json(const struct desired_item *it)
{
	json_t *j = json_object();

	admin_put_text(j, "kind", desired_kind_name(it->kind));
	admin_put_text(j, "name", it->name);
	admin_put_text(j, "title", it->title);
	admin_put_text(j, "type", it->type);
	admin_put_text(j, "channel", it->user_channel ? "user" : "device");
	admin_put_text(j, "organization", it->organization_id);
	admin_put_time(j, "created_at", it->created_at);
	admin_put_time(j, "updated_at", it->updated_at);
	return j;
}

static enum rc
find(struct admin_call *x, struct desired_item *it)
{
	const char *id = admin_text(x, "organization");
	struct organization o;
	enum desired_kind kind;
	enum rc rc;

	if ((rc = desired_kind_parse(x->r->segment[0], &kind, &x->c->err)) != RC_OK ||
	    (rc = admin_organization(x, id != NULL ? id : admin_query(x, "organization"), &o)) != RC_OK)
		return rc;
	*it = (struct desired_item){ .organization_id = o.id, .kind = kind };
	return x->r->segment[1] == NULL ? RC_OK : desired_item_get(x->c, o.id, kind, x->r->segment[1], it);
}

/* Which groups have it, by name. */
static enum rc
put_groups(struct admin_call *x, const struct desired_item *items, json_t **of, int n)
{
	struct assignment *given;
	int n_given;
	enum rc rc = RC_OK;

	if (n > 0)
		rc = desired_assignments(x->c, items[0].organization_id, &given, &n_given);
	for (int i = 0; rc == RC_OK && i < n; i++) {
		json_t *names = json_array();

		admin_put(of[i], "groups", names);
		for (int k = 0; k < n_given; k++) {
			if (strcmp(given[k].item_id, items[i].id) == 0)
				json_array_append_new(
				    names, json_string(given[k].optional
							   ? arena_printf(x->c->arena, "%s (optional)", given[k].group)
							   : given[k].group));
		}
	}
	return rc;
}

enum rc
admin_item_list(struct admin_call *x)
{
	json_t *items = admin_items(x), **each;
	struct desired_item *all, of;
	enum rc rc;
	int n;

	if ((rc = find(x, &of)) != RC_OK ||
	    (rc = desired_item_list(x->c, of.organization_id, (int)of.kind, &all, &n)) != RC_OK)
		return rc;
	each = arena_array(x->c->arena, (size_t)n, sizeof(json_t *));
	for (int i = 0; i < n; i++)
		json_array_append_new(items, each[i] = item_json(&all[i]));
	return put_groups(x, all, each, n);
}

enum rc
admin_item_get(struct admin_call *x)
{
	struct desired_item it;
	struct err ignored;
	plist_t root;
	json_t *json;
	enum rc rc;

	if ((rc = find(x, &it)) != RC_OK || (rc = desired_item_content(x->c, &it)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, item_json(&it));
	if ((rc = put_groups(x, &it, &x->out, 1)) != RC_OK)
		return rc;
	if (it.kind != DESIRED_PROFILE && desired_item_json(x->c, &it, &json) == RC_OK)
		admin_put(x->out, "content", json_incref(json));
	else if (it.kind == DESIRED_PROFILE && plist_parse(x->c->arena, it.content, &root, &ignored) == RC_OK)
		admin_put(x->out, "content", admin_plist_json(x->c->arena, root));
	else
		admin_put_text(x->out, "content", base64_encode(x->c->arena, it.content));
	return RC_OK;
}

/* An app from its parts. */
static enum rc
app_content(struct admin_call *x, struct bytes *out)
{
	static const char *const texts[][2] = { { "app_store_id", "AppStoreID" }, { "bundle_id", "BundleID" },
		{ "manifest_url", "ManifestURL" } };
	const char *configuration = admin_text(x, "configuration");
	const json_t *attributes = json_object_get(x->body, "attributes");
	json_t *app = json_keep(x->c->arena, json_object());
	struct bytes octets;
	plist_t root;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (admin_text(x, texts[i][0]) != NULL)
			json_object_set_new(app, texts[i][1], json_string(admin_text(x, texts[i][0])));
	}
	if (configuration != NULL) {
		octets = base64_decode(x->c->arena, bytes_str(configuration), false);
		if (octets.p == NULL || plist_parse(x->c->arena, octets, &root, &x->c->err) != RC_OK)
			return fail_in(&x->c->err, RC_BAD_INPUT, "the app's configuration is a property list");
		json_object_set_new(app, "Configuration", admin_plist_json(x->c->arena, root));
	}
	if (json_object_size(attributes) > 0)
		json_object_set(app, "Attributes", (json_t *)(uintptr_t)attributes);
	*out = json_text(x->c->arena, app, 0);
	return RC_OK;
}

enum rc
admin_item_put(struct admin_call *x)
{
	const char *content = admin_text(x, "content");
	struct desired_item it;
	enum rc rc;

	if ((rc = find(x, &it)) != RC_OK)
		return rc;
	it.name = admin_text(x, "name");
	if (it.kind == DESIRED_APP) /* the others say it themselves */
		it.title = admin_text(x, "title");
	if (content != NULL)
		it.content = base64_decode(x->c->arena, bytes_str(content), false);
	else if (it.kind != DESIRED_APP)
		return fail(&x->c->err, RC_BAD_INPUT, "content is missing");
	else if ((rc = app_content(x, &it.content)) != RC_OK)
		return rc;
	if ((rc = desired_item_put(x->c, &it)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, item_json(&it));
	return RC_OK;
}

enum rc
admin_item_remove(struct admin_call *x)
{
	struct desired_item it;
	enum rc rc;

	if ((rc = find(x, &it)) != RC_OK || (rc = desired_item_remove(x->c, &it)) != RC_OK)
		return rc;
	x->out = json_keep(x->c->arena, item_json(&it));
	return RC_OK;
}
