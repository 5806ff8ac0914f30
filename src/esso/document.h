/* The Enrollment SSO document, and every rule that one breaks (protocol 4.5). Pure.
 *
 * A device that meets a broken document ends the enrollment with a number, so nothing is kept before it is in
 * order. The checks go by Apple's "Enrollment SSO Document" and its article on the flow; what is only our
 * advice is marked so in the rule. */
#ifndef ESSO_DOCUMENT_H
#define ESSO_DOCUMENT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"

#define ESSO_DOCUMENT_MAX (512 * 1024) /* octets; profiles are under 20 kB */
#define ESSO_FINDINGS_MAX 40 /* of one document; the rest is counted */

enum esso_kind { ESSO_STANDARD, ESSO_DEVELOPER }; /* for everybody; for devices in developer mode */

const char *esso_kind_name(enum esso_kind kind); /* "standard", "developer" */

/* X(name in C, its name for people, its sentence) */
/* clang-format off */
#define ESSO_RULES(X) \
X(SIZE, "document-size", "The document has at most 512 kB.") \
X(JSON, "document-json", "The document is one JSON object, in which no key comes twice.") \
X(KEY, "key-unknown", "The document has Apple's keys and no others: a device passes over a misspelt one.") \
X(STORE_ID, "store-id", "iTunesStoreID is the number of the app in the App Store: a positive integer.") \
X(STORE_ID_MISSING, "store-id-missing", "A standard document names its app by iTunesStoreID.") \
X(APP_IDS_STANDARD, "app-ids-standard", "A standard document has no AppIDs: they are for developer mode alone.") \
X(APP_IDS_MISSING, "app-ids-missing", "A developer document has AppIDs, at least one.") \
X(APP_ID, "app-id", "Each of AppIDs is TEAMID.bundle.id, once: ten capital letters or digits, a dot, the bundle identifier.") \
X(DOMAIN, "associated-domain", "AssociatedDomains is a list of domain names, each with its service: authsrv:sso.example.com.") \
X(DIRECT, "direct-downloads", "AssociatedDomainsEnableDirectDownloads is true or false.") \
X(CONTENT_MISSING, "content-missing", "A document has a ConfigurationProfile or Declarations.") \
X(PROFILE_BASE64, "profile-base64", "ConfigurationProfile is a profile in base64, in one line.") \
X(PROFILE_SIGNATURE, "profile-signature", "The signature of a signed profile is good.") \
X(PROFILE_FORM, "profile-form", "The profile is a property list with PayloadType Configuration, PayloadVersion 1, PayloadIdentifier, PayloadUUID and PayloadContent.") \
X(PAYLOAD_FORM, "payload-form", "Each payload has PayloadType, PayloadVersion 1, and a PayloadIdentifier and PayloadUUID of its own.") \
X(PAYLOAD_TYPE, "payload-type", "The profile has com.apple.extensiblesso and certificate payloads and nothing else.") \
X(SSO_MISSING, "sso-missing", "The profile has at least one com.apple.extensiblesso payload.") \
X(SSO_EXTENSION, "sso-extension", "An SSO payload names its extension: ExtensionIdentifier, a bundle identifier.") \
X(SSO_TYPE, "sso-type", "The Type of an SSO payload is Redirect or Credential.") \
X(SSO_URLS, "sso-urls", "A Redirect payload has URLs, each https, without query and fragment.") \
X(SSO_HOSTS, "sso-hosts", "A Credential payload has Hosts, each a domain name.") \
X(CERTIFICATE, "certificate", "A certificate payload holds a certificate.") \
X(PRIVATE_KEY, "private-key", "The document holds no private key: everybody may read it (our rule, not Apple's).") \
X(DECLARATION_FORM, "declaration-form", "Declarations is a list, each in base64 a JSON object with Type, Identifier and Payload.") \
X(DECLARATION_ID, "declaration-identifier", "Each declaration has an Identifier of its own, of 1 to 64 octets.") \
X(DECLARATION_TYPE, "declaration-type", "Declarations are com.apple.activation.simple, com.apple.configuration.app.managed, com.apple.configuration.legacy, and assets.") \
X(ACTIVATION, "declaration-activation", "There is one com.apple.activation.simple, and it names all configurations and nothing else.") \
X(APP, "declaration-app", "There is one com.apple.configuration.app.managed, whose AppStoreID is iTunesStoreID; for developers one for each of AppIDs, by BundleID.") \
X(LEGACY, "declaration-legacy", "There is at least one com.apple.configuration.legacy, each with an https ProfileURL.") \
X(ASSET, "declaration-asset", "Each asset that a configuration refers to is among the declarations.") \
/**/
/* clang-format on */

#define X(name, text, sentence) ESSO_RULE_##name,
enum esso_rule { ESSO_RULES(X) ESSO_RULES_N };
#undef X

struct esso_rule_text {
	const char *name, *sentence;
};
extern const struct esso_rule_text esso_rules[ESSO_RULES_N];

struct esso_finding {
	enum esso_rule rule;
	const char *where; /* what breaks it */
};

struct esso_report {
	int n; /* rules broken, all of them; the first ESSO_FINDINGS_MAX are told */
	struct esso_finding findings[ESSO_FINDINGS_MAX];
	bool has_profile, has_declarations;
	int n_sso, n_certificates; /* payloads of the profile */
};

/* Check one. The report is in `a`; n 0: a device takes it. */
struct esso_report *esso_check(struct arena *a, struct bytes document, enum esso_kind kind);

#endif
