/* The rows of the catalogue (enroll/failure.h). Sentences for people name no technology; sentences
 * for the operator name the rule; `todo` is what a colleague would say next. Add rows, rename none:
 * codes are stored. */
#ifndef ENROLL_FAILURE_TABLE_H
#define ENROLL_FAILURE_TABLE_H

/* clang-format off */
#define ENROLL_FAILURES(X) \
/* ---- discovery: nothing is written for these but counts; the first row opens every timeline ---- */ \
X(discovered, "discovered", STAGE_DISCOVERY, OUTCOME_OK, NULL, \
  "the device asked where to enroll and was sent here", NULL) \
X(discovery_bad_identifier, "discovery-bad-identifier", STAGE_DISCOVERY, OUTCOME_REFUSED, \
  "Check the address you typed: it should look like name@organization.com.", \
  "the user identifier is not user@domain with a fully qualified domain name, or over 240 octets", \
  "ask the person to type the whole address of their work or school account") \
X(discovery_unknown_domain, "discovery-unknown-domain", STAGE_DISCOVERY, OUTCOME_REFUSED, \
  "This organization does not offer sign-in here.", \
  "no organization of this server has that domain", "postern domain add, if the domain is yours") \
X(discovery_refused_by_rule, "discovery-refused-by-rule", STAGE_DISCOVERY, OUTCOME_REFUSED, NULL, \
  "a rule refuses this device or person", "postern rule explain says which rule and why") \
X(discovery_no_rule, "discovery-no-rule", STAGE_DISCOVERY, OUTCOME_REFUSED, \
  "Your organization does not allow this device to enroll.", \
  "no rule matches", "postern rule add, or postern rule explain") \
X(discovery_redirected, "discovery-redirected", STAGE_DISCOVERY, OUTCOME_OK, NULL, \
  "a rule sent the device to another server", NULL) \
/* ---- the enrollment request ---- */ \
X(attempt_link_damaged, "attempt-link-damaged", STAGE_ENROLL, OUTCOME_REFUSED, \
  "This enrollment link is not valid. Start again in Settings.", \
  "the attempt in the path was not made by this server, or was edited", \
  "nothing: somebody edited a link; the person starts again from Settings") \
X(attempt_link_old, "attempt-link-old", STAGE_ENROLL, OUTCOME_REFUSED, \
  "This enrollment took too long. Start again in Settings.", \
  "the attempt in the path is older than a day", \
  "the person starts again from Settings") \
X(attempt_too_many, "attempt-too-many", STAGE_ENROLL, OUTCOME_REFUSED, \
  "Too many tries from this network. Wait a while and start again.", \
  "the cap on attempts without a sign-in was reached for this address or in all", \
  "wait an hour, or raise attempts_per_address") \
X(machine_info_malformed, "machine-info-malformed", STAGE_ENROLL, OUTCOME_REFUSED, NULL, \
  "the body is not a signed property list with PRODUCT and VERSION", \
  "not an Apple device, or something on the way changed the request") \
X(machine_info_signature, "machine-info-signature", STAGE_ENROLL, OUTCOME_REFUSED, NULL, \
  "the signature over the device's description does not match", \
  "something on the way changed the request") \
X(machine_info_untrusted, "machine-info-untrusted", STAGE_ENROLL, OUTCOME_REFUSED, NULL, \
  "the device's built-in certificate does not chain to the organization's device CA pool", \
  "postern org set --device-ca FILE adds a CA; --device-ca-mode warn lets such devices in") \
X(machine_info_warning, "machine-info-warning", STAGE_ENROLL, OUTCOME_OK, NULL, \
  "the device's built-in certificate could not be verified; mode warn lets it go on", \
  "postern org set --device-ca FILE --device-ca-mode require once the pool is complete") \
X(challenged, "challenged", STAGE_ENROLL, OUTCOME_OK, NULL, "the device was asked to sign in", NULL) \
X(method_forced, "method-forced", STAGE_ENROLL, OUTCOME_OK, NULL, \
  "apple-as-web is offered although the rule says apple-oauth2: the OS is older than iOS 16", NULL) \
X(no_push_certificate, "no-push-certificate", STAGE_ENROLL, OUTCOME_FAILED, NULL, \
  "the organization has no push certificate, and no topic to put into a profile", \
  "postern org set --push-certificate FILE --push-key FILE, or --lab to try it out") \
