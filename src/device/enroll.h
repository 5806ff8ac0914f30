/* The way of one enrollment, and its ends (protocol 1.1, 5.5, 8.1, 12). */
#ifndef DEVICE_ENROLL_H
#define DEVICE_ENROLL_H

#include "device/device.h"
#include "device/esso.h"
#include "device/webview.h"

struct device_plan { /* what the person and Apple will do */
	struct device_person person;
	enum device_esso_use esso;
	bool account_refused; /* the Managed Apple Account sign-in before the installation fails */
};

/* All four stages. d->self is filled in and saved (family, OS, identity). On failure nothing of the
 * enrollment is left, and d->story.stage says where it stopped; but from the first TokenUpdate on the
 * server counts the device as its own, so that what gets no answer then is left to device_finish. */
enum rc device_enroll(struct device *d, const struct device_plan *plan);

/* One enrollment request as it stands: the signed MachineInfo, with a token or (NULL) without. Any status is RC_OK. */
enum rc device_enroll_post(
    struct device *d, const char *url, struct bytes body, const char *token, struct http_client_answer *answer);

/* What an enrolled device still owes: TokenUpdate of the user channel, and GetToken with Apple's verdict.
 * Does nothing when there is nothing. RC_FORBIDDEN: Apple refused, the device is unenrolled. */
enum rc device_finish(struct device *d);

/* Sign in again with the last challenge, keep the enrollment, and ask the server once to see that the
 * token is good. */
enum rc device_reauthenticate(struct device *d, const struct device_person *person);

/* The person removes the enrollment: one CheckOut if the profile wants it, then everything goes. */
enum rc device_unenroll(struct device *d, const char *because);

#endif
