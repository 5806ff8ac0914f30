/* The linter: each rule, broken alone. */
#include "esso/document.h"

#include <string.h>

#include "base/tap.h"
#include "crypto/cms.h"
#include "crypto/x509.h"
#include "fmt/base64.h"

#define TEXT(key, value) "<key>" key "</key><string>" value "</string>"
#define PAYLOAD(type, id) \
	TEXT("PayloadType", type) \
	TEXT("PayloadIdentifier", "com.example." id) \
	TEXT("PayloadUUID", "UUID-" id) "<key>PayloadVersion</key><integer>1</integer>"
#define LIST(key, value) "<key>" key "</key><array><string>" value "</string></array>"
#define DICT(content) "<dict>" content "</dict>"
#define EXTENSION TEXT("ExtensionIdentifier", "com.example.sso.extension")
#define REDIRECT TEXT("Type", "Redirect") LIST("URLs", "https://sso.example.com/")
#define SSO DICT(PAYLOAD("com.apple.extensiblesso", "sso") EXTENSION REDIRECT)
#define PROFILE PAYLOAD("Configuration", "profile")

#define STORE "\"iTunesStoreID\": 1234567890"
#define APPS "\"AppIDs\": [\"ABCDE12345.com.example.sso\"]"

static const char *
profile_base64(struct arena *a, const char *head, const char *payloads)
{
	const char *content =
	    payloads != NULL ? arena_printf(a, "<key>PayloadContent</key><array>%s</array>", payloads) : "";

	return base64_encode(
	    a, bytes_str(arena_printf(a,
		   "<?xml version=\"1.0\" encoding=\"UTF-8\"?><plist version=\"1.0\"><dict>%s%s</dict></plist>", head,
		   content)));
}

static const char *
with_profile(struct arena *a, const char *members, const char *profile)
{
	return arena_printf(a, "{%s, \"ConfigurationProfile\": \"%s\"}", members, profile);
}

static struct bytes
certificate(struct arena *a)
{
	struct x509_template t = { .subject = { .cn = "Test" }, .not_before = 1, .not_after = 4000000000 };
	struct bytes key, spki, der = { NULL, 0 };
	struct err e;

	ok(x509_key_new(a, X509_P256, &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK &&
		x509_issue(a, &t, spki, (struct bytes){ NULL, 0 }, key, &der, &e) == RC_OK,
	    "a certificate for the profile");
	return der;
}

/* Exactly this rule is broken, and nothing else. */
static void
breaks(struct arena *a, enum esso_rule rule, enum esso_kind kind, const char *document)
{
	const struct esso_report *r = esso_check(a, bytes_str(document), kind);

	if (!ok(r->n >= 1 && r->findings[0].rule == rule && r->findings[r->n > 1].rule == rule, "S-36: %s: %s",
		esso_rules[rule].name, esso_rules[rule].sentence)) {
		for (int i = 0; i < r->n && i < ESSO_FINDINGS_MAX; i++)
			printf("# %s: %s\n", esso_rules[r->findings[i].rule].name, r->findings[i].where);
	}
}

static void
good(struct arena *a)
{
	struct bytes der = certificate(a);
	const char *payloads = arena_printf(a, "%s<dict>%s<key>PayloadContent</key><data>%s</data></dict>", SSO,
	    PAYLOAD("com.apple.security.root", "root"), base64_encode(a, der));
	const char *profile = profile_base64(a, PROFILE, payloads);
	const struct esso_report *r = esso_check(a, bytes_str(with_profile(a, STORE, profile)), ESSO_STANDARD);

	ok(r->n == 0 && r->n_sso == 1 && r->n_certificates == 1 && r->has_profile && !r->has_declarations,
	    "S-36: a standard document with an SSO payload and a certificate is in order");
	r = esso_check(a,
	    bytes_str(with_profile(a,
		APPS ", \"AssociatedDomainsEnableDirectDownloads\": true, \"AssociatedDomains\":"
		     " [\"authsrv:sso.example.com\", \"example.com\", \"applinks:*.example.com?mode=managed\"]",
		profile)),
	    ESSO_DEVELOPER);
	ok(r->n == 0, "S-36: a developer document, with all that may be in one");
	r = esso_check(a, bytes_str(with_profile(a, STORE ", " APPS, profile)), ESSO_DEVELOPER);
	ok(r->n == 0, "S-36: iTunesStoreID is ignored in a developer document");
	r = esso_check(a,
	    bytes_str(with_profile(a, STORE,
		profile_base64(a, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "sso") EXTENSION TEXT("Type", "Credential")
			    LIST("Hosts", ".example.com"))))),
	    ESSO_STANDARD);
	ok(r->n == 0, "S-36: an extension of the Type Credential has Hosts");
}

