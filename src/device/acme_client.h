/* The device's side of ACME (RFC 8555, device-attest-01, protocol 6.2): an identity certificate for a key that the
 * hardware keeps and attests. */
#ifndef DEVICE_ACME_CLIENT_H
#define DEVICE_ACME_CLIENT_H

#include "device/device.h"

/* What can be made to go wrong (d->acme_fault): a nonce sent twice, an attestation for another challenge, a request with
 * another key than the attested one, an attestation by somebody's own CA, none at all, one of another device. */
#define DEVICE_ACME_FAULTS "nonce-replay", "freshness", "other-key", "chain", "none", "other-device"
bool device_acme_fault(const struct device *d, const char *fault);

/* Make a key, ask for a certificate, and leave both in *key and *certificate (d->arena). RC_FORBIDDEN: the server
 * refused, and the sentence has its problem. RC_BAD_INPUT: the payload asks for what no device does. */
enum rc
device_acme_enroll(struct device *d, const struct device_acme *acme, struct bytes *key, struct bytes *certificate);

#endif
