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
	const char *challenge; /* for WebAuthn, likewise */
	struct bytes session; /* STAGE_SECOND: hash of the one that it proves again; absent: a new one begins */
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
	const char *token; /* of the session that began; NULL: the one that there was is proven again */
	const char *const *codes; /* recovery codes to show, once, NULL-terminated; NULL: none were made */
};

/* A second factor as it was shown: one of both. */
struct administrator_shown {
	const char *code; /* of the app; of STAGE_SECOND also a recovery code */
	const char
	    *credential; /* what the page's script made of WebAuthn's answer: JSON with id, client, data, signature in
				 * base64url, where data is the attestation object of a new one (STAGE_ENROL) */
	const char *host; /* where the browser is: host and port */
};

/* STAGE_SECOND: is it theirs? STAGE_ENROL: it is from now on. RC_FORBIDDEN: wrong, or used already. RC_BAD_INPUT: a
 * credential that can't be read. RC_UNAUTHENTICATED and RC_TOO_LARGE as above. */
enum rc administrator_second(struct call *c, const struct administrator_way *w, const struct administrator_shown *s,
    const char *address, struct administrator_done *out, int *wait_s);

/* Ids of the WebAuthn credentials of who signs in, NULL-terminated. */
enum rc administrator_keys(struct call *c, const char *id, const char *const **out);

/* Who is signed in, and was asked lately, adds a second factor: a way that begins at STAGE_ENROL. */
enum rc administrator_add_factor(struct call *c, const char *id, struct administrator_way *w);

/* Who is signed in proves it again, with a second factor: a way that begins at STAGE_SECOND. `token`: of the session.
 * RC_CONFLICT: *provider_id signs them in and is to be asked instead. */
enum rc administrator_prove(
    struct call *c, const char *id, const char *token, struct administrator_way *w, const char **provider_id);

/* New recovery codes, to show once, NULL-terminated; the ones before count no more. */
enum rc administrator_new_codes(struct call *c, const char *id, const char *const **out);

/* Somebody for whom a provider vouches. RC_FORBIDDEN: they administer nothing. */
enum rc administrator_vouched(
    struct call *c, const struct provider *p, const struct idp_person *who, struct administrator_done *out);

/* What an administrator's failures are counted under, apart from those of a person of that name. */
const char *administrator_subject(struct arena *a, const char *name);

#endif
