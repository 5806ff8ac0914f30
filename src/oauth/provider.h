/* The way to an identity provider and back, as the browser keeps it: a sealed cookie has what the form's field has
 * (oauth/signin.h) and the request that was made of the provider. */
#ifndef OAUTH_PROVIDER_H
#define OAUTH_PROVIDER_H

#include "idp/signin.h"
#include "oauth/signin.h"

struct signin_way {
	struct signin_form form; /* with the browser's nonce */
	const char *provider; /* its id */
	const char *hint; /* user identifier; NULL: none is known */
	struct idp_request request; /* state NULL: nobody was sent there yet */
};

enum rc signin_way_seal(struct call *c, const struct signin_way *w, const char **sealed);
/* RC_FORBIDDEN: none, of another browser, or too old. */
enum rc signin_way_open(struct call *c, const char *sealed, const char *nonce, struct signin_way *out);

#endif
