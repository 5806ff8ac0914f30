/* Every request that the administration API takes: one row each. Room-private; admin.c makes the routes
 * and the functions that stand in them from these rows.
 *
 * X(method, path below /api/v1, class, largest body, fields of the body (admin/reply.h), handler) */
#ifndef ADMIN_ROUTES_H
#define ADMIN_ROUTES_H

#include "admin/reply.h"

/* The server gives a call 16 times its route's body limit as memory: listings of 500 rows need some. */
#define ADMIN_LIST (256 * 1024)
#define ADMIN_SMALL (64 * 1024)
#define ADMIN_LARGE (4 * 1024 * 1024) /* certificate pools; commands that carry a profile */

/* clang-format off */
#define ADMIN_ROUTES(X) \
X("GET",    "/status",                          HTTP_QUICK, ADMIN_LIST,  "", status_get) \
X("GET",    "/status/next",                     HTTP_QUICK, ADMIN_LIST,  "", status_next) /* next_http.c */ \
X("POST",   "/store/shrink",                    HTTP_HEAVY, ADMIN_SMALL, "", store_shrink) \
/* organization_http.c, organization_keys_http.c */ \
X("GET",    "/organizations",                   HTTP_QUICK, ADMIN_LIST,  "", organization_list) \
X("POST",   "/organizations",                   HTTP_HEAVY, ADMIN_SMALL, "!name id !domains:a lab:b", organization_add) \
X("GET",    "/organizations/{}",                HTTP_QUICK, ADMIN_LIST,  "", organization_get) \
X("PATCH",  "/organizations/{}",                HTTP_QUICK, ADMIN_SMALL, "!settings:o", organization_set) \
X("DELETE", "/organizations/{}",                HTTP_QUICK, ADMIN_SMALL, "", organization_remove) \
X("PUT",    "/organizations/{}/push-certificate", HTTP_HEAVY, ADMIN_SMALL, "!certificate !key", push_certificate_put) \
X("POST",   "/organizations/{}/device-cas",     HTTP_HEAVY, ADMIN_LARGE, "!pem", device_ca_add) \
X("DELETE", "/organizations/{}/device-cas",     HTTP_QUICK, ADMIN_SMALL, "", device_ca_clear) \
X("POST",   "/organizations/{}/attestation-cas", HTTP_HEAVY, ADMIN_LARGE, "!pem", attestation_ca_add) \
X("DELETE", "/organizations/{}/attestation-cas", HTTP_QUICK, ADMIN_SMALL, "", attestation_ca_clear) \
X("PUT",    "/organizations/{}/logo",           HTTP_QUICK, ADMIN_SMALL, "!content", logo_put) \
X("DELETE", "/organizations/{}/logo",           HTTP_QUICK, ADMIN_SMALL, "", logo_clear) \
X("GET",    "/organizations/{}/certificates/{}", HTTP_QUICK, ADMIN_LIST, "", organization_certificate) \
X("POST",   "/organizations/{}/certificates/{}/renew", HTTP_HEAVY, ADMIN_SMALL, "", organization_certificate_renew) \
X("GET",    "/domains",                         HTTP_QUICK, ADMIN_LIST,  "", domain_list) \
X("POST",   "/organizations/{}/domains",        HTTP_QUICK, ADMIN_SMALL, "!domain", domain_add) \
X("DELETE", "/organizations/{}/domains/{}",     HTTP_QUICK, ADMIN_SMALL, "", domain_remove) \
/* esso_http.c */ \
X("GET",    "/organizations/{}/esso/{}",        HTTP_QUICK, ADMIN_LARGE, "", esso_get) \
X("PUT",    "/organizations/{}/esso/{}",        HTTP_HEAVY, ADMIN_LARGE, "!document", esso_set) \
X("DELETE", "/organizations/{}/esso/{}",        HTTP_QUICK, ADMIN_SMALL, "", esso_remove) \
/* user_http.c */ \
X("GET",    "/users",                           HTTP_QUICK, ADMIN_LIST,  "", user_list) \
X("POST",   "/users",                           HTTP_HEAVY, ADMIN_SMALL, \
  "!user managed_apple_account display_name groups:a password", user_add) \
X("GET",    "/users/{}",                        HTTP_QUICK, ADMIN_LIST,  "", user_get) \
X("PATCH",  "/users/{}",                        HTTP_QUICK, ADMIN_SMALL, "disabled:b groups:a", user_change) \
X("PUT",    "/users/{}/password",               HTTP_HEAVY, ADMIN_SMALL, "!password", user_password) \
X("DELETE", "/users/{}",                        HTTP_QUICK, ADMIN_LIST,  "", user_remove) \
/* group_http.c */ \
X("GET",    "/groups",                          HTTP_QUICK, ADMIN_LIST,  "", group_list) \
X("PATCH",  "/groups/{}",                       HTTP_QUICK, ADMIN_SMALL, \
  "organization access_token_life web_token_life refresh_idle longest grace spread", group_set) \
