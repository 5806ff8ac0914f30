/* POST BaseURL: the enrollment request, without and with a bearer (protocol 3; design: the way of one
 * enrollment, 2 and 4). */
#ifndef PROFILE_ENROLL_REQUEST_H
#define PROFILE_ENROLL_REQUEST_H

#include "base/call.h"
#include "enroll/challenge.h"
#include "http/server.h"

struct enroll_request {
	const char *organization_id, *mode; /* from the path */
	const char *sealed; /* attempt in the path; NULL where BaseURL is a static file's */
	const char *bearer; /* access token; NULL: none came */
	const char *address; /* of the client */
	struct bytes body;
};

struct enroll_answer {
	int status; /* 200, 401, 403, 400, 404 */
	struct challenge challenge; /* 401 */
	struct bytes profile; /* 200 */
	const char *code, *message; /* 4xx: for the JSON document */
};

/* RC_OK: *out is the answer, and every trace of it is durable. Others: http_fail. */
enum rc enroll_request_answer(struct call *c, const struct enroll_request *in, struct enroll_answer *out);

/* POST /enroll/ORG/MODE[/ATTEMPT]; needs no room. Ends with a row whose method is NULL. */
extern const struct http_route profile_routes[];

#endif
