/* Requests to Apple's Device Assignment Services for one organization (protocol 2.7). Room-private. */
#ifndef ASSIGNMENT_CLIENT_H
#define ASSIGNMENT_CLIENT_H

#include "assignment/oauth1.h"
#include "base/call.h"
#include "fmt/json.h"
#include "http/client.h"

#define ASSIGNMENT_CLOCK_S 60 /* more than that between this server's clock and Apple's is told of */

struct assignment_way {
	struct assignment_secrets secrets;
	const char *session; /* X-ADM-Auth-Session; NULL: none; whoever asks replaces it */
	struct http_client *http;
	int64_t clock_off_s; /* this server's clock minus Apple's, at the last answer that had a Date */
	bool heard; /* Apple answered, whatever it was */
};

/* One request below assignment_url, with a session; that is made where there is none, and again, once, where it is over.
 * `body` NULL: none. *out is NULL where the answer has no JSON object.
 * Otherwise the sentence is for the administrator. RC_UNAVAILABLE: asking again later may help. RC_FORBIDDEN: the
 * administrator has something to do first. RC_BAD_INPUT, RC_NOT_FOUND: what that request asked for. */
enum rc assignment_ask(
    struct call *c, struct assignment_way *w, const char *method, const char *path, const json_t *body, json_t **out);

/* What an answer that is no success means, by its status and Apple's words. */
enum rc assignment_error(
    struct err *e, bool session, int status, const char *said, const char *retry_after, int64_t clock_off_s);

/* Does AccountDetail list it? */
bool assignment_can(const json_t *account, const char *path, const char *method);

#endif