/* device_group_http.c, desired_http.c */ \
X("GET",    "/device-groups",                   HTTP_QUICK, ADMIN_LIST,  "", device_group_list) \
X("POST",   "/device-groups",                   HTTP_QUICK, ADMIN_SMALL, \
  "organization !name by_name:b mode model_family os_from os_below user_group", device_group_add) \
X("GET",    "/device-groups/{}",                HTTP_QUICK, ADMIN_LIST,  "", device_group_get) \
X("DELETE", "/device-groups/{}",                HTTP_QUICK, ADMIN_SMALL, "organization", device_group_remove) \
X("PUT",    "/device-groups/{}/members/{}",     HTTP_QUICK, ADMIN_SMALL, "organization", device_group_join) \
X("DELETE", "/device-groups/{}/members/{}",     HTTP_QUICK, ADMIN_SMALL, "organization", device_group_leave) \
X("PUT",    "/device-groups/{}/items/{}/{}",    HTTP_HEAVY, ADMIN_LARGE, "organization optional:b", device_group_give) \
X("DELETE", "/device-groups/{}/items/{}/{}",    HTTP_QUICK, ADMIN_SMALL, "organization", device_group_take) \
X("GET",    "/items/{}",                        HTTP_QUICK, ADMIN_LIST,  "", item_list) \
X("PUT",    "/items/{}",                        HTTP_HEAVY, ADMIN_LARGE, \
  "organization name title content app_store_id bundle_id manifest_url configuration attributes:o", item_put) \
X("GET",    "/items/{}/{}",                     HTTP_QUICK, ADMIN_LARGE, "", item_get) \
X("DELETE", "/items/{}/{}",                     HTTP_QUICK, ADMIN_SMALL, "organization", item_remove) \
/* rule_http.c */ \
X("GET",    "/rules",                           HTTP_QUICK, ADMIN_LIST,  "", rule_list) \
X("POST",   "/rules",                           HTTP_QUICK, ADMIN_LIST, \
  "organization domain user group model_family percent:i !outcome redirect_url message method identity position:i", rule_add) \
X("GET",    "/rules/explain",                   HTTP_QUICK, ADMIN_LIST,  "", rule_explain) \
X("PATCH",  "/rules/{}",                        HTTP_QUICK, ADMIN_LIST,  "organization !position:i", rule_move) \
X("DELETE", "/rules/{}",                        HTTP_QUICK, ADMIN_LIST,  "organization", rule_remove) \
/* idp_http.c */ \
X("GET",    "/identity-providers",              HTTP_QUICK, ADMIN_LIST,  "", idp_list) \
X("POST",   "/identity-providers",              HTTP_QUICK, ADMIN_LARGE, \
  "organization !kind !client_id client_secret client_key key_id name domain issuer client_auth tenant scope user_claim" \
  " apple_account groups_claim group_needed directory interval grace longest again known_only:b button:b ca", idp_add) \
X("GET",    "/identity-providers/{}",           HTTP_QUICK, ADMIN_LIST,  "", idp_get) \
X("PATCH",  "/identity-providers/{}",           HTTP_QUICK, ADMIN_LARGE, \
  "organization client_secret client_key key_id name client_auth scope user_claim apple_account groups_claim group_needed" \
  " directory interval grace longest again known_only:b button:b ca", idp_set) \
X("DELETE", "/identity-providers/{}",           HTTP_QUICK, ADMIN_LIST,  "", idp_remove) \
X("POST",   "/identity-providers/{}/check",     HTTP_OUTWARD, ADMIN_LIST, "organization", idp_check) \
/* attempt_http.c */ \
X("GET",    "/attempts",                        HTTP_QUICK, ADMIN_LIST,  "", attempt_list) \
X("GET",    "/attempts/latest",                 HTTP_QUICK, ADMIN_LIST,  "", attempt_latest) \
X("GET",    "/attempts/{}",                     HTTP_QUICK, ADMIN_LIST,  "", attempt_get) \
/* enrollment_http.c */ \
X("GET",    "/enrollments",                     HTTP_QUICK, ADMIN_LIST,  "", enrollment_list) \
X("GET",    "/enrollments/{}",                  HTTP_QUICK, ADMIN_LIST,  "", enrollment_get) \
X("POST",   "/enrollments/{}/renew",            HTTP_QUICK, ADMIN_SMALL, "", enrollment_renew) \
X("POST",   "/enrollments/{}/push",             HTTP_QUICK, ADMIN_SMALL, "", enrollment_push) \
X("POST",   "/enrollments/{}/evict",            HTTP_QUICK, ADMIN_SMALL, "", enrollment_evict) \
X("DELETE", "/enrollments/{}",                  HTTP_QUICK, ADMIN_SMALL, "", enrollment_remove) \
/* command_http.c */ \
X("GET",    "/enrollments/{}/commands",         HTTP_QUICK, ADMIN_LARGE, "", command_list) \
X("POST",   "/enrollments/{}/commands",         HTTP_QUICK, ADMIN_LARGE, \
  "request_type pairs:a plist user_channel", command_send) \
