/* The Enrollment SSO document as a device reads it, and where an extension takes a sign-in over. */
#include "device/esso_document.h"

#include "base/tap.h"
#include "device/webview.h"
#include "fmt/base64.h"

/* A profile whose parts the rows below replace. */
static const char *
profile(struct arena *a, const char *sso, const char *more)
{
	return base64_encode(
	    a, bytes_str(arena_printf(a,
		   "<plist version=\"1.0\"><dict>"
		   "<key>PayloadType</key><string>Configuration</string><key>PayloadVersion</key><integer>1</integer>"
		   "<key>PayloadIdentifier</key><string>org.example.sso</string>"
		   "<key>PayloadUUID</key><string>1</string><key>PayloadContent</key><array><dict>"
		   "<key>PayloadType</key><string>com.apple.extensiblesso</string>"
		   "<key>PayloadVersion</key><integer>1</integer><key>PayloadUUID</key><string>2</string>"
		   "<key>PayloadIdentifier</key><string>org.example.sso.2</string>%s</dict>%s</array></dict></plist>",
		   sso, more)));
}

#define NAMED "<key>ExtensionIdentifier</key><string>org.example.app.extension</string>"
#define REDIRECT(url) \
	NAMED "<key>Type</key><string>Redirect</string><key>URLs</key><array><string>" url "</string></array>"
#define GOOD REDIRECT("https://sso.example.org/")
#define OTHER(type) \
	"<dict><key>PayloadType</key><string>" type "</string><key>PayloadVersion</key><integer>1</integer>" \
	"<key>PayloadUUID</key><string>3</string><key>PayloadIdentifier</key><string>x.3</string></dict>"

static void
refused(struct arena *a, const char *document, bool developer, const char *because)
{
	struct device_esso out;
	struct err e = { 0 };

	ok(device_esso_read(a, bytes_str(document), developer, false, &out, &e) == RC_BAD_INPUT &&
		strstr(e.text, because) != NULL,
	    "D-12: refused: %s", e.text);
}

