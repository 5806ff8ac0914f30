#include "base/log.h"
#include "discovery/discovery.h"
#include "fmt/json.h"

#define QUERY_ITEMS_MAX 32

/* 403 com.apple.well-known.failed (protocol 2.5). Observed clients read JSON only. */
static void
refuse(struct call *c, const struct discovery_answer *a, struct http_reply *out)
{
	json_t *o = json_keep(c->arena, json_pack("{s:s, s:s, s:s*}", "code", "com.apple.well-known.failed",
					    "description", enroll_failure(a->code)->operator_, "message", a->message));

	http_answer(out, 403, "application/json", json_text(c->arena, o, 0));
}

static const char *
given(const char *value)
{
	return value != NULL ? "yes" : "no";
}

static void
get_discovery(struct call *c, const struct http_request *r, struct http_reply *out, void *room, const char *registered)
{
	struct discovery_request in = { .host = r->host, .organization_id = registered };
	struct discovery_answer a;
	struct uri_items items;
	enum rc rc;

	/* "+" stays a plus: the device writes it unencoded (protocol 2.2). */
	rc = uri_items_parse(c->arena, bytes_str(r->query), false, QUERY_ITEMS_MAX, &items, &c->err);
	if (rc != RC_OK) {
		http_fail(out, rc);
		return;
	}
	in.user_identifier = uri_item(&items, "user-identifier");
	in.model_family = uri_item(&items, "model-family");
	if ((rc = discovery_answer(c, &in, &a)) != RC_OK) {
		log_error("discovery failed", "error", c->err.text);
		http_fail(out, rc);
		return;
	}
	discovery_counts_add(room, a.organization_id, a.code);
	/* Whether Apple's redirect keeps the query nobody has written down: the log is to tell (protocol 2.6). */
	if (registered != NULL || in.user_identifier == NULL || in.model_family == NULL)
		log_info("discovery by way of Apple, or without all parameters", "path", r->path, "organization",
		    a.organization_id, "user-identifier", given(in.user_identifier), "model-family",
		    given(in.model_family), "answer", enroll_failure(a.code)->code);
	http_set(out, "Cache-Control", "no-store");
	if (a.code == EV_discovered) {
		json_t *o = json_keep(
		    c->arena, json_pack("{s:[{s:s, s:s}]}", "Servers", "Version", a.version, "BaseURL", a.base_url));

		http_answer(out, 200, "application/json", json_text(c->arena, o, 0));
	} else if (a.code == EV_discovery_redirected) {
		http_set(out, "Location", a.location);
		http_answer(out, 302, NULL, bytes_str(""));
	} else {
		refuse(c, &a, out);
	}
}

static void
get_well_known(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	get_discovery(c, r, out, room, NULL);
}

static void
get_registered(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	get_discovery(c, r, out, room, r->segment[0]);
}

const struct http_route discovery_routes[] = {
	{ "GET", "/.well-known/com.apple.remotemanagement", HTTP_QUICK, 0, 0, get_well_known },
	{ "GET", "/apple/discovery/{}", HTTP_QUICK, 0, 0, get_registered },
	{ .method = NULL },
};
