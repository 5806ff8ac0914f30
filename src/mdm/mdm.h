/* Check-in messages and the command loop (protocol 7, 9): what is done with a message that passed the gate. */
#ifndef MDM_MDM_H
#define MDM_MDM_H

#include "base/call.h"
#include "enroll/caller.h"
#include "http/server.h"

struct mdm_room {
	/* The profile that renews the device's identity, made when it is delivered. RC_CONFLICT, RC_NOT_FOUND: it can't
	 * be made, which stays so. NULL: there is none. */
	enum rc (*renewal)(struct call *c, const struct enrollment *e, struct bytes *profile);
	struct enrollment_seen *seen; /* when a device was seen; flushed by whoever owns it */
};

/* Serve one message: a check-in where there is a MessageType, else a command's answer or Idle; one URL
 * may serve both (protocol 7.1). `room` is a struct mdm_room. */
enroll_serve mdm_serve;

/* Profiles that declarations point to; needs no room. Ends with a row whose method is NULL. */
extern const struct http_route mdm_routes[];

#endif
