/* Administrators signing in: password, then a second factor; or an identity provider that vouches for them.
 *
 * What has to survive between the steps is kept by the browser, sealed, so that only who knows a password costs the
 * store a row. A wrong name, a wrong password and a wrong second factor count as failures as people's passwords do
 * (account/throttle.h), whether or not there is such an administrator. */
#ifndef ADMINISTRATOR_SIGNIN_H
#define ADMINISTRATOR_SIGNIN_H

#include "administrator/administrator.h"
#include "crypto/password.h"
#include "idp/signin.h"

#define ADMINISTRATOR_WAY_S (15 * 60) /* seconds for one sign-in */
#define ADMINISTRATOR_CODES 10 /* recovery codes, made with the first second factor */

enum administrator_stage {
	STAGE_NAME, /* name and password are asked for */
	STAGE_SECOND, /* they were right: a second factor is */
	STAGE_ENROL, /* they were right, and there is no second factor yet: one is made */
	STAGE_PROVIDER, /* the browser is at an identity provider */
};

struct administrator_way {
	enum administrator_stage stage;
	const char *to; /* where to go on afterwards */
	const char *administrator_id; /* of STAGE_SECOND and STAGE_ENROL, like the next */
	int64_t changed_at; /* of the row then: whatever was changed since ends this sign-in */
	struct bytes secret; /* STAGE_ENROL: of the authenticator app, if that is what is chosen */
	const char *provider_id; /* STAGE_PROVIDER, like the next */
	struct idp_request request;
};

enum rc administrator_way_seal(struct call *c, const struct administrator_way *w, const char **sealed);
/* RC_UNAUTHENTICATED: there is none, or it is too old: begin anew. */
enum rc administrator_way_open(struct call *c, const char *sealed, struct administrator_way *out);

/* STAGE_NAME: is that their password? *w goes on to the next stage. RC_FORBIDDEN: wrong, unknown, disabled, or signed in
 * by a provider: one answer, at one cost. RC_TOO_LARGE: throttled, for *wait_s seconds. RC_UNAVAILABLE: the line of
 * password checks is full. */
enum rc administrator_password(struct call *c, struct password_gate *gate, const char *name, const char *password,
    const char *address, struct administrator_way *w, int *wait_s);

/* Whose sign-in that is. RC_UNAUTHENTICATED: something was changed since: begin anew. */
enum rc administrator_of_way(struct call *c, const struct administrator_way *w, struct administrator *out);

struct administrator_done {
	const char *token; /* of the session that began */
	const char *const *codes; /* recovery codes to show, once, NULL-terminated; NULL: none were made */
};

/* STAGE_SECOND: six digits of the app, or a recovery code. STAGE_ENROL: six digits of the app that has w->secret now.
 * RC_FORBIDDEN: wrong, or used already. RC_UNAUTHENTICATED and RC_TOO_LARGE as above. */
enum rc administrator_code(struct call *c, const struct administrator_way *w, const char *code, const char *address,
    struct administrator_done *out, int *wait_s);

/* Somebody for whom a provider vouches. RC_FORBIDDEN: they administer nothing. */
enum rc administrator_vouched(struct call *c, const struct provider *p, const struct idp_person *who, bool proven,
    struct administrator_done *out);

/* What an administrator's failures are counted under, apart from those of a person of that name. */
const char *administrator_subject(struct arena *a, const char *name);

#endif
