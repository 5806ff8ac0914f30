/* The doors of /scim/v2: who asks, the body, the answer, and refusals as RFC 7644 3.12 has them. */
#include <string.h>
#include <strings.h>

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

static void
serve(struct call *c, const struct http_request *r, struct http_reply *out, scim_handler *handler)
{
	struct scim_call x = { .c = c, .r = r, .status = 200 };
	enum rc rc = who_asks(&x);

	if (rc == RC_OK) {
		x.by = arena_printf(c->arena, "SCIM (%s)", x.service.name);
		rc = read_body(&x);
	}
	if (rc == RC_OK)
		rc = handler(&x);
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
		serve(c, r, out, scim_##handler); \
	}
ROUTES(X)
#undef X

#define X(method, path, max_body, handler) { method, path, HTTP_HEAVY, max_body, 0, serve_##handler },
const struct http_route scim_routes[] = {
	ROUTES(X){ .method = NULL },
};
#undef X
