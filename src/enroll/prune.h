/* What time takes away: expired codes, tokens and challenges, old history, enrollments that ended, evictions
 * that nobody came back for. Called now and then by the server; a little at a time, so that no device waits
 * for it. Certificates stay: a device that left is still known by its own. */
#ifndef ENROLL_PRUNE_H
#define ENROLL_PRUNE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

struct enroll_prune { /* zeroed at first; what one round hands to the next */
	int64_t counted_to; /* answers up to here were counted against results_per_enrollment */
	int64_t rows; /* gone in the last round */
	bool more; /* there is more to take away: come back soon */
};

/* One round, of a bounded number of small units. */
enum rc enroll_prune(struct call *c, struct enroll_prune *p);

/* The deleting statements, NULL-terminated: a test looks how the engine would run them. */
extern const char *const enroll_prune_statements[];

#endif
