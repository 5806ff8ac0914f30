#include "admin/admin.h"

#include "admin/routes.h"

#define X(method, path, class, max_body, fields, handler) \
	static void serve_##handler(struct call *c, const struct http_request *r, struct http_reply *out, void *room) \
	{ \
		admin_serve(c, r, out, room, fields, admin_##handler); \
	}
ADMIN_ROUTES(X)
#undef X

#define X(method, path, class, max_body, fields, handler) \
	{ method, "/api/v1" path, class, max_body, 1u << HTTP_DOOR_UNIX, serve_##handler },
const struct http_route admin_routes[] = {
	ADMIN_ROUTES(X) /* one row per line of routes.h */
	{ .method = NULL },
};
#undef X
