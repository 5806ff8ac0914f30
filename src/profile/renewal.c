#include "profile/renewal.h"

#include <string.h>

#include "account/account.h"
#include "ca/ca.h"
#include "profile/identity.h"
#include "profile/profile.h"

/* The rule that holds for the person now says how identities are had; where none does, SCEP. */
static enum rc
door_of(struct call *c, const struct enrollment *e, const char **door)
{
	struct rule_subject subject = { .model_family = e->family };
	struct account who;
	struct rule rule;
	enum rc rc;

	*door = "scep";
	if ((rc = account_get(c, e->account_id, &who)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	subject.account = &who;
	subject.user_identifier = who.user_identifier;
	subject.domain = strrchr(who.user_identifier, '@') + 1;
	if ((rc = rule_decide(c, e->organization_id, &subject, &rule)) != RC_OK)
		return rc == RC_NOT_FOUND ? RC_OK : rc;
	*door = profile_identity(c, &rule, e->mode, e->family, e->os_version).door;
	return RC_OK;
}

enum rc
profile_renewal(struct call *c, const struct enrollment *e, struct bytes *out)
{
	const char *door, *challenge;
	struct organization o;
	plist_t profile;
	enum rc rc;

	if ((rc = organization_get(c, e->organization_id, &o)) != RC_OK || (rc = door_of(c, e, &door)) != RC_OK ||
	    (rc = ca_challenge(c, o.id, e->id, door, &challenge)) != RC_OK)
		return rc;
	profile = profile_build(c, &o, e, door, challenge);
	rc = profile_check_frozen(c, e, profile);
	return rc == RC_OK ? profile_sign(c, &o, profile, out) : rc;
}
