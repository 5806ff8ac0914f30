/* Mdm-Signature for a fleet: CMS made from one pattern, and signatures that are made once and kept.
 *
 * A message without a time in it is the same each time, so its signature is: DIR/fleet.signatures keeps
 * those of Idle, Authenticate and TokenUpdate for every device that ever needed one. The signing time in
 * them is when that file was made. */
#ifndef FLEET_SIGNATURE_H
#define FLEET_SIGNATURE_H

#include <signal.h>

#include "fleet/wire.h"

struct fleet_signatures;

/* Open the file of DIR, or make it. */
enum rc fleet_signatures_open(
    const char *dir, const struct fleet *f, const struct fleet_wire *w, struct fleet_signatures **out, struct err *e);
void fleet_signatures_close(struct fleet_signatures *s); /* NULL is fine */

/* Make those of a message that are missing for the devices of a sample, with a progress bar; *made counts.
 * `stop` (may be NULL) ends it early. */
enum rc fleet_signatures_prepare(struct fleet_signatures *s, enum fleet_message m, const struct fleet_sample *devices,
    const volatile sig_atomic_t *stop, uint64_t *made, struct err *e);

/* CMS of a message; a kept signature, or one made now. Good until the next call. */
struct bytes fleet_signature_get(struct fleet_signatures *s, enum fleet_message m, uint64_t n, const char *uuid);

uint64_t fleet_signatures_made(const struct fleet_signatures *s); /* how many were made while running */

#endif
