/* The enrollment profile (protocol 5): reading, the checks of a device, and what may not change when
 * it is replaced. Pure. */
#ifndef DEVICE_ENROLL_PROFILE_H
#define DEVICE_ENROLL_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fmt/plist.h"

struct device_scep { /* com.apple.security.scep */
	const char *url, *name, *challenge; /* name, challenge NULL: absent */
	const char *cn, *o; /* of Subject; NULL: absent */
	int key_size;
	int retries, retry_delay_s;
};

struct device_acme { /* com.apple.security.acme */
	const char *directory, *client_identifier;
	const char *cn, *o; /* of Subject; NULL: absent */
	const char *key_type; /* "RSA", "ECSECPrimeRandom" */
	int key_size;
	bool hardware_bound, attest;
};

struct device_profile {
	plist_t root; /* the configuration profile */
	plist_t mdm; /* its com.apple.mdm payload */
	bool is_signed;
	const char *identifier, *organization; /* PayloadIdentifier; PayloadOrganization or NULL */
	const char *mode, *assigned_account, *topic, *server_url, *checkin_url; /* checkin_url: ServerURL if absent */
	bool sign_message, check_out; /* SignMessage, CheckOutWhenRemoved */
	bool wants_token, wants_bootstrap, per_user; /* ServerCapabilities */
	int64_t access_rights; /* -1: absent */
	int64_t required_app; /* 0: none */
	struct device_scep scep; /* url NULL: the identity comes by ACME */
	struct device_acme acme; /* directory NULL: it comes by SCEP */
	int certificates; /* certificate payloads */
};

/* Read a profile, plain or CMS-signed. RC_BAD_INPUT: not a configuration profile with one MDM payload
 * and the SCEP or ACME payload that it names. */
enum rc device_profile_read(struct arena *a, struct bytes document, struct device_profile *out, struct err *e);

/* Step 13 of the flow: RC_FORBIDDEN with the reason why a device cancels (protocol 5.2). `mode` is
 * what discovery said. */
enum rc device_profile_check(const struct device_profile *p, const char *mode, struct err *e);

/* May `now` replace `before`? RC_FORBIDDEN names the key that may not change (protocol 5.6). */
enum rc device_profile_replace(const struct device_profile *before, const struct device_profile *now, struct err *e);

#endif
