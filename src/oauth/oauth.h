/* Sign-in pages, the authorization endpoint and the token endpoint (protocol 4.2, 4.3; RFC 6749, 7636). */
#ifndef OAUTH_OAUTH_H
#define OAUTH_OAUTH_H

#include "crypto/password.h"
#include "http/server.h"

struct idp;

struct oauth_room { /* what the routes are given as their room */
	struct password_gate *gate;
	struct idp *idp;
};

/* GET and POST /signin/ATTEMPT and /oauth2/authorize, POST /oauth2/token, /oauth2/revoke and /oauth2/introspect, GET
 * /.well-known/oauth-authorization-server. Ends with a row whose method is
 * NULL. */
extern const struct http_route oauth_routes[];

#endif
