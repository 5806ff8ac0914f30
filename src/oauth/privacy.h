/* What an organization can and cannot see and do, as Apple's tables have it for a mode and a system. Pure. */
#ifndef OAUTH_PRIVACY_H
#define OAUTH_PRIVACY_H

#include "command/policy.h"
#include "oauth/text.h"

enum privacy_part { PRIVACY_CAN_SEE, PRIVACY_CANNOT_SEE, PRIVACY_CAN_DO, PRIVACY_CANNOT_DO, PRIVACY_PARTS };

/* The facts of one part, in order. Returns how many; *facts is in `a`. What a system has nothing of is in no part. */
int privacy_facts(struct arena *a, const struct policy_target *t, enum privacy_part part, const enum text **facts);

#endif
