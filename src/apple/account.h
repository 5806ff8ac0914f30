/* A stand-in for the sign-in to a Managed Apple Account (protocol 5.5, 9). How a device and Apple speak about it is not
 * published; here it is one request with JSON, asked before an enrollment is installed, and after TokenUpdate once more
 * with the token that the MDM server gave:
 *
 *	POST /managed-apple-account/sign-in
 *	     {"account", "mode": "BYOD" or "ADDE", "supervised": bool,
 *	      "token": TEXT, or "token_error": why there is none; neither: is there such an account?}
 *	200  {}
 *	403  {"reason": WORD, "sentence": TEXT, "error": "AKAuthenticationError", "code": -7013}
 *
 * Where the organization allows sign-in "on any device" the token is fetched and not looked at, as on real devices; what
 * it would have been refused for is in the ledger. Faults (apple/fault.h): service "sign-in", subject the account. */
#ifndef APPLE_ACCOUNT_H
#define APPLE_ACCOUNT_H

#include "apple/diary.h"
#include "apple/fault.h"
#include "base/call.h"

struct accounts;

struct accounts *accounts_new(const char *dir, struct faults *faults, struct diary *diary); /* they outlive it */
void accounts_free(struct accounts *x); /* NULL is fine */

struct account_answer {
	int status;
	json_t *body; /* belongs to the arena */
};
/* `c` for its arena, time and error alone. */
void accounts_sign_in(struct accounts *x, struct call *c, struct bytes body, struct account_answer *out);

/* Is this a Managed Apple Account that can be used? RC_FORBIDDEN: no, in a sentence. RC_UNAVAILABLE: the portal. */
enum rc accounts_usable(struct accounts *x, struct call *c, const char *account);

#endif
