/* Credentials of an organization's other services: who may ask about tokens (RFC 7662), who may keep people
 * up to date (SCIM). A secret is shown once and kept as SHA-256. */
#ifndef ACCOUNT_SERVICE_H
#define ACCOUNT_SERVICE_H

#include <stdint.h>

#include "base/call.h"

struct service {
	const char *id, *organization_id, *name;
	const char *purpose; /* "introspection", "scim" */
	const char *created_by;
	int64_t created_at;
};

#define SERVICE_SECRET_MAX 128 /* octets: nothing longer is looked up */
#define SERVICES_MAX 100 /* of one organization */

/* Make one; s->id and created_at are filled. *secret is 43 base64url characters in the arena.
 * RC_BAD_INPUT: no name, or a purpose there is not. RC_TOO_LARGE: there are SERVICES_MAX. */
enum rc service_add(struct call *c, struct service *s, const char **secret);

/* Whose secret that is. RC_NOT_FOUND: nobody's, or for another purpose. */
enum rc service_find(struct call *c, const char *secret, const char *purpose, struct service *out);

/* By name; `organization_id` NULL: all, at most 500. */
enum rc service_list(struct call *c, const char *organization_id, struct service **out, int *n);

/* From now on its requests are refused. RC_NOT_FOUND: there is none of that id. */
enum rc service_remove(struct call *c, const char *id);

#endif
