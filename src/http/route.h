/* Which row of the tables takes a request. Pure. */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "base/arena.h"
#include "http/server.h"

struct http_routes {
	const struct http_route *const *tables; /* rows end at one without a path */
	void *const *rooms;
	int n;
};

struct http_found {
	const struct http_route *route;
	void *room;
	int number; /* of the row, over all tables */
	const char *allow; /* with 405: the methods that there are, for Allow */
};

/* The first row that fits method, path and door. `segment` gets what the {} matched, decoded, in `a`.
 * 0, or 400 (a segment that can't be decoded), 404, 405. */
int http_route_find(const struct http_routes *r, struct arena *a, enum http_door door, const char *method,
    const char *path, const char *segment[4], struct http_found *out);

#endif
