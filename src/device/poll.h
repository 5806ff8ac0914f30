/* Being managed: what a device does when it is woken (protocol 7.3). */
#ifndef DEVICE_POLL_H
#define DEVICE_POLL_H

#include "device/checkin.h"

#define DEVICE_POLL_MAX 1000 /* commands of one session */

struct device_poll {
	int64_t count; /* answer at most so many commands; 0: until the server has none */
	bool not_now; /* answer every command with NotNow */
	bool duplicate; /* send each answer twice */
	bool lose_answer; /* act as if the reply to each answer was lost, and send it again */
	int64_t clock_ahead_s; /* the device's clock is so far ahead of this computer's */
	bool device_channel, user_channel; /* which channels; both false: all there are */
};

struct device_polled {
	unsigned answered, refused, postponed;
};

/* An answer that met no 2xx earlier goes first, then Idle, then what the server has. Each command's
 * effect and its answer are written to the managed volume together, before the answer is sent.
 * Errors are those of device_mdm_put. */
enum rc device_poll(struct device *d, const struct device_poll *how, struct device_polled *out);

#endif
