/* Service discovery: which server, and which way of enrolling, a person's device is sent to
 * (protocol 2). Writes nothing to the store: what was decided is sealed into BaseURL. */
#ifndef DISCOVERY_DISCOVERY_H
#define DISCOVERY_DISCOVERY_H

#include "base/call.h"
#include "enroll/failure.h"
#include "http/server.h"

struct discovery_counts; /* how often each answer was given, kept in memory between flushes */

struct discovery_request {
	const char *user_identifier; /* decoded; NULL: absent (protocol 2.6) */
	const char *model_family; /* NULL: absent */
	const char *host; /* of the request; decides when there is no identifier */
	const char
	    *organization_id; /* of the path that Apple redirects to: decides before the host; NULL: well-known */
};

struct discovery_answer {
	enum enroll_code code; /* EV_discovered, EV_discovery_redirected, or the refusal */
	const char *organization_id; /* "" when the domain is nobody's */
	const char *base_url; /* EV_discovered */
	const char *version; /* "mdm-byod" or "mdm-adde" */
	const char *location; /* EV_discovery_redirected: query items re-attached */
	const char *message; /* refusals: what the person may be shown */
};

/* RC_OK with a refusal in out->code is an answer; other codes mean that none could be found. */
enum rc discovery_answer(struct call *c, const struct discovery_request *in, struct discovery_answer *out);

struct discovery_counts *discovery_counts_new(void);
void discovery_counts_free(struct discovery_counts *n);
void discovery_counts_add(struct discovery_counts *n, const char *organization_id, enum enroll_code code);
enum rc discovery_counts_flush(struct call *c, struct discovery_counts *n);

/* GET /.well-known/com.apple.remotemanagement, and /apple/discovery/ORG, which answers the same and is what
 * `postern apple discovery set` registers; the room is a struct discovery_counts. Ends with a row
 * whose method is NULL. */
extern const struct http_route discovery_routes[];

#endif
