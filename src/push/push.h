/* Waking devices through Apple's push service (protocol 13): what channels wait for (channel.wake_at), sent in
 * batches over HTTP/2, and what came of it. A push says only that there is something: several coalesce into one.
 *
 * Nobody is told twice by two nodes: a channel is taken by moving its wake_at ahead before it is pushed to, and what
 * was queued meanwhile sets it again. A push whose answer was lost is sent once more, which the service allows. */
#ifndef PUSH_PUSH_H
#define PUSH_PUSH_H

#include "base/call.h"

#define PUSH_BATCH 1000
#define PUSH_CONNECTIONS 4
#define PUSH_LEASE_S 120 /* of a channel that is being pushed to: longer than any batch takes */
#define PUSH_RETRY_S 30 /* after the first failure of one channel, doubled with each, */
#define PUSH_RETRY_MAX_S 3600 /* up to here */
#define PUSH_REST_S 10 /* of an organization whose service cannot be reached, likewise doubled, */
#define PUSH_REST_MAX_S 600 /* up to here; where the service does not accept its certificate, at once */
#define PUSH_EXPIRY_S (7 * 86400) /* the service keeps a push for a device that is off for so long */

struct push;

/* `rate`: pushes a second, at most. For one thread. */
struct push *push_new(int rate);
void push_free(struct push *p); /* NULL is fine */

/* What became of pushes so far; read by any thread. */
struct push_stats {
	int64_t verdicts[4]; /* by enum push_verdict */
	const struct histogram *batch_times; /* from the first push of a batch to its last answer */
};
void push_stats(const struct push *p, struct push_stats *out);

/* Push what is due, at most a batch for each organization. *more: there may be more at once. RC_UNAVAILABLE: the
 * store. A service that does not answer is no error. */
enum rc push_look(struct push *p, struct call *c, bool *more);

/* What the service's answer means for the channel (protocol 13). */
enum push_verdict {
	PUSH_SENT,
	PUSH_TOKEN_BAD, /* stop until a TokenUpdate */
	PUSH_LATER, /* this channel */
	PUSH_TROUBLE, /* stop for the whole organization: it is about the certificate */
};
/* `status` 0: no answer came. *reason is the service's word, or NULL; *since Unix seconds from which the token is
 * good no more, 0: it does not say. */
enum push_verdict push_judge(struct arena *a, int status, struct bytes body, const char **reason, int64_t *since);

#endif
