/* The rows of the catalogue (check/cause.h): code, stage, severity, what the phone says, the cause, what to do, and the
 * kind of snippet that does it. Add rows, rename none: monitoring reads the codes.
 *
 * What phones say: the numbers are the client's own (protocol 2.4, 3.3, 4.3); where the person sees no more than
 * that something failed, the row says so. The sentence of TLS is the one that OS 27 shows (protocol 15).
 * CRITICAL: devices stop here. WARNING: they go on, or some of them do. UNKNOWN: from here it can't be told. */
#ifndef CHECK_CAUSE_TABLE_H
#define CHECK_CAUSE_TABLE_H

#define PHONE_NO_CONNECTION "Sign-in ends with an error that names no cause (the client's 15001: no connection)"
#define PHONE_NO_DOCUMENT "Sign-in ends with an error that names no cause (the client's 15002: no usable document)"
#define PHONE_BAD_STATUS "Sign-in ends with an error that names no cause (the client's 15003: unexpected answer)"
#define PHONE_TLS "\"Your Apple Account does not support the expected services\" (OS 27); earlier systems go on"
#define PHONE_NO_TLS \
	"\"Your Apple Account does not support the expected services\" (OS 27); earlier: the client's 15001"
#define PHONE_PAGE "The sign-in page can't be opened; the person can only cancel"
#define PHONE_TOKEN "After the sign-in page enrollment ends with an error that names no cause (the client's 15025)"

/* clang-format off */
#define CHECK_CAUSES(X) \
/* ---- what was typed ---- */ \
X(identifier_malformed, "identifier-malformed", IDENTIFIER, CRITICAL, \
  "The address is refused, and can be typed again (the client's 15000)", \
  "it is not user@domain with a fully qualified domain name", "type the whole address: name@organization.com", NONE) \
X(identifier_dot, "identifier-trailing-dot", IDENTIFIER, WARNING, NULL, \
  "the domain ends with a dot: web servers and certificates take it for another name", \
  "leave the dot out", NONE) \
/* ---- the way there ---- */ \
X(name_unknown, "name-unknown", DNS, CRITICAL, PHONE_NO_CONNECTION, \
  "the name has no address", "add an A or AAAA record for this name, or a redirect from a name that has one", NONE) \
X(name_unanswered, "name-lookup-failed", DNS, UNKNOWN, NULL, \
  "the resolver of this machine does not answer", "look at this machine's DNS; phones ask another", NONE) \
X(address_private, "address-private", DNS, WARNING, PHONE_NO_CONNECTION ", outside of the network", \
  "the address is a private one: phones reach it inside your network alone", "publish a public address", NONE) \
X(refused, "connection-refused", TCP, CRITICAL, PHONE_NO_CONNECTION, \
  "no program accepts connections there", "start the web server; look at the port it listens to and at the firewall", NONE) \
X(unreachable, "connection-timeout", TCP, CRITICAL, PHONE_NO_CONNECTION, \
  "connections get no answer", "look at the firewall, and whether the address is still the server's", NONE) \
X(address_dead, "address-dead", TCP, WARNING, "Nothing, or a long wait, by which address is tried first", \
  "one of the addresses of this name does not answer", \
  "let the web server listen there too, or take the record out (often AAAA)", NONE) \
/* ---- TLS, and what OS 27 asks for ---- */ \
X(no_tls, "tls-none", TLS, CRITICAL, PHONE_NO_TLS, \
  "the port does not speak TLS: it is a plain http server", "let the web server speak TLS on it", TLS) \
X(tls_closed, "tls-failed", TLS, CRITICAL, PHONE_NO_TLS, \
  "the server ends the handshake, whatever is offered", \
  "look at the web server's log; often the name is unknown to it (SNI), or there is no certificate", TLS) \
X(tls_old, "tls-version-old", TLS, CRITICAL, PHONE_NO_TLS, \
  "the server speaks nothing newer than TLS 1.1", "switch on TLS 1.2 and 1.3", TLS) \
X(tls_weak, "tls-suite-weak", TLS, CRITICAL, PHONE_TLS, \
  "the server has no suite of ECDHE with AES-GCM, which is all that OS 27 takes in TLS 1.2", \
  "switch on TLS 1.3, and ECDHE suites with AES-GCM", TLS) \
