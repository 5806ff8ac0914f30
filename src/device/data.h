/* What a person does with contents on a device, and how a device ends, comes back and signs in (protocol 11, 12). */
#ifndef DEVICE_DATA_H
#define DEVICE_DATA_H

#include "device/place.h"

enum rc device_data_put(struct device *d, const char *place, const char *name, struct bytes text);
enum rc device_data_get(struct device *d, const char *place, const char *name, struct bytes *text);
enum rc device_data_remove(struct device *d, const char *place, const char *name);

/* Every text there is, as [{place, name, account, content, apart, syncs}]: `apart` is under which key it lies, `syncs` with
 * whose iCloud it is kept in step, the Managed Apple Account's name or "personal"; null: with nobody's. */
enum rc device_data_list(struct device *d, json_t **out);

enum device_share { DEVICE_SHARE_OPEN_IN, DEVICE_SHARE_PASTE, DEVICE_SHARE_AIRDROP };

/* Carry a text from one place to another, if the installed profiles let it pass. `to` NULL: to somebody else's device, by
 * AirDrop. `text`: what a document on the web has. RC_FORBIDDEN: it may not pass; the error names the rule. */
enum rc device_data_share(
    struct device *d, const char *name, const char *from, const char *to, enum device_share by, struct bytes text);

/* Sign in with Apple in an app: which account. `choice` NULL: nobody chose. */
enum rc device_data_sign_in(struct device *d, const char *app, bool web, const enum separation_account *choice);

/* Apps that are not managed any more leave nothing in the managed volume. */
enum rc device_data_tidy(struct device *d);

/* The device and the person's contents, as JSON. */
enum rc device_backup(struct device *d, struct arena *a, struct bytes *out);

/* The person's contents go, too. */
enum rc device_erase(struct device *d, const char *because);

/* Everything is erased, and what the backup has comes back; `backup` absent: one that was made just now, so that the
 * person's contents are as before. The enrollment never comes back. RC_BAD_INPUT: no backup, and nothing was changed. */
enum rc device_restore(struct device *d, struct bytes backup);

#endif
