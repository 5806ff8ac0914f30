/* The enrollment profile again, for a device that has it (protocol 5.6). */
#ifndef PROFILE_RENEWAL_H
#define PROFILE_RENEWAL_H

#include "base/call.h"
#include "enroll/enrollment.h"

/* The signed profile with the keys that the enrollment's row keeps and a new one-time challenge.
 * RC_CONFLICT: it would differ where it never may; RC_NOT_FOUND: the organization or a key of it is missing. */
enum rc profile_renewal(struct call *c, const struct enrollment *e, struct bytes *out);

#endif
