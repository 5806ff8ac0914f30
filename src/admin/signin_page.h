/* The pages on which administrators sign in, in the look of people's (oauth/page_style.h). Nothing is loaded from
 * anywhere, and only WebAuthn needs a script. Room-private. Pure. */
#ifndef ADMIN_SIGNIN_PAGE_H
#define ADMIN_SIGNIN_PAGE_H

#include <stdbool.h>

#include "administrator/own.h"
#include "base/arena.h"
#include "base/bytes.h"

struct signin_offer { /* an identity provider to sign in at */
	const char *id, *name;
};

/* Name and password. `offers` end with a NULL id; `alert` NULL: nothing went wrong. */
struct bytes signin_page_name(struct arena *a, const char *name, const struct signin_offer *offers, const char *alert);

struct signin_key { /* what the script is to ask of WebAuthn */
	const char *challenge, *rp_id;
	const char *user_id, *user_name; /* for a new credential */
	const char *const *ids; /* of those there are, NULL-terminated */
};

/* The second factor of k's user: a key where there are some, the code of an app where there is one, a recovery code.
 * `back`: where to go on without it, for who is signed in and proves it again; NULL: they sign in. */
struct bytes
signin_page_second(struct arena *a, const struct signin_key *k, bool app, const char *back, const char *alert);

/* A new second factor: a key; or an app, by its secret as text and as the address that it reads (NULL: it has one). */
struct bytes
signin_page_enrol(struct arena *a, const struct signin_key *k, const char *secret, const char *uri, const char *alert);

/* Recovery codes, this once; and the way on. */
struct bytes signin_page_codes(struct arena *a, const char *const *codes, const char *to);

struct signin_own { /* of who is signed in */
	const char *name;
	bool local; /* we sign them in, not a provider: the rest but `sessions` is of these */
	bool app; /* there is an authenticator app */
	int codes; /* recovery codes that are left */
	const struct own_key *keys;
	int n_keys;
	const struct own_session *sessions;
	int n_sessions;
};

/* What they may change of their own sign-in. `done`: what they just did; NULL: nothing. */
struct bytes signin_page_own(struct arena *a, const struct signin_own *o, const char *done, const char *alert);

/* A sentence and a link. `to_now`: the browser goes on by itself. */
struct bytes signin_page_message(
    struct arena *a, const char *title, const char *sentence, const char *to, const char *link, bool to_now);

/* The script of the pages with keys. */
extern const char signin_page_script[];

/* Content-Security-Policy of all of them. */
const char *signin_page_policy(struct arena *a);

#endif
