/* One message on its way. Room-private. */
#ifndef WEBHOOK_SEND_H
#define WEBHOOK_SEND_H

#include "http/client.h"
#include "webhook/webhook.h"

/* The key that a receiver's messages are signed with. */
enum rc webhook_secret(struct call *c, const struct webhook *w, struct bytes *key);

/* "v1,..." over id, time and body, as Standard Webhooks have it. */
const char *webhook_signature(struct arena *a, struct bytes key, const char *id, int64_t at, const char *body);

enum rc webhook_open(struct call *c, struct http_client **out);

struct webhook_parcel {
	const char *id, *body;
	const char *trace; /* NULL: none */
};
/* RC_OK: 2xx. RC_UNAVAILABLE: no answer, 429 or 5xx: nobody is well there. RC_CONFLICT: another answer. *status is 0
 * without one, and the sentence says what came of it. */
enum rc webhook_send(
    struct call *c, struct http_client *http, const struct webhook *w, const struct webhook_parcel *p, int *status);

#endif
