/* The checks, in the order in which they are judged. Rules are those of data/checklist.csv, sections those of
 * docs/protocol.md; "Simple", "OAuth2", "ESSO" and "Onboarding" are Apple's articles on the flows, other names its
 * reference pages.
 *
 * X(id, rule, stage, plan, severity, for whom, source, what holds, what a device does otherwise) */
#ifndef CONFORM_CHECK_TABLE_H
#define CONFORM_CHECK_TABLE_H

/* clang-format off */
#define CONFORM_CHECKS(X) \
/* ---- discovery ---- */ \
X(discovery_status, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2.3, 2.4; Simple", \
  "The well-known document of the domain is answered with 200.", \
  "It asks Apple's fallback, if it knows it, and else tells the person that the account does not support this.") \
X(discovery_type, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2.3; Onboarding", \
  "Its media type is application/json.", \
  "It does not read the document, and goes on as if there were none.") \
X(discovery_document, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2.3; Discover Authentication Servers", \
  "It is a JSON object whose Servers is an array; no key stands twice.", \
  "It does not understand the document, and goes on as if there were none.") \
X(discovery_one_server, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_HARMS, ANY, "2.3; Simple", \
  "Servers has exactly one item.", \
  "It takes the first and never looks at the others.") \
X(discovery_version, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2.3; Simple", \
  "Version is mdm-byod or mdm-adde.", \
  "It knows no other way to enroll and stops.") \
X(discovery_base_url, "S-02", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2.3, 15", \
  "BaseURL is an https URL.", \
  "It opens no plain connection and stops.") \
X(discovery_hops, "S-02", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2.2, 15", \
  "Every redirect of discovery leads to an https URL.", \
  "It does not follow.") \
X(discovery_query_kept, "S-04", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_HARMS, ANY, "2.2; Simple", \
  "Every redirect of discovery carries user-identifier and model-family on.", \
  "It follows without them, so that the next server knows neither person nor device.") \
X(identifier_forms, "S-03", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_HARMS, ANY, "2.2; RFC 3986 2.2", \
  "An identifier with %40 gets the same server as one with @.", \
  "It writes either, by its version.") \
X(identifier_plus, "S-03", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_HARMS, ANY, "2.2", \
  "An identifier with a literal plus is answered as one whose plus is escaped.", \
  "It sends the plus as it is, and a person with one in the address is taken for somebody else.") \
X(family_missing, "S-03", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_ADVISED, ANY, "2.2, 2.6", \
  "Discovery without model-family is answered with a server or a refusal in JSON.", \
  "After Apple's redirect it may ask without it.") \
X(identifier_missing, "S-03", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_ADVISED, ANY, "2.2, 2.6", \
  "Discovery without user-identifier is answered with a server or a refusal in JSON.", \
  "After Apple's redirect it may ask without it.") \
X(discovery_refusal, "S-05", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_ADVISED, ANY, "2.5; ErrorWellKnownFailed", \
  "A device that can't enroll is sent somewhere, or refused with 403 and com.apple.well-known.failed in JSON.", \
  "It can show the person nothing but that something failed.") \
X(discovery_in_time, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_HARMS, ANY, "2.2", \
  "Discovery is answered in time.", \
  "It gives up after 90 seconds; a person does sooner.") \
X(discovery_flood, "S-01", CONFORM_DISCOVERY, CONFORM_DESTRUCTIVE, CONFORM_HARMS, ANY, "2.3; RFC 6585 4", \
  "Forty questions in a row are answered with a server, or with 429 or 503.", \
  "Many devices share an address, in an office or behind a carrier.") \
X(discovery_gone_through, "S-01", CONFORM_DISCOVERY, CONFORM_QUICK, CONFORM_BREAKS, ANY, "2", \
  "A device finds its server.", \
  "It stops here.") \
/* ---- the first enrollment request ---- */ \
X(first_status, "S-08", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "3.3; Simple", \
  "The first request, without a token, is answered with 401.", \
  "It cancels, also on 200: account-driven enrollment begins with a challenge.") \
X(first_challenge_one, "S-08", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_HARMS, ANY, "4.1", \
  "The 401 has one WWW-Authenticate header, whose scheme is written Bearer.", \
  "It compares the scheme letter by letter, and looks at the first challenge only.") \
X(first_challenge_complete, "S-08", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "4.1, 4.2, 4.3; Simple, OAuth2", \
  "The challenge names a method that devices know, and has its parameters, none of them twice.", \
  "It can't ask anybody to sign in and cancels.") \
X(first_empty, "S-08", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_ADVISED, ANY, "3.3, 8.1", \
  "The 401 has no body.", \
  "It reads none.") \
X(first_no_store, "S-39", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_HARMS, ANY, "3.3; RFC 9111 5.2.2.5", \
  "The 401 has Cache-Control: no-store.", \
  "A cache in between may hand one attempt's challenge to another device.") \
X(web_url_https, "S-02", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_HARMS, WEB, "4.2, 15; Simple", \
  "The url of the challenge is https.", \
  "It would send a password in the clear; systems from 27 on don't.") \
X(web_url_no_query, "S-11", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, WEB, "4.2", \
  "The url of the challenge has no query.", \
  "It replaces the query by user-identifier alone: what stood there is lost.") \
X(oauth_parameters, "S-13", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; OAuth2", \
  "The challenge has authorization-url, token-url, redirect-url, client-id and scope.", \
  "Without one of the first four it cancels; without scope it asks for none.") \
X(oauth_https, "S-13", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3, 15; OAuth2", \
  "authorization-url and token-url are https URLs.", \
  "It cancels.") \
X(oauth_redirect, "S-13", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; OAuth2", \
  "redirect-url has the scheme apple-remotemanagement-user-login, and a path.", \
  "It waits for a callback of that scheme only, which never comes.") \
X(any_content_type, "S-07", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "3; Simple", \
  "The same request as a form, or as XML, gets the same challenge.", \
  "By its version it names one media type or another for the same body.") \
X(unsigned_refused, "S-09", CONFORM_CHALLENGE, CONFORM_DESTRUCTIVE, CONFORM_ADVISED, ANY, "3.2; MachineInfo", \
  "A request whose signature does not match is not challenged.", \
  "No device sends one: whoever does is none.") \
X(nonsense_refused, "S-09", CONFORM_CHALLENGE, CONFORM_DESTRUCTIVE, CONFORM_HARMS, ANY, "3.2, 3.3", \
  "A request that is no CMS message is refused with a status from 400 to 499.", \
  "No device sends one.") \
X(esso_document, "S-36", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, HANDHELD, "4.5; ESSO", \
  "The document that X-Apple-MDM-ESSO names can be fetched and keeps to its rules.", \
  "It can't install the app that signs in, and cancels.") \
X(challenge_gone_through, "S-08", CONFORM_CHALLENGE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "3", \
  "A device is told how the person signs in.", \
  "It stops here.") \
/* ---- signing in, and the token endpoint ---- */ \
X(signin_over_https, "S-02", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_HARMS, ANY, "4.2, 15", \
  "Every page of the sign-in is https.", \
  "Others on the network see what the person types.") \
X(callback_status, "S-12", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_HARMS, ANY, "4.2, 4.3; Simple, OAuth2", \
  "The sign-in ends in a redirect with the status 308.", \
  "Only 308 is written down; what it makes of another is not known.") \
X(callback_address, "S-12", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, WEB, "4.2; Simple", \
  "It leads to apple-remotemanagement-user-login://authentication-results?access-token=...", \
  "It finds no token and cancels.") \
