#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "fmt/json.h"
#include "http/trace.h"
#include "profile/enroll_request.h"

#define BODY_MAX (64 * 1024) /* octets; real requests are under 5 kB */

/* Content-Type is not looked at: devices disagree about it (S-07). */
static void
post_enroll(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *authorization = http_header(r, "Authorization");
	struct enroll_request in = {
		.organization_id = r->segment[0],
		.mode = r->segment[1],
		.sealed = r->segment[2],
		.address = r->peer,
		.body = r->body,
	};
	struct enroll_answer a;
	json_t *document;
	enum rc rc;

	(void)room;
	if (authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0)
		in.bearer = authorization + 7;
	http_set(out, "Cache-Control", "no-store"); /* S-39 */
	if ((rc = enroll_request_answer(c, &in, &a)) != RC_OK) {
		log_error(
		    "enrollment request failed", "attempt", c->trace, "trace", http_trace_id(c), "error", c->err.text);
		http_fail(out, rc);
		return;
	}
	if (a.status == 200) {
		http_answer(out, 200, "application/x-apple-aspen-config", a.profile);
	} else if (a.status == 401) {
		for (int i = 0; i < a.challenge.n; i++)
			http_set(out, a.challenge.header[i].name, a.challenge.header[i].value);
		http_answer(out, 401, NULL, bytes_str(""));
	} else {
		document =
		    json_keep(c->arena, json_pack("{s:s+, s:s*}", "code", "postern.", a.code, "message", a.message));
		if (a.status == 429)
			http_set(out, "Retry-After", "600");
		http_answer(out, a.status, "application/json", json_text(c->arena, document, 0));
	}
}

const struct http_route profile_routes[] = {
	{ "POST", "/enroll/{}/{}", HTTP_HEAVY, BODY_MAX, 0, post_enroll },
	{ "POST", "/enroll/{}/{}/{}", HTTP_HEAVY, BODY_MAX, 0, post_enroll },
	{ .method = NULL },
};
