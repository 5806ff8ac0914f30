/* Who is calling: filled by the gate, handed on by the route to whoever serves the message. */
#ifndef ENROLL_CALLER_H
#define ENROLL_CALLER_H

#include <plist/plist.h>

#include "base/call.h"
#include "enroll/enrollment.h"
#include "enroll/pass.h"

struct enroll_caller {
	struct enrollment enrollment; /* as it was when the gate looked */
	const char *user_id; /* "" is the device channel */
	struct bytes certificate_fp; /* the identity that was proven */
	int64_t renew_at; /* when it is to be renewed; 0: it is in use already, and that is written */
	struct pass pass; /* what the bearer that came along is worth, where it has none yet; Authenticate gives it */
	bool account_disabled; /* on a Mac's device channel only: accept, deliver nothing */
	const char *
	    queued; /* "UUID RequestType" of the first command in line when the gate looked; NULL: none, for any channel */
	bool bearer_good; /* false: let in without (CheckOut, evicting, Mac device channel) */
};

struct enroll_reply {
	int status;
	const char *type; /* NULL: none */
	struct bytes body;
};

/* Serves one message that passed the gate. `message` is the parsed body. */
typedef void
enroll_serve(struct call *c, const struct enroll_caller *who, plist_t message, struct enroll_reply *out, void *room);

#endif
