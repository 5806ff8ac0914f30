/* Signing in at an identity provider: there with a request, back with an answer, and who it was (OpenID Connect
 * Core 3.1; PKCE, RFC 7636; issuer in the answer, RFC 9207).
 *
 * What has to survive the way is kept by the browser, in a sealed cookie of the caller's: an answer that comes
 * through another browser finds nothing to match. */
#ifndef IDP_SIGNIN_H
#define IDP_SIGNIN_H

#include "account/account.h"
#include "enroll/failure.h"
#include "idp/remote.h"

#define IDP_MAX_AGE_S 300 /* a sign-in again is not older, where the provider can tell */

enum idp_ask { /* who is to be asked there, whoever is signed in at the provider */
	IDP_NOBODY,
	IDP_AGAIN, /* the person, unless the provider is set to take what it has open */
	IDP_ANEW, /* the person, however it is set; of such a one idp_person.asked says whether they were */
};

struct idp_request {
	const char *state, *nonce, *verifier; /* 43 characters each */
	const char *redirect_uri; /* where the provider sends the browser back to */
	bool again; /* the person had to be asked, whoever is signed in at the provider */
	int64_t
	    anew_at; /* when they were to be, although the provider is set to take what it has open; 0: they were not */
};

/* The way there. `redirect_uri`: provider_redirect_uri() for people; registered at the provider in any case. `hint`: the
 * user identifier, may be NULL. */
const char *idp_begin(struct call *c, const struct provider *p, const struct idp_endpoints *at,
    const char *redirect_uri, const char *hint, enum idp_ask ask, struct idp_request *out);

struct idp_answer { /* items of the query that the browser came back with; NULL: not there */
	const char *state, *code, *error, *iss;
};

struct idp_person { /* what the ID token says, read by the provider's mapping; in the call's arena */
	const char *subject, *sid; /* sid NULL: not said */
	const char *user_identifier; /* folded */
	const char *managed_apple_account, *display_name; /* NULL: none */
	const char *const *groups; /* NULL: not said; kept as they are */
	bool groups_elsewhere; /* too many for the token, which says so */
	const char *groups_unknown; /* and the directory did not say them either: why; NULL: nothing is missing */
	const char *refresh_token; /* NULL: none was given */
	bool asked; /* for this sign-in: the request says so, or auth_time does */
};

/* The way back: the code is redeemed, the ID token checked and read. RC_FORBIDDEN: refused; *code says why, and
 * c->err adds what a timeline may say, nothing of the token. RC_UNAVAILABLE: the provider does not answer. */
enum rc idp_finish(struct idp *i, struct call *c, const struct provider *p, const struct idp_request *r,
    const struct idp_answer *answer, struct idp_person *out, enum enroll_code *code);

/* The account of that person: by subject; else one of that identifier that has no password of ours and nobody
 * else's subject; else a new one, where the provider creates people. Groups, name and, of whom the provider made, identifier are brought
 * up to date. Call
 * inside a unit. RC_FORBIDDEN: *code and c->err say why not; nothing was changed. */
enum rc idp_account(struct call *c, const struct provider *p, const struct idp_person *who, struct account *out,
    enum enroll_code *code);

/* Keep what the provider gave for as long as the attempt's grant lasts. Call inside a unit. */
enum rc idp_keep(struct call *c, const struct provider *p, const struct idp_person *who, const char *attempt_id,
    const char *account_id);

#endif