/* ---- signing in ---- */ \
X(signin_shown, "signin-shown", STAGE_SIGNIN, OUTCOME_OK, NULL, "the sign-in page was opened", NULL) \
X(signin_ok, "signin-ok", STAGE_SIGNIN, OUTCOME_OK, NULL, "the person signed in", NULL) \
X(signin_wrong_password, "signin-wrong-password", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "That user name and password don't match.", \
  "wrong password, no such person, or a disabled one", "postern user show, postern user passwd") \
X(signin_throttled, "signin-throttled", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Too many wrong passwords. Wait a few minutes and try again.", \
  "too many failures for this person or address", "wait, or postern user passwd") \
X(signin_busy, "signin-busy", STAGE_SIGNIN, OUTCOME_FAILED, \
  "The server is busy. Try again in a minute.", "the line of password checks is full", \
  "nothing: the person tries again in a minute; if it stays, look at what floods the sign-in page") \
X(signin_cancelled, "signin-cancelled", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "You cancelled. Nothing was changed on your device.", "the person cancelled on the sign-in page", \
  "nothing: the person starts again when they want to") \
X(signin_other_person, "signin-other-person", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "This device belongs to another account. Sign in with the account that you enrolled it with.", \
  "someone else signed in than the enrollment's person", "unenroll first, then enroll as the other person") \
X(signin_form_invalid, "signin-form-invalid", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "This page is no longer valid. Start again in Settings.", \
  "the form came without the cookie or token of this attempt", \
  "the person starts again, with cookies allowed; if it stays, a proxy takes cookies away") \
X(signin_finished, "signin-finished", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "This sign-in is finished or no longer needed. To enroll again, start in Settings.", \
  "the attempt is over: its device is enrolled, or the enrollment to sign in again for has ended", \
  "nothing: a page that was left open was used again") \
X(signin_disabled, "signin-disabled", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your account is disabled. Ask your organization's help desk.", \
  "the person is disabled here", "postern user enable") \
X(provider_asked, "provider-asked", STAGE_SIGNIN, OUTCOME_OK, NULL, \
  "the person was sent to the identity provider", NULL) \
X(provider_cancelled, "provider-cancelled", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "You cancelled, or your organization's sign-in doesn't let you in here. Nothing was changed on your device.", \
  "the identity provider answered access_denied: the person cancelled, or may not use this application", \
  "see the provider's own log of sign-ins") \
X(provider_refused, "provider-refused", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your organization's sign-in did not finish. Start again in Settings, or ask your help desk.", \
  "the identity provider answered with an error", "postern idp check, and the provider's own log of sign-ins") \
X(provider_answer, "provider-answer", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "This page is no longer valid. Start again in Settings.", \
  "what the browser brought from the identity provider does not belong to this sign-in", \
  "the person starts again; if it stays, compare the redirect URI at the provider with postern idp show") \
X(provider_unreachable, "provider-unreachable", STAGE_SIGNIN, OUTCOME_FAILED, \
  "Your organization's sign-in does not answer right now. Try again in a few minutes.", \
  "the identity provider did not answer, or not with what it should", "postern idp check") \
X(id_token_refused, "id-token-refused", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your organization's sign-in could not be verified. Ask your help desk.", \
  "the ID token of the identity provider was refused", "postern idp check; the clocks of both servers; the client id") \
X(provider_person, "provider-person", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your organization's sign-in did not name an account that can be used here. Ask your help desk.", \
  "the identity provider's claims name no person of this organization", \
  "postern idp show: which claim is the user identifier") \
X(provider_person_unknown, "provider-person-unknown", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your account is not set up for this yet. Ask your organization's help desk.", \
  "nobody here has that user identifier, and the provider is set to create nobody", \
  "postern user add, or add the provider with people made at their first sign-in") \
