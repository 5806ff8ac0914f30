#include <string.h>

#include "base/log.h"
#include "command/queue.h"
#include "desired/round.h"
#include "enroll/attempt.h"
#include "fmt/plist.h"
#include "mdm/mdm.h"
#include "mdm/message.h"
#include "store/store.h"

static const char *const statuses[] = { "Idle", "Acknowledged", "Error", "CommandFormatError", "NotNow" };

static bool
known_status(const char *s)
{
	for (size_t i = 0; s != NULL && i < sizeof statuses / sizeof statuses[0]; i++) {
		if (strcmp(statuses[i], s) == 0)
			return true;
	}
	return false;
}

static enum rc
evicted_in_unit(struct call *c, void *arg)
{
	const struct mdm_message *m = arg;
	enum rc rc = attempt_event(c, m->who->enrollment.attempt_id, EV_evicted, "RemoveProfile was acknowledged");

	return rc == RC_OK ? enrollment_end(c, m->who->enrollment.id, "evicted") : rc;
}

/* An OS that does not know the 403 is told by RemoveProfile, and hears nothing else (protocol 7.4). */
static enum rc
order_removal(struct call *c, struct mdm_message *m, struct command *next)
{
	struct command_answer idle = { .status = "Idle" };
	const char *uuid;
	bool answered;
	enum rc rc;

	if ((rc = command_send_removal(c, &m->who->enrollment, &uuid)) != RC_OK)
		return rc;
	return command_next(c, &m->who->enrollment, m->who->user_id, &idle, next, &answered);
}

/* One step of an eviction. False: the store failed. */
static bool
leave(struct call *c, struct mdm_message *m, const struct command_answer *in, bool answered, struct command *next)
{
	bool told = false; /* the answer is to the RemoveProfile: whatever it is, not again until the device asks */

	if (in->uuid != NULL && command_is_removal(c, &m->who->enrollment, in->uuid, &told) != RC_OK)
		return false;
	if (told)
		return !answered || strcmp(in->status, "Acknowledged") != 0 ||
		       store_unit(c, evicted_in_unit, m) == RC_OK;
	return m->who->user_id[0] != '\0' || order_removal(c, m, next) == RC_OK;
}

/* What is filled in on the way out. A renewal that can't be made is taken out of the line, which would stand still. */
static enum rc
complete(struct call *c, struct mdm_message *m, struct command *next)
{
	struct bytes profile;
	enum rc rc;

	if (next->uuid == NULL || next->queued_by == NULL || strcmp(next->queued_by, COMMAND_RENEWAL) != 0 ||
	    m->room->renewal == NULL)
		return RC_OK;
	rc = m->room->renewal(c, &m->who->enrollment, &profile);
	if (rc == RC_OK)
		return command_set_data(c, next, "Payload", profile);
	if (rc != RC_CONFLICT && rc != RC_NOT_FOUND)
		return rc;
	log_error("a renewal can't be made", "enrollment", m->who->enrollment.id, "error", c->err.text);
	rc = command_cancel(c, next->uuid, arena_printf(c->arena, "the server: %s", c->err.text));
	next->uuid = NULL;
	return rc == RC_NOT_FOUND ? RC_OK : rc;
}

void
mdm_answer(struct call *c, struct mdm_message *m)
{
	const struct enrollment *e = &m->who->enrollment;
	bool evicting = strcmp(e->state, "evicting") == 0, answered = false;
	struct command_answer in = {
		.status = plist_text(c->arena, m->body, "Status"),
		.uuid = plist_text(c->arena, m->body, "CommandUUID"),
		.body = m->body,
		.queued = m->who->queued,
	};
	struct command next = { 0 };

	if (!known_status(in.status) || (strcmp(in.status, "Idle") != 0 && in.uuid == NULL)) {
		fail(&c->err, RC_BAD_INPUT, "Status is missing or unknown, or CommandUUID is missing");
		mdm_refuse(c, m, 400, EV_message_malformed);
		return;
	}
	if (strcmp(in.status, "Idle") == 0)
		in.uuid = NULL;
	/* Most requests of a fleet end here: one read, by the gate, and no write. */
	if (in.uuid == NULL && m->who->queued == NULL && !evicting) {
		*m->out = (struct enroll_reply){ .status = 200 };
		return;
	}
	/* Accepted, but nothing is delivered until the person may again (design: tokens and people), nor to who is to
	 * leave. */
	if (command_next(c, e, m->who->user_id, &in, m->who->account_disabled || evicting ? NULL : &next, &answered) !=
	    RC_OK)
		return;
	if (in.request_type != NULL && round_answered(c, e, m->who->user_id, in.request_type, in.status) != RC_OK)
		return;
	if (evicting && !leave(c, m, &in, answered, &next))
		return;
	if (complete(c, m, &next) != RC_OK)
		return;
	if (next.uuid == NULL)
		*m->out = (struct enroll_reply){ .status = 200 };
	else
		*m->out = (struct enroll_reply){ 200, "application/xml; charset=UTF-8", next.payload };
}
