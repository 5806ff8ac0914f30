/* What a request with an Idempotency-Key stands for (once.c). Room-private. */
#ifndef ADMIN_ONCE_H
#define ADMIN_ONCE_H

#include "admin/reply.h"
#include "administrator/idempotency.h"

struct admin_once {
	struct idempotency row;
	bool claimed; /* the first: what it is answered is kept */
	bool answered; /* not the first: status and answer are in the row */
};

/* Refusals: a bad key, 422 for a key of another request, 409 for one that has not ended. */
enum rc admin_once_begin(struct admin_call *x, struct admin_once *o);
void admin_once_end(struct admin_call *x, struct admin_once *o, const struct http_reply *out);

#endif