X(provider_account_taken, "provider-account-taken", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your account signs in in another way. Ask your organization's help desk.", \
  "the account of that user identifier is not the identity provider's to take over", \
  "postern user show; remove the account, or its password, if both are the same person") \
X(provider_directory, "provider-directory", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "Your organization's sign-in could not say what you may use. Try again in a few minutes, or ask your help desk.", \
  "the person is in too many groups for the token, the directory did not name them, and one is needed", \
  "postern idp show: the directory, and User.Read in the scope; the application's permissions at the provider") \
X(provider_groups_kept, "provider-groups-kept", STAGE_SIGNIN, OUTCOME_OK, NULL, \
  "the person is in too many groups for the token, and the directory did not name them: they stay as they were", \
  "postern idp show: the directory, and User.Read in the scope; the application's permissions at the provider") \
X(authorize_invalid, "authorize-invalid", STAGE_SIGNIN, OUTCOME_REFUSED, \
  "This sign-in request is not valid. Start again in Settings.", \
  "client_id, redirect_uri, response_type or state of the authorization request are not as challenged", \
  "no Apple client sends that: a program that is not in order, or somebody who tries") \
/* ---- tokens ---- */ \
X(token_issued, "token-issued", STAGE_TOKEN, OUTCOME_OK, NULL, "tokens were issued for the sign-in", NULL) \
X(code_invalid, "code-invalid", STAGE_TOKEN, OUTCOME_REFUSED, NULL, \
  "the authorization code is unknown, spent or expired", \
  "nothing, now and then: the device starts again; if it stays, compare this server's clock and nodes' databases") \
X(code_mismatch, "code-mismatch", STAGE_TOKEN, OUTCOME_REFUSED, NULL, \
  "the code was issued for another client, redirect URI or PKCE verifier; it is spent now", \
  "no Apple client sends that: a program that is not in order, or somebody who tries") \
X(code_replayed, "code-replayed", STAGE_TOKEN, OUTCOME_REFUSED, NULL, \
  "the authorization code was used twice: what the first use got is revoked (RFC 6749 4.1.2)", \
  "someone may have seen the code: ask the person to enroll again") \
X(token_refreshed, "token-refreshed", STAGE_TOKEN, OUTCOME_OK, NULL, "the device renewed its access token by itself", NULL) \
X(refresh_reused, "refresh-reused", STAGE_TOKEN, OUTCOME_REFUSED, NULL, \
  "an old refresh token came back: the grant is revoked (RFC 9700 4.14)", \
  "the person signs in again; if it repeats, the device or its backup was copied") \
X(refresh_invalid, "refresh-invalid", STAGE_TOKEN, OUTCOME_REFUSED, NULL, \
  "the refresh token is expired, or its grant is revoked or its person disabled", \
  "the person signs in again on the device") \
/* ---- the profile ---- */ \
X(profile_sent, "profile-sent", STAGE_PROFILE, OUTCOME_OK, NULL, "the enrollment profile was sent", NULL) \
X(profile_token_unknown, "profile-token-unknown", STAGE_PROFILE, OUTCOME_REFUSED, NULL, \
  "the access token is unknown, expired, revoked, or was issued for another attempt", \
  "the person starts again in Settings") \
X(profile_person_disabled, "profile-person-disabled", STAGE_PROFILE, OUTCOME_REFUSED, \
  "Your account is disabled. Ask your organization's help desk.", \
  "the person was disabled after signing in", "postern user enable") \
X(profile_other_person, "profile-other-person", STAGE_PROFILE, OUTCOME_REFUSED, \
  "You signed in with another account than the one you typed. Start again with that account.", \
  "the person who signed in is not the one whose identifier was typed", \
  "the person types their own identifier into Settings, or signs in as who was typed") \
X(profile_rule_refuses, "profile-rule-refuses", STAGE_PROFILE, OUTCOME_REFUSED, NULL, \
  "the rules refuse the person who signed in", "postern rule explain says which rule and why") \
X(profile_other_mode, "profile-other-mode", STAGE_PROFILE, OUTCOME_REFUSED, \
  "Your organization enrolls this device in another way. Start again in Settings.", \
  "the rules give the person who signed in another mode than the path's", \
  "postern rule explain; rules on groups apply only once somebody signed in") \
/* ---- the identity certificate ---- */ \
X(certificate_issued, "certificate-issued", STAGE_CERTIFICATE, OUTCOME_OK, NULL, "the identity certificate was issued", NULL) \
X(certificate_renewed, "certificate-renewed", STAGE_CERTIFICATE, OUTCOME_OK, NULL, \
  "the renewed certificate was used for the first time; the one before is revoked", NULL) \
X(scep_malformed, "scep-malformed", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the SCEP message or its request can't be read", \
  "something on the way changed the request: postern check") \
X(scep_algorithm, "scep-algorithm", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the SCEP message uses a cipher or key that is too weak", \
  "the device, or a program, is too old for this server") \
