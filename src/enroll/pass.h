/* What lets a device in at one look.
 *
 * Most requests of a fleet are an Idle with the certificate and the access token of the last time. Whether
 * they are good is written in five tables: certificate, enrollment, token, grant and person. A pass says so
 * in the enrollment's row alone: the hash of the token and when it expires, and the certificate's raw key.
 *
 * A pass only ever says yes, and all that it stands for was checked in the unit that gave it: the grant is
 * the enrollment's and is not revoked, its newest token is the one and was used, the person is not disabled,
 * the certificate is the one last accepted and is not revoked. Whatever changes any of that takes the pass
 * in its own unit; then the long way is asked, and finds the reason. So nothing is decided by a pass that the
 * five tables would decide otherwise, and an enrollment without one is none the worse. */
#ifndef ENROLL_PASS_H
#define ENROLL_PASS_H

#include <stdint.h>

#include "base/call.h"

struct pass {
	const char *enrollment_id, *grant_id;
	int64_t generation; /* of the token */
	struct bytes hash; /* grant_token_hash of it; absent: there is nothing to give a pass for */
	int64_t until;
};

/* Give a pass, if all holds that it stands for; else nothing changes. Works inside a unit. */
enum rc pass_give(struct call *c, const struct pass *p);

/* Take the passes of whatever the grant, the person or the enrollment is. For the unit that ends what they
 * stand for. */
enum rc pass_take_grant(struct call *c, const char *grant_id);
enum rc pass_take_account(struct call *c, const char *account_id);
enum rc pass_take_enrollment(struct call *c, const char *enrollment_id);

#endif
