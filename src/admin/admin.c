#include "admin/admin.h"

#include "admin/routes.h"

#include <string.h>

#define X(method, path, class, max_body, roles, what, fields, handler) row_##handler,
enum row { ADMIN_ROUTES(X) ROWS };
#undef X

#define X(method, path, class, max_body, roles, what, fields, handler) \
	{ method, path, #handler, roles, what, fields, admin_##handler },
const struct admin_route admin_rows[] = {
	ADMIN_ROUTES(X) /* one per line of routes.h */
	{ .path = NULL },
};
#undef X

#define X(method, path, class, max_body, roles, what, fields, handler) \
	static void serve_##handler(struct call *c, const struct http_request *r, struct http_reply *out, void *room) \
	{ \
		admin_serve(c, r, out, room, &admin_rows[row_##handler]); \
	}
ADMIN_ROUTES(X)
#undef X

#define X(method, path, class, max_body, roles, what, fields, handler) \
	{ method, ADMIN_PATH path, class, max_body, 1u << HTTP_DOOR_UNIX | 1u << HTTP_DOOR_ADMIN, serve_##handler },
const struct http_route admin_routes[] = {
	ADMIN_ROUTES(X) /* in the same order */
	{ .method = NULL },
};
#undef X

const struct admin_route *
admin_reader(const char *path, size_t n)
{
	for (const struct admin_route *row = admin_rows; row->path != NULL; row++) {
		if (strcmp(row->method, "GET") == 0 && strlen(row->path) == n && strncmp(row->path, path, n) == 0)
			return row;
	}
	return NULL;
}
