/* What the OpenAPI document says beyond the table of requests: what is asked in the query, what an answer holds.
 *
 * SCHEMAS: X(name, members). A member is a word: NAME, then '!' (it is never null) or '?' (it may be absent), then
 * behind a colon its type: s text (the default), i integer, b boolean, a array of texts, o any object, x anything,
 * @Other an object of that schema or null, [Other an array of them.
 *
 * OPERATIONS: X(handler, items of the query, answer, what it does). The answer is the name of a schema, "[Name" for a
 * listing of them (which takes `cursor` and `limit`, too), with what its page says besides behind it, '+' before it where it is 201 Created, or "" where it is an
 * empty object. Room-private. */
#ifndef ADMIN_OPENAPI_TABLE_H
#define ADMIN_OPENAPI_TABLE_H

/* clang-format off */
#define SCHEMAS(X) \
X("Status", "version! url store_version!:i started_at:i uptime_s!:i warnings!:a tls:@Tls store_size!:i store_free!:i rows!:o" \
  " inactive!:i organizations!:[OrganizationBrief enrollments!:o attempts!:o discovery!:o") \
X("Tls", "subject! issuer! not_after:i") \
X("OrganizationBrief", "id! name! lab!:b warnings!:a") \
X("EnrolledCount", "state! mode! family os count!:i") \
X("Cause", "code! stage! sentence todo day!:i week!:i") \
X("AttemptDay", "at:i enrolled!:i failed!:i other!:i") \
X("Overview", "enrolled!:[EnrolledCount failing!:[Cause warnings!:a days!:[AttemptDay again!:i") \
X("Ending", "at:i what! organization count!:i todo") \
X("Shrunk", "more!:b store_size!:i store_free!:i") \
X("Organization", "id! name! lab!:b topic server_uuid identity_proof! device_ca_mode! device_ca_ignore_times!:b" \
  " access_rights!:i access_token_life_s!:i refresh_idle_s!:i refresh_max_s!:i web_token_life_s!:i spread_percent!:i" \
  " colour logo created_at:i domains?:a device_cas?:i attestation_cas?:i push_certificate?:@CertificateBrief" \
  " ca_certificate?:@CertificateBrief warnings?:a") \
X("CertificateBrief", "subject! serial! not_after:i") \
X("PushCertificate", "topic! not_after:i") \
X("PoolOfDevices", "added!:i device_cas?:i") \
X("PoolOfAttestation", "added!:i attestation_cas?:i") \
X("Logo", "logo! type! octets!:i") \
X("ServerCertificate", "organization! subject! serial! not_before:i not_after:i pem!") \
X("Domain", "domain! organization! added_at?:i") \
X("EssoDocument", "organization! kind! url! set_at?:i document?") \
X("User", "id! organization! user! managed_apple_account display_name source! has_password!:b disabled!:b disabled_at:i" \
  " created_at:i groups!:a enrollments?:[Enrollment policy?:[Limit latest_attempt? live_enrollments?:i") \
X("Limit", "limit! seconds?:i percent?:i by") \
X("UserRemoved", "user! evicted!:i") \
X("Group", "group! people!:i access_token_life_s:i web_token_life_s:i refresh_idle_s:i longest_s:i grace_s:i spread_percent:i") \
X("DeviceGroup", "name! organization! mode model_family os_from os_below user_group by_rule!:b members:i items?:[GroupItem") \
X("GroupItem", "kind! name! title optional!:b") \
X("Member", "name! enrollment!") \
X("Given", "group! kind! name!") \
X("Item", "kind! name! title type channel! organization! created_at:i updated_at:i groups?:a content?:x") \
X("Rule", "id! organization! position!:i domain user group model_family percent:i outcome! redirect_url message method identity" \
  " matches?:b decides?:b why_not?") \
X("Explanation", "items!:[Rule organization user model_family user_known!:b result!:@Outcome") \
X("Outcome", "rule? position?:i outcome! redirect_url? message? identity? method? method_forced?:b") \
X("Provider", "id! organization! kind! name domain issuer client_id client_auth tenant scope user_claim user_claim_else" \
  " apple_account groups_claim key_id directory again group_needed interval_s!:i grace_s!:i longest_s:i creates!:b redirects!:b" \
  " redirect_uri notices created_at:i authorization_endpoint? token_endpoint? jwks_uri? keys?:i pkce?:b iss_parameter?:b") \