static void
signed_profile(struct arena *a)
{
	struct x509_template t = { .subject = { .cn = "Signer" }, .not_before = 1, .not_after = 4000000000 };
	struct bytes key, spki, der, message = { 0 },
				     plain = base64_decode(a, bytes_str(profile_base64(a, PROFILE, SSO)), false);
	const struct esso_report *r;
	uint8_t *p;
	struct err e;

	ok(x509_key_new(a, X509_P256, &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK &&
		x509_issue(a, &t, spki, (struct bytes){ NULL, 0 }, key, &der, &e) == RC_OK &&
		cms_sign(a, plain, der, key, NULL, 0, false, &message, &e) == RC_OK,
	    "a signed profile");
	r = esso_check(a, bytes_str(with_profile(a, STORE, base64_encode(a, message))), ESSO_STANDARD);
	ok(r->n == 0 && r->n_sso == 1, "S-36: a signed profile is looked into");
	message = arena_copy(a, message);
	p = (uint8_t *)(uintptr_t)message.p;
	p = memmem(p, message.n, "sso.example.com", 15);
	*p = 'x';
	breaks(a, ESSO_RULE_PROFILE_SIGNATURE, ESSO_STANDARD, with_profile(a, STORE, base64_encode(a, message)));
}

static void
documents(struct arena *a)
{
	static const struct {
		enum esso_rule rule;
		enum esso_kind kind;
		const char *members;
	} rows[] = {
		{ ESSO_RULE_KEY, ESSO_STANDARD, STORE ", \"iTunesStoreId\": 1" },
		{ ESSO_RULE_STORE_ID, ESSO_STANDARD, "\"iTunesStoreID\": \"1234567890\"" },
		{ ESSO_RULE_STORE_ID, ESSO_STANDARD, "\"iTunesStoreID\": -1" },
		{ ESSO_RULE_STORE_ID_MISSING, ESSO_STANDARD, "\"AssociatedDomains\": []" },
		{ ESSO_RULE_APP_IDS_STANDARD, ESSO_STANDARD, STORE ", " APPS },
		{ ESSO_RULE_APP_IDS_MISSING, ESSO_DEVELOPER, STORE },
		{ ESSO_RULE_APP_IDS_MISSING, ESSO_DEVELOPER, "\"AppIDs\": []" },
		{ ESSO_RULE_APP_IDS_MISSING, ESSO_DEVELOPER, "\"AppIDs\": \"ABCDE12345.com.example.sso\"" },
		{ ESSO_RULE_APP_ID, ESSO_DEVELOPER, "\"AppIDs\": [\"com.example.sso\"]" },
		{ ESSO_RULE_APP_ID, ESSO_DEVELOPER, "\"AppIDs\": [\"abcde12345.com.example.sso\"]" },
		{ ESSO_RULE_APP_ID, ESSO_DEVELOPER, "\"AppIDs\": [\"ABCDE12345.\"]" },
		{ ESSO_RULE_APP_ID, ESSO_DEVELOPER, "\"AppIDs\": [1]" },
		{ ESSO_RULE_APP_ID, ESSO_DEVELOPER, "\"AppIDs\": [\"ABCDE12345.com.a\", \"ABCDE12345.com.a\"]" },
		{ ESSO_RULE_DOMAIN, ESSO_STANDARD, STORE ", \"AssociatedDomains\": [\"https://example.com\"]" },
		{ ESSO_RULE_DOMAIN, ESSO_STANDARD, STORE ", \"AssociatedDomains\": [\"localhost\"]" },
		{ ESSO_RULE_DOMAIN, ESSO_STANDARD, STORE ", \"AssociatedDomains\": [7]" },
		{ ESSO_RULE_DOMAIN, ESSO_STANDARD, STORE ", \"AssociatedDomains\": \"example.com\"" },
		{ ESSO_RULE_DIRECT, ESSO_STANDARD, STORE ", \"AssociatedDomainsEnableDirectDownloads\": 1" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		breaks(
		    a, rows[i].rule, rows[i].kind, with_profile(a, rows[i].members, profile_base64(a, PROFILE, SSO)));
	breaks(a, ESSO_RULE_JSON, ESSO_STANDARD, "{");
	breaks(a, ESSO_RULE_JSON, ESSO_STANDARD, "[]");
	breaks(a, ESSO_RULE_JSON, ESSO_STANDARD, with_profile(a, STORE ", " STORE, profile_base64(a, PROFILE, SSO)));
	breaks(a, ESSO_RULE_CONTENT_MISSING, ESSO_STANDARD, "{" STORE "}");
	breaks(a, ESSO_RULE_SIZE, ESSO_STANDARD,
	    memset(arena_alloc(a, ESSO_DOCUMENT_MAX + 2), ' ', ESSO_DOCUMENT_MAX + 1));
}

static void
profiles(struct arena *a)
{
	static const struct {
		enum esso_rule rule;
		const char *head, *payloads;
	} rows[] = {
		{ ESSO_RULE_PROFILE_FORM, PAYLOAD("com.apple.extensiblesso", "x"), SSO },
		{ ESSO_RULE_PROFILE_FORM, TEXT("PayloadType", "Configuration"), SSO },
		{ ESSO_RULE_PROFILE_FORM, PROFILE, NULL },
		{ ESSO_RULE_PAYLOAD_FORM, PROFILE, SSO "<string>x</string>" },
		{ ESSO_RULE_PAYLOAD_FORM, PROFILE,
		    DICT(TEXT("PayloadType", "com.apple.extensiblesso") EXTENSION REDIRECT) },
		{ ESSO_RULE_PAYLOAD_FORM, PROFILE, SSO SSO },
		{ ESSO_RULE_PAYLOAD_FORM, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "profile") EXTENSION REDIRECT) },
		{ ESSO_RULE_PAYLOAD_TYPE, PROFILE, SSO DICT(PAYLOAD("com.apple.wifi.managed", "wifi")) },
		{ ESSO_RULE_PAYLOAD_TYPE, PROFILE, SSO DICT(PAYLOAD("com.apple.security.scep", "scep")) },
		{ ESSO_RULE_SSO_MISSING, PROFILE, "" },
		{ ESSO_RULE_SSO_EXTENSION, PROFILE, DICT(PAYLOAD("com.apple.extensiblesso", "a") REDIRECT) },
		{ ESSO_RULE_SSO_TYPE, PROFILE, DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION) },
		{ ESSO_RULE_SSO_TYPE, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION TEXT("Type", "redirect")) },
		{ ESSO_RULE_SSO_URLS, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION TEXT("Type", "Redirect")) },
		{ ESSO_RULE_SSO_URLS, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION TEXT("Type", "Redirect")
			    LIST("URLs", "http://sso.example.com/")) },
		{ ESSO_RULE_SSO_URLS, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION TEXT("Type", "Redirect")
			    LIST("URLs", "https://sso.example.com/?a=b")) },
		{ ESSO_RULE_SSO_HOSTS, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION TEXT("Type", "Credential")) },
		{ ESSO_RULE_SSO_HOSTS, PROFILE,
		    DICT(PAYLOAD("com.apple.extensiblesso", "a") EXTENSION TEXT("Type", "Credential")
			    LIST("Hosts", "https://sso.example.com")) },
		{ ESSO_RULE_CERTIFICATE, PROFILE, SSO DICT(PAYLOAD("com.apple.security.root", "root")) },
		{ ESSO_RULE_CERTIFICATE, PROFILE,
		    SSO DICT(PAYLOAD("com.apple.security.pem", "pem") "<key>PayloadContent</key><data>AAAA</data>") },
		{ ESSO_RULE_PRIVATE_KEY, PROFILE,
		    SSO DICT(
			PAYLOAD("com.apple.security.pkcs12", "p12") "<key>PayloadContent</key><data>AAAA</data>") },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		breaks(a, rows[i].rule, ESSO_STANDARD,
		    with_profile(a, STORE, profile_base64(a, rows[i].head, rows[i].payloads)));
	breaks(a, ESSO_RULE_PROFILE_BASE64, ESSO_STANDARD, with_profile(a, STORE, "<plist/>"));
	breaks(a, ESSO_RULE_PROFILE_BASE64, ESSO_STANDARD, "{" STORE ", \"ConfigurationProfile\": 1}");
	breaks(a, ESSO_RULE_PROFILE_FORM, ESSO_STANDARD, with_profile(a, STORE, base64_encode(a, bytes_str("hello"))));
	breaks(a, ESSO_RULE_PROFILE_SIGNATURE, ESSO_STANDARD,
	    with_profile(a, STORE, base64_encode(a, bytes_str("0hello"))));
}

