/* A stand-in for Device Assignment Services (protocol 2.7), as far as an MDM server needs them to register its discovery
 * URL:
 *
 *	GET /session                              OAuth 1.0a in, X-ADM-Auth-Session out
 *	GET /account                              AccountDetail
 *	POST|GET|DELETE /account-driven-enrollment/profile
 *
 * Errors are Apple's words in the body, as text. Faults (apple/fault.h): service "assignment", subject the path. */
#ifndef APPLE_ASSIGNMENT_H
#define APPLE_ASSIGNMENT_H

#include "apple/diary.h"
#include "apple/fault.h"
#include "base/call.h"

#define ASSIGNMENT_WINDOW_S 300 /* how far the timestamp of a signature may be from now */
#define ASSIGNMENT_SESSION_S 180 /* how long a session lasts, unless said otherwise */
#define ASSIGNMENT_SESSIONS 4096 /* the oldest goes first */

struct assignment_settings {
	const char *dir; /* of the portal */
	int64_t session_s;
	bool rotate; /* every answer brings another session, and ends the one that asked for it */
	struct faults *faults; /* outlive it */
	struct diary *diary;
};

struct assignment;

struct assignment *assignment_new(const struct assignment_settings *s);
void assignment_free(struct assignment *t); /* NULL is fine */

struct assignment_request {
	const char *method, *path, *query; /* query raw or NULL */
	const char *authority; /* Host as sent */
	const char *authorization, *session; /* headers; NULL: none */
	int64_t version; /* X-Server-Protocol-Version; 0: not sent */
	struct bytes body;
};
struct assignment_answer {
	int status, retry_after;
	json_t *body; /* belongs to the arena; NULL: `text` */
	const char *text; /* an error's word; NULL: nothing */
	const char *session; /* X-ADM-Auth-Session; NULL: not sent */
};
/* `c` for its arena, time and error alone. */
void assignment_serve(
    struct assignment *t, struct call *c, const struct assignment_request *r, struct assignment_answer *out);

#endif