X("Attempt", "id! help_code! organization kind! user signed_in_as model_family product os_version mode method rule network state!" \
  " stage code outcome enrollment events!:i started_at:i updated_at:i sentence? timeline?:[Event enrollment_is?:@Enrollment" \
  " sign_in_again?:@AttemptBrief first_attempt?") \
X("AttemptBrief", "id! state! code updated_at:i") \
X("Event", "seq!:i at:i stage code! outcome sentence details person todo") \
X("Enrollment", "id! organization! user mode! state! family product os_version created_at:i enrolled_at:i ended_at:i" \
  " last_seen_at:i inactive!:b device_id? device_name? serial_number? build_version? attempt? sign_in_again_attempt? grant?" \
  " evict_at?:i inactive_sentence? unlock_token_held?:b bootstrap_token_held?:b frozen?:o channels?:[Channel" \
  " certificates?:[Certificate desired?:[Desired queued?:i") \
X("Channel", "channel! user_id user_short_name user_long_name updated_at:i last_seen_at:i waits_for_wake!:b pushed_at:i" \
  " push_tries!:i push_refused") \
X("Certificate", "fingerprint! serial organization? enrollment? state? issued_at:i not_after:i revoked_at:i in_use?:b") \
X("Desired", "kind! name! title channel! group optional!:b way state! reason") \
X("Renewal", "id! uuid!") \
X("Push", "id! channels!:i trouble") \
X("Eviction", "id! way! sentence?") \
X("Removed", "id!") \
X("Command", "uuid! enrollment! user_channel channel! request_type! status! queued_by? queued_at:i delivered_at?:i not_now_at?:i" \
  " error? dropped?:i answered_at?:i command?:x answer?:x") \
X("CommandSent", "uuid! enrollment! request_type! filled!:b note") \
X("AvailableCommand", "request_type! note keys!:a") \
X("Grant", "grant! organization! user enrollment attempt method state! generation!:i created_at:i used_at:i ends_at:i revoked_at:i" \
  " revoked_why") \
X("Revoked", "revoked!:i") \
X("Service", "id! organization! name! purpose! created_at:i created_by secret?") \
X("ApiToken", "id! name! role! organization state! created_by! created_at:i expires_at:i used_at:i revoked_at:i secret?") \
X("LicenceToken", "location expires_at:i") \
X("LicenceApp", "adam_id! total!:i assigned!:i available!:i wanted!:i held!:i lacking!:i") \
X("Licence", "user adam_id! state! reason since:i") \
X("Apple", "server_name org_name org_type org_version org_id org_email org_phone org_address admin_id server_uuid expires_at:i" \
  " discovery_offered!:b discovery_url found_url checked_at:i trouble clock_off_s!:i") \
X("Discovery", "url since? ours?:b") \
X("Me", "name! role! organization way! began_at?:i ends_at?:i idle_until?:i proven_until?:i") \
X("Administrator", "id! name! role! organization provider has_password!:b second_factors!:a recovery_codes!:i disabled!:b" \
  " created_by created_at:i signed_in_at:i") \
X("AuditRow", "seq!:i at:i actor way! action! object person outcome! organization begun:i again!:i detail:x actor_id person_id" \
  " detail_digest hash!") \
X("AuditVerdict", "rows!:i last!:i next:i sound!:b wrong:i why head") \
X("Erased", "user! evicted!:i rules!:i") \
X("Webhook", "id! organization url! events! created_at:i created_by delivered_at:i failures!:i rests_until:i trouble secret?" \
  " waiting?:i dead?:i") \
X("DeadLetter", "id! type! body! trouble created_at:i dead_at:i tries!:i") \
X("WebhookTest", "status!:i") \
X("Replayed", "messages!:i")

