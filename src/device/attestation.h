/* What stands for Apple's attestation of a key (protocol 6.2): a certificate of the key by a CA that says that the
 * device's hardware made it, and for which challenge. */
#ifndef DEVICE_ATTESTATION_H
#define DEVICE_ATTESTATION_H

#include "device/device.h"

/* The attestation object (CBOR) for a challenge's token, of the key `spki`. Under ADDE it says which device it is.
 * d->acme_fault may make it a wrong one. Not `wanted`: one that attests nothing. */
enum rc device_attest(struct device *d, struct bytes spki, const char *token, bool wanted, struct bytes *object);

#endif
