/* Apple's Device Assignment Services (protocol 2.7), as far as account-driven enrollment needs them: the token of the
 * organization's MDM server at Apple, what Apple says of the account, and the URL that devices are sent to when their
 * person's domain does not answer discovery. Once a day it is asked whether all of it still holds. */
#ifndef ASSIGNMENT_ASSIGNMENT_H
#define ASSIGNMENT_ASSIGNMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "fmt/json.h"

#define ASSIGNMENT_PROFILE "/account-driven-enrollment/profile" /* in AccountDetail's urls, where it is offered */

struct assignment_service {
	const char *server_uuid;
	const json_t *account; /* AccountDetail, as Apple said it last */
	int64_t expires_at; /* of the token; 0: not said */
	const char *discovery_url; /* registered here; NULL: it was not */
	const char *found_url; /* at Apple, at checked_at; NULL: none */
	int64_t checked_at; /* Apple answered */
	const char *trouble; /* why it did not since; NULL: it did */
	int64_t clock_off_s; /* this server's clock minus Apple's; 0 where no more than a minute */
};

/* Errors of whatever asks Apple: RC_UNAVAILABLE: asking later may help. RC_FORBIDDEN: there is something to do at Apple
 * first. RC_NOT_FOUND: no token was set. The sentence says what it is. */

/* Keep the token (the .p7m as it is downloaded), once Apple accepted it; its server_uuid is the organization's from then
 * on. RC_BAD_INPUT: it is no token, made for another certificate, or expired. */
enum rc assignment_token_set(struct call *c, const char *organization_id, struct bytes file);
/* What was kept; nobody is asked. RC_NOT_FOUND: no token was set. */
enum rc assignment_service_get(struct call *c, const char *organization_id, struct assignment_service *out);

/* The URL that is registered unless another one is given: this server answers there what it answers at the well-known
 * path, for this organization where the request names nobody. */
const char *assignment_own_url(struct call *c, const char *organization_id);

/* Register `url`; NULL: the server's own. */
enum rc assignment_discovery_set(struct call *c, const char *organization_id, const char *url);
/* What Apple has now. RC_NOT_FOUND, too: none is registered. *since as Apple writes it, may be NULL. */
enum rc assignment_discovery_get(struct call *c, const char *organization_id, const char **url, const char **since);
enum rc assignment_discovery_remove(struct call *c, const char *organization_id);

/* The daily check of one organization that is due. RC_UNAVAILABLE: the store; a service that does not answer is no
 * error. */
enum rc assignment_look(struct call *c, bool *more);

#endif
