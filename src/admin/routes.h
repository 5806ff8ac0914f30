/* Every request that the administration API takes: one row each. Room-private; admin.c makes the routes
 * and the functions that stand in them from these rows.
 *
 * X(method, path below /api/v1, class, largest body, fields of the body (admin/reply.h), handler) */
#ifndef ADMIN_ROUTES_H
#define ADMIN_ROUTES_H

#include "admin/reply.h"

/* The server gives a call 16 times its route's body limit as memory: listings of 500 rows need some. */
#define ADMIN_LIST (256 * 1024)
#define ADMIN_SMALL (64 * 1024)

/* clang-format off */
#define ADMIN_ROUTES(X) \
X("GET",    "/status",                       HTTP_QUICK, ADMIN_LIST,  "", status_get) \
X("GET",    "/organizations",                HTTP_QUICK, ADMIN_LIST,  "", organization_list) \
/**/
/* clang-format on */

#define X(method, path, class, max_body, fields, handler) admin_handler admin_##handler;
ADMIN_ROUTES(X)
#undef X

#endif
