/* Wanted against actual, for people: what a channel should have, whether it is there, and why not (S-33, S-35). */
#ifndef DESIRED_EXPLAIN_H
#define DESIRED_EXPLAIN_H

#include "desired/wanted.h"

struct explained {
	const struct wanted *wanted;
	const char *state; /* "in place", "waiting", "refused", "not allowed" */
	const char *reason; /* of everything that is not in place */
};

enum rc
desired_explain(struct call *c, const struct enrollment *e, const char *user_id, struct explained **out, int *n);

#endif
