/* What time takes away: expired codes, tokens and challenges, old history, evictions that nobody came
 * back for. Called now and then by the server; a little at a time, so that no device waits for it. */
#ifndef ENROLL_PRUNE_H
#define ENROLL_PRUNE_H

#include "base/call.h"

/* One round. *rows (may be NULL) counts what went. */
enum rc enroll_prune(struct call *c, int *rows);

#endif