X(scep_challenge_unknown, "scep-challenge-unknown", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the challenge password is unknown or older than an hour", "the person starts again in Settings") \
X(scep_challenge_spent, "scep-challenge-spent", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the challenge password was already used for another request", "the person starts again in Settings") \
X(identity_scep, "identity-scep", STAGE_CERTIFICATE, OUTCOME_OK, NULL, \
  "the rule asks for an identity by ACME, and this device can't: it gets one by SCEP", NULL) \
X(acme_attested, "acme-attested", STAGE_CERTIFICATE, OUTCOME_OK, NULL, \
  "the device's hardware attests the key of its identity", NULL) \
X(acme_malformed, "acme-malformed", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "an ACME request can't be read, or is not signed by the account that it names", \
  "something on the way changed the request: postern check") \
X(acme_nonce_used, "acme-nonce-used", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "an ACME request came with a nonce that was used before: it was sent a second time", \
  "nothing, if the device went on; otherwise see who stands between it and the server") \
X(acme_identifier_unknown, "acme-identifier-unknown", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the ClientIdentifier is unknown or older than an hour", "the person starts again in Settings") \
X(acme_identifier_spent, "acme-identifier-spent", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the ClientIdentifier was already used for another key", "the person starts again in Settings") \
X(acme_too_many_orders, "acme-too-many-orders", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "more orders were opened with one ClientIdentifier than a device needs", "the person starts again in Settings") \
X(acme_order_expired, "acme-order-expired", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the ACME order expired before the device finished it", "the person starts again in Settings") \
X(acme_attestation_missing, "acme-attestation-missing", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the device attests nothing: its answer to the challenge has no certificates", \
  "a device without the hardware for it gets its identity by a rule with --identity scep") \
X(acme_attestation_malformed, "acme-attestation-malformed", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the attestation can't be read", \
  "no Apple device sends that: a program that is not in order, or somebody who tries") \
X(acme_attestation_chain, "acme-attestation-chain", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the attestation leads to none of the organization's attestation roots", \
  "postern org show; Apple's root is the Apple Enterprise Attestation Root CA: postern org set --attestation-ca FILE") \
X(acme_attestation_stale, "acme-attestation-stale", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the attestation was made for another challenge", \
  "the person starts again; an attestation that was copied looks like this, too") \
X(acme_other_key, "acme-other-key", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the certificate was asked for with another key than the attested one", \
  "no Apple device does that: a program that is not in order, or somebody who tries") \
X(acme_request_malformed, "acme-request-malformed", STAGE_CERTIFICATE, OUTCOME_REFUSED, NULL, \
  "the certification request can't be read, or its key is too weak", \
  "no Apple device sends that: a program that is not in order, or somebody who tries") \
/* ---- check-in ---- */ \
X(authenticated, "authenticated", STAGE_CHECKIN, OUTCOME_OK, NULL, "Authenticate: certificate, sign-in and device belong together", NULL) \
X(acme_other_device, "acme-other-device", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the key of the identity was attested for another device than the one that enrolls with it", \
  "take it for an attack: find out whose device it is, and evict it") \
X(enrolled, "enrolled", STAGE_CHECKIN, OUTCOME_OK, NULL, "first TokenUpdate: the device is enrolled", NULL) \
X(user_channel, "user-channel", STAGE_CHECKIN, OUTCOME_OK, NULL, "the Mac's user channel is there", NULL) \
X(replaced, "replaced", STAGE_CHECKIN, OUTCOME_OK, NULL, \
  "the same device enrolled again: this enrollment, its queue and its tokens ended", NULL) \
X(identity_missing, "identity-missing", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the request proves no identity: no Mdm-Signature or client certificate where the organization expects it", \
  "check identity-proof of the organization and the proxy in front") \
X(identity_signature, "identity-signature", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "Mdm-Signature does not match the body", "something on the way changed the request") \
X(identity_unknown, "identity-unknown", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the certificate was not issued here, or is revoked", \
  "remove the account on the device and enroll again, if its enrollment is not known here: postern enrollment list") \
X(identity_other_enrollment, "identity-other-enrollment", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the certificate belongs to another enrollment than the message", \
  "the device enrolls again; if it stays, take it for an attack") \
X(message_malformed, "message-malformed", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the message is not a property list with the keys it needs", \
  "something on the way changed the request, or it is no Apple device") \
