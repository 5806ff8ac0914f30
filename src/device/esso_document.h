/* The Enrollment SSO document as a device reads it (protocol 4.5). Pure.
 *
 * Written apart from the server's linter, so that no mistake hides in both: this one stops at the first rule that
 * is broken, as a device does. */
#ifndef DEVICE_ESSO_DOCUMENT_H
#define DEVICE_ESSO_DOCUMENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct device_esso {
	const char *bundle; /* of the app; for a number of the App Store, a name made up of it */
	const char *extension; /* ExtensionIdentifier of the first SSO payload */
	const char *const *urls,
	    *const *hosts; /* what its extensions answer for; NULL-terminated; NULL with declarations */
	const char *identifier, *uuid, *name; /* of the profile; name NULL: it has none */
	int certificates; /* payloads of the profile */
	bool declarations; /* they are in order and win over the profile, which was not looked at */
	json_t *documents; /* these declarations: an array */
};

/* `declarative`: this system takes Declarations (iOS 18.4, visionOS 2.4); others pass over them.
 * RC_BAD_INPUT: the sentence names the rule. */
enum rc device_esso_read(
    struct arena *a, struct bytes document, bool developer, bool declarative, struct device_esso *out, struct err *e);

/* A profile that such a declaration names, under the same rule as ConfigurationProfile: what its extensions answer for
 * is added to `out`, beside what was there. */
enum rc device_esso_read_profile(struct arena *a, struct bytes document, struct device_esso *out, struct err *e);

#endif
