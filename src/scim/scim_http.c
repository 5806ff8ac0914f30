/* The doors of /scim/v2: who asks, the body, the answer, and refusals as RFC 7644 3.12 has them. */
#include <string.h>
#include <strings.h>

#include "audit/audit.h"
#include "base/log.h"
#include "scim/resource.h"
#include "scim/scim.h"

#define ERROR "urn:ietf:params:scim:api:messages:2.0:Error"
#define SMALL (16 * 1024)
#define LARGE (256 * 1024)

static void
refuse(struct scim_call *x, enum rc rc, struct http_reply *out)
{
	bool ours = rc == RC_UNAVAILABLE || rc == RC_INTERNAL;
	const char *type = x->type != NULL      ? x->type
			   : rc == RC_CONFLICT  ? "uniqueness"
			   : rc == RC_BAD_INPUT ? "invalidValue"
						: NULL;
	json_t *j;

	if (ours)
		log_error("SCIM", "error", x->c->err.text);
	j = json_keep(x->c->arena, json_pack("{s:[s], s:s, s:s*, s:s}", "schemas", ERROR, "status",
				       arena_printf(x->c->arena, "%d", http_status(rc)), "scimType", type, "detail",
				       ours ? "the server can't answer now" : x->c->err.text));
	http_answer(out, http_status(rc), "application/scim+json", json_text(x->c->arena, j, 0));
	if (rc == RC_UNAUTHENTICATED)
		http_set(out, "WWW-Authenticate", "Bearer realm=\"SCIM\"");
	if (rc == RC_UNAVAILABLE)
		http_set(out, "Retry-After", "30");
}

static enum rc
who_asks(struct scim_call *x)
{
	const char *value = http_header(x->r, "Authorization");
	enum rc rc;

	if (value == NULL || strncasecmp(value, "Bearer ", 7) != 0)
		return fail(&x->c->err, RC_UNAUTHENTICATED, "a bearer token is needed");
	rc = service_find(x->c, value + 7, "scim", &x->service);
	return rc == RC_NOT_FOUND ? fail(&x->c->err, RC_UNAUTHENTICATED, "the bearer token is unknown") : rc;
}

static enum rc
read_body(struct scim_call *x)
{
	json_t *j = NULL;

	x->body = json_keep(x->c->arena, json_object());
	if (x->r->body.n == 0)
		return RC_OK;
	if (json_parse(x->c->arena, x->r->body, &j, &x->c->err) != RC_OK || !json_is_object(j))
		return scim_refuse(x, "invalidSyntax", "the body is not a JSON object");
	x->body = j;
	return RC_OK;
}

/* ---- the audit (admin/record.c does likewise) ---- */

struct kind {
	const char *path, *name;
	scim_handler *get; /* NULL: it has too many members to be looked at twice */
};

/* The resource as its readers see it, in what is kept of it; NULL: there is none. */
static json_t *
shown(const struct scim_call *x, const struct kind *k, const char *id)
{
	static const char *const kept[] = { "userName", "displayName", "active", "externalId" };
	struct scim_call look = *x;
	struct http_request r = *x->r;
	struct err before = x->c->err;
	json_t *j = json_keep(x->c->arena, json_object());
	enum rc rc;

	r.segment[0] = id;
	look.r = &r;
	look.out = NULL;
	rc = id != NULL && k->get != NULL ? k->get(&look) : RC_NOT_FOUND;
	x->c->err = before;
	for (size_t i = 0; rc == RC_OK && i < sizeof kept / sizeof kept[0]; i++)
		json_object_set(j, kept[i], json_object_get(look.out, kept[i]));
	return rc == RC_OK ? j : NULL;
}