X(message_unknown, "message-unknown", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the MessageType is unknown or not for this mode and channel", \
  "nothing: a system newer than this server; look for a newer version") \
X(topic_mismatch, "topic-mismatch", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the Topic is not the one in this enrollment's profile", \
  "the device has an enrollment of before another push certificate: it enrolls again") \
X(mode_mismatch, "mode-mismatch", STAGE_CHECKIN, OUTCOME_REFUSED, NULL, \
  "the message has the identifier of the other mode only", \
  "the device has another server's or another mode's profile: it enrolls again") \
X(identifiers_dropped, "identifiers-dropped", STAGE_CHECKIN, OUTCOME_OK, NULL, \
  "the device sent identifiers that User Enrollment forbids; they were not stored", \
  "report it to whoever makes the device's software") \
/* ---- for as long as it lasts ---- */ \
X(bearer_missing, "bearer-missing", STAGE_ONGOING, OUTCOME_REFUSED, NULL, \
  "no access token where the channel must carry one; the device was asked to sign in", \
  "the person signs in when the device asks; if it stays, a proxy takes the Authorization header away") \
X(bearer_unknown, "bearer-unknown", STAGE_ONGOING, OUTCOME_REFUSED, NULL, \
  "the access token is unknown; the device was asked to sign in again", \
  "the person signs in when the device asks; after a restore that is so for all who renewed since") \
X(bearer_expired, "bearer-expired", STAGE_ONGOING, OUTCOME_REFUSED, NULL, \
  "the access token is expired; the device was asked to renew it", \
  "nothing: the device renews by itself") \
X(bearer_revoked, "bearer-revoked", STAGE_ONGOING, OUTCOME_REFUSED, \
  "Sign in again to keep using your organization's apps.", \
  "the sign-in was revoked; the device was asked to sign in again", \
  "the person signs in when the device asks") \
X(bearer_other_enrollment, "bearer-other-enrollment", STAGE_ONGOING, OUTCOME_REFUSED, NULL, \
  "the access token belongs to another enrollment", "a copied token: postern token revoke --user") \
X(bearer_other_person, "bearer-other-person", STAGE_ONGOING, OUTCOME_REFUSED, NULL, \
  "the access token belongs to another person than the enrollment", \
  "the person of the enrollment signs in; another one enrolls anew") \
X(person_disabled, "person-disabled", STAGE_ONGOING, OUTCOME_REFUSED, \
  "Your account is disabled. Ask your organization's help desk.", \
  "the person is disabled: nothing is delivered", "postern user enable, or postern enrollment evict") \
X(person_enabled, "person-enabled", STAGE_ONGOING, OUTCOME_OK, NULL, "the person is enabled again", NULL) \
X(policy_refuses, "policy-refuses", STAGE_ONGOING, OUTCOME_REFUSED, \
  "Your organization does not allow this device any more. Ask its help desk.", \
  "the rules refuse the person whose device is enrolled, since groups or rules changed: the sign-in ended", \
  "postern rule explain says which rule and why; postern enrollment evict, if the device is to leave") \
X(token_revoked, "token-revoked", STAGE_ONGOING, OUTCOME_OK, NULL, "the administrator revoked the sign-in", NULL) \
X(client_revoked, "client-revoked", STAGE_ONGOING, OUTCOME_OK, NULL, \
  "the device's client revoked its sign-in (RFC 7009)", NULL) \
X(signed_in_again, "signed-in-again", STAGE_ONGOING, OUTCOME_OK, NULL, "the person signed in again; the enrollment goes on", NULL) \
X(provider_ended, "provider-ended", STAGE_ONGOING, OUTCOME_REFUSED, \
  "Your organization's sign-in has ended. Sign in again.", \
  "the identity provider does not stand by the sign-in any more: it is revoked", \
  "see the provider's own log; the person signs in again, if they still may") \
X(provider_logged_out, "provider-logged-out", STAGE_ONGOING, OUTCOME_REFUSED, \
  "You signed out at your organization. Sign in again.", \
  "the identity provider says that the person signed out (back-channel logout): the sign-in is revoked", \
  "the person signs in when the device asks") \
X(provider_group, "provider-group", STAGE_ONGOING, OUTCOME_REFUSED, \
  "Your account may not use this. Ask your organization's help desk.", \
  "the person is not in the group that the provider's people must be in", "the provider's groups; postern idp show") \
