/* Where things are on a device (protocol 11, 12), as a person names them, and what installed profiles say about moving
 * them:
 *
 *	com.example.app			documents of an app: managed or the person's, as the app is
 *	keychain:com.example.app	its keychain items (data protection keychain)
 *	file-keychain:com.example.app	those of a Mac app that keeps them in a keychain file
 *	notes@managed, notes@personal	an account in what comes with the system: calendar, contacts, drive, mail, notes,
 *					reminders
 *	https://example.com/a.pdf	a document on the web, in Safari */
#ifndef DEVICE_PLACE_H
#define DEVICE_PLACE_H

#include "device/device.h"
#include "separation/flow.h"
#include "separation/store.h"

struct device_place {
	const char *name; /* as written */
	bool web; /* a document on the web: nothing is kept there, and `at` says the account only */
	struct separation_place at;
};

/* RC_BAD_INPUT: no place. RC_NOT_FOUND: no such app on this device, or the system has no such place. RC_CONFLICT: the
 * managed account's, and the device is not enrolled. */
enum rc device_place_find(struct device *d, struct arena *a, const char *name, struct device_place *out);

/* What the profiles that are installed say, whichever way they came: each key as far as the tables let it count on this
 * system and in this enrollment. */
struct separation_rules device_separation_rules(struct device *d, struct arena *a);

/* Does this system keep the content apart? With an enrollment or without one. */
bool device_keeps_apart(const struct device *d, const struct separation_content *content);

#endif
