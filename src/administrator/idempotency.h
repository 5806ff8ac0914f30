/* Requests that create something, sent with a key of the sender's: sent again, they are answered as the first time and
 * nothing is done (draft-ietf-httpapi-idempotency-key-header-07). Keys are an actor's own. What a request's digest was
 * made of, and its answer, can be secret: both are sealed. */
#ifndef ADMINISTRATOR_IDEMPOTENCY_H
#define ADMINISTRATOR_IDEMPOTENCY_H

#include "base/bytes.h"
#include "base/call.h"

#define IDEMPOTENCY_KEY_MAX 255 /* octets */
#define IDEMPOTENCY_LIFE_S 86400 /* from then on the key is new again */
#define IDEMPOTENCY_ANSWER_MAX (256 * 1024) /* octets; larger ones are not kept, and their key says so */

enum idempotency_state {
	IDEMPOTENCY_NEW, /* nobody used the key: do it, then say how it went */
	IDEMPOTENCY_DONE, /* status and answer are the first ones */
	IDEMPOTENCY_OTHER, /* the key was used for another request */
	IDEMPOTENCY_UNDER_WAY, /* the first one has not ended, or its end is not known */
};

struct idempotency {
	const char *actor, *key;
	struct bytes digest; /* SHA-256 of the request */
	int status; /* of the answer */
	struct bytes answer;
};

/* Claim the key, or learn what came of it: status and answer are filled with IDEMPOTENCY_DONE.
 * RC_BAD_INPUT: the key is empty, too long or not of visible ASCII. */
enum rc idempotency_begin(struct call *c, struct idempotency *i, enum idempotency_state *state);

/* Keep the answer of a claimed key. */
enum rc idempotency_end(struct call *c, const struct idempotency *i);

/* Nothing was done: the key is free. */
enum rc idempotency_drop(struct call *c, const struct idempotency *i);

/* Forget those that are older than IDEMPOTENCY_LIFE_S. */
enum rc idempotency_prune(struct call *c);

#endif