X(callback_empty, "S-12", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_ADVISED, ANY, "4.2; Simple", \
  "The redirect has no body.", \
  "It reads none.") \
X(callback_no_store, "S-39", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_HARMS, ANY, "4.2; RFC 6749 5.1", \
  "The redirect has Cache-Control: no-store.", \
  "The token or code may stay in a cache.") \
X(token_plain, "S-12", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, WEB, "4.2", \
  "The token is of characters that need no encoding: letters, digits, and . _ ~ -", \
  "It may read another token than was meant, and is refused with it.") \
X(state_returned, "S-14", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; OAuth2, RFC 6749 4.1.2", \
  "The redirect goes to redirect-url with a code and the state that was sent.", \
  "It takes the answer for somebody else's and cancels.") \
X(code_plain, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3", \
  "The code is of characters that need no encoding.", \
  "It sends a plus as it is, and the token endpoint reads a space.") \
X(token_status, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; OAuth2, RFC 6749 5.1", \
  "The token endpoint takes the code without a client secret and answers 200.", \
  "It cancels.") \
X(token_document, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; RFC 6749 5.1", \
  "The answer is a JSON object of the media type application/json; no key stands twice.", \
  "It does not understand the answer and cancels.") \
X(token_type, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; OAuth2", \
  "token_type is Bearer.", \
  "It cancels.") \
X(token_access, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3; RFC 6750 2.1", \
  "There is an access_token, of characters that need no encoding.", \
  "It has nothing to prove with who signed in, and cancels.") \
X(token_refresh, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_HARMS, OAUTH, "4.3, 8.1; OAuth2", \
  "There is a refresh_token, of characters that need no encoding.", \
  "When the access token is over it asks the person to sign in again.") \
X(token_expires, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_ADVISED, OAUTH, "4.3; RFC 6749 5.1", \
  "expires_in is a whole number of seconds above zero, if it is there.", \
  "It keeps it, and may renew the token before it is refused.") \
X(token_no_store, "S-39", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_HARMS, OAUTH, "4.3; RFC 6749 5.1", \
  "The answer has Cache-Control: no-store.", \
  "The tokens may stay in a cache.") \
X(token_in_time, "S-15", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_HARMS, OAUTH, "4.3", \
  "The token endpoint answers in time.", \
  "It gives up after 90 seconds.") \
X(wrong_client, "S-14", CONFORM_SIGNIN, CONFORM_FULL, CONFORM_HARMS, OAUTH, "4.3; RFC 6749 4.1.2.1", \
  "An authorization request of an unknown client is answered with a page, not with a redirect.", \
  "Somebody else's app could get codes.") \
X(wrong_redirect, "S-14", CONFORM_SIGNIN, CONFORM_FULL, CONFORM_HARMS, OAUTH, "4.3; RFC 6749 4.1.2.1", \
  "An authorization request that names another redirect address never leads there.", \
  "Somebody else's site could get codes.") \
X(wrong_code, "S-16", CONFORM_SIGNIN, CONFORM_FULL, CONFORM_HARMS, OAUTH, "4.4; RFC 6749 5.2", \
  "A code that was never issued is refused with 400 and an error in JSON.", \
  "It cancels, whatever the answer; but a guess must not succeed.") \
X(pkce_honoured, "S-14", CONFORM_SIGNIN, CONFORM_FULL, CONFORM_HARMS, OAUTH, "4.3; RFC 7636 4.6", \
  "A code that was asked for with a code_challenge is refused without its verifier.", \
  "Today's devices send none; those that will must not be protected in vain.") \
X(code_once, "S-16", CONFORM_SIGNIN, CONFORM_DESTRUCTIVE, CONFORM_HARMS, OAUTH, "4.4; RFC 6749 4.1.2", \
  "A code is refused the second time.", \
  "It uses each once; whoever uses it again has stolen it.") \
X(wrong_password, "S-12", CONFORM_SIGNIN, CONFORM_DESTRUCTIVE, CONFORM_HARMS, ANY, "4.2", \
  "A wrong password does not end in the callback.", \
  "Anybody could enroll.") \
X(signin_gone_through, "S-12", CONFORM_SIGNIN, CONFORM_QUICK, CONFORM_BREAKS, ANY, "4", \
  "Signing in ends with a token.", \
  "It stops here.") \
/* ---- the second enrollment request, and the profile ---- */ \
X(second_status, "S-17", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "3.3; Simple", \
  "The request with the new token is answered with 200 and a body.", \
  "It cancels; after 401 without asking again.") \
X(second_type, "S-17", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5; Simple", \
  "The media type is application/x-apple-aspen-config.", \
  "It takes the answer for no profile and cancels.") \
