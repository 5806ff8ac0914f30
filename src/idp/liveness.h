/* Whether a provider still stands by a sign-in (protocol 8.1): its refresh token is used now and then, when a device
 * renews and every provider's interval_s besides, so that long-lived web tokens end, too. What it says ends the
 * grant, and the device's next request gets 401. No request waits for any of this. */
#ifndef IDP_LIVENESS_H
#define IDP_LIVENESS_H

#include "idp/remote.h"

/* A device renews the attempt's tokens: the provider is asked soon, if it was not just asked. Call inside a unit. */
enum rc idp_due(struct call *c, const char *attempt_id);

/* Ask for one sign-in that is due. *found false: none is. Several threads and nodes may do so side by side. A
 * provider that does not answer is no error. RC_UNAVAILABLE: the store. */
enum rc idp_look(struct idp *i, struct call *c, bool *found);

/* A logout token that came from a provider (OpenID Connect Back-Channel Logout 1.0, 2.6): ends every sign-in of its
 * session, or of its person. RC_BAD_INPUT: it can't be believed; the sentence is for the log. */
enum rc idp_logout(struct idp *i, struct call *c, const char *logout_token, int *n);

#endif
