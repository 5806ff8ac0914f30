#include "oauth/doors.h"
#include "oauth/oauth.h"

/* clang-format off */
const struct http_route oauth_routes[] = {
	/* method  path                 class       max body   doors  handler */
	{ "GET",  "/signin/provider",  HTTP_OUTWARD,       0, 0, oauth_get_provider_answer },
	{ "POST", "/signin/provider/logout", HTTP_OUTWARD, 32 * 1024, 0, oauth_post_provider_logout },
	{ "GET",  "/signin/{}/provider", HTTP_OUTWARD,     0, 0, oauth_get_provider },
	{ "GET",  "/signin/{}",        HTTP_QUICK,         0, 0, oauth_get_signin },
	{ "POST", "/signin/{}",        HTTP_HEAVY, 16 * 1024, 0, oauth_post_signin },
	{ "GET",  "/signin/{}/done",   HTTP_QUICK,         0, 0, oauth_get_done },
	{ "GET",  "/privacy/{}/{}/{}", HTTP_QUICK,         0, 0, oauth_get_privacy },
	{ "GET",  "/logo/{}/{}",       HTTP_QUICK,         0, 0, oauth_get_logo },
	{ "GET",  "/oauth2/authorize", HTTP_QUICK,         0, 0, oauth_get_authorize },
	{ "POST", "/oauth2/authorize", HTTP_HEAVY, 16 * 1024, 0, oauth_post_authorize },
	{ "POST", "/oauth2/token",     HTTP_QUICK, 16 * 1024, 0, oauth_post_token },
	{ "POST", "/oauth2/revoke",     HTTP_QUICK, 16 * 1024, 0, oauth_post_revoke },
	{ "POST", "/oauth2/introspect", HTTP_QUICK, 16 * 1024, 0, oauth_post_introspect },
	{ "GET",  "/.well-known/oauth-authorization-server", HTTP_QUICK, 0, 0, oauth_get_metadata },
	{ .method = NULL },
};
/* clang-format on */
