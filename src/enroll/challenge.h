/* The one 401 that an account-driven device understands (protocol 4.1, 4.2, 4.3, 4.5, 8.1). */
#ifndef ENROLL_CHALLENGE_H
#define ENROLL_CHALLENGE_H

#include "account/organization.h"
#include "base/call.h"

#define CHALLENGE_CLIENT_ID "postern-device-enrollment"
#define CHALLENGE_SCOPE "mdm"
#define CHALLENGE_REDIRECT "apple-remotemanagement-user-login:/oauth2/redirection"
#define CHALLENGE_CALLBACK "apple-remotemanagement-user-login://authentication-results"
#define CHALLENGE_SCHEME "apple-remotemanagement-user-login"

/* The headers of a 401, for a door to copy; n 0: there is no challenge. */
struct challenge {
	struct challenge_header {
		const char *name, *value;
	} header[3];
	int n;
};

/* WWW-Authenticate for an attempt, and where the organization has documents for Enrollment SSO what names them. Those
 * go to every device, at enrollment and when it has to sign in again: a Mac, or a system before iOS 16 and
 * visionOS 2, passes over headers that it does not know. One read, for challenges alone. */
enum rc challenge_make(
    struct call *c, const char *organization_id, const char *method, const char *attempt, struct challenge *out);

/* Where an organization's document for Enrollment SSO is (esso/esso.h). */
const char *challenge_esso_url(struct arena *a, const char *base, const char *organization_id, bool developer);

/* Value of WWW-Authenticate for an attempt. `attempt` is what the paths carry: the sealed string, or
 * "r-" and the id of an attempt to sign in again. `base` is the server's https URL without slash.
 *   apple-as-web: url=BASE/signin/ATTEMPT            apple-oauth2: authorization-url=BASE/oauth2/authorize?attempt=ATTEMPT,
 *   token-url=BASE/oauth2/token */
const char *challenge_value(struct arena *a, const char *base, const char *method, const char *attempt);

/* The attempt of that path string, sealed or "r-ID": its row (made if it is a good sealed one and missing).
 * RC_NOT_FOUND, RC_BAD_INPUT, RC_FORBIDDEN (too old). */
struct attempt;
enum rc challenge_attempt(struct call *c, const char *path_attempt, struct attempt *out);

/* The enrollment's single attempt to sign in again, made when there is none; *path is "r-ID". */
struct enrollment;
enum rc challenge_reauth(struct call *c, const struct enrollment *e, const char *method, const char **path);

#endif
