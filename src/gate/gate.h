/* The gate: who is calling, and may they (protocol 8.2, in that order, in one place). Everything that a
 * device sends to the MDM endpoints passes here before anything serves it. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "base/call.h"
#include "enroll/caller.h"
#include "enroll/challenge.h"
#include "http/server.h"

/* What came over the wire. */
struct gate_request {
	const char *organization_id; /* from the path */
	const char *signature; /* Mdm-Signature; NULL: absent */
	struct bytes client_certificate; /* DER; absent without */
	const char *bearer; /* access token; NULL: absent */
	struct bytes body;
};

/* Let the request in (RC_OK: *who and *message are set) or say what to answer instead (RC_FORBIDDEN:
 * *out is the answer, with the headers of *challenge, and its traces are durable). Other codes: http_fail. */
enum rc gate_check(struct call *c, const struct gate_request *in, struct enroll_caller *who, plist_t *message,
    struct enroll_reply *out, struct challenge *challenge);

/* Who serves what was let in; handed to the routes as their room. */
struct gate_room {
	enroll_serve *serve;
	void *room;
};

/* PUT /mdm/ORG/checkin and /mdm/ORG/command. Ends with a row whose method is NULL. */
extern const struct http_route gate_routes[];

#endif
