/* Presets: profiles for what many organizations want, with exactly the keys that a mode and system have (protocol 11,
 * data flow). The same preset for the same target is the same profile, octet by octet. Pure. */
#ifndef COMMAND_PRESET_H
#define COMMAND_PRESET_H

#include "command/policy.h"

struct preset_key {
	const char *preset; /* which one it belongs to */
	const char *key; /* of com.apple.applicationaccess */
	bool value;
	const char *sentence; /* what it does, for an administrator */
};
extern const struct preset_key preset_keys[]; /* ends with a row whose preset is NULL */

/* The profile. `skipped` (may be NULL) gets a sentence for each key that the target does not have, a line each, in `a`.
 * RC_NOT_FOUND: no such preset. RC_FORBIDDEN: the target has none of its keys. */
enum rc preset_profile(struct arena *a, const struct policy_target *t, const char *preset, struct bytes *out,
    const char **skipped, struct err *err);

#endif
