/* What is seen of the server from outside: numbers for Prometheus (text exposition format 0.0.4), whether it is alive,
 * and whether it should be sent requests. On a listener of its own (metrics_listen), which nobody else is served by.
 *
 * Counting a request takes three additions to numbers of the process, without a lock. No label has a value that a
 * peer chooses or that is about a person: routes are rows of the tables, results are status codes. What the database
 * knows is asked at most every METRICS_STALE_S seconds, however often somebody scrapes; whether it answers, each time. */
#ifndef METRICS_METRICS_H
#define METRICS_METRICS_H

#include <stdatomic.h>

#include "http/server.h"

#define METRICS_STALE_S 60
#define METRICS_PAGE_MAX (4 * 1024 * 1024) /* octets of an answer */

struct idp;
struct push;
struct metrics;

/* Counts of the requests that rows of `tables` take, as they were given to http_server_start. */
struct metrics *metrics_new(const struct http_route *const *tables, int n_tables);
void metrics_free(struct metrics *m); /* NULL is fine */

/* For http_hooks.done. */
void metrics_request(struct metrics *m, const struct http_request *r, const struct http_reply *out, int64_t us);

/* The pattern of the row that took it; "" if it is none of the tables. */
const char *metrics_route(const struct metrics *m, const struct http_request *r);

struct metrics_room {
	struct metrics *counts;
	_Atomic(struct http_server *) http; /* NULL: not started yet */
	struct push *push;
	struct idp *idp;
	int64_t started_at; /* Unix seconds */
};

/* The page. Where the database does not answer, postern_store_up is 0 and what this process knows is there all the same. */
enum rc metrics_page(struct call *c, struct metrics_room *room, struct bytes *out);
/* RC_UNAVAILABLE: no request should be sent here now; *e says why. */
enum rc metrics_ready(struct call *c, struct metrics_room *room);

/* GET /metrics, /healthz, /readyz. Their room is a struct metrics_room. */
extern const struct http_route metrics_routes[];

#endif
