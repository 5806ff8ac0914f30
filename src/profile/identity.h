/* How a device is to get its identity certificate (protocol 5.3). */
#ifndef PROFILE_IDENTITY_H
#define PROFILE_IDENTITY_H

#include "base/call.h"
#include "enroll/rule.h"

struct profile_identity {
	const char *door; /* "scep", "acme": of the CA (ca/ca.h) */
	const char *why_scep; /* the rule asks for acme, and this device can't; NULL otherwise */
};

/* As the rule says, where Apple's tables know the payload for this mode and system. Pure but for c->arena. family and os_version may be NULL: taken for a current iPhone's. */
struct profile_identity
profile_identity(struct call *c, const struct rule *rule, const char *mode, const char *family, const char *os_version);

#endif
