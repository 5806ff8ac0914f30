/* Every request that the administration API takes: one row each. Room-private; admin.c makes the routes
 * and the functions that stand in them from these rows.
 *
 * X(method, path below /api/v1, class, largest body, who may, what it is, fields of the body
 * (admin/reply.h), handler)
 *
 * {name} in a path says what stands there; what belongs to an organization is looked at before the handler is
 * called (owner.c), so that who is of one organization reaches nothing of another. */
#ifndef ADMIN_ROUTES_H
#define ADMIN_ROUTES_H

#include "admin/reply.h"

/* The server gives a call 16 times its route's body limit as memory: listings of 500 rows need some, and so does what
 * looks at an organization before and after a change, for its warnings count its rules. */
#define ADMIN_LIST (256 * 1024)
#define ADMIN_SMALL (64 * 1024)
#define ADMIN_LARGE (4 * 1024 * 1024) /* certificate pools; commands that carry a profile */

/* Who may call: bits of enum actor_role. */
#define LOOK (ACTOR_READ | ACTOR_ADMIN)
#define ALL (ACTOR_READ | ACTOR_HELP_DESK | ACTOR_ADMIN)
#define HELP (ACTOR_HELP_DESK | ACTOR_ADMIN)
#define ADMIN ACTOR_ADMIN
#define WHOLE ADMIN_WHOLE /* besides: not for who is of one organization */

/* What it is: enum admin_what. */
#define SEES ADMIN_SEES
#define PERSON ADMIN_PERSON
#define CHANGES ADMIN_CHANGES
#define GRAVE ADMIN_GRAVE

/* clang-format off */
#define ADMIN_ROUTES(X) \
X("GET",    "/openapi.json",                                HTTP_QUICK,  ADMIN_LARGE, ALL,           SEES,    "", openapi_get) /* openapi.c */ \
X("GET",    "/status",                                      HTTP_QUICK,  ADMIN_LIST,  ALL | WHOLE,   SEES,    "", status_get) \
X("GET",    "/status/next",                                 HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", status_next) /* next_http.c */ \
X("GET",    "/overview",                                     HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", overview) /* overview_http.c */ \
X("POST",   "/store/shrink",                                HTTP_HEAVY,  ADMIN_SMALL, ADMIN | WHOLE, CHANGES, "", store_shrink) \
/* organization_http.c, organization_keys_http.c */ \
X("GET",    "/organizations",                               HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", organization_list) \
X("POST",   "/organizations",                               HTTP_HEAVY,  ADMIN_SMALL, ADMIN | WHOLE, CHANGES, "!name id !domains:a lab:b", organization_add) \
X("GET",    "/organizations/{organization}",                HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", organization_get) \
X("PATCH",  "/organizations/{organization}",                HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "!settings:o", organization_set) \
X("DELETE", "/organizations/{organization}",                HTTP_QUICK,  ADMIN_LIST,  ADMIN | WHOLE, GRAVE,   "", organization_remove) \
X("PUT",    "/organizations/{organization}/push-certificate", HTTP_HEAVY,  ADMIN_LIST,  ADMIN,         CHANGES, "!certificate !key", push_certificate_put) \
X("POST",   "/organizations/{organization}/device-cas",     HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         GRAVE,   "!pem", device_ca_add) \
X("DELETE", "/organizations/{organization}/device-cas",     HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", device_ca_clear) \
X("POST",   "/organizations/{organization}/attestation-cas", HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         GRAVE,   "!pem", attestation_ca_add) \
X("DELETE", "/organizations/{organization}/attestation-cas", HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", attestation_ca_clear) \
X("PUT",    "/organizations/{organization}/logo",           HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "!content", logo_put) \
X("DELETE", "/organizations/{organization}/logo",           HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", logo_clear) \
X("GET",    "/organizations/{organization}/certificates/{purpose}", HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", organization_certificate) \
X("POST",   "/organizations/{organization}/certificates/{purpose}/renew", HTTP_HEAVY,  ADMIN_LIST,  ADMIN,         CHANGES, "", organization_certificate_renew) \
X("GET",    "/domains",                                     HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", domain_list) \
X("POST",   "/organizations/{organization}/domains",        HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "!domain", domain_add) \
X("DELETE", "/organizations/{organization}/domains/{domain}", HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", domain_remove) \
/* esso_http.c */ \
X("GET",    "/organizations/{organization}/esso/{document}", HTTP_QUICK,  ADMIN_LARGE, LOOK,          SEES,    "", esso_get) \
X("PUT",    "/organizations/{organization}/esso/{document}", HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         CHANGES, "!document", esso_set) \
X("DELETE", "/organizations/{organization}/esso/{document}", HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", esso_remove) \
/* user_http.c */ \
X("GET",    "/users",                                       HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", user_list) \
X("POST",   "/users",                                       HTTP_HEAVY,  ADMIN_SMALL, ADMIN,         CHANGES, \
  "!user managed_apple_account display_name groups:a password", user_add) \
