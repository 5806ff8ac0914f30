/* Shadow mode: reads a copy of what devices tell another server (the webhook of NanoMDM and MicroMDM) and judges whether
 * this server could read it and would serve it, were the device enrolled here. Nothing is answered to devices, nothing is
 * written to a disk; of a person's own device its EnrollmentID is kept in memory, and of messages only counts.
 *
 * May be called by several threads. */
#ifndef MIGRATION_SHADOW_H
#define MIGRATION_SHADOW_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fmt/json.h"

#define SHADOW_DEVICES_MAX 100000 /* more are counted together */

/*  name, code, what it means */
#define SHADOW_VERDICTS(X) \
	X(SHADOW_SERVED, "served", "read, and served to a device that is enrolled here") \
	X(SHADOW_NO_EVENT, "no-event", "no event of NanoMDM's or MicroMDM's webhook") \
	X(SHADOW_NO_MESSAGE, "no-message", "raw_payload is no property list that this server reads") \
	X(SHADOW_NO_DEVICE, "no-device", "the message has neither UDID nor EnrollmentID") \
	X(SHADOW_UNKNOWN, "unknown", "a check-in message that this server does not know") \
	X(SHADOW_NOT_IN_MODE, "not-in-mode", \
	    "by Apple's tables such a device does not send it in this mode: it would be refused") \
	X(SHADOW_NO_ANSWER, "no-answer", "a command's answer without a Status of the protocol, or without CommandUUID")

enum shadow_verdict {
#define SHADOW_VERDICT_ENUM(name, code, meaning) name,
	SHADOW_VERDICTS(SHADOW_VERDICT_ENUM)
#undef SHADOW_VERDICT_ENUM
	    SHADOW_VERDICT_COUNT
};

struct shadow;

struct shadow *shadow_new(void); /* never NULL */
void shadow_free(struct shadow *s); /* NULL is fine */

/* One event, as it was posted. `a` is for the time of the call. */
enum shadow_verdict shadow_event(struct shadow *s, struct arena *a, struct bytes body);

/* {events, verdicts: [{code, meaning, events, first}], devices: [{id, mode, events, deviations, personal}]}; `personal` is how
 * many values this server would have taken out before it kept anything. Kept with `a`. */
json_t *shadow_report(struct shadow *s, struct arena *a);

#endif
