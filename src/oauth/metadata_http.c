/* GET /.well-known/oauth-authorization-server (RFC 8414). A device never asks: its challenge names the two URLs, and
 * the authorization endpoint wants the `attempt` that the challenge has. */
#include "config/config.h"
#include "enroll/challenge.h"
#include "oauth/client.h"
#include "oauth/doors.h"

/* clang-format off */
static const struct {
	const char *name, *path;
} endpoints[] = {
	{ "authorization_endpoint", "/oauth2/authorize" },
	{ "token_endpoint",         "/oauth2/token" },
	{ "revocation_endpoint",    "/oauth2/revoke" },
	{ "introspection_endpoint", "/oauth2/introspect" },
};
#define MOST 2
static const struct {
	const char *name, *values[MOST + 1];
} supported[] = {
	{ "response_types",                   { "code" } },
	{ "response_modes",                   { "query" } },
	{ "grant_types",                      { "authorization_code", "refresh_token" } },
	{ "code_challenge_methods",           { "S256" } },
	{ "scopes",                           { CHALLENGE_SCOPE } },
	{ "token_endpoint_auth_methods",      { "none" } },
	{ "revocation_endpoint_auth_methods", { "none" } },
	{ "introspection_endpoint_auth_methods", { "client_secret_basic", "Bearer" } },
};
/* clang-format on */

void
oauth_get_metadata(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	json_t *j = json_pack("{s:s}", "issuer", c->conf->url);

	(void)r;
	(void)room;
	for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
		json_object_set_new(
		    j, endpoints[i].name, json_string(arena_printf(c->arena, "%s%s", c->conf->url, endpoints[i].path)));
	for (size_t i = 0; i < sizeof supported / sizeof supported[0]; i++) {
		json_t *list = json_array();

		for (const char *const *v = supported[i].values; *v != NULL; v++)
			json_array_append_new(list, json_string(*v));
		json_object_set_new(j, arena_printf(c->arena, "%s_supported", supported[i].name), list);
	}
	client_answer(c, 200, j, out);
}
