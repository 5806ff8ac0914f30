/* Check-in messages (protocol 7.2, 9) and what identifies the device in every message. */
#ifndef DEVICE_CHECKIN_H
#define DEVICE_CHECKIN_H

#include "device/device.h"
#include "device/mdm.h"

/* A dictionary with the keys that say who sends: EnrollmentID in BYOD, UDID in ADDE, the user's keys on
 * a user channel; and, from a device that leaks, whatever it must not say. The arena owns it. */
plist_t device_message_new(struct device *d, struct arena *a, enum device_channel channel);

/* The bodies; pure but for what leaks. */
struct bytes device_authenticate_body(struct device *d, struct arena *a);
struct bytes device_token_update_body(struct device *d, struct arena *a, enum device_channel channel);

enum rc device_authenticate(struct device *d);
enum rc device_token_update(struct device *d, enum device_channel channel);

/* Ask whether the server manages a user of a directory who logs in (protocol 7.5): 410 and a challenge say no; this device
 * has no password of the directory to answer a challenge with. True also where nothing is asked. */
enum rc device_user_authenticate(struct device *d, bool *manages);

/* Once, best effort: the error is for the story only. */
enum rc device_check_out(struct device *d);

/* Fetch the token that vouches for this device at Apple (protocol 9). RC_NOT_FOUND, RC_UNAUTHENTICATED: as
 * device_mdm_put. RC_UNAVAILABLE: no answer after a few tries. RC_BAD_INPUT: an answer, and no token in it. */
enum rc device_get_token(struct device *d, struct arena *a, struct bytes *token);

#endif
