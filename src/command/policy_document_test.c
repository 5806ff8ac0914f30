#include "base/tap.h"
#include "command/policy.h"
#include "command/testing.h"
#include "crypto/cms.h"
#include "crypto/x509.h"

#define PAYLOAD(type, more) \
	"<dict><key>PayloadType</key><string>" type "</string><key>PayloadVersion</key><integer>1</integer>" \
	"<key>PayloadIdentifier</key><string>p</string><key>PayloadUUID</key><string>P</string>" more "</dict>"
#define PROFILE(more, payloads) \
	"<plist version=\"1.0\"><dict><key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key>" \
	"<integer>1</integer><key>PayloadIdentifier</key><string>com.example.profile</string>" \
	"<key>PayloadUUID</key><string>U</string>" more "<key>PayloadContent</key><array>" payloads \
	"</array></dict></plist>"

static const struct policy_target mac_adde = { POLICY_ADDE, APPLE_MACOS, "15.2", POLICY_DEVICE };
static struct policy_report report;
static struct err err;

static enum rc
check(const struct policy_target *t, const char *text)
{
	return policy_document_check(a, t, bytes_str(text), &report, &err);
}

static bool
names(const struct policy_finding *f, const char *thing, const char *key)
{
	for (; f != NULL; f = f->next)
		if (strcmp(f->thing, thing) == 0 && strcmp(f->key, key) == 0)
			return true;
	return false;
}

