#include "esso/prestage.h"

#include <string.h>

#include "desired/item.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define TITLE "Enrollment SSO" /* whose title this is was put here */

/* Systems that take declarations at enrollment. */
static const struct {
	const char *family, *os_from;
} kinds[] = { { "iPhone", "18.4" }, { "iPad", "18.4" }, { "RealityDevice", "2.4" } };
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static enum rc
take_away(struct call *c, const char *organization_id)
{
	struct desired_item *all;
	enum rc rc;
	int n;

	if ((rc = desired_item_list(c, organization_id, DESIRED_DECLARATION, &all, &n)) != RC_OK)
		return rc;
	for (int i = 0; rc == RC_OK && i < n; i++) {
		if (all[i].title != NULL && strcmp(all[i].title, TITLE) == 0)
			rc = desired_item_remove(c, &all[i]);
	}
	return rc;
}

static enum rc
group_of(struct call *c, const char *organization_id, size_t kind, struct device_group *g)
{
	const char *name = arena_printf(c->arena, "enrollment-sso-%s", kinds[kind].family);
	enum rc rc = group_get(c, organization_id, name, g);

	if (rc != RC_NOT_FOUND)
		return rc;
	*g = (struct device_group){ .organization_id = organization_id,
		.name = name,
		.by_rule = true,
		.model_family = kinds[kind].family,
		.os_from = kinds[kind].os_from };
	return group_add(c, g);
}

/* What an administrator keeps under that Identifier is not to be lost to the document. */
static enum rc
is_free(struct call *c, const char *organization_id, struct bytes declaration)
{
	struct desired_item there;
	const char *name;
	json_t *root;
	enum rc rc = json_parse(c->arena, declaration, &root, &c->err);

	if (rc != RC_OK || (name = json_get_text(root, "Identifier")) == NULL)
		return rc; /* the next step says what is wrong with it */
	rc = desired_item_get(c, organization_id, DESIRED_DECLARATION, name, &there);
	if (rc == RC_OK)
		return fail(&c->err, RC_CONFLICT, "there is a declaration %s already (postern declaration list)", name);
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc
put_one(struct call *c, const char *organization_id, struct bytes declaration)
{
	struct desired_item it = {
		.organization_id = organization_id, .kind = DESIRED_DECLARATION, .title = TITLE, .content = declaration
	};
	struct device_group g;
	enum rc rc = is_free(c, organization_id, declaration);

	if (rc == RC_OK)
		rc = desired_item_put(c, &it);

	for (size_t k = 0; rc == RC_OK && k < N_KINDS; k++) {
		if ((rc = group_of(c, organization_id, k, &g)) == RC_OK)
			rc = desired_assign(c, &it, &g, false);
	}
	return rc;
}

enum rc
esso_prestage(struct call *c, const char *organization_id, struct bytes document)
{
	const json_t *item;
	json_t *root;
	size_t i;
	enum rc rc = take_away(c, organization_id);

	if (rc != RC_OK || document.p == NULL)
		return rc;
	if ((rc = json_parse(c->arena, document, &root, &c->err)) != RC_OK)
		return rc;
	json_array_foreach(json_object_get(root, "Declarations"), i, item)
	{
		if (rc == RC_OK)
			rc = put_one(
			    c, organization_id, base64_decode(c->arena, bytes_str(json_string_value(item)), false));
	}
	return rc;
}