X("GET",    "/enrollments/{}/available-commands", HTTP_QUICK, ADMIN_LIST, "", command_available) \
X("GET",    "/commands/{}",                     HTTP_QUICK, ADMIN_LARGE, "", command_get) \
X("DELETE", "/commands/{}",                     HTTP_QUICK, ADMIN_SMALL, "", command_cancel) \
/* token_http.c, service_http.c, certificate_http.c */ \
X("GET",    "/tokens",                          HTTP_QUICK, ADMIN_LIST,  "", token_list) \
X("POST",   "/tokens/revoke",                   HTTP_QUICK, ADMIN_LIST,  "user enrollment grant", token_revoke) \
/* licence_http.c */ \
X("PUT",    "/organizations/{}/licence-token",  HTTP_HEAVY, ADMIN_SMALL, "!token", licence_token_put) \
X("DELETE", "/organizations/{}/licence-token",  HTTP_QUICK, ADMIN_SMALL, "", licence_token_remove) \
X("GET",    "/organizations/{}/licence-apps",   HTTP_QUICK, ADMIN_LIST,  "", licence_app_list) \
X("GET",    "/organizations/{}/licences",       HTTP_QUICK, ADMIN_LIST,  "", licence_list) \
/* assignment_http.c */ \
X("GET",    "/organizations/{}/apple",          HTTP_QUICK, ADMIN_LIST,  "", assignment_get) \
X("PUT",    "/organizations/{}/apple",          HTTP_OUTWARD, ADMIN_LIST, "!token", assignment_token_put) \
X("GET",    "/organizations/{}/apple/discovery", HTTP_OUTWARD, ADMIN_LIST, "", assignment_discovery_get) \
X("PUT",    "/organizations/{}/apple/discovery", HTTP_OUTWARD, ADMIN_LIST, "url", assignment_discovery_put) \
X("DELETE", "/organizations/{}/apple/discovery", HTTP_OUTWARD, ADMIN_LIST, "", assignment_discovery_remove) \
X("GET",    "/services",                        HTTP_QUICK, ADMIN_LIST,  "", service_list) \
X("POST",   "/services",                        HTTP_QUICK, ADMIN_SMALL, "organization !name !purpose", service_add) \
X("DELETE", "/services/{}",                     HTTP_QUICK, ADMIN_SMALL, "", service_remove) \
X("GET",    "/certificates",                    HTTP_QUICK, ADMIN_LIST,  "", certificate_list) \
X("POST",   "/certificates/{}/revoke",          HTTP_QUICK, ADMIN_SMALL, "", certificate_revoke) \
/**/
/* clang-format on */

#define X(method, path, class, max_body, fields, handler) admin_handler admin_##handler;
ADMIN_ROUTES(X)
#undef X

/* ---- what the files of this room share ---- */

/* What would keep devices of an organization from enrolling, as an array of sentences. */
enum rc admin_organization_warnings(struct admin_call *x, const struct organization *o, json_t *out);

/* The short description of an enrollment that listings give. */
json_t *admin_enrollment_brief(struct admin_call *x, const struct enrollment *e);

/* "policy" of the answer: what holds for the person, and which group or who else says so. */
struct account;
enum rc admin_put_policy(struct admin_call *x, const struct account *a);

/* The user identifier of an account's id; NULL where the person is gone. */
int64_t admin_tls_not_after(struct admin_call *x); /* of the certificate that devices see; 0: there is none */
const char *admin_user_name(struct admin_call *x, const char *account_id);

/* licence_http.c: what `org show` is to say of it. */
enum rc admin_licence_warnings(struct admin_call *x, const char *organization_id, json_t *out);
/* assignment_http.c: likewise. */
enum rc admin_assignment_warnings(struct admin_call *x, const struct organization *o, json_t *out);

#endif
