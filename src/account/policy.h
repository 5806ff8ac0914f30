/* What a person's groups ask for beyond the organization: shorter lives, an earlier full sign-in. Of several groups
 * the strictest holds, limit by limit, and none loosens what the organization says. Looked up where something is
 * issued or renewed, never where a device polls. */
#ifndef ACCOUNT_POLICY_H
#define ACCOUNT_POLICY_H

#include <stdint.h>

#include "base/call.h"

enum policy_limit {
	POLICY_ACCESS_TOKEN_LIFE,
	POLICY_WEB_TOKEN_LIFE, /* apple-as-web, which can't be renewed */
	POLICY_REFRESH_IDLE, /* a sign-in ends when it was not renewed for so long */
	POLICY_LONGEST, /* and after so long in any case: the person signs in again */
	POLICY_GRACE, /* so long an identity provider may fail to answer */
	POLICY_SPREAD, /* per cent of a life; the more, the earlier some end */
	POLICY_LIMITS
};

struct policy {
	int64_t value[POLICY_LIMITS]; /* seconds; of POLICY_SPREAD per cent */
	const char *group[POLICY_LIMITS]; /* which group says so; NULL: none, and there is no value */
};

/* "access-token-life"; in the administration API with '_' for '-'. */
const char *policy_name(enum policy_limit which);

/* The strictest that the person's groups say: one read. */
enum rc policy_of(struct call *c, const char *organization_id, const char *account_id, struct policy *out);

/* Which of both holds: what the groups say, or `otherwise`. *group (may be NULL) is the group, or NULL. */
int64_t policy_hold(const struct policy *p, enum policy_limit which, int64_t otherwise, const char **group);

/* What one group says. The group need have nobody in it. */
enum rc policy_get(struct call *c, const char *organization_id, const char *group, struct policy *out);
/* `text` in seconds, or per cent; "none": it says nothing any more. RC_BAD_INPUT: not a value of that limit, or not a
 * group's name. */
enum rc
policy_set(struct call *c, const char *organization_id, const char *group, enum policy_limit which, const char *text);

#endif