/* A change has a row before it, and one with what came of it. */
static enum rc
recorded(struct scim_call *x, const struct kind *k, scim_handler *handler)
{
	struct audit_entry e = { .actor = arena_printf(x->c->arena, "scim %s", x->service.name),
		.way = "scim",
		.organization_id = x->service.organization_id,
		.action = arena_printf(x->c->arena, "%s %s", x->r->method, k->path),
		.outcome = "begun" };
	const char *id = x->r->segment[0];
	json_t *was = shown(x, k, id), *is, *detail = json_keep(x->c->arena, json_object());
	struct err why;
	enum rc rc;

	e.object =
	    was != NULL || (k->get == NULL && id != NULL) ? arena_printf(x->c->arena, "%s %.100s", k->name, id) : NULL;
	e.person = json_get_text(was, "userName");
	if ((rc = audit_add(x->c, &e)) != RC_OK)
		return rc;
	rc = handler(x);
	why = x->c->err;
	if (rc == RC_OK && id == NULL && (id = json_get_text(x->out, "id")) != NULL)
		e.object = arena_printf(x->c->arena, "%s %.100s", k->name, id);
	is = rc == RC_OK ? shown(x, k, id) : NULL;
	if (is != NULL && e.person_id == NULL)
		e.person = json_get_text(is, "userName");
	if (rc == RC_OK && was != NULL)
		json_object_set(detail, "before", was);
	if (is != NULL)
		json_object_set(detail, "after", is);
	if (json_object_size(detail) > 0)
		e.detail = (const char *)json_text(x->c->arena, detail, 0).p;
	e.begun = e.seq;
	e.outcome = rc == RC_OK ? "done" : rc_name(rc);
	if (audit_add(x->c, &e) != RC_OK)
		log_error("what came of a change is missing in the audit", "error", x->c->err.text);
	x->c->err = why;
	return rc;
}

static enum rc
handled(struct scim_call *x, const char *path, scim_handler *handler)
{
	static const struct kind user = { "/scim/v2/Users", "user", scim_user_get },
				 group = { "/scim/v2/Groups", "directory_group", NULL };

	if (strcmp(x->r->method, "GET") == 0)
		return handler(x);
	return recorded(x, strncmp(path, user.path, strlen(user.path)) == 0 ? &user : &group, handler);
}

static void
serve(struct call *c, const struct http_request *r, struct http_reply *out, const char *path, scim_handler *handler)
{
	struct scim_call x = { .c = c, .r = r, .status = 200 };
	enum rc rc = who_asks(&x);

	if (rc == RC_OK) {
		x.by = arena_printf(c->arena, "SCIM (%s)", x.service.name);
		rc = read_body(&x);
	}
	if (rc == RC_OK)
		rc = handled(&x, path, handler);
	if (rc != RC_OK)
		refuse(&x, rc, out);
	else
		http_answer(out, x.status, x.out != NULL ? "application/scim+json" : NULL,
		    x.out != NULL ? json_text(c->arena, x.out, 0) : (struct bytes){ 0 });
	http_set(out, "Cache-Control", "no-store");
}

/* X(method, path, largest body, handler). The server gives a call 16 times its body limit as memory, which listings
 * need. */
/* clang-format off */
#define ROUTES(X) \
X("GET",    "/scim/v2/Users",     LARGE, user_list) \
X("POST",   "/scim/v2/Users",     SMALL, user_add) \
X("GET",    "/scim/v2/Users/{}",  SMALL, user_get) \
X("PUT",    "/scim/v2/Users/{}",  SMALL, user_put) \
X("PATCH",  "/scim/v2/Users/{}",  SMALL, user_patch) \
X("DELETE", "/scim/v2/Users/{}",  LARGE, user_remove) \
X("GET",    "/scim/v2/Groups",    LARGE, group_list) \
X("POST",   "/scim/v2/Groups",    LARGE, group_add) \
X("GET",    "/scim/v2/Groups/{}", LARGE, group_get) \
X("PUT",    "/scim/v2/Groups/{}", LARGE, group_put) \
X("PATCH",  "/scim/v2/Groups/{}", LARGE, group_patch) \
X("DELETE", "/scim/v2/Groups/{}", LARGE, group_remove) \
X("GET",    "/scim/v2/ServiceProviderConfig", SMALL, provider_config) \
X("GET",    "/scim/v2/ResourceTypes",         SMALL, resource_types) \
X("GET",    "/scim/v2/ResourceTypes/{}",      SMALL, resource_type) \
X("GET",    "/scim/v2/Schemas",               SMALL, schemas) \
X("GET",    "/scim/v2/Schemas/{}",            SMALL, schema) \
/**/
/* clang-format on */

#define X(method, path, max_body, handler) \
	static void serve_##handler(struct call *c, const struct http_request *r, struct http_reply *out, void *room) \
	{ \
		(void)room; \
		serve(c, r, out, path, scim_##handler); \
	}
ROUTES(X)
#undef X

#define X(method, path, max_body, handler) { method, path, HTTP_HEAVY, max_body, 0, serve_##handler },
const struct http_route scim_routes[] = {
	ROUTES(X){ .method = NULL },
};
#undef X
