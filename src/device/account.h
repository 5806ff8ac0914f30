/* The Managed Apple Account on this device: the sign-in before the installation (protocol 5.5), and Apple's word on the
 * enrollment once the server gave a token (9.1). Apple is `postern-apple` where d->self.apple_url says so, and
 * otherwise a script: what the person's plan and d->self.maid_verdict say. */
#ifndef DEVICE_ACCOUNT_H
#define DEVICE_ACCOUNT_H

#include "device/device.h"

/* Sign in to the account that the profile assigns; by script it fails if `refused`. RC_FORBIDDEN: refused, with the
 * reason. */
enum rc device_account_sign_in(struct device *d, bool refused);

/* Fetch the token that Apple asks for, and let Apple judge. By script "accept" takes anything, as under "Any device";
 * "check" wants a well-formed token, as under "Managed devices only"; "refuse" refuses. RC_FORBIDDEN: refused, with
 * the reason. RC_NOT_FOUND, RC_UNAUTHENTICATED, RC_UNAVAILABLE: Apple has not judged; see device_get_token. */
enum rc device_account_prove(struct device *d);

/* Is this a token as protocol 9.1 describes it? RC_BAD_INPUT says what is missing. Pure. */
enum rc device_maid_token_check(struct arena *a, struct bytes token, struct err *e);

/* Apple's answer to a sign-in, said to the person. RC_OK: accepted. RC_FORBIDDEN: refused, with reason and number.
 * RC_UNAVAILABLE: no answer to go by. Pure. */
enum rc device_account_verdict(struct arena *a, int status, struct bytes body, const char *account, struct err *e);

/* Whoever is signed in to the App Store as `account` takes up the invitation that an organization's server has the code
 * of (protocol 11). RC_FORBIDDEN: not with this account, which by script is any but the Managed Apple Account.
 * RC_NOT_FOUND: Apple knows no such invitation. */
enum rc device_account_invited(struct device *d, const char *code, const char *account);

#endif