/* ---- declarations ---- */

#define DECLARATION(type, id, payload) \
	"{\"Type\": \"" type "\", \"Identifier\": \"" id "\", \"Payload\": {" payload "}}"
#define ACTIVATION(names) DECLARATION("com.apple.activation.simple", "act", "\"StandardConfigurations\": [" names "]")
#define APP DECLARATION("com.apple.configuration.app.managed", "app", "\"AppStoreID\": \"1234567890\"")
#define LEGACY DECLARATION("com.apple.configuration.legacy", "old", "\"ProfileURL\": \"https://mdm.example.com/p\"")
#define BOTH "\"app\", \"old\""

static const char *
with_declarations(struct arena *a, const char *members, const char *const *declarations)
{
	const char *list = "";

	for (; *declarations != NULL; declarations++)
		list = arena_printf(
		    a, "%s%s\"%s\"", list, *list != '\0' ? ", " : "", base64_encode(a, bytes_str(*declarations)));
	return arena_printf(a, "{%s, \"Declarations\": [%s]}", members, list);
}

static void
declarations(struct arena *a)
{
	static const char *const in_order[] = { ACTIVATION(BOTH), APP, LEGACY, NULL };
	static const char *const with_asset[] = { ACTIVATION(BOTH),
		DECLARATION("com.apple.configuration.app.managed", "app",
		    "\"AppStoreID\": \"1234567890\", \"AppConfig\": {\"Identities\": [{\"AssetReference\": \"key\"}]}"),
		LEGACY, DECLARATION("com.apple.asset.credential.scep", "key", ""), NULL };
	static const char *const developer[] = { ACTIVATION(BOTH),
		DECLARATION("com.apple.configuration.app.managed", "app", "\"BundleID\": \"com.example.sso\""), LEGACY,
		NULL };
	static const struct {
		enum esso_rule rule;
		const char *list[6];
	} rows[] = {
		{ ESSO_RULE_DECLARATION_FORM, { ACTIVATION(BOTH), APP, LEGACY, "{" } },
		{ ESSO_RULE_DECLARATION_FORM,
		    { ACTIVATION(BOTH), APP, LEGACY, "{\"Type\": \"a\", \"Identifier\": \"b\"}" } },
		{ ESSO_RULE_DECLARATION_ID, { ACTIVATION(BOTH), APP, LEGACY, APP } },
		{ ESSO_RULE_DECLARATION_ID,
		    { ACTIVATION(BOTH), APP, LEGACY, DECLARATION("com.apple.asset.data", "", "") } },
		{ ESSO_RULE_DECLARATION_TYPE,
		    { ACTIVATION(BOTH ", \"pin\""), APP, LEGACY,
			DECLARATION("com.apple.configuration.passcode.settings", "pin", "") } },
		{ ESSO_RULE_ACTIVATION, { APP, LEGACY } },
		{ ESSO_RULE_ACTIVATION, { ACTIVATION("\"app\""), APP, LEGACY } },
		{ ESSO_RULE_ACTIVATION, { ACTIVATION(BOTH ", \"gone\""), APP, LEGACY } },
		{ ESSO_RULE_APP, { ACTIVATION("\"old\""), LEGACY } },
		{ ESSO_RULE_APP,
		    { ACTIVATION(BOTH),
			DECLARATION("com.apple.configuration.app.managed", "app", "\"AppStoreID\": \"1\""), LEGACY } },
		{ ESSO_RULE_LEGACY, { ACTIVATION("\"app\""), APP } },
		{ ESSO_RULE_LEGACY, { ACTIVATION(BOTH), APP,
					DECLARATION("com.apple.configuration.legacy", "old",
					    "\"ProfileURL\": \"http://mdm.example.com/p\"") } },
		{ ESSO_RULE_ASSET,
		    { ACTIVATION(BOTH), APP,
			DECLARATION("com.apple.configuration.legacy", "old",
			    "\"ProfileURL\": \"https://mdm.example.com/p\", \"ProfileAssetReference\": \"gone\"") } },
	};

	const char *good;

	ok(esso_check(a, bytes_str(with_declarations(a, STORE, in_order)), ESSO_STANDARD)->n == 0,
	    "S-36: an activation, the app and a profile are in order");
	ok(esso_check(a, bytes_str(with_declarations(a, STORE, with_asset)), ESSO_STANDARD)->n == 0,
	    "S-36: with an asset that the app needs");
	ok(esso_check(a, bytes_str(with_declarations(a, APPS, developer)), ESSO_DEVELOPER)->n == 0,
	    "S-36: in developer mode the app is named by BundleID");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		breaks(a, rows[i].rule, ESSO_STANDARD, with_declarations(a, STORE, rows[i].list));
	breaks(a, ESSO_RULE_APP, ESSO_DEVELOPER, with_declarations(a, APPS, in_order));
	breaks(a, ESSO_RULE_DECLARATION_FORM, ESSO_STANDARD, "{" STORE ", \"Declarations\": []}");
	good = with_declarations(a, STORE, in_order);
	breaks(a, ESSO_RULE_DECLARATION_FORM, ESSO_STANDARD, arena_printf(a, "%.*s, 1]}", (int)strlen(good) - 2, good));
}

int
main(void)
{
	struct arena *a = arena_new(0);

	good(a);
	signed_profile(a);
	documents(a);
	profiles(a);
	declarations(a);
	arena_free(a);
	return done();
}
