/* Signing in on a page: what the page's form carries, and what happens when it comes back.
 *
 * The form carries everything that must survive it in one sealed field, bound to its attempt and to a
 * value in a cookie of the same browser, so that nobody can have another's browser submit it (login CSRF). */
#ifndef OAUTH_SIGNIN_H
#define OAUTH_SIGNIN_H

#include "base/call.h"
#include "crypto/password.h"
#include "enroll/attempt.h"
#include "enroll/enrollment.h"
#include "fmt/uri.h"

#define SIGNIN_FORM_LIFE_S 3600 /* a page left open longer starts again in Settings */
#define SIGNIN_STATE_MAX 512 /* octets of the client's state; Apple's is a UUID */

enum signin_flow { SIGNIN_WEB, SIGNIN_OAUTH2 }; /* apple-as-web, apple-oauth2 */

struct signin_form { /* what survives the form */
	enum signin_flow flow;
	const char *attempt; /* as in the path: sealed, or "r-ID" */
	const char *nonce; /* the cookie's value, 43 characters */
	const char *state; /* OAuth 2: to be echoed; NULL: none was sent */
	const char *challenge; /* OAuth 2: PKCE S256; NULL: none was sent */
};

enum rc signin_seal(struct call *c, const struct signin_form *f, const char **field);
/* RC_FORBIDDEN: not made here, for another attempt, flow or browser (`nonce` is its cookie's value, may be NULL),
 * or too old. */
enum rc signin_open(struct call *c, const char *field, enum signin_flow flow, const char *attempt, const char *nonce,
    struct signin_form *out);

/* Check an authorization request and fill in state and challenge. client_id and redirect_uri must be those
 * of the challenge, to the letter. RC_BAD_INPUT: not so; c->err says what. */
enum rc signin_authorize(struct call *c, const struct uri_items *query, struct signin_form *f);

/* Whom an attempt is for. */
struct signin_attempt {
	struct attempt attempt;
	struct organization organization;
	bool again; /* an attempt to sign in again: one person only may finish it */
	struct enrollment enrollment; /* of `again` */
	const char *user_identifier; /* of `again`: the enrollment's person; else as discovered; may be NULL */
};
/* RC_BAD_INPUT: damaged. RC_FORBIDDEN: too old. RC_TOO_LARGE: too many from this network.
 * RC_NOT_FOUND: there is none. RC_CONFLICT: it is over. RC_UNAUTHENTICATED: its challenge was for
 * the other flow. */
enum rc signin_attempt(struct call *c, const char *path_attempt, enum signin_flow flow, struct signin_attempt *out);

struct signin_result {
	enum enroll_code code; /* EV_signin_ok, or why not; its event is written */
	const char *location; /* EV_signin_ok: where the browser goes */
	int wait_s; /* EV_signin_throttled */
};
/* Try a user name and a password. The password is checked outside of units; then one unit writes the event, who
 * signed in, and the token or code. RC_OK: look at out->code. Other: the store or a bug. */
enum rc
signin_try(struct call *c, struct password_gate *gate, const struct signin_attempt *a, const struct signin_form *f,
    const char *user, const char *password, const char *address, struct signin_result *out);

/* The same end for somebody whom an identity provider vouches for: one unit finds or makes the account, writes the
 * event and who signed in, and the token or code. */
struct provider;
struct idp_person;
enum rc signin_proven(struct call *c, const struct signin_attempt *a, const struct signin_form *f,
    const struct provider *p, const struct idp_person *who, struct signin_result *out);

/* The way back to the device, between the form's answer and the redirect. A browser does not send what was
 * typed into a form to an app: Chromium blocks a 308 from a POST to the callback scheme. So the form is
 * answered 303, and the page that follows answers the 308 that the device waits for (protocol 4.2). The
 * location waits in a sealed cookie: it holds a code or a token, which no path may. */
#define SIGNIN_CALLBACK_LIFE_S 300
enum rc
signin_callback_seal(struct call *c, const char *attempt, const char *nonce, const char *location, const char **sealed);
/* RC_FORBIDDEN: none, of another attempt or browser, or too old. */
enum rc
signin_callback_open(struct call *c, const char *sealed, const char *attempt, const char *nonce, const char **location);

#endif
