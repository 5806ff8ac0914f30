/* The declarations of one channel: those that carry what it should have, the organization's own, and what the server
 * adds: an activation for whatever no other one names, and the subscription to status items (S-35). */
#ifndef DESIRED_DECLARATIONS_H
#define DESIRED_DECLARATIONS_H

#include "ddm/ddm.h"
#include "desired/wanted.h"

struct desired_set {
	const struct enrollment *e;
	const char *user_id;
	struct wanted *wanted; /* whatever the way */
	int n_wanted;
	struct ddm_declaration *declarations; /* sorted by Identifier */
	int n;
	const char *token; /* DeclarationsToken */
};

/* Empty (n 0) where nothing is wished by declaration. */
enum rc desired_set_make(
    struct call *c, struct desired_wishes *w, const struct enrollment *e, const char *user_id, struct desired_set *out);

/* The whole of one. RC_NOT_FOUND: the channel should not have it (any more). */
enum rc desired_set_text(
    struct call *c, const struct desired_set *s, enum ddm_kind kind, const char *identifier, struct bytes *out);

/* The profile behind a ProfileURL of such a declaration, by the last part of its path; the link is of one version of it.
 * `client_certificate` is what the connection was proven with, absent without. RC_NOT_FOUND: it is of no enrollment that
 * should have that now, or the certificate is another one's. */
enum rc desired_profile_by_url(struct call *c, const char *sealed, struct bytes client_certificate, struct bytes *out);

#endif
