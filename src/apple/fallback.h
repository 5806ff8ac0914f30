/* A stand-in for the discovery fallback (protocol 2.6): a device whose domain gave no answer asks here, and is sent to
 * the URL that its default MDM server registered.
 *
 *	GET /.well-known/com.apple.remotemanagement?user-identifier=...&model-family=...
 *
 * Whether Apple's redirect carries the query on is not confirmed: `postern-apple discovery set --query`. How Apple
 * refuses is not told either: here it is the document of protocol 2.5, whose description is the reason. Faults
 * (apple/fault.h): service "discovery", subject the identifier. */
#ifndef APPLE_FALLBACK_H
#define APPLE_FALLBACK_H

#include "apple/diary.h"
#include "apple/fault.h"
#include "base/call.h"

struct fallback {
	const char *dir; /* of the portal */
	struct faults *faults;
	struct diary *diary;
};

struct fallback_answer {
	int status;
	const char *location; /* 302 */
	json_t *body; /* otherwise; belongs to the arena; NULL: none */
};
/* `query` raw, or NULL; identifier and family decoded, or NULL. `c` for its arena, time and error alone. */
void fallback_serve(const struct fallback *f, struct call *c, const char *query, const char *identifier,
    const char *family, struct fallback_answer *out);

#endif
