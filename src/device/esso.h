/* Enrollment SSO: an app signs the person in, at enrollment and whenever the server asks again (protocol 4.5).
 *
 * The app is simulated. What a person gave it once, their sign-in at the provider, is kept in the state directory
 * (sso.json, readable by its owner only) and is theirs: it outlives enrollments. The app itself and its profile live
 * in the managed volume and end with it. With the session the extension answers the pages of a sign-in as the person
 * would, and nobody is asked. */
#ifndef DEVICE_ESSO_H
#define DEVICE_ESSO_H

#include "device/device.h"
#include "device/webview.h"

enum device_esso_use {
	DEVICE_ESSO_PERSON, /* the person is there to sign in, in the app where the server names one */
	DEVICE_ESSO_APP, /* nobody is there: the app signs in */
	DEVICE_ESSO_DEVELOPER, /* the same on a device in developer mode, which looks at its own header only */
};

/* Does this system know Enrollment SSO (iOS and iPadOS 16, visionOS 2)? Others pass over the headers. */
bool device_esso_known(const struct device *d);

/* After the first 401: fetch the document that it names, check it, make the managed volume, and install app and
 * profile in it. d->en.esso says so. Does nothing where the 401 names none.
 * Apple's numbers: 15026 the request failed, 15027 no JSON, 15003 another status or no URL. */
enum rc device_esso_install(struct device *d, const struct http_client_answer *answer, bool developer);

/* After a change of the declarations that brought app and profile: without them there is no SSO app any more. */
void device_esso_review(struct device *d);

/* Who answers a sign-in of this enrollment: the extension. RC_NOT_FOUND: no app is installed, or it has no session
 * of this person. */
enum rc device_esso_answers(struct device *d, struct device_person *person);

/* The session. */
enum rc device_esso_keep(struct device *d, const char *identifier, const char *password);
enum rc device_esso_forget(struct device *d);

#endif