X(second_no_store, "S-39", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_HARMS, ANY, "5", \
  "The profile has Cache-Control: no-store.", \
  "A profile with a one-time secret may stay in a cache.") \
X(second_in_time, "S-17", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_HARMS, ANY, "3", \
  "Enrollment requests are answered in time.", \
  "It gives up after 90 seconds; a person does sooner.") \
X(profile_readable, "S-17", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5, 5.1, 5.3; TopLevel", \
  "It is a configuration profile with one com.apple.mdm payload and the identity payload that this names; a signature on it is intact.", \
  "It installs nothing and cancels.") \
X(profile_mode, "S-18", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.2; Simple, MDM", \
  "EnrollmentMode is there and fits the Version of discovery.", \
  "It cancels.") \
X(profile_account, "S-18", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.2; Simple, MDM", \
  "AssignedManagedAppleID is the name of an account.", \
  "It cancels: it does not know whom to ask for a password.") \
X(profile_no_old_mode, "S-18", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.2", \
  "There is no ManagedAppleID, of the enrollment kind that is gone.", \
  "It refuses the profile.") \
X(profile_rights, "S-19", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, BYOD, "5.2; Simple", \
  "A User Enrollment profile has no AccessRights.", \
  "It cancels.") \
X(profile_rights_given, "S-18", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ADDE, "5.2; MDM", \
  "The AccessRights of a device enrollment are not 0, and none of them lacks one that it needs.", \
  "It refuses the profile.") \
