/* The threads that ask identity providers whether sign-ins still stand (idp/liveness.h): a few, so that one that
 * does not answer leaves some for the others. */
#ifndef POSTERND_LIVENESS_H
#define POSTERND_LIVENESS_H

#include "base/call.h"
#include "idp/liveness.h"

struct liveness;

/* `begin` fills a call's store, keys, settings and time, as http_hooks does. Signals are blocked by the caller. */
struct liveness *liveness_start(struct idp *idp, void (*begin)(struct call *c, void *ctx), void *ctx);
/* Waits for the questions under way. NULL is fine. */
void liveness_stop(struct liveness *l);

#endif