X(tls_no_ems, "tls-no-ems", TLS, CRITICAL, PHONE_TLS, \
  "no Extended Master Secret in TLS 1.2 (RFC 7627), which OS 27 asks for", \
  "update the TLS library or the load balancer, or switch the extension on; TLS 1.3 has it always", TLS) \
X(tls_ems_behind, "tls-no-ems-in-1.2", TLS, WARNING, NULL, \
  "TLS 1.3 is good, but TLS 1.2 lacks Extended Master Secret: who can't do 1.3 (a proxy in between) fails", \
  "switch the extension on for TLS 1.2", TLS) \
X(tls_old_offered, "tls-old-offered", TLS, WARNING, NULL, \
  "besides good versions the server still accepts TLS 1.0 or 1.1", "switch them off", TLS) \
/* ---- the certificate ---- */ \
X(expired, "certificate-expired", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "a certificate is past its time", "renew it, and reload the web server", CHAIN) \
X(not_yet, "certificate-not-yet-valid", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "a certificate's time has not begun", "look at the server's clock when it was made; install one that is valid", CHAIN) \
X(expires_soon, "certificate-expires-soon", TLS, WARNING, NULL, \
  "the certificate ends within two weeks", "look at why it was not renewed", CHAIN) \
X(wrong_name, "certificate-wrong-name", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate is for other names", "get one for this name; often the default certificate is shown by mistake", CHAIN) \
X(no_san, "certificate-no-san", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate has no subjectAltName; a name in the subject does not count", "get one with the name as a DNS name", CHAIN) \
X(self_signed, "certificate-self-signed", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate is signed by itself", \
  "get one from a CA that devices trust (a development CA: --cacert FILE trusts it here)", CHAIN) \
X(chain_short, "certificate-chain-incomplete", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the server sends its certificate without the intermediate that signed it; browsers may hide that, phones don't", \
  "install the chain: the certificate, then each intermediate", CHAIN) \
X(untrusted, "certificate-untrusted", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate does not lead to a CA that is trusted", \
  "get one from a CA that devices trust (a development CA: --cacert FILE trusts it here)", CHAIN) \
X(certificate_bad, "certificate-bad", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate's chain is not valid", "get another certificate", CHAIN) \
X(key_weak, "certificate-key-weak", TLS, CRITICAL, PHONE_NO_TLS, \
  "a key is too small: RSA needs 2048 bits, elliptic curves 256", "get a certificate over a larger key", CHAIN) \
X(signature_weak, "certificate-signature-weak", TLS, CRITICAL, PHONE_NO_TLS, \
  "a certificate is signed with less than SHA-256", "get one that is signed with SHA-256", CHAIN) \
