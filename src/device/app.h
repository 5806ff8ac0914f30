/* Apps of a device (protocol 11): the person's own, which management neither sees nor touches, and managed ones, which
 * live in the managed volume. */
#ifndef DEVICE_APP_H
#define DEVICE_APP_H

#include "device/command.h"

struct device_app { /* what is meant by a command or declaration */
	const char *bundle, *name, *version; /* bundle identifier; the other two are never NULL */
	int64_t store; /* number in the App Store; 0: not from there */
};

enum device_app_outcome {
	DEVICE_APP_INSTALLED,
	DEVICE_APP_PERSONAL, /* the person has it already, so that it can't be managed */
	DEVICE_APP_REFUSED, /* the person said no */
	DEVICE_APP_UNLICENSED,
};

/* Which app. Only the App Store knows the bundle identifier of a number: here the file of --store, a JSON list of
 * {adamId, bundleId, name, version}; without such a file it is "app.NUMBER".
 * RC_NOT_FOUND: the store has no such app. RC_BAD_INPUT: nothing names one, or the file is no such list. */
enum rc device_app_find(
    struct device *d, struct arena *a, int64_t store, const char *bundle, const char *manifest, struct device_app *out);

/* What comes of installing it. Nobody is asked about an app that is managed already, nor about the one of
 * RequiredAppIDForMDM. */
enum device_app_outcome device_app_try(struct device *d, const struct device_app *app, bool managed);

/* What the person does by themselves (d->installed_apps, d->removed_apps), as far as commands manage the apps; what is
 * declared follows when declarations are applied. */
enum rc device_app_person(struct device *d);

bool device_app_is_personal(const struct device *d, const struct device_app *app);
bool device_app_is_managed(struct device *d, const char *bundle); /* by command, and here */
bool device_app_is_declared(struct device *d, const char *bundle);

/* Managed from now on, by command. */
void device_app_manage(struct device *d, const struct device_app *app, const char *status, int64_t flags);

/* What an app that a command manages is told ("Configuration") or how it is treated ("Attributes"): a dictionary of the
 * request, kept; and what is kept, NULL if nothing is. False: no command manages that app. */
bool device_app_configure(struct device *d, struct arena *a, const char *bundle, const char *key, plist_t value);
plist_t device_app_configured(struct device *d, struct arena *a, const char *bundle, const char *key);

/* com.apple.configuration.app.managed: NULL, and *bundle says which app; or why it can't be applied. How the app fares
 * is told by app.managed.list. */
json_t *device_app_declare(
    struct device *d, struct arena *a, const char *identifier, const json_t *payload, const char **bundle);
void device_app_undeclare(struct device *d, const char *identifier, const char *bundle);

#endif
