/* Commands with a secret that the device gave into keeping (enroll/escrow.h). They are queued and shown without it, and
 * get it on their way to the device. */
#ifndef COMMAND_SECRET_H
#define COMMAND_SECRET_H

#include "command/queue.h"

/* An empty value in the secret's place. RC_BAD_INPUT: the command brings one; it would be stored as it is. */
enum rc command_secret_leave_out(struct call *c, const char *request_type, plist_t command);

/* RC_CONFLICT: the command needs one, and the device gave none. */
enum rc command_secret_held(struct call *c, const struct enrollment *e, const char *request_type);

/* m->payload with the secret; as it is where there is none any more. */
enum rc command_secret_fill(struct call *c, const struct enrollment *e, struct command *m);

#endif
