/* The built-in identity of a simulated device, the test CA that stands for its maker, and the
 * request that is signed with it (protocol 3.1, 3.2). */
#ifndef DEVICE_IDENTITY_H
#define DEVICE_IDENTITY_H

#include "crypto/x509.h"
#include "device/device.h"

/* Make a test CA in DIR (made if missing): ca.pem (the root that a server trusts), ca.key,
 * device-ca.pem and device-ca.key (the intermediate that signs devices). RC_CONFLICT: there is one. */
enum rc device_ca_make(struct arena *a, const char *dir, int64_t now, struct err *e);

/* The same for a CA that stands for Apple's attestation of keys (device/attestation.h), in files of the same names. */
enum rc device_attestation_ca_make(struct arena *a, const char *dir, int64_t now, struct err *e);

struct device_authority {
	struct bytes certificate, key;
};
/* A CA's certificate: by `issuer`, or self-signed where that is NULL. */
enum rc device_authority_new(struct arena *a, const char *cn, enum x509_key_kind kind,
    const struct device_authority *issuer, int64_t now, struct device_authority *out, struct err *e);

/* The intermediate in a directory. RC_NOT_FOUND: it has none, and `command` makes one. */
enum rc device_authority_read(
    struct arena *a, const char *dir, const char *command, struct device_authority *out, struct err *e);

/* Get the identity certificate that a profile asks for, by SCEP or ACME; both in d->arena. */
enum rc device_identity_obtain(
    struct device *d, const struct device_profile *profile, struct bytes *key, struct bytes *certificate);

/* Give the device a built-in identity by the CA in `ca_dir`: key, certificate and issuer in d->self.
 * The subject is a random UUID: it says "a device of this maker", never which one. An RSA key takes a
 * fifth of a second to make, one on P-256 nothing. */
enum rc device_identity_make(struct device *d, const char *ca_dir, enum x509_key_kind kind, int64_t now);

/* The same by an intermediate that is at hand. */
enum rc device_identity_by(struct device *d, const struct device_authority *ca, enum x509_key_kind kind, int64_t now);

/* A serial number as they look since 2021, ten characters without meaning; and a UDID. */
const char *device_serial_new(struct arena *a);
const char *device_udid_new(struct arena *a);

/* Fixed personal identifiers of a device that leaks: a test searches for them. */
#define DEVICE_LEAK_SERIAL "LEAKC7Q2XK91"
#define DEVICE_LEAK_UDID "00008140-001E4C8A0C0BEAF1"
#define DEVICE_LEAK_IMEI "359990011223344"
#define DEVICE_LEAK_MEID "A1000099EAC0DE"

/* MachineInfo as an XML property list: the keys that Apple's schema allows for this OS and mode.
 * `byod` leaves out every personal identifier, unless the device leaks. Pure. */
struct bytes device_machineinfo(struct arena *a, const struct device *d, bool byod);

/* The body of both enrollment POSTs: MachineInfo in CMS SignedData, certificate and issuer inside. */
enum rc device_machineinfo_signed(struct device *d, bool byod, struct bytes *der);

#endif