X("GET",    "/users/{user}",                                HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", user_get) \
X("PATCH",  "/users/{user}",                                HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "disabled:b groups:a", user_change) \
X("PUT",    "/users/{user}/password",                       HTTP_HEAVY,  ADMIN_SMALL, ADMIN,         CHANGES, "!password", user_password) \
X("DELETE", "/users/{user}",                                HTTP_QUICK,  ADMIN_LIST,  ADMIN,         GRAVE,   "", user_remove) \
/* group_http.c */ \
X("GET",    "/groups",                                      HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", group_list) \
X("GET",    "/groups/{group}",                              HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", group_get) \
X("PATCH",  "/groups/{group}",                              HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, \
  "organization access_token_life web_token_life refresh_idle longest grace spread", group_set) \
/* device_group_http.c, desired_http.c */ \
X("GET",    "/device-groups",                               HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", device_group_list) \
X("POST",   "/device-groups",                               HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, \
  "organization !name by_name:b mode model_family os_from os_below user_group", device_group_add) \
X("GET",    "/device-groups/{device_group}",                HTTP_QUICK,  ADMIN_LIST,  LOOK,          PERSON,  "", device_group_get) \
X("DELETE", "/device-groups/{device_group}",                HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "organization", device_group_remove) \
X("PUT",    "/device-groups/{device_group}/members/{enrollment}", HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "organization", device_group_join) \
X("DELETE", "/device-groups/{device_group}/members/{enrollment}", HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "organization", device_group_leave) \
X("PUT",    "/device-groups/{device_group}/items/{kind}/{item}", HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         CHANGES, "organization optional:b", device_group_give) \
X("DELETE", "/device-groups/{device_group}/items/{kind}/{item}", HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "organization", device_group_take) \
X("GET",    "/items/{kind}",                                HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", item_list) \
X("PUT",    "/items/{kind}",                                HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         CHANGES, \
  "organization name title content app_store_id bundle_id manifest_url configuration attributes:o", item_put) \
X("GET",    "/items/{kind}/{item}",                         HTTP_QUICK,  ADMIN_LARGE, LOOK,          SEES,    "", item_get) \
X("DELETE", "/items/{kind}/{item}",                         HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "organization", item_remove) \
/* rule_http.c */ \
X("GET",    "/rules",                                       HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", rule_list) \
X("POST",   "/rules",                                       HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, \
  "organization domain user group model_family percent:i !outcome redirect_url message method identity position:i", rule_add) \
X("GET",    "/rules/explain",                               HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", rule_explain) \
X("PATCH",  "/rules/{rule}",                                HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "organization !position:i", rule_move) \
X("DELETE", "/rules/{rule}",                                HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "organization", rule_remove) \
/* idp_http.c */ \
X("GET",    "/identity-providers",                          HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", idp_list) \
X("POST",   "/identity-providers",                          HTTP_QUICK,  ADMIN_LARGE, ADMIN,         GRAVE,   \
  "organization !kind !client_id client_secret client_key key_id name domain issuer client_auth tenant scope user_claim" \
  " apple_account groups_claim group_needed directory interval grace longest again known_only:b button:b ca", idp_add) \