static void
rules(struct arena *a)
{
	static const struct {
		const char *members, *sso, *more, *because;
		bool developer;
	} rows[] = {
		{ "\"x\": 1", GOOD, "", "iTunesStoreID is missing", false },
		{ "\"iTunesStoreID\": \"1\"", GOOD, "", "iTunesStoreID is missing", false },
		{ "\"iTunesStoreID\": 1, \"AppIDs\": [\"ABCDE12345.org.x\"]", GOOD, "", "developer mode alone", false },
		{ "\"iTunesStoreID\": 1", GOOD, "", "needs AppIDs", true },
		{ "\"AppIDs\": []", GOOD, "", "needs AppIDs", true },
		{ "\"AppIDs\": [\"org.example.app\"]", GOOD, "", "TEAMID", true },
		{ "\"iTunesStoreID\": 1, \"AssociatedDomains\": \"x.org\"", GOOD, "", "no list", false },
		{ "\"iTunesStoreID\": 1, \"AssociatedDomains\": [\"https://x.org\"]", GOOD, "", "no domain", false },
		{ "\"iTunesStoreID\": 1, \"AssociatedDomainsEnableDirectDownloads\": 0", GOOD, "", "neither true",
		    false },
		{ "\"iTunesStoreID\": 1", "", "", "names no extension", false },
		{ "\"iTunesStoreID\": 1", NAMED, "", "neither Redirect", false },
		{ "\"iTunesStoreID\": 1", REDIRECT("http://sso.example.org/"), "", "are https", false },
		{ "\"iTunesStoreID\": 1", NAMED "<key>Type</key><string>Credential</string>", "", "no Hosts", false },
		{ "\"iTunesStoreID\": 1", GOOD, OTHER("com.apple.wifi.managed"), "com.apple.wifi.managed", false },
		{ "\"iTunesStoreID\": 1", GOOD, OTHER("com.apple.security.root"), "can't be read", false },
		{ "\"iTunesStoreID\": 1", GOOD, "<string>x</string>", "incomplete", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refused(a,
		    arena_printf(a, "{%s, \"ConfigurationProfile\": \"%s\"}", rows[i].members,
			profile(a, rows[i].sso, rows[i].more)),
		    rows[i].developer, rows[i].because);
	refused(a, "[]", false, "no JSON object");
	refused(a, "{\"iTunesStoreID\": 1}", false, "no ConfigurationProfile");
	refused(a, "{\"iTunesStoreID\": 1, \"Declarations\": [\"e30=\"]}", false, "too old for Declarations");
	refused(a, "{\"iTunesStoreID\": 1, \"ConfigurationProfile\": \"-\"}", false, "no base64");
	refused(a, "{\"iTunesStoreID\": 1, \"ConfigurationProfile\": \"aGVsbG8=\"}", false, "ConfigurationProfile");
}

static void
good(struct arena *a)
{
	struct device_esso out;
	struct err e = { 0 };
	const char *text = profile(a, GOOD, "");

	ok(device_esso_read(a,
	       bytes_str(arena_printf(a, "{\"iTunesStoreID\": 7, \"ConfigurationProfile\": \"%s\"}", text)), false,
	       true, &out, &e) == RC_OK &&
		strcmp(out.bundle, "app.7") == 0 && strcmp(out.urls[0], "https://sso.example.org/") == 0 &&
		out.urls[1] == NULL && out.hosts[0] == NULL && strcmp(out.identifier, "org.example.sso") == 0,
	    "D-12: a standard document names an app of the App Store, and what its extension answers for");
	ok(device_esso_read(a,
	       bytes_str(arena_printf(
		   a, "{\"AppIDs\": [\"ABCDE12345.org.example.app\"], \"ConfigurationProfile\": \"%s\"}", text)),
	       true, false, &out, &e) == RC_OK &&
		strcmp(out.bundle, "org.example.app") == 0,
	    "D-12: a developer document names one by AppIDs");
}

/* ---- declarations ---- */

static const char *
declared(struct arena *a, const char *const *list)
{
	const char *text = "";

	for (; *list != NULL; list++)
		text =
		    arena_printf(a, "%s%s\"%s\"", text, *text != '\0' ? "," : "", base64_encode(a, bytes_str(*list)));
	return arena_printf(a, "{\"iTunesStoreID\": 7, \"Declarations\": [%s]}", text);
}

#define D(type, id, payload) "{\"Type\":\"com.apple." type "\",\"Identifier\":\"" id "\",\"Payload\":{" payload "}}"
#define ACTIVE D("activation.simple", "a", "\"StandardConfigurations\":[\"b\",\"c\"]")
#define APP D("configuration.app.managed", "b", "\"AppStoreID\":\"7\"")
#define OLD D("configuration.legacy", "c", "\"ProfileURL\":\"https://x.org/p\"")

static void
declarations(struct arena *a)
{
	static const struct {
		const char *list[5], *because; /* NULL: in order */
	} rows[] = {
		{ { ACTIVE, APP, OLD }, NULL },
		{ { ACTIVE, APP, OLD, D("asset.data", "d", "") }, NULL },
		{ { APP, OLD }, "0 activations" },
		{ { ACTIVE, OLD }, "0 apps" },
		{ { ACTIVE, APP }, "0 legacy" },
		{ { ACTIVE, APP, OLD, D("configuration.legacy", "d", "\"ProfileURL\":\"https://x.org/q\"") },
		    "does not name" },
		{ { D("activation.simple", "a", "\"StandardConfigurations\":[\"b\",\"x\"]"), APP, OLD },
		    "no configuration" },
		{ { ACTIVE, D("configuration.app.managed", "b", "\"AppStoreID\":\"8\""), OLD }, "another AppStoreID" },
		{ { ACTIVE, APP, D("configuration.legacy", "c", "\"ProfileURL\":\"http://x.org/p\"") },
		    "https ProfileURL" },
		{ { ACTIVE, APP, OLD, D("configuration.passcode.settings", "d", "") }, "no place" },
		{ { ACTIVE, APP, OLD, APP }, "two declarations" },
		{ { ACTIVE, APP, OLD, "{}" }, "incomplete" },
		{ { ACTIVE, APP, OLD, "x" }, "no JSON" },
	};
	struct device_esso out;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct err e = { 0 };
		enum rc rc = device_esso_read(a, bytes_str(declared(a, rows[i].list)), false, true, &out, &e);

		ok(rows[i].because == NULL ? rc == RC_OK && out.declarations
					   : rc == RC_BAD_INPUT && strstr(e.text, rows[i].because) != NULL,
		    "D-12: declarations: %s", rows[i].because != NULL ? e.text : "in order");
	}
}

static void
covers(struct arena *a)
{
	static const char *const urls[] = { "https://SSO.example.org/Sign", NULL };
	static const char *const hosts[] = { "one.example.org", ".below.org", NULL };
	const struct device_extension x = { true, urls, hosts };
	static const struct {
		const char *url;
		bool covered;
	} rows[] = {
		{ "https://sso.example.org/Sign-in?x=1", true },
		{ "https://sso.example.org/sign-in", false },
		{ "https://sso.example.org.evil.com/Sign", false },
		{ "http://sso.example.org/Sign", false },
		{ "https://one.example.org:8443/any", true },
		{ "https://two.one.example.org/", false },
		{ "https://a.below.org/", true },
		{ "https://below.org/", false },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		ok(device_extension_covers(a, &x, rows[i].url) == rows[i].covered, "D-12: an extension %s for %s",
		    rows[i].covered ? "answers" : "does not answer", rows[i].url);
}

int
main(void)
{
	struct arena *a = arena_new(0);

	rules(a);
	good(a);
	declarations(a);
	covers(a);
	arena_free(a);
	return done();
}
