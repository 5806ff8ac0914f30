/* The device's side of SCEP (RFC 8894, protocol 6.1): an identity certificate for a new key. */
#ifndef DEVICE_SCEP_CLIENT_H
#define DEVICE_SCEP_CLIENT_H

#include "device/device.h"
#include "device/enroll_profile.h"

struct device_scep_caps { /* what both sides can do; the strongest is taken */
	bool post;
	const char *digest, *cipher; /* "SHA256", "AES-128-CBC"; the oldest where nothing is said */
};

/* Read a GetCACaps answer. Pure. */
struct device_scep_caps device_scep_caps_read(struct arena *a, struct bytes text);

/* Make a key, ask for a certificate, and leave both in *key and *certificate (d->arena).
 * RC_FORBIDDEN: the CA refused. RC_UNAVAILABLE: still pending after the payload's retries. */
enum rc
device_scep_enroll(struct device *d, const struct device_scep *scep, struct bytes *key, struct bytes *certificate);

#endif
