/* Secrets that a device in Device Enrollment gives the server into keeping: an iPhone's UnlockToken, a Mac's bootstrap
 * token. Made when first given. */
#ifndef DEVICE_ESCROW_H
#define DEVICE_ESCROW_H

#include "device/command.h"

/* For TokenUpdate; n 0: this system, or this mode, has none. */
struct bytes device_unlock_token(struct device *d, struct arena *a);

/* Give the bootstrap token, once, where the profile asks for it and the system has one; then fetch it, to see that it is
 * kept. RC_BAD_INPUT: another one came back. */
enum rc device_give_bootstrap_token(struct device *d);

void device_on_clear_passcode(struct device_command *c);

#endif