X("GET",    "/identity-providers/{provider}",               HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", idp_get) \
X("PATCH",  "/identity-providers/{provider}",               HTTP_QUICK,  ADMIN_LARGE, ADMIN,         GRAVE,   \
  "organization client_secret client_key key_id name client_auth scope user_claim apple_account groups_claim group_needed" \
  " directory interval grace longest again known_only:b button:b ca", idp_set) \
X("DELETE", "/identity-providers/{provider}",               HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", idp_remove) \
X("POST",   "/identity-providers/{provider}/check",         HTTP_OUTWARD,ADMIN_LIST,  LOOK,          CHANGES, "organization", idp_check) \
/* attempt_http.c */ \
X("GET",    "/attempts",                                    HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", attempt_list) \
X("GET",    "/attempts/latest",                             HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", attempt_latest) \
X("GET",    "/attempts/{attempt}",                          HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", attempt_get) \
/* enrollment_http.c */ \
X("GET",    "/enrollments",                                 HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", enrollment_list) \
X("GET",    "/enrollments/{enrollment}",                    HTTP_QUICK,  ADMIN_LIST,  ALL,           PERSON,  "", enrollment_get) \
X("POST",   "/enrollments/{enrollment}/renew",              HTTP_QUICK,  ADMIN_SMALL, HELP,          CHANGES, "", enrollment_renew) \
X("POST",   "/enrollments/{enrollment}/push",               HTTP_QUICK,  ADMIN_SMALL, HELP,          CHANGES, "", enrollment_push) \
X("POST",   "/enrollments/{enrollment}/evict",              HTTP_QUICK,  ADMIN_SMALL, ADMIN,         GRAVE,   "", enrollment_evict) \
X("DELETE", "/enrollments/{enrollment}",                    HTTP_QUICK,  ADMIN_SMALL, ADMIN,         GRAVE,   "", enrollment_remove) \
/* command_http.c */ \
X("GET",    "/enrollments/{enrollment}/commands",           HTTP_QUICK,  ADMIN_LARGE, LOOK,          PERSON,  "", command_list) \
X("POST",   "/enrollments/{enrollment}/commands",           HTTP_QUICK,  ADMIN_LARGE, ADMIN,         CHANGES, \
  "request_type pairs:a plist user_channel", command_send) \
