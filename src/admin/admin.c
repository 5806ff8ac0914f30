#include "admin/admin.h"

#include "admin/routes.h"

#define X(method, path, class, max_body, roles, fields, handler) row_##handler,
enum row { ADMIN_ROUTES(X) ROWS };
#undef X

#define X(method, path, class, max_body, roles, fields, handler) \
	{ method, path, #handler, roles, fields, admin_##handler },
const struct admin_route admin_rows[] = {
	ADMIN_ROUTES(X) /* one per line of routes.h */
	{ .path = NULL },
};
#undef X

#define X(method, path, class, max_body, roles, fields, handler) \
	static void serve_##handler(struct call *c, const struct http_request *r, struct http_reply *out, void *room) \
	{ \
		admin_serve(c, r, out, room, &admin_rows[row_##handler]); \
	}
ADMIN_ROUTES(X)
#undef X

#define X(method, path, class, max_body, roles, fields, handler) \
	{ method, "/api/v1" path, class, max_body, 1u << HTTP_DOOR_UNIX | 1u << HTTP_DOOR_ADMIN, serve_##handler },
const struct http_route admin_routes[] = {
	ADMIN_ROUTES(X) /* in the same order */
	{ .method = NULL },
};
#undef X