#define OPERATIONS(X) \
X("openapi_get",                "",                                 "Document", "This document") \
X("status_get",                 "",                                 "Status", "Is all well? Version, warnings, counts") \
X("overview",                   "organization",                     "Overview", "What is enrolled, what fails and why, and the last two weeks") \
X("status_next",                "within",                           "[Ending", "What ends within a time (90d)") \
X("store_shrink",               "",                                 "Shrunk", "Give back some of the store's free space") \
X("organization_list",          "",                                 "[Organization", "List organizations") \
X("organization_add",           "",                                 "+Organization", "Add an organization with its keys") \
X("organization_get",           "",                                 "Organization", "One organization, with what keeps devices away") \
X("organization_set",           "",                                 "Organization", "Change settings of an organization") \
X("organization_remove",        "",                                 "", "Remove an organization without live enrollments") \
X("push_certificate_put",       "",                                 "PushCertificate", "Set the MDM push certificate") \
X("device_ca_add",              "",                                 "PoolOfDevices", "Add CA certificates of device identities") \
X("device_ca_clear",            "",                                 "", "Empty that pool") \
X("attestation_ca_add",         "",                                 "PoolOfAttestation", "Add CA certificates of attestations") \
X("attestation_ca_clear",       "",                                 "", "Empty that pool") \
X("logo_put",                   "",                                 "Logo", "Set the logo of the sign-in pages") \
X("logo_clear",                 "",                                 "", "Take the logo away") \
X("organization_certificate",   "",                                 "ServerCertificate", "A certificate of the server's own") \
X("organization_certificate_renew", "",                             "ServerCertificate", "Give its key a new certificate") \
X("domain_list",                "organization",                     "[Domain", "List domains of user identifiers") \
X("domain_add",                 "",                                 "+Domain", "Add a domain") \
X("domain_remove",              "",                                 "", "Remove a domain") \
X("esso_get",                   "",                                 "EssoDocument", "A document of Enrollment SSO") \
X("esso_set",                   "",                                 "EssoDocument", "Set a document of Enrollment SSO") \
X("esso_remove",                "",                                 "", "Remove a document of Enrollment SSO") \
X("user_list",                  "organization search", "[User", "List people by user identifier") \
X("user_add",                   "",                                 "+User", "Add a person") \
X("user_get",                   "",                                 "User", "One person, with devices and what holds for them") \
X("user_change",                "",                                 "User", "Disable or enable a person, or set groups") \
X("user_password",              "",                                 "", "Set a local password") \
X("user_remove",                "",                                 "UserRemoved", "Remove a person; their devices are evicted") \
X("group_list",                 "organization",       "[Group", "List groups of people") \
X("group_get",                  "organization",                     "Group", "One group of people") \
X("group_set",                  "organization",                     "Group", "Set what holds for a group of people") \
X("device_group_list",          "organization",                     "[DeviceGroup", "List groups of devices") \
X("device_group_add",           "",                                 "+DeviceGroup", "Add a group of devices") \
X("device_group_get",           "organization",                     "DeviceGroup", "One group of devices, with what it is given") \
X("device_group_remove",        "organization",                     "DeviceGroup", "Remove a group of devices") \
X("device_group_join",          "organization",                     "Member", "Add a device to a group by name") \
X("device_group_leave",         "organization",                     "Member", "Take a device out of it") \
X("device_group_give",          "organization",                     "Given", "Give a group an item") \
X("device_group_take",          "organization",                     "Given", "Take it back") \
X("item_list",                  "organization",                     "[Item", "List profiles, apps or declarations") \
X("item_put",                   "organization",                     "Item", "Add or replace a profile, an app or a declaration") \
X("item_get",                   "organization",                     "Item", "One, with its content") \
X("item_remove",                "organization",                     "Item", "Remove one") \
X("rule_list",                  "organization",                     "[Rule", "List rules in their order") \
X("rule_add",                   "organization",                     "+Rule", "Add a rule") \
X("rule_explain",               "organization user model-family os", "Explanation", "What a device would be told, and why") \
X("rule_move",                  "organization",                     "Rule", "Move a rule") \
X("rule_remove",                "organization",                     "Rule", "Remove a rule") \
X("idp_list",                   "organization",                     "[Provider", "List identity providers") \
X("idp_add",                    "organization",                     "+Provider", "Add an identity provider") \
X("idp_get",                    "organization",                     "Provider", "One identity provider") \
X("idp_set",                    "organization",                     "Provider", "Change an identity provider") \
X("idp_remove",                 "organization",                     "Provider", "Remove an identity provider") \
X("idp_check",                  "organization",                     "Provider", "Ask the provider for its documents") \
X("attempt_list",               "organization user state code", "[Attempt", "List attempts, newest first") \
X("attempt_latest",             "user!",                            "Attempt", "A person's latest attempt") \
X("attempt_get",                "",                                 "Attempt", "One attempt with its timeline") \
X("enrollment_list",            "organization user state", "[Enrollment", "List enrollments, newest first") \
X("enrollment_get",             "",                                 "Enrollment", "One enrollment, wanted against actual") \
X("enrollment_renew",           "",                                 "Renewal", "Renew the device's identity now") \
X("enrollment_push",            "",                                 "Push", "Wake the device") \
X("enrollment_evict",           "",                                 "Eviction", "Tell the device to leave") \
X("enrollment_remove",          "",                                 "Removed", "Forget an enrollment that ended") \
X("command_list",               "",                                 "[Command", "Queue and results of an enrollment") \
X("command_send",               "",                                 "+CommandSent", "Queue a command") \
X("command_available",          "user-channel",                     "[AvailableCommand", "What may be sent to it") \
X("command_get",                "",                                 "Command", "One command with its answer") \
X("command_cancel",             "",                                 "", "Take a command out of the queue") \
X("token_list",                 "organization user enrollment", "[Grant", "List sign-ins, newest first") \
X("token_revoke",               "",                                 "Revoked", "End sign-ins: the device signs in again") \
X("service_list",               "organization",                     "[Service", "List other services that may ask") \
X("service_add",                "",                                 "+Service", "Let another service ask; its secret comes once") \
X("service_remove",             "",                                 "", "Refuse one from now on") \
X("certificate_list",           "enrollment!",                      "[Certificate", "Identity certificates of an enrollment") \
X("certificate_revoke",         "",                                 "Certificate", "Revoke an identity certificate") \
X("api_token_list",             "organization",                     "[ApiToken", "List tokens of this API") \
X("api_token_add",              "",                                 "+ApiToken", "Make a token; its secret comes once") \
X("api_token_revoke",           "",                                 "ApiToken", "Refuse a token from now on") \
X("licence_token_put",          "",                                 "LicenceToken", "Set the token of Apps and Books") \
X("licence_token_remove",       "",                                 "", "Take it away") \
X("licence_app_list",           "",                                 "[LicenceApp", "Licences that are bought, and held") \
X("licence_list",               "user",                             "[Licence", "Who holds which licence") \
X("assignment_get",             "",                                 "Apple", "The MDM server at Apple") \
X("assignment_token_put",       "",                                 "Apple", "Set the server token of Apple") \
X("assignment_discovery_get",   "",                                 "Discovery", "Ask Apple for its discovery URL") \
X("assignment_discovery_put",   "",                                 "Discovery", "Register this server at Apple") \
X("assignment_discovery_remove", "",                                "", "Take it away") \
X("me_get",                     "",                                 "Me", "Who asks") \
X("administrator_list",         "",                                 "[Administrator", "List people who administer") \
X("administrator_add",          "",                                 "+Administrator", "Add somebody who administers") \
X("administrator_get",          "",                                 "Administrator", "One of them") \
X("administrator_change",       "",                                 "Administrator", "Change role or organization, disable or enable") \
X("administrator_password",     "",                                 "", "Set a local password; sessions end") \
X("administrator_reset",        "",                                 "", "Forget second factors and recovery codes") \
X("administrator_remove",       "",                                 "", "Remove somebody; sessions end") \
X("user_export",                "",                                 "Anything", "All that is kept of a person") \
X("user_erase",                 "",                                 "Erased", "Erase all that is kept of a person") \
X("audit_list",                 "organization user actor object since until before:i after:i", "[AuditRow head!:i", \
  "Who did what; newest first, or from `after` on, oldest first") \
X("audit_verify",               "from:i head",                      "AuditVerdict", "Check the audit's chain, a part at a time") \
X("webhook_list",               "organization",                     "[Webhook", "List webhooks") \
X("webhook_add",                "",                                 "+Webhook", "Add a webhook; its secret comes once") \
X("webhook_remove",             "",                                 "", "Remove a webhook") \
X("webhook_test",               "",                                 "WebhookTest", "Send it a message now") \
X("webhook_dead_letters",       "",                                 "[DeadLetter", "Messages that were given up") \
X("webhook_replay",             "",                                 "Replayed", "Send one of them again, or all")
/* clang-format on */

#endif
