/* People who administer the server: who they are, what they may, and what they sign in with.
 *
 * Local ones have a password and a second factor (an authenticator app or WebAuthn), others are signed in by one of the
 * organizations' identity providers. They are no accounts: nobody gets a device enrolled by being one. */
#ifndef ADMINISTRATOR_ADMINISTRATOR_H
#define ADMINISTRATOR_ADMINISTRATOR_H

#include <stdint.h>

#include "administrator/actor.h"
#include "base/call.h"

#define ADMINISTRATORS_MAX 1000
#define ADMINISTRATOR_KEYS_MAX 10 /* of one */

struct administrator {
	const char *id, *name; /* user@domain, in lower case */
	enum actor_role role; /* 0: one that a newer version wrote, which may nothing here */
	const char *organization_id; /* the only one that they reach; NULL: all */
	const char *provider_id, *subject; /* who signs them in, and as whom: NULL: us; not yet */
	const char *password_hash; /* NULL: none */
	struct bytes totp; /* sealed; absent: none */
	int64_t totp_step; /* no code of this step or an earlier one counts */
	int keys; /* WebAuthn credentials */
	int codes; /* recovery codes that are left */
	const char *created_by;
	int64_t created_at, changed_at, signed_in_at, disabled_at; /* 0: never */
};

/* Make one of a's name, role, organization, provider or password hash, and maker; the rest is filled. RC_CONFLICT: there
 * is one of that name. RC_BAD_INPUT: a name that is no user@domain; a password and a provider. RC_NOT_FOUND: no such
 * provider. RC_TOO_LARGE: there are ADMINISTRATORS_MAX. */
enum rc administrator_add(struct call *c, struct administrator *a);

enum rc administrator_get(struct call *c, const char *which, struct administrator *out); /* by id or name */
/* Of a provider: by subject, else one of that name who has not signed in yet. */
enum rc administrator_at_provider(
    struct call *c, const char *provider_id, const char *subject, const char *name, struct administrator *out);
enum rc administrator_list(struct call *c, struct administrator **out, int *n); /* by name */

/* All of these end the sessions of who it is, and whatever sign-in is under way. RC_NOT_FOUND: there is nobody. */
enum rc administrator_change(struct call *c, const struct administrator *a); /* role, organization, disabled_at */
enum rc administrator_set_password(struct call *c, const char *id, const char *password_hash);
/* Second factors and recovery codes are forgotten; so is the subject at the provider. The next sign-in makes new ones. */
enum rc administrator_reset(struct call *c, const char *id);
enum rc administrator_remove(struct call *c, const char *id);

#endif
