/* The enrollment profile (protocol 5): built from an enrollment's frozen keys, so that every renewal
 * says the same, and signed. */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <plist/plist.h>

#include "account/organization.h"
#include "base/call.h"
#include "enroll/enrollment.h"

/* The property list, unsigned, in the arena. `door` says which payload brings the identity (ca/ca.h), `challenge` is
 * its one-time value. */
plist_t profile_build(
    struct call *c, const struct organization *o, const struct enrollment *e, const char *door, const char *challenge);

/* As it is sent: XML inside CMS SignedData by the organization's profile key.
 * RC_NOT_FOUND: the key is missing; the sentence names it. */
enum rc profile_sign(struct call *c, const struct organization *o, plist_t profile, struct bytes *out);

/* Would a device take this profile over the installed one (protocol 5.6)? Compares the com.apple.mdm
 * payload with the enrollment's frozen keys. RC_CONFLICT names the key that differs. */
enum rc profile_check_frozen(struct call *c, const struct enrollment *e, plist_t profile);

#endif
