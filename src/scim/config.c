/* What this server can do, for who asks (RFC 7643 5 to 7). */
#include <string.h>

#include "config/config.h"
#include "scim/resource.h"

enum rc
scim_provider_config(struct scim_call *x)
{
	x->out = json_keep(x->c->arena,
	    json_pack(
		"{s:[s], s:{s:b}, s:{s:b, s:i, s:i}, s:{s:b, s:i}, s:{s:b}, s:{s:b}, s:{s:b}, s:[{s:s, s:s, s:s}]}",
		"schemas", "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig", "patch", "supported", 1,
		"bulk", "supported", 0, "maxOperations", 0, "maxPayloadSize", 0, "filter", "supported", 1, "maxResults",
		SCIM_PAGE, "changePassword", "supported", 0, "sort", "supported", 0, "etag", "supported", 0,
		"authenticationSchemes", "type", "oauthbearertoken", "name", "Bearer token", "description",
		"Made by postern service add --for scim"));
	return RC_OK;
}

static json_t *
resource_type(struct scim_call *x, const char *name, const char *schema)
{
	return json_pack("{s:[s], s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "schemas",
	    "urn:ietf:params:scim:schemas:core:2.0:ResourceType", "id", name, "name", name, "endpoint",
	    arena_printf(x->c->arena, "/%ss", name), "schema", schema, "meta", "resourceType", "ResourceType",
	    "location", arena_printf(x->c->arena, "%s/scim/v2/ResourceTypes/%s", x->c->conf->url, name));
}

enum rc
scim_resource_types(struct scim_call *x)
{
	json_t *list = json_array();

	json_array_append_new(list, resource_type(x, "User", SCIM_USER));
	json_array_append_new(list, resource_type(x, "Group", SCIM_GROUP));
	x->out = scim_list(x, 2, 1, list);
	return RC_OK;
}

enum rc
scim_resource_type(struct scim_call *x)
{
	const char *name = x->r->segment[0];
	bool user = strcmp(name, "User") == 0;

	if (!user && strcmp(name, "Group") != 0)
		return fail(&x->c->err, RC_NOT_FOUND, "there is no such resource type");
	x->out = json_keep(x->c->arena, resource_type(x, name, user ? SCIM_USER : SCIM_GROUP));
	return RC_OK;
}

/* clang-format off */
static const struct attribute {
	const char *schema, *name, *type, *mutability, *uniqueness;
	bool required, many;
} attributes[] = {
	{ SCIM_USER,  "userName",    "string",  "readWrite", "server", true,  false },
	{ SCIM_USER,  "externalId",  "string",  "readWrite", "none",   false, false },
	{ SCIM_USER,  "displayName", "string",  "readWrite", "none",   false, false },
	{ SCIM_USER,  "active",      "boolean", "readWrite", "none",   false, false },
	{ SCIM_USER,  "groups",      "complex", "readOnly",  "none",   false, true },
	{ SCIM_GROUP, "displayName", "string",  "readWrite", "server", true,  false },
	{ SCIM_GROUP, "externalId",  "string",  "readWrite", "none",   false, false },
	{ SCIM_GROUP, "members",     "complex", "readWrite", "none",   false, true },
};
/* clang-format on */

static json_t *
schema(const char *id, const char *name)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
		const struct attribute *t = &attributes[i];

		if (strcmp(t->schema, id) == 0)
			json_array_append_new(list,
			    json_pack("{s:s, s:s, s:b, s:b, s:s, s:s, s:s, s:b}", "name", t->name, "type", t->type,
				"required", t->required, "multiValued", t->many, "mutability", t->mutability,
				"returned", "default", "uniqueness", t->uniqueness, "caseExact", 0));
	}
	return json_pack("{s:[s], s:s, s:s, s:o}", "schemas", "urn:ietf:params:scim:schemas:core:2.0:Schema", "id", id,
	    "name", name, "attributes", list);
}

enum rc
scim_schemas(struct scim_call *x)
{
	json_t *list = json_array();

	json_array_append_new(list, schema(SCIM_USER, "User"));
	json_array_append_new(list, schema(SCIM_GROUP, "Group"));
	x->out = scim_list(x, 2, 1, list);
	return RC_OK;
}

enum rc
scim_schema(struct scim_call *x)
{
	const char *id = x->r->segment[0];
	bool user = strcmp(id, SCIM_USER) == 0;

	if (!user && strcmp(id, SCIM_GROUP) != 0)
		return fail(&x->c->err, RC_NOT_FOUND, "there is no such schema");
	x->out = json_keep(x->c->arena, schema(id, user ? "User" : "Group"));
	return RC_OK;
}
