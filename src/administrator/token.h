/* Bearer tokens (RFC 6750) of the administration API, for programs: named, with a role, an end and, maybe, the one
 * organization that they reach. A secret is shown once and kept as SHA-256, so a copied database holds none. */
#ifndef ADMINISTRATOR_TOKEN_H
#define ADMINISTRATOR_TOKEN_H

#include <stdint.h>

#include "administrator/actor.h"
#include "base/call.h"

struct api_token {
	const char *id, *name;
	enum actor_role role;
	const char *organization_id; /* NULL: all */
	const char *created_by;
	int64_t created_at, expires_at;
	int64_t used_at; /* to the hour; 0: never */
	int64_t revoked_at; /* 0: it is not */
};

#define API_TOKEN_PREFIX "postern_" /* so that whoever searches for leaked secrets knows one */
#define API_TOKEN_SECRET_MAX 128 /* octets: nothing longer is looked up */
#define API_TOKENS_MAX 1000
#define API_TOKEN_LIFE_S (90 * 86400) /* where nothing is said */
#define API_TOKEN_LIFE_MAX_S (3650 * INT64_C(86400))

/* Make one of t's name, role, organization, maker and end; id and created_at are filled. *secret is API_TOKEN_PREFIX
 * and 43 base64url characters in the arena. RC_CONFLICT: one of that name is not revoked. RC_BAD_INPUT: no name, or an
 * end that is past or too far. RC_TOO_LARGE: there are API_TOKENS_MAX. */
enum rc api_token_add(struct call *c, struct api_token *t, const char **secret);

/* Whose secret that is, and that it is used. RC_UNAUTHENTICATED: nobody's, revoked or expired. */
enum rc api_token_find(struct call *c, const char *secret, struct api_token *out);

/* By name, revoked and expired ones too; `organization_id` NULL: all. */
enum rc api_token_list(struct call *c, const char *organization_id, struct api_token **out, int *n);

/* From now on its requests are refused. `which`: the id or the name; `organization_id`: as in the list.
 * RC_NOT_FOUND: there is no such token that is not revoked yet. */
enum rc api_token_revoke(struct call *c, const char *organization_id, const char *which, struct api_token *out);

#endif
