/* What the two halves of the room share. */
#ifndef MDM_MESSAGE_H
#define MDM_MESSAGE_H

#include "command/policy.h"
#include "enroll/caller.h"
#include "enroll/failure.h"

/* One message on its way through the room. */
struct mdm_message {
	const struct enroll_caller *who;
	plist_t body; /* filtered: nothing that the mode forbids is left */
	int dropped; /* items that the filter removed */
	struct policy_target target;
	struct enroll_reply *out;
	const struct mdm_room *room;
};

void mdm_checkin(struct call *c, struct mdm_message *m, const char *type);
void mdm_answer(struct call *c, struct mdm_message *m);
void mdm_declarative(struct call *c, struct mdm_message *m); /* DeclarativeManagement */

/* Refuse with a status, an event and a JSON document; c->err may say more. */
void mdm_refuse(struct call *c, struct mdm_message *m, int status, enum enroll_code code);

#endif
