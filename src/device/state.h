/* What a device remembers between runs of the program.
 *
 * STATE/device.json is the person's own: kind of device, built-in identity, how the server is
 * reached. Everything of the enrollment is inside the managed volume (volume.h) and ends with it;
 * device.json keeps of an enrollment only that there was one. */
#ifndef DEVICE_STATE_H
#define DEVICE_STATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "device/challenge.h"

enum device_phase { DEVICE_NEVER, DEVICE_ENROLLING, DEVICE_ENROLLED, DEVICE_UNENROLLED };

struct device_self {
	const char *family, *os; /* "iPhone", "18.2" */
	const char *model; /* "iPhone17,2"; NULL: the family's first that runs this OS */
	const char *udid, *serial; /* of this device; told in ADDE only, unless `leak` */
	const char *imei; /* likewise; NULL: its hardware has no radio */
	struct bytes key, certificate, issuer; /* built-in identity; issuer: the test CA's intermediate */
	const char *language; /* "en" */
	/* how the server is reached */
	const char *ca_file, *fallback_url;
	const char *apple_url, *apple_ca; /* `postern-apple run` in Apple's place, and its CA; NULL: a script */
	const char *const *connect_to; /* NULL-terminated; may be NULL */
	/* the person's own apps, each BUNDLE or BUNDLE=NUMBER of the App Store; NULL-terminated; may be NULL */
	const char *const *personal_apps;
	const char *store_file; /* what the App Store has (device/app.h); NULL: any number */
	const char *attestation_ca; /* directory of the CA that attests its keys; NULL: it can't attest */
	/* how it behaves */
	const char *const *strict; /* names of quirk.h; NULL-terminated; may be NULL */
	bool network_user; /* a Mac's user comes from a directory: UserAuthenticate goes first */
	bool leak; /* sends personal identifiers where it must not */
	const char *maid_verdict; /* "accept", "check" or "refuse" */
	int64_t maid_delay_s;
	enum device_phase phase;
	const char *ended_because; /* NULL until an enrollment ended */
};

struct device_channel_state {
	struct bytes push_token; /* 32 octets */
	const char *push_magic;
	/* an answer that no 2xx has met yet; absent: none */
	struct bytes pending;
};

struct device_enrollment {
	const char *identifier; /* as typed */
	const char *mode; /* "BYOD" or "ADDE" */
	const char *base_url;
	const char *enrollment_id; /* BYOD: new with each enrollment; NULL in ADDE */
	struct bytes profile; /* as received */
	struct bytes key, certificate; /* the identity that SCEP gave */
	/* ongoing authentication */
	struct device_challenge challenge; /* the last one */
	const char *access_token, *refresh_token; /* refresh_token NULL: none */
	int64_t expires_at; /* 0: not told */
	/* Enrollment SSO: "standard" or "developer"; NULL: no app. What its extension answers for. */
	const char *esso;
	const char *const *esso_urls, *const *esso_hosts;
	bool esso_declared; /* app and profile came by declarations, and go with them */
	bool needs_signin; /* the server wants the person to sign in again */
	bool user_due, token_due; /* TokenUpdate of the user channel, and GetToken, have no answer yet */
	struct device_channel_state device, user;
	const char *user_guid, *user_short, *user_long; /* macOS user channel; NULL without one */
	bool removing; /* the enrollment profile was removed by command: end after the answer is delivered */
	bool erased; /* ... and because the whole device is erased */
	json_t *managed; /* apps, profiles, settings: commands.c */
};

/* RC_NOT_FOUND: this directory holds no device yet. */
enum rc device_self_load(struct arena *a, const char *dir, struct device_self *out, struct err *e);
enum rc device_self_save(struct arena *a, const char *dir, const struct device_self *self, struct err *e);

/* The enrollment in the managed volume. RC_NOT_FOUND: there is none. */
enum rc device_enrollment_load(struct arena *a, const char *dir, struct device_enrollment *out, struct err *e);
enum rc device_enrollment_save(struct arena *a, const char *dir, const struct device_enrollment *en, struct err *e);

const char *device_phase_name(enum device_phase phase);

#endif