X(profile_removal, "S-19", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, BYOD, "5.1; TopLevel", \
  "A User Enrollment profile has no PayloadRemovalDisallowed.", \
  "It refuses the profile: a person can always leave.") \
X(profile_payloads, "S-32", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.4, 10", \
  "Every payload of the profile is one that its mode and system allow.", \
  "iOS and visionOS refuse the whole profile, macOS leaves the payload out.") \
X(capability_token, "S-20", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_HARMS, ANY, "5.2, 9; Get Token", \
  "ServerCapabilities has com.apple.mdm.token.", \
  "Where the organization allows its accounts on managed devices only, the sign-in is refused and the device unenrolls.") \
X(capability_users, "S-20", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_HARMS, MAC, "5.2, 7.5; MDM", \
  "ServerCapabilities has com.apple.mdm.per-user-connections for a Mac.", \
  "It has no user channel, and it never can: the profile may not add it later.") \
X(capability_bootstrap, "S-20", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_ADVISED, BYOD, "5.2, 7.2; MDM", \
  "ServerCapabilities of User Enrollment has no com.apple.mdm.bootstraptoken, and nothing twice.", \
  "It never sends a bootstrap token in this mode.") \
X(profile_topic, "S-17", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.2; MDM", \
  "Topic begins with com.apple.mgmt.", \
  "It refuses the profile.") \