X(life_long, "certificate-life-too-long", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate is made for more than 825 days, which Apple's systems refuse", "get one for a shorter time", CHAIN) \
X(not_for_servers, "certificate-not-for-servers", TLS, CRITICAL, PHONE_NO_CONNECTION, \
  "the certificate's extended key usage has no serverAuth", "get one for web servers", CHAIN) \
/* ---- redirects ---- */ \
X(plain_http, "plain-http", REDIRECT, CRITICAL, PHONE_BAD_STATUS, \
  "a URL of plain http: devices take https alone", "use an https URL", REDIRECT) \
X(redirect_loop, "redirect-loop", REDIRECT, CRITICAL, PHONE_NO_CONNECTION, \
  "the redirects lead back to where they began", "redirect to the server that has the document", REDIRECT) \
X(redirect_many, "redirect-too-many", REDIRECT, CRITICAL, PHONE_NO_CONNECTION, \
  "more than 10 redirects", "redirect to the last of them at once", REDIRECT) \
X(redirect_nowhere, "redirect-nowhere", REDIRECT, CRITICAL, PHONE_BAD_STATUS, \
  "a redirect without a Location that can be used", "send an absolute https URL as Location", REDIRECT) \
X(lost_query, "redirect-lost-query", REDIRECT, WARNING, \
  "Nothing, or what the server says to somebody whom it does not know", \
  "the redirect loses user-identifier or model-family; devices don't add them again", \
  "put the query into Location", REDIRECT) \
X(changed_query, "redirect-changed-query", REDIRECT, WARNING, \
  "Nothing, or what the server says to somebody whom it does not know", \
  "the redirect changes user-identifier or model-family", "put the query into Location as it came", REDIRECT) \
X(dot_host, "url-trailing-dot", REDIRECT, WARNING, NULL, \
  "a host name ends with a dot: many web servers and certificates take it for another name", \
  "leave the dot out", REDIRECT) \
/* ---- the answer ---- */ \
X(no_answer, "answer-none", STATUS, CRITICAL, PHONE_NO_CONNECTION, \
  "the connection is good, but no answer to the request came", \
  "look at the web server's log, and at what stands behind it", NONE) \
X(too_large, "answer-too-large", STATUS, CRITICAL, PHONE_NO_DOCUMENT, \
  "the answer is far larger than a document of discovery", "let the path answer with the document alone", REDIRECT) \
X(not_found, "not-found", STATUS, CRITICAL, PHONE_BAD_STATUS, \
  "the web server of the domain has nothing at this path", \
  "redirect the path to the MDM server, or serve the document", REDIRECT) \
X(needs_login, "needs-login", STATUS, CRITICAL, PHONE_BAD_STATUS, \
  "the path asks for a password", "let the path be read by everybody", REDIRECT) \
X(forbidden, "forbidden", STATUS, CRITICAL, PHONE_BAD_STATUS, \
  "the web server refuses the path; often a rule against names that begin with a dot, or a firewall for web applications", \
  "let the path be read by everybody", REDIRECT) \
X(organization_refuses, "refused-by-organization", STATUS, WARNING, \
  "The message of the answer, or an error that names no cause (the client's 23009)", \
  "the server is there, and refuses this person or kind of device", \
  "its rules say why (here: postern rule explain)", NONE) \
X(server_error, "server-error", STATUS, CRITICAL, PHONE_BAD_STATUS, \
  "the web server, or what stands behind it, fails", "look at its log", NONE) \
X(wrong_status, "wrong-status", STATUS, CRITICAL, PHONE_BAD_STATUS, \
  "discovery takes 200 alone", "answer with the document and 200, or redirect", REDIRECT) \
/* ---- the document ---- */ \
X(html, "document-html", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "a web page comes instead of the document: often a site answers every path with its front page", \
  "give the path a rule of its own", REDIRECT) \
X(type_missing, "media-type-missing", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "the answer has no Content-Type: the file has no suffix to guess it by", "serve it as application/json", TYPE) \
X(type_wrong, "media-type-wrong", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "the answer's Content-Type is not application/json: the file has no suffix to guess it by", \
  "serve it as application/json", TYPE) \
X(empty, "document-empty", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, "the answer is empty", "serve the document", DOCUMENT) \
X(bom, "document-bom", DOCUMENT, WARNING, "Nothing, or the client's 15002", \
  "the document begins with a byte order mark, which JSON must not have (RFC 8259 8.1)", \
  "save it as UTF-8 without BOM", DOCUMENT) \
X(not_json, "document-not-json", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, "the document is not JSON", \
  "serve the document", DOCUMENT) \
X(no_servers, "document-no-servers", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "Servers is missing, empty, or no list of objects", "it is to have one item", DOCUMENT) \
X(several_servers, "document-several-servers", DOCUMENT, WARNING, NULL, \
  "Servers has several items: devices take the first and look at no other", "leave one", DOCUMENT) \
X(version, "document-version", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "Version is neither mdm-byod nor mdm-adde", "write one of them", DOCUMENT) \
X(base_url, "document-base-url", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "BaseURL is missing, or no absolute URL", "write the enrollment URL of the MDM server", DOCUMENT) \
X(base_url_http, "base-url-http", DOCUMENT, CRITICAL, PHONE_NO_DOCUMENT, \
  "BaseURL is a URL of plain http: devices take https alone", "write the https URL", DOCUMENT) \
X(base_url_dot, "base-url-trailing-dot", DOCUMENT, WARNING, NULL, \
  "the host name in BaseURL ends with a dot: many web servers and certificates take it for another name", \
  "leave the dot out", DOCUMENT) \
/* ---- the fallback ---- */ \
X(apple_failed, "fallback-failed", APPLE, CRITICAL, "What it says of the domain", \
  "Apple's fallback knows no server for this person either", \
  "verify the domain with Apple, and register the discovery URL for the default server of this kind of device", NONE) \
/* ---- the enrollment request ---- */ \
X(first_success, "first-answer-success", ENROLLMENT, CRITICAL, PHONE_BAD_STATUS, \
  "BaseURL answers the first request with success instead of 401: a profile or a page without any sign-in", \
  "let BaseURL lead to the MDM server, which answers 401 with a challenge", PROXY) \
X(first_redirect, "first-answer-redirect", ENROLLMENT, CRITICAL, PHONE_BAD_STATUS, \
  "BaseURL redirects: the device's request and its body don't arrive where they should", \
  "write into BaseURL where the redirect leads", PROXY) \
X(first_not_found, "first-answer-not-found", ENROLLMENT, CRITICAL, PHONE_BAD_STATUS, \
  "BaseURL leads nowhere", "let it lead to the MDM server", PROXY) \
X(first_method, "first-answer-method", ENROLLMENT, CRITICAL, PHONE_BAD_STATUS, \
  "BaseURL takes no POST: a static file, or a proxy that lets GET through alone", "let POST through to the MDM server", PROXY) \
X(first_refused, "first-answer-refused", ENROLLMENT, UNKNOWN, NULL, \
  "the MDM server refuses the request: perhaps since it is not signed by an Apple device, as real ones are", \
  "look at the MDM server's log; --device-ca DIR signs with a test CA that it trusts", NONE) \
X(first_throttled, "first-answer-throttled", ENROLLMENT, UNKNOWN, NULL, \
  "the MDM server takes no more attempts from here for now", "ask less often, or for one family (--model-family)", NONE) \
X(first_error, "first-answer-error", ENROLLMENT, CRITICAL, PHONE_BAD_STATUS, \
  "the MDM server, or what stands before it, fails", "look at its log", PROXY) \
X(first_other, "first-answer-other", ENROLLMENT, CRITICAL, PHONE_BAD_STATUS, \
  "the first request is to be answered 401, with a challenge", "let BaseURL lead to the MDM server", PROXY) \
X(first_none, "first-answer-none", ENROLLMENT, CRITICAL, PHONE_NO_CONNECTION, \
  "the connection is good, but no answer to the request came", "look at what stands behind the web server", PROXY) \
/* ---- the challenge ---- */ \
X(no_challenge, "challenge-missing", CHALLENGE, CRITICAL, PHONE_BAD_STATUS, \
  "the 401 has no WWW-Authenticate: often a proxy takes it out", "let the header through", NONE) \
X(not_bearer, "challenge-not-bearer", CHALLENGE, CRITICAL, PHONE_BAD_STATUS, \
  "the challenge is of another scheme than Bearer: the web server itself asks for a password", \
  "let BaseURL lead to the MDM server, without a password in between", PROXY) \
X(scheme_case, "challenge-scheme-case", CHALLENGE, CRITICAL, PHONE_BAD_STATUS, \
  "the scheme must be written Bearer, in just these letters", "let nothing rewrite the header", NONE) \
X(bad_method, "challenge-method", CHALLENGE, CRITICAL, PHONE_BAD_STATUS, \
  "the challenge's method is neither apple-as-web nor apple-oauth2", "one of them must be offered", NONE) \
X(incomplete, "challenge-incomplete", CHALLENGE, CRITICAL, PHONE_BAD_STATUS, \
  "a parameter of the challenge is missing or can't be used", "complete it", NONE) \
X(challenge_http, "challenge-http", CHALLENGE, CRITICAL, PHONE_BAD_STATUS, \
  "the challenge has a URL of plain http", "use https URLs", NONE) \
X(several_challenges, "challenge-several", CHALLENGE, WARNING, NULL, \
  "there are several WWW-Authenticate headers, and devices look at one", "send one", NONE) \
X(web_query, "challenge-query-lost", CHALLENGE, WARNING, "The sign-in page opens as if nothing had been said", \
  "the url of apple-as-web has a query: devices replace it", "put it into the path", NONE) \
/* ---- Enrollment SSO, where the 401 offers it ---- */ \
X(esso_url, "esso-url", ESSO, CRITICAL, PHONE_BAD_STATUS, \
  "X-Apple-MDM-ESSO is no https URL", "write the https URL of the document", NONE) \
X(esso_none, "esso-none", ESSO, CRITICAL, "Sign-in ends with an error that names no cause (the client's 15026)", \
  "the connection is good, but the document of Enrollment SSO does not come", "look at what stands behind the web server", NONE) \
X(esso_status, "esso-status", ESSO, CRITICAL, PHONE_BAD_STATUS, \
  "the document of Enrollment SSO is not answered with 200", "serve it at the URL of X-Apple-MDM-ESSO, to everybody", NONE) \
X(esso_type, "esso-media-type", ESSO, CRITICAL, "Sign-in ends with an error that names no cause (the client's 15027)", \
  "the document of Enrollment SSO is not application/json", "serve it as application/json", NONE) \
X(esso_document, "esso-document", ESSO, CRITICAL, "Sign-in ends with an error that names no cause (the client's 15027)", \
  "the document of Enrollment SSO breaks one of its rules", "mend it (here: postern esso check FILE)", NONE) \
/* ---- the sign-in page ---- */ \
X(page_status, "sign-in-page-status", SIGN_IN, CRITICAL, PHONE_PAGE, \
  "the sign-in page answers with an error", "look at the log of who serves it; for apple-oauth2: client id and redirect URI", NONE) \
X(page_http, "sign-in-page-http", SIGN_IN, CRITICAL, PHONE_PAGE, \
  "the sign-in page leads to plain http", "use https URLs all the way", NONE) \
X(page_loop, "sign-in-page-loop", SIGN_IN, CRITICAL, PHONE_PAGE, \
  "the sign-in page leads through more than 10 redirects", "look at its log", NONE) \
X(page_none, "sign-in-page-none", SIGN_IN, CRITICAL, PHONE_PAGE, \
  "the connection is good, but no page came", "look at what stands behind the web server", NONE) \
X(page_callback, "sign-in-page-ends", SIGN_IN, CRITICAL, PHONE_TOKEN, \
  "the authorization request is sent back with an error at once", "look at client id, redirect URI and scope", NONE) \
X(page_not_html, "sign-in-page-not-html", SIGN_IN, WARNING, "A page that is text or a download", \
  "the sign-in page is not HTML", "serve it as text/html", NONE) \
/* ---- the token endpoint ---- */ \
X(token_none, "token-none", TOKEN, CRITICAL, PHONE_TOKEN, \
  "the connection is good, but the token endpoint gives no answer", "look at what stands behind the web server", NONE) \
X(token_status, "token-status", TOKEN, CRITICAL, PHONE_TOKEN, \
  "the token endpoint does not answer as one: a wrong code gets 400 and a JSON error (RFC 6749 5.2)", \
  "let token-url lead to the token endpoint, and POST through", NONE) \
X(token_client, "token-client-refused", TOKEN, CRITICAL, PHONE_TOKEN, \
  "the token endpoint refuses the client: devices have no secret", "register the client as a public one", NONE) \
X(token_given, "token-given-for-nothing", TOKEN, CRITICAL, NULL, \
  "the token endpoint answered a made-up code with success: anybody gets in", "check codes", NONE) \
/* ---- what comes after the sign-in ---- */ \
X(scep_status, "scep-status", SCEP, CRITICAL, "Installing the profile fails", \
  "the SCEP server does not answer GetCACaps", "let the URL of the profile lead to the SCEP server", NONE) \
X(scep_weak, "scep-weak", SCEP, WARNING, NULL, \
  "the SCEP server does not offer SHA-256, AES and POSTPKIOperation: devices fall back to SHA-1 and 3DES", \
  "switch them on", NONE) \
X(push_missing, "push-certificate-missing", PUSH, WARNING, "Devices enroll, and hear of commands when they ask by themselves", \
  "this server has no push certificate", "postern org set --push-certificate FILE --push-key FILE", NONE) \
X(push_unreadable, "push-certificate-unreadable", PUSH, UNKNOWN, NULL, \
  "the push certificate can't be read from here", "run this as the user of posternd", NONE) \
X(push_expired, "push-certificate-expired", PUSH, CRITICAL, "Nothing; but no device hears of commands any more", \
  "the push certificate is past its time", "renew it under the same topic with Apple, then postern org set", NONE) \
X(push_soon, "push-certificate-expires-soon", PUSH, WARNING, NULL, \
  "the push certificate ends within 30 days", "renew it under the same topic with Apple, then postern org set", NONE)
/* clang-format on */

#endif
