/* The room's handlers, for its table of routes. */
#ifndef OAUTH_DOORS_H
#define OAUTH_DOORS_H

#include "http/server.h"

http_handler oauth_get_signin, oauth_post_signin, oauth_get_authorize, oauth_post_authorize, oauth_post_token,
    oauth_get_done, oauth_post_revoke, oauth_post_introspect, oauth_get_metadata;

#endif