X("GET",    "/enrollments/{enrollment}/available-commands", HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", command_available) \
X("GET",    "/commands/{command}",                          HTTP_QUICK,  ADMIN_LARGE, LOOK,          PERSON,  "", command_get) \
X("DELETE", "/commands/{command}",                          HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "", command_cancel) \
/* token_http.c, service_http.c, certificate_http.c */ \
X("GET",    "/tokens",                                      HTTP_QUICK,  ADMIN_LIST,  LOOK,          PERSON,  "", token_list) \
X("POST",   "/tokens/revoke",                               HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "user enrollment grant", token_revoke) \
/* administrator_http.c */ \
X("GET",    "/me",                                          HTTP_QUICK,  ADMIN_LIST,  ALL,           SEES,    "", me_get) \
X("GET",    "/administrators",                              HTTP_QUICK,  ADMIN_LIST,  ADMIN | WHOLE, SEES,    "", administrator_list) \
X("POST",   "/administrators",                              HTTP_HEAVY,  ADMIN_SMALL, ADMIN | WHOLE, GRAVE,   "!name !role organization provider password", administrator_add) \
X("GET",    "/administrators/{administrator}",              HTTP_QUICK,  ADMIN_LIST,  ADMIN | WHOLE, SEES,    "", administrator_get) \
X("PATCH",  "/administrators/{administrator}",              HTTP_QUICK,  ADMIN_SMALL, ADMIN | WHOLE, GRAVE,   "role organization disabled:b", administrator_change) \
X("PUT",    "/administrators/{administrator}/password",     HTTP_HEAVY,  ADMIN_SMALL, ADMIN | WHOLE, GRAVE,   "!password", administrator_password) \
X("POST",   "/administrators/{administrator}/reset",        HTTP_QUICK,  ADMIN_SMALL, ADMIN | WHOLE, GRAVE,   "", administrator_reset) \
X("DELETE", "/administrators/{administrator}",              HTTP_QUICK,  ADMIN_SMALL, ADMIN | WHOLE, GRAVE,   "", administrator_remove) \
/* api_token_http.c */ \
X("GET",    "/api-tokens",                                  HTTP_QUICK,  ADMIN_LIST,  ADMIN,         SEES,    "", api_token_list) \
X("POST",   "/api-tokens",                                  HTTP_QUICK,  ADMIN_SMALL, ADMIN,         GRAVE,   "!name !role organization life", api_token_add) \
X("DELETE", "/api-tokens/{api_token}",                      HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "", api_token_revoke) \
/* licence_http.c */ \
X("PUT",    "/organizations/{organization}/licence-token",  HTTP_HEAVY,  ADMIN_LIST,  ADMIN,         CHANGES, "!token", licence_token_put) \
X("DELETE", "/organizations/{organization}/licence-token",  HTTP_QUICK,  ADMIN_LIST,  ADMIN,         CHANGES, "", licence_token_remove) \
X("GET",    "/organizations/{organization}/licence-apps",   HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", licence_app_list) \
X("GET",    "/organizations/{organization}/licences",       HTTP_QUICK,  ADMIN_LIST,  LOOK,          PERSON,  "", licence_list) \
/* assignment_http.c */ \
X("GET",    "/organizations/{organization}/apple",          HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", assignment_get) \
X("PUT",    "/organizations/{organization}/apple",          HTTP_OUTWARD,ADMIN_LIST,  ADMIN,         CHANGES, "!token", assignment_token_put) \
X("GET",    "/organizations/{organization}/apple/discovery", HTTP_OUTWARD,ADMIN_LIST,  LOOK,          SEES,    "", assignment_discovery_get) \
X("PUT",    "/organizations/{organization}/apple/discovery", HTTP_OUTWARD,ADMIN_LIST,  ADMIN,         CHANGES, "url", assignment_discovery_put) \
X("DELETE", "/organizations/{organization}/apple/discovery", HTTP_OUTWARD,ADMIN_LIST,  ADMIN,         CHANGES, "", assignment_discovery_remove) \
X("GET",    "/services",                                    HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", service_list) \
X("POST",   "/services",                                    HTTP_QUICK,  ADMIN_SMALL, ADMIN,         GRAVE,   "organization !name !purpose", service_add) \
X("DELETE", "/services/{service}",                          HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "", service_remove) \
/* webhook_http.c */ \
X("GET",    "/webhooks",                                    HTTP_QUICK,  ADMIN_LIST,  LOOK,          SEES,    "", webhook_list) \
X("POST",   "/webhooks",                                    HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "organization !url events:a secret", webhook_add) \
X("DELETE", "/webhooks/{webhook}",                          HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "", webhook_remove) \
X("POST",   "/webhooks/{webhook}/test",                     HTTP_OUTWARD,ADMIN_LIST,  ADMIN,         CHANGES, "", webhook_test) \
X("GET",    "/webhooks/{webhook}/dead-letters",             HTTP_QUICK,  ADMIN_LIST,  LOOK,          PERSON,  "", webhook_dead_letters) \
X("POST",   "/webhooks/{webhook}/replay",                   HTTP_QUICK,  ADMIN_SMALL, ADMIN,         CHANGES, "message", webhook_replay) \
X("GET",    "/certificates",                                HTTP_QUICK,  ADMIN_LIST,  LOOK,          PERSON,  "", certificate_list) \
X("POST",   "/certificates/{certificate}/revoke",           HTTP_QUICK,  ADMIN_SMALL, ADMIN,         GRAVE,   "", certificate_revoke) \
/* person_http.c */ \
X("GET",    "/users/{user}/export",                         HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         PERSON,  "", user_export) \
X("POST",   "/users/{user}/erase",                          HTTP_HEAVY,  ADMIN_LARGE, ADMIN,         GRAVE,   "evict:b", user_erase) \
/* audit_http.c */ \
X("GET",    "/audit",                                       HTTP_QUICK,  ADMIN_LARGE, ADMIN,         PERSON,  "", audit_list) \
X("GET",    "/audit/verification",                          HTTP_QUICK,  ADMIN_LARGE, ADMIN | WHOLE, SEES,    "", audit_verify) \
/**/
/* clang-format on */

#define X(method, path, class, max_body, roles, what, fields, handler) admin_handler admin_##handler;
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
const char *admin_user_name(struct admin_call *x, const char *account_id);

/* openapi.c: the document of all of it, in the arena. */
json_t *admin_openapi(struct arena *a, const char *version);

/* licence_http.c: what `org show` is to say of it. */
enum rc admin_licence_warnings(struct admin_call *x, const char *organization_id, json_t *out);
/* A row of the audit. */
struct audit_row;
json_t *admin_audit_row(struct admin_call *x, const struct audit_row *w);

/* assignment_http.c: likewise. */
enum rc admin_assignment_warnings(struct admin_call *x, const struct organization *o, json_t *out);

#endif