static void
test_profiles(void)
{
	static const char wifi[] =
	    PROFILE("", PAYLOAD("com.apple.wifi.managed",
			    "<key>SSID_STR</key><string>x</string><key>ProxyServer</key><string>p</string>"));
	static const char mixed[] = PROFILE("<key>PayloadRemovalDisallowed</key><true/>",
	    PAYLOAD("com.apple.mobiledevice.passwordpolicy", "<key>pinHistory</key><integer>3</integer>") PAYLOAD(
		"com.apple.applicationaccess", "<key>allowCamera</key><false/><key>allowScreenShot</key><false/>")
		PAYLOAD("com.apple.vpn.managed", ""));
	static const struct x509_template t = {
		.subject = { .cn = "Signer" }, .not_before = 1700000000, .not_after = 4000000000
	};
	struct bytes key, spki, cert, file;
	struct err e;

	ok(check(&iphone, wifi) == RC_OK && report.n == 1 &&
		names(report.findings, "com.apple.wifi.managed", "ProxyServer") && report.findings->rc == RC_FORBIDDEN,
	    "S-32: a forbidden key of an allowed payload is named (protocol 10)");
	is_str(report.kind, "profile", "a profile is known by its PayloadContent");
	is_str(report.name, "com.example.profile", "and named by its PayloadIdentifier");
	ok(check(&iphone_adde, wifi) == RC_OK && report.n == 0, "S-32: ADDE may have the same payload whole");
	ok(check(&iphone, mixed) == RC_OK && report.n == 3 &&
		names(report.findings, "TopLevel", "PayloadRemovalDisallowed") &&
		names(report.findings, "com.apple.applicationaccess", "allowCamera") &&
		names(report.findings, "com.apple.vpn.managed", ""),
	    "S-32: every offending key of a profile is found, its own and its payloads'");
	ok(report.n_notes == 1 && names(report.notes, "com.apple.mobiledevice.passwordpolicy", "pinHistory"),
	    "S-32: what is ignored is a note, no finding (protocol 10: passcode)");
	ok(check(&iphone, PROFILE("", PAYLOAD("com.apple.wifi.managed", "<key>Colour</key><string>red</string>"))) ==
		    RC_OK &&
		report.n == 0,
	    "a key that has no rule of its own is as its payload");
	ok(check(&iphone, PROFILE("", PAYLOAD("com.apple.dnsProxy.managed", ""))) == RC_OK && report.n == 1 &&
		names(report.findings, "com.apple.dnsProxy.managed", "DNSProxyUUID"),
	    "S-32: a DNS proxy under User Enrollment needs the UUID that managed apps name (protocol 10)");
	ok(check(&iphone, PROFILE("", "<dict/>")) == RC_OK && report.n > 0, "a payload without a type is found");
	ok(check(&iphone, PROFILE("", PAYLOAD("org.example.app", ""))) == RC_OK && report.n == 1,
	    "S-32: a payload that Apple's schema does not have is refused");
	ok(check(&mac_adde, PROFILE("", PAYLOAD("org.example.app", ""))) == RC_OK && report.n == 0 &&
		report.n_notes == 1,
	    "on a Mac of the organization it may be an app's own preferences");
	ok(x509_key_new(a, X509_P256, &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK &&
		x509_issue(a, &t, spki, (struct bytes){ 0 }, key, &cert, &e) == RC_OK &&
		cms_sign(a, bytes_str(wifi), cert, key, NULL, 0, false, &file, &e) == RC_OK &&
		policy_document_check(a, &iphone, file, &report, &err) == RC_OK && report.n == 1,
	    "S-32: a signed profile is opened");
}

static void
test_others(void)
{
#define DECLARATION(type, payload) "{\"Type\":\"" type "\",\"Identifier\":\"i\",\"Payload\":" payload "}"
	ok(check(&iphone,
	       "<plist version=\"1.0\"><dict><key>CommandUUID</key><string>U</string><key>Command</key><dict>"
	       "<key>RequestType</key><string>EraseDevice</string></dict></dict></plist>") == RC_OK &&
		report.n == 1 && names(report.findings, "EraseDevice", ""),
	    "S-32: a command is checked in its envelope");
	ok(check(&iphone,
	       "<plist version=\"1.0\"><dict><key>RequestType</key><string>DeviceLock</string></dict></plist>") ==
		    RC_OK &&
		report.n == 0,
	    "S-32: and without");
	ok(check(&iphone, "<plist version=\"1.0\"><dict><key>RequestType</key><string>Dance</string></dict></plist>") ==
		    RC_OK &&
		report.n == 1,
	    "S-32: a command that Apple's schema does not have is a finding");
	ok(check(&iphone, DECLARATION("com.apple.configuration.app.managed",
			      "{\"AppStoreID\":\"1\",\"InstallBehavior\":{\"Install\":\"Often\"},\"Colour\":1}")) ==
		    RC_OK &&
		report.n == 2 &&
		names(report.findings, "com.apple.configuration.app.managed", "InstallBehavior.Install") &&
		names(report.findings, "com.apple.configuration.app.managed", "Colour"),
	    "S-32: a declaration's values and keys are the schema's (protocol 14)");
	ok(check(&mac, DECLARATION("com.apple.configuration.app.managed", "{\"AppStoreID\":\"1\"}")) == RC_OK &&
		report.n == 1,
	    "S-32: app.managed is not for macOS before 26 (protocol 15)");
	ok(check(&iphone,
	       DECLARATION("com.apple.configuration.management.status-subscriptions",
		   "{\"StatusItems\":[{\"Name\":\"device.identifier.udid\"},{\"Name\":\"device.model.family\"}]}")) ==
		    RC_OK &&
		report.n == 1 && strstr(report.findings->sentence, "device.identifier.udid") != NULL,
	    "S-32: a subscription asks for what its mode may tell (protocol 14)");
	ok(check(&iphone,
	       "{\"Type\":\"com.apple.activation.simple\",\"Payload\":{\"StandardConfigurations\":[\"a\"]}}") ==
		    RC_OK &&
		report.n == 1 && names(report.findings, "com.apple.activation.simple", "Identifier"),
	    "a declaration has an Identifier");
	ok(check(&iphone, "root:x:0:0") == RC_BAD_INPUT && check(&iphone, "") == RC_BAD_INPUT &&
		check(&iphone, "{\"a\":1}") == RC_BAD_INPUT && check(&iphone, "{") == RC_BAD_INPUT &&
		check(&iphone, "<plist version=\"1.0\"><dict/></plist>") == RC_BAD_INPUT &&
		check(&iphone, "0abc") == RC_BAD_INPUT,
	    "what is none of these is said to be none");
}

static void
test_queue(void)
{
	const char *profile = PROFILE("", PAYLOAD("com.apple.app.lock", ""));
	plist_t command = plist_keep(a, plist_new_dict());

	plist_put_data(command, "Payload", bytes_str(profile));
	ok(policy_command_check(a, &iphone, "InstallProfile", command, &err) == RC_FORBIDDEN &&
		strstr(err.text, "com.apple.app.lock") != NULL,
	    "S-32: a profile is checked before InstallProfile is queued");
	plist_put_data(command, "Payload", bytes_str("nothing"));
	ok(policy_command_check(a, &iphone, "InstallProfile", command, &err) == RC_BAD_INPUT,
	    "S-32: what is no profile is not installed");
}

static void
test_targets(void)
{
	struct policy_target t;

	ok(policy_target_parse("byod", "iPadOS 17.5", false, &t, &err) == RC_OK && t.os == APPLE_IOS &&
		t.mode == POLICY_BYOD && strcmp(t.os_version, "17.5") == 0,
	    "a target is written as people say it");
	ok(policy_target_parse("ADDE", "macos", true, &t, &err) == RC_OK && t.os == APPLE_MACOS &&
		t.mode == POLICY_ADDE && t.channel == POLICY_USER && t.os_version == NULL,
	    "in any case, and without a version");
	ok(policy_target_parse("mdm", "iOS", false, &t, &err) == RC_BAD_INPUT &&
		policy_target_parse("byod", "iOS18", false, &t, &err) == RC_BAD_INPUT &&
		policy_target_parse("byod", "iOS eighteen", false, &t, &err) == RC_BAD_INPUT,
	    "anything else is refused");
}

int
main(void)
{
	a = arena_new(0);
	test_profiles();
	test_others();
	test_queue();
	test_targets();
	arena_free(a);
	return done();
}
