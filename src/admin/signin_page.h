/* The pages on which administrators sign in, in the look of people's (oauth/page_style.h). Nothing is loaded from
 * anywhere, and only WebAuthn needs a script. Room-private. Pure. */
#ifndef ADMIN_SIGNIN_PAGE_H
#define ADMIN_SIGNIN_PAGE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"

struct signin_offer { /* an identity provider to sign in at */
	const char *id, *name;
};

/* Name and password. `offers` end with a NULL id; `alert` NULL: nothing went wrong. */
struct bytes signin_page_name(struct arena *a, const char *name, const struct signin_offer *offers, const char *alert);

/* The second factor of `name`: the code of an app or a recovery code. */
struct bytes signin_page_second(struct arena *a, const char *name, const char *alert);

/* A new authenticator app: its secret as text, and as the address that it reads. */
struct bytes
signin_page_enrol(struct arena *a, const char *name, const char *secret, const char *uri, const char *alert);

/* Recovery codes, this once; and the way on. */
struct bytes signin_page_codes(struct arena *a, const char *const *codes, const char *to);

/* A sentence and a link. `to_now`: the browser goes on by itself. */
struct bytes signin_page_message(
    struct arena *a, const char *title, const char *sentence, const char *to, const char *link, bool to_now);

/* Content-Security-Policy of all of them. */
const char *signin_page_policy(struct arena *a);

#endif
