#include <strings.h>

#include "base/log.h"
#include "gate/gate.h"
#include "http/trace.h"

static void
put_message(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct gate_room *next = room;
	const char *authorization = http_header(r, "Authorization");
	struct gate_request in = {
		.organization_id = r->segment[0],
		.signature = http_header(r, "Mdm-Signature"),
		.client_certificate = r->client_certificate,
		.body = r->body,
	};
	struct enroll_caller who;
	struct enroll_reply reply;
	struct challenge challenge;
	plist_t message;
	enum rc rc;

	if (authorization != NULL && strncasecmp(authorization, "Bearer ", 7) == 0)
		in.bearer = authorization + 7;
	http_set(out, "Cache-Control", "no-store");
	rc = gate_check(c, &in, &who, &message, &reply, &challenge);
	if (rc == RC_OK)
		next->serve(c, &who, message, &reply, next->room);
	if (reply.status == 0) {
		log_error("message failed", "attempt", c->trace, "trace", http_trace_id(c), "error", c->err.text);
		/* A full disk is met by whoever serves: a device is told to come back. */
		if (rc == RC_OK)
			rc = c->err.rc == RC_UNAVAILABLE ? RC_UNAVAILABLE : RC_INTERNAL;
		http_fail(out, rc);
		return;
	}
	for (int i = 0; i < challenge.n; i++)
		http_set(out, challenge.header[i].name, challenge.header[i].value);
	http_answer(out, reply.status, reply.type, reply.body);
}

const struct http_route gate_routes[] = {
	{ "PUT", "/mdm/{}/checkin", HTTP_QUICK, 256 * 1024, 0, put_message },
	{ "PUT", "/mdm/{}/command", HTTP_QUICK, 4096 * 1024, 0, put_message },
	{ .method = NULL },
};
