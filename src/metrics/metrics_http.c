#include "base/log.h"
#include "metrics/metrics.h"

#define TEXT "text/plain; charset=utf-8"
#define PAGE (1024 * 1024) /* a call has 16 times as much memory as its route's body limit */

/* A page without the database's numbers is no page: the scrape fails, which `up` says, and readyz says why. */
static void
get_metrics(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct bytes page;
	enum rc rc = metrics_page(c, room, &page);

	(void)r;
	if (rc != RC_OK) {
		log_error("no numbers for Prometheus", "error", c->err.text);
		http_fail(out, rc);
		return;
	}
	http_answer(out, 200, "text/plain; version=0.0.4; charset=utf-8", page);
}

static void
get_health(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)c, (void)r, (void)room;
	http_answer(out, 200, TEXT, bytes_str("alive\n"));
}

static void
get_ready(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)r;
	if (metrics_ready(c, room) == RC_OK)
		http_answer(out, 200, TEXT, bytes_str("ready\n"));
	else
		http_answer(out, 503, TEXT, bytes_str(arena_printf(c->arena, "%s\n", c->err.text)));
}

#define ONLY (1u << HTTP_DOOR_METRICS)

const struct http_route metrics_routes[] = {
	/* method  path        class       body  doors  handler */
	{ "GET", "/metrics", HTTP_HEAVY, PAGE, ONLY, get_metrics },
	{ "GET", "/healthz", HTTP_QUICK, 1024, ONLY, get_health },
	{ "GET", "/readyz", HTTP_QUICK, 16384, ONLY, get_ready },
	{ .method = NULL },
};
