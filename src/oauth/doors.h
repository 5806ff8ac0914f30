/* The room's handlers, for its table of routes. */
#ifndef OAUTH_DOORS_H
#define OAUTH_DOORS_H

#include "http/server.h"

http_handler oauth_get_signin, oauth_post_signin, oauth_get_authorize, oauth_post_authorize, oauth_post_token,
    oauth_get_done, oauth_post_revoke, oauth_post_introspect, oauth_get_metadata, oauth_get_provider,
    oauth_get_provider_answer, oauth_post_provider_logout, oauth_get_privacy, oauth_get_logo;

struct signin_attempt;
struct signin_form;
struct provider;
struct oauth_room;

/* Whether an identity provider signs these people in: then the browser gets what it needs on the way there, f->nonce is
 * set, and, where the provider is set to (p->redirects), `out` is that way: to the provider itself, where that takes no
 * question to it. False: passwords alone. */
bool oauth_offer_provider(struct call *c, const struct http_request *r, const struct oauth_room *room,
    const struct signin_attempt *a, struct signin_form *f, const char *hint, struct provider *p,
    struct http_reply *out);

#endif
