/* The queue of commands of an enrollment's channel, and their answers (protocol 7.3). */
#ifndef COMMAND_QUEUE_H
#define COMMAND_QUEUE_H

#include <plist/plist.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "enroll/enrollment.h"
#include "store/store.h"

struct command {
	const char *uuid, *enrollment_id, *user_id, *request_type, *queued_by;
	struct bytes payload; /* the property list that is delivered */
	int64_t queued_at, delivered_at, not_now_at;
};

/* Check against mode, OS and channel (command/policy.h) and queue; wakes the channel in the same unit.
 * `command` is the Command dictionary with its RequestType; a UUID is made. RC_FORBIDDEN, RC_BAD_INPUT,
 * RC_NOT_FOUND: the policy's sentence. RC_CONFLICT: the enrollment is not live, the queue has
 * COMMAND_QUEUE_MAX, or the device has not given the secret that the command needs (command/secret.h). */
#define COMMAND_QUEUE_MAX 1000
enum rc command_send(struct call *c, const struct enrollment *e, const char *user_id, plist_t command, const char *by,
    const char **uuid);

/* What a device said: removes the command and stores the filtered answer in one unit (or puts it off after
 * NotNow), and says what to deliver next (next->uuid NULL: nothing; next NULL: nothing is to be delivered).
 * An answer to an unknown or already answered UUID changes nothing and gets the next one too. Delivery order
 * is that of queueing; what was put off is offered again from the next Idle on. An Idle with nothing queued
 * writes nothing. *answered says whether this answer was the one that counted. */
struct command_answer {
	const char *status, *uuid;
	plist_t body; /* whole message; NULL for Idle */
	const char *queued; /* as enroll_caller.queued, which spares a look; NULL is fine */
	const char *request_type; /* set by command_next: of what was answered; NULL where nothing was */
};
enum rc command_next(struct call *c, const struct enrollment *e, const char *user_id, struct command_answer *answer,
    struct command *next, bool *answered);

/* Queue the internal RemoveProfile of an eviction ahead of everything (below iOS 17). */
enum rc command_send_removal(struct call *c, const struct enrollment *e, const char **uuid);

/* Queue the InstallProfile that renews the device's identity (protocol 5.6), queued_by COMMAND_RENEWAL; if one is in line
 * already, *uuid is its and *made false. Its Payload is made when it is delivered: a challenge is good for an hour, and is stored nowhere
 * in clear. */
#define COMMAND_RENEWAL "renewal"
enum rc command_send_renewal(struct call *c, const struct enrollment *e, const char **uuid, bool *made);

/* Another value for a key of the command, in what is about to be delivered. */
enum rc command_set_data(struct call *c, struct command *m, const char *key, struct bytes value);

/* Is that the UUID of one, queued or answered? */
enum rc command_is_removal(struct call *c, const struct enrollment *e, const char *uuid, bool *yes);

enum rc command_cancel(struct call *c, const char *uuid, const char *by); /* RC_NOT_FOUND: not queued */

struct command_result {
	const char *uuid, *enrollment_id, *user_id, *request_type, *status, *error;
	struct bytes answer;
	int64_t dropped, queued_at, answered_at;
};
/* What is queued, in its order: `limit` of them behind the command `after` (NULL: from the first). */
enum rc
command_list(struct call *c, const char *enrollment_id, const char *after, int limit, struct command **out, int *n);
/* What was answered, newest first. */
enum rc command_results(
    struct call *c, const char *enrollment_id, const struct db_page *page, struct command_result **out, int *n);
enum rc
command_find(struct call *c, const char *uuid, struct command *queued, struct command_result *result, bool *is_result);

#endif
