/* Asleep until a push comes (protocol 13), by the port of postern-apple that hands them out. */
#ifndef DEVICE_WAIT_H
#define DEVICE_WAIT_H

#include "device/device.h"

/* Wait at most `seconds` for a push to the token of either channel, with its PushMagic; one with another magic is none.
 * *user: it was the person's channel (Mac). `url` is "http://HOST:PORT". RC_NOT_FOUND: none came. RC_UNAVAILABLE: nobody
 * answers there. */
enum rc device_wait_push(struct device *d, const char *url, int64_t seconds, bool *user);

#endif