X(profile_urls, "S-02", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.2, 15; MDM", \
  "ServerURL, and CheckInURL if it is there, are https URLs.", \
  "It refuses the profile.") \
X(profile_urls_stable, "S-40", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_HARMS, ANY, "5.6", \
  "ServerURL and CheckInURL hold no token of this sign-in.", \
  "They can never change, so that no later profile could be installed.") \
X(profile_check_out, "S-24", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_ADVISED, ANY, "5.2, 7.2; MDM", \
  "CheckOutWhenRemoved is true.", \
  "It leaves without a word.") \
X(scep_payload, "S-21", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_HARMS, SCEP, "5.3; SCEP", \
  "The SCEP payload asks for an RSA key of 2048 or 4096 bits and has a challenge.", \
  "It makes the key that is asked for, 1024 bits where nothing is.") \
X(acme_payload, "S-22", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ACME, "5.3; ACMECertificate", \
  "The ACME payload has an https directory, and a key that its HardwareBound and Attest allow.", \
  "It refuses the profile.") \
X(token_again, "S-16", CONFORM_PROFILE, CONFORM_FULL, CONFORM_BREAKS, ANY, "4.4; Simple", \
  "The same token gets a profile a second time.", \
  "It uses one token for everything; an answer that was lost on the way is asked for again.") \
X(bad_token, "S-17", CONFORM_PROFILE, CONFORM_FULL, CONFORM_HARMS, ANY, "3.3, 8.1", \
  "The request with a token that was never issued is answered with 401 and a complete challenge.", \
  "An enrollment that has begun ends; a device that is enrolled signs in again.") \
X(profile_gone_through, "S-17", CONFORM_PROFILE, CONFORM_QUICK, CONFORM_BREAKS, ANY, "3, 5", \
  "A device accepts the profile.", \
  "It stops here.") \
/* ---- the identity ---- */ \
X(scep_caps, "S-21", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_HARMS, SCEP, "6.1; RFC 8894 3.5.2", \
  "GetCACaps is text/plain and offers POST, SHA-256 and AES.", \
  "It falls back to GET, SHA-1 and triple DES.") \
X(scep_ca, "S-21", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_BREAKS, SCEP, "6.1; RFC 8894 4.2", \
  "GetCACert is one certificate, or a bag of several, under its media type; the recipient has an RSA key of 2048 bits or more.", \
  "It can't encrypt its request.") \
X(scep_answer, "S-21", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_BREAKS, SCEP, "6.1; RFC 8894 4.3", \
  "PKIOperation is answered with 200 and application/x-pki-message.", \
  "It tries again, and gives up.") \
X(identity_certificate, "S-21", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_HARMS, SCEP, "6.1", \
  "The certificate is for the device's key, is valid now and for a day at least, and is no CA's.", \
  "It uses what it gets.") \
X(scep_repeated, "S-21", CONFORM_IDENTITY, CONFORM_FULL, CONFORM_BREAKS, SCEP, "6.1", \
  "The same request a second time, by POST and by GET, gets the same certificate.", \
  "It asks again when the answer was lost.") \
X(scep_challenge_once, "S-21", CONFORM_IDENTITY, CONFORM_FULL, CONFORM_HARMS, SCEP, "6.1", \
  "The challenge of the profile gets no certificate for another key.", \
  "It uses it once; whoever uses it again has read the profile.") \
X(acme_directory, "S-22", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_BREAKS, ACME, "6.2; RFC 8555 7.1.1", \
  "The directory is JSON with newNonce, newAccount and newOrder, all https.", \
  "It can't ask for a certificate.") \
X(acme_types, "S-22", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_HARMS, ACME, "6.2; RFC 8555 6.5, 6.7", \
  "Every answer to a signed request has a new nonce, and every error is application/problem+json.", \
  "It has to fetch one nonce more, and can't say what went wrong.") \
X(identity_gone_through, "S-21", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_BREAKS, SCEP, "6.1", \
  "A device gets its identity by SCEP.", \
  "It removes the profile and stops here.") \
X(acme_gone_through, "S-22", CONFORM_IDENTITY, CONFORM_QUICK, CONFORM_BREAKS, ACME, "6.2", \
  "A device gets its identity by ACME.", \
  "It removes the profile and stops here.") \
/* ---- check-in ---- */ \
X(authenticate_taken, "S-24", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_BREAKS, ANY, "7.2; Authenticate", \
  "Authenticate is answered with 200.", \
  "It removes the profile.") \
X(authenticate_empty, "S-24", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_ADVISED, ANY, "7.2; Authenticate", \
  "The answer to Authenticate has no body.", \
  "It reads none.") \
X(token_update_taken, "S-24", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_BREAKS, ANY, "7.2; Token Update", \
  "TokenUpdate is answered with 200, on every channel.", \
  "It tells its push token again later, and can't be woken before.") \
X(token_update_empty, "S-24", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_ADVISED, ANY, "7.2; Token Update", \
  "The answer to TokenUpdate has no body.", \
  "It reads none.") \
X(token_reused, "S-16", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_BREAKS, HANDHELD, "4.4; Simple, Onboarding", \
  "The token that got the profile is accepted at check-in.", \
  "It asks the person to sign in again, right after they did.") \
X(device_channel_open, "S-27", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_BREAKS, MAC, "8; Onboarding", \
  "The device channel of a Mac needs no token.", \
  "It never sends one there, and can't enroll.") \
X(checkin_gone_through, "S-24", CONFORM_CHECKIN, CONFORM_QUICK, CONFORM_BREAKS, ANY, "7.2", \
  "A device is enrolled.", \
  "It removes the profile and stops here.") \
/* ---- being managed ---- */ \
X(idle_taken, "S-25", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_BREAKS, ANY, "7.3; Sending MDM commands", \
  "Idle is answered with 200.", \
  "It tries again later.") \
X(idle_end_empty, "S-25", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "7.3; Sending MDM commands", \
  "The answer to Idle and to results is a command, or has no body.", \
  "It takes any body for a command, and this one for a broken one.") \
X(command_type, "S-25", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_ADVISED, ANY, "7.1", \
  "A command is a property list of the media type application/xml.", \
  "It reads it all the same.") \
X(command_allowed, "S-32", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "10", \
  "Every command is one that mode, system and channel allow.", \
  "It answers with an error.") \
X(command_profiles, "S-32", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "10", \
  "Every payload of a profile that is installed by command is one that mode and system allow.", \
  "iOS and visionOS refuse the whole profile, macOS leaves the payload out.") \
X(command_apps, "S-33", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "11; InstallApplication", \
  "InstallApplication has no ChangeManagementState, and in User Enrollment a PurchaseMethod of 1.", \
  "It refuses to take over an app, and to install one without a licence.") \
X(command_renewal, "S-40", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_BREAKS, ANY, "5.6; MDM", \
  "A new enrollment profile keeps what may not change.", \
  "It refuses it, and its identity ends unrenewed.") \
X(declarations, "S-35", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "14; Declarative Management", \
  "Answers about declarations are JSON and have what they must have.", \
  "It keeps what it had and asks again.") \
X(declaration_gone, "S-35", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "14; Declarative Management", \
  "A declaration that does not exist is answered with 404.", \
  "It keeps asking for something that is gone.") \
X(get_token, "S-31", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_BREAKS, ANY, "9.1; Get Token", \
  "GetToken com.apple.maid brings a token signed with RS256, with iss, iat of now, jti and service_type.", \
  "Where the organization asks for it, the sign-in is refused and the device unenrolls.") \
X(get_token_fresh, "S-31", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "9.1; Get Token", \
  "Each such token has a jti of its own.", \
  "Apple accepts each once.") \
X(get_token_unknown, "S-31", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "9; Get Token", \
  "An unknown TokenServiceType is answered with 400.", \
  "It asks for kinds that the server has never heard of.") \
X(get_token_watch, "S-31", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_ADVISED, BYOD, "9.2", \
  "com.apple.watch.pairing is answered with 400 in User Enrollment.", \
  "It can't pair a watch for management in this mode.") \
X(unknown_message, "S-24", CONFORM_MANAGED, CONFORM_FULL, CONFORM_ADVISED, ANY, "7.2", \
  "An unknown MessageType is answered with 400.", \
  "A later system has messages that this server does not know.") \
X(wrong_topic, "S-24", CONFORM_MANAGED, CONFORM_FULL, CONFORM_HARMS, ANY, "7.2", \
  "TokenUpdate with a topic that is not the profile's is refused.", \
  "No device sends one; pushes to it could never arrive.") \
X(token_update_again, "S-24", CONFORM_MANAGED, CONFORM_FULL, CONFORM_BREAKS, ANY, "7.2; Token Update", \
  "TokenUpdate may come again, with another PushMagic.", \
  "It sends one whenever its push token changes.") \
X(result_again, "S-25", CONFORM_MANAGED, CONFORM_FULL, CONFORM_BREAKS, ANY, "7.3; Sending MDM commands", \
  "A result that comes a second time is taken as the first was.", \
  "It repeats a result until it hears 200, and does nothing else before.") \
X(result_unknown, "S-25", CONFORM_MANAGED, CONFORM_FULL, CONFORM_BREAKS, ANY, "7.3", \
  "A result for a command that the server does not know is answered with 200.", \
  "It repeats the result for ever, and no command reaches it.") \
X(proof_needed, "S-23", CONFORM_MANAGED, CONFORM_FULL, CONFORM_HARMS, ANY, "7.1; Managing certificates", \
  "A message without Mdm-Signature is refused where the profile has SignMessage.", \
  "It always sends one; without it anybody could speak in its name.") \
X(proof_checked, "S-23", CONFORM_MANAGED, CONFORM_FULL, CONFORM_HARMS, ANY, "7.1; Managing certificates", \
  "A message whose Mdm-Signature is made over another body is refused.", \
  "Whoever hears one message could send others.") \
X(mdm_in_time, "S-25", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_HARMS, ANY, "7.1", \
  "Check-in messages and commands are answered in time.", \
  "It gives up after 45 seconds and tries again later.") \
X(managed_gone_through, "S-25", CONFORM_MANAGED, CONFORM_QUICK, CONFORM_BREAKS, ANY, "7.3, 9, 14", \
  "A device is managed without an accident.", \
  "It tries again later.") \
/* ---- ongoing authentication ---- */ \
X(no_token, "S-27", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_HARMS, HANDHELD, "8; Onboarding", \
  "A message without a token is answered with 401 and a complete challenge.", \
  "It always sends one; a server that does not ask can't end a sign-in.") \
X(stale_token, "S-28", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_BREAKS, ANY, "8.1; Onboarding", \
  "A message with a token that is not valid is answered with 401 and a complete challenge; on a Mac, on the user channel.", \
  "Without a challenge it can't sign in again, and may drop the enrollment.") \
X(stale_empty, "S-28", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_ADVISED, ANY, "8.1", \
  "That 401 has no body.", \
  "It reads none.") \
X(stale_kept, "S-28", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_BREAKS, ANY, "8.1; Onboarding", \
  "After such a refusal the right token is good as before.", \
  "It is still enrolled, and asks again as soon as it can.") \
X(refresh_status, "S-15", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "4.3, 8.1; OAuth2", \
  "A refresh at the token-url of the challenge is answered with 200 and a Bearer token.", \
  "It asks the person to sign in again.") \
X(refresh_refresh, "S-15", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_HARMS, OAUTH, "4.3", \
  "The answer to a refresh has a refresh_token.", \
  "It forgets the one it had, and asks the person to sign in again the next time.") \
X(refresh_no_store, "S-39", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_HARMS, OAUTH, "4.3; RFC 6749 5.1", \
  "The answer to a refresh has Cache-Control: no-store.", \
  "The tokens may stay in a cache.") \
X(refresh_retried, "S-15", CONFORM_ONGOING, CONFORM_FULL, CONFORM_HARMS, OAUTH, "4.4", \
  "The refresh token of before is good once more, shortly after.", \
  "The answer to a refresh may be lost: it has the old one only.") \
X(refresh_good, "S-28", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_BREAKS, OAUTH, "8.1; Onboarding", \
  "The token of a refresh is accepted.", \
  "It asks the person to sign in again.") \
X(sign_in_again, "S-28", CONFORM_ONGOING, CONFORM_FULL, CONFORM_BREAKS, ANY, "8.1; Onboarding", \
  "Who signs in again goes on in the same enrollment.", \
  "It can't be managed any more.") \
X(other_person, "S-30", CONFORM_ONGOING, CONFORM_FULL, CONFORM_HARMS, ANY, "8.1; Onboarding", \
  "The token of another person is refused with 401 and a complete challenge.", \
  "It would be managed for somebody whose account is not on it.") \
X(unauthorized_challenged, "S-26", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_BREAKS, ANY, "7.4, 8.1", \
  "No 401 comes without a complete challenge.", \
  "It may take it for the end of management, and drop the enrollment.") \
X(errors_in_json, "S-38", CONFORM_ONGOING, CONFORM_QUICK, CONFORM_HARMS, ANY, "2.5, 7.4", \
  "A 403 that says something says it in JSON of the media type application/json.", \
  "It does not read it.") \
/* ---- the end ---- */ \
X(check_out_taken, "S-24", CONFORM_END, CONFORM_QUICK, CONFORM_HARMS, ANY, "7.2; Check Out", \
  "CheckOut is answered with 200.", \
  "It is gone all the same; the server thinks that it is there.") \
X(gone_unrecognized, "S-26", CONFORM_END, CONFORM_QUICK, CONFORM_HARMS, ANY, "7.4, 8.2; ErrorUnrecognizedDevice", \
  "A device that has left is answered with 403 and com.apple.unrecognized.device in JSON.", \
  "One that comes back from a backup learns only by this that it is not managed.") \
X(enroll_again, "S-37", CONFORM_END, CONFORM_FULL, CONFORM_BREAKS, ANY, "5.5, 12", \
  "The same device enrolls again, and may leave at once.", \
  "It can't come back.") \
X(check_out_stale, "S-29", CONFORM_END, CONFORM_FULL, CONFORM_HARMS, ANY, "8.1; Check Out", \
  "CheckOut with a token that is over is answered with 200.", \
  "It says it once, and is gone whatever the answer.")
/* clang-format on */

#endif
