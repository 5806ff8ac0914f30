/* Requests to the MDM server: transport, proof of the device, bearer, and what an enrolled device does
 * about 401 and 403 (protocol 7.1, 7.4, 8). */
#ifndef DEVICE_MDM_H
#define DEVICE_MDM_H

#include "device/device.h"

enum device_channel { DEVICE_CHANNEL_DEVICE, DEVICE_CHANNEL_USER };
enum device_door { DEVICE_DOOR_CHECKIN, DEVICE_DOOR_COMMAND };

/* PUT a property list. 2xx is RC_OK, with the answer in *answer (memory of `a`).
 * 401 with a challenge: the token is refreshed silently and the request repeated once; where that is
 * not possible RC_UNAUTHENTICATED, and d->en remembers that the person must sign in again.
 * 403 com.apple.unrecognized.device: RC_NOT_FOUND, after the enrollment was ended here.
 * Any other status: RC_UNAVAILABLE. */
enum rc device_mdm_put(struct device *d, struct arena *a, enum device_channel channel, enum device_door door,
    struct bytes body, struct http_client_answer *answer);

/* The same for a message that is sent once, whatever comes: no refresh, no repetition (CheckOut). */
enum rc device_mdm_put_once(struct device *d, struct arena *a, enum device_channel channel, enum device_door door,
    struct bytes body, struct http_client_answer *answer);

/* Does a request of this channel carry a bearer (protocol 8)? Pure. */
bool device_mdm_bearer(const struct device_family *f, enum device_channel channel);

/* Proof of the device for a body: the value of Mdm-Signature. */
enum rc device_mdm_signature(struct device *d, struct arena *a, struct bytes body, const char **value);

#endif