X(provider_longest, "provider-longest", STAGE_ONGOING, OUTCOME_REFUSED, \
  "It is time to sign in again.", \
  "the longest time without a full sign-in is over: the sign-in is revoked", \
  "the person signs in when the device asks; the time is set by postern org set --refresh-max and group policy") \
X(provider_silent, "provider-silent", STAGE_ONGOING, OUTCOME_FAILED, NULL, \
  "the identity provider did not say whether the sign-in still stands; it goes on for the provider's grace", \
  "postern idp check") \
X(provider_silent_too_long, "provider-silent-too-long", STAGE_ONGOING, OUTCOME_REFUSED, \
  "Sign in again to keep using your organization's apps.", \
  "the identity provider has not said for all of its grace whether the sign-in still stands: it is revoked", \
  "postern idp check; the enrollment stays, and goes on once the person has signed in again") \
X(gettoken_no_uuid, "gettoken-no-uuid", STAGE_ONGOING, OUTCOME_FAILED, NULL, \
  "GetToken was refused: without a server UUID the organization has no token for the Managed Apple Account sign-in", \
  "postern apple setup, or postern org set --server-uuid UUID") \
X(gettoken_answered, "gettoken-answered", STAGE_ONGOING, OUTCOME_OK, NULL, "a token for the Managed Apple Account sign-in was made", NULL) \
X(account_refused, "account-refused", STAGE_ONGOING, OUTCOME_REFUSED, NULL, \
  "the device left right after GetToken, as it does when Apple refuses the sign-in to the Managed Apple Account", \
  "postern apple show, org show: compare with Apple School Manager or Apple Business the server's UUID and certificate, this " \
  "server's clock, and where Managed Apple Accounts are allowed") \
X(gettoken_unknown, "gettoken-unknown", STAGE_ONGOING, OUTCOME_REFUSED, NULL, "GetToken asked for an unknown or forbidden service type", \
  "nothing: a service that this server does not offer") \
X(renewal_ordered, "renewal-ordered", STAGE_ONGOING, OUTCOME_OK, NULL, \
  "the device is sent its enrollment profile again, for a new identity certificate", NULL) \
X(bootstrap_token_kept, "bootstrap-token-kept", STAGE_ONGOING, OUTCOME_OK, NULL, \
  "the device gave its bootstrap token into keeping", NULL) \
X(bootstrap_token_cleared, "bootstrap-token-cleared", STAGE_ONGOING, OUTCOME_OK, NULL, \
  "the device said that its bootstrap token is to be forgotten", NULL) \
/* ---- commands ---- */ \
X(command_delivered, "command-delivered", STAGE_COMMAND, OUTCOME_OK, NULL, "a command was delivered", NULL) \
X(command_answered, "command-answered", STAGE_COMMAND, OUTCOME_OK, NULL, "a command was answered", NULL) \
X(command_error, "command-error", STAGE_COMMAND, OUTCOME_FAILED, NULL, "the device answered a command with an error", \
  "postern command show UUID has the device's words") \
X(command_put_off, "command-put-off", STAGE_COMMAND, OUTCOME_OK, NULL, "the device put a command off (NotNow)", NULL) \
X(command_refused, "command-refused", STAGE_COMMAND, OUTCOME_REFUSED, NULL, "a command was refused before it was queued", \
  "postern modes says what the enrollment's mode allows") \
/* ---- the end ---- */ \
X(unenrolled, "unenrolled", STAGE_END, OUTCOME_OK, NULL, "CheckOut: the device left", NULL) \
X(eviction_ordered, "eviction-ordered", STAGE_END, OUTCOME_OK, NULL, "the administrator ordered the eviction", NULL) \
X(evicted, "evicted", STAGE_END, OUTCOME_OK, \
  "Your organization ended the management of this device.", "the device was told to leave", NULL) \
X(only_leaving, "only-leaving", STAGE_END, OUTCOME_REFUSED, NULL, \
  "a device that is being evicted asked for something: it hears that it is to leave, and nothing else", \
  "nothing: it leaves with its next requests") \
X(unknown_device_turned_away, "unknown-device-turned-away", STAGE_END, OUTCOME_REFUSED, NULL, \
  "an ended or unknown enrollment asked: 403 com.apple.unrecognized.device", \
  "nothing; a device that should be enrolled enrolls again") \
X(internal, "internal", STAGE_END, OUTCOME_FAILED, \
  "Something went wrong on our side. Try again later.", "an internal error", "look at the log at this time")
/* clang-format on */

#endif
