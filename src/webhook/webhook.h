/* Webhooks: receivers that are told what happens, each message signed, tried again until it is accepted, and in order
 * for each enrollment.
 *
 * A message is a row that is written in the unit of what it tells of: neither is there without the other. It goes
 * as Standard Webhooks have it (webhook-id, webhook-timestamp, webhook-signature). What is answered with 2xx is
 * done with; everything else is tried again, later each time, for webhook_days, and then kept as a dead letter
 * until somebody replays it, or for history_days. A receiver may get a message twice, with the same webhook-id.
 *
 * Payloads have what the organization sees anyway of an enrollment: whose it is, mode, family and version. No
 * identifier of a device, and nothing that it answered. */
#ifndef WEBHOOK_WEBHOOK_H
#define WEBHOOK_WEBHOOK_H

#include <stdbool.h>

#include "base/call.h"
#include "fmt/json.h"
#include "store/store.h"
#include "webhook/event_table.h"

#define WEBHOOKS_MAX 32 /* of a server: as many are sent to at once, and none waits for another */
#define WEBHOOK_TIMEOUT_MS 5000
#define WEBHOOK_RETRY_S 1 /* after the first failure, doubled with each, */
#define WEBHOOK_RETRY_MAX_S 3600 /* up to here; up to a quarter more, by chance */
#define WEBHOOK_REST_MAX_S 300 /* likewise of a receiver that does not answer, or with 429 or 5xx */
#define WEBHOOK_LEASE_S 12 /* a process that sends takes it so long ahead, before each message, if nobody else has */

enum webhook_type {
#define X(name, type, when, data) WEBHOOK_##name,
	WEBHOOK_EVENTS(X)
#undef X
	    WEBHOOK_TYPES
};
const char *webhook_type_name(enum webhook_type t); /* "enrollment.enrolled" */

/* ---- what happens ---- */

/* Who wants to know of that. Inside a unit or outside; *n 0, as almost always: nobody, so that no payload needs to be
 * made. */
struct webhook_listener {
	const char *id, *organization_id; /* NULL: all */
};
enum rc webhook_listeners(struct call *c, enum webhook_type type, struct webhook_listener **out, int *n);
/* Is that told what is of this organization (NULL: of the server)? */
bool webhook_hears(const struct webhook_listener *l, const char *organization_id);

/* Tell them, in the unit under way. `subject` is what is told of in order; `data` is taken over. */
struct webhook_message {
	enum webhook_type type;
	const char *organization_id; /* NULL: of the server */
	const char *subject;
	json_t *data;
};
enum rc webhook_tell(struct call *c, const struct webhook_listener *to, int n, const struct webhook_message *m);

/* ---- receivers ---- */

struct webhook {
	const char *id, *organization_id, *url, *events, *created_by;
	int64_t created_at, delivered_at, failures, rests_until;
	const char *trouble; /* NULL: the last message was accepted, or there was none */
	int64_t waiting, dead; /* messages */
	struct bytes secret; /* sealed */
};

/* Fill in w->id. `secret` is "whsec_" and base64 of 24 to 64 octets; NULL: one is made. *shown is the secret, now and
 * never again. RC_BAD_INPUT: URL (https; in a lab http, too), an event that is not in the table, or the secret.
 * RC_TOO_LARGE: there are WEBHOOKS_MAX. */
enum rc
webhook_add(struct call *c, struct webhook *w, const char *const *events, const char *secret, const char **shown);
enum rc webhook_list(struct call *c, const char *organization_id /* NULL: all */, struct webhook **out, int *n);
enum rc webhook_get(struct call *c, const char *id, struct webhook *out);
enum rc webhook_remove(struct call *c, const char *id); /* and what it was to be told */

/* Send it a message now. RC_UNAVAILABLE: it did not accept it; the sentence says what came of it. *status: its answer. */
enum rc webhook_test(struct call *c, const char *id, int *status);

struct webhook_dead {
	const char *id, *type, *body, *trouble;
	int64_t created_at, dead_at, tries;
};
enum rc
webhook_dead_letters(struct call *c, const char *id, const struct db_page *page, struct webhook_dead **out, int *n);
/* Try them again, as if they were new; `message` NULL: all. *n: how many. */
enum rc webhook_replay(struct call *c, const char *id, const char *message, int *n);

/* ---- sending ---- */

struct webhooks; /* what sends; for one thread beside requests, and it makes others */
struct webhooks *webhooks_new(void);
void webhooks_free(struct webhooks *w); /* waits for messages under way; NULL is fine */

/* Send what is due, each receiver on a thread of its own. RC_UNAVAILABLE: the store. */
enum rc webhooks_look(struct webhooks *w, struct call *c, bool *more);

#endif
