#include "device/place.h"

#include "base/tap.h"
#include "device/command.h"
#include "fmt/base64.h"
#include "fmt/json.h"

static struct device
device(struct arena *a, const char *family, const char *os, const char *mode)
{
	static const char *const own[] = { "org.own=7", NULL };
	struct device d;

	device_init(&d, a, NULL, STORY_QUIET, stdout);
	d.family = device_family_find(family);
	d.self = (struct device_self){ .family = family, .os = os, .phase = DEVICE_ENROLLED, .personal_apps = own };
	d.en = (struct device_enrollment){ .mode = mode, .managed = json_keep(a, json_object()) };
	json_object_set_new(device_managed(&d, "apps", false), "com.work", json_pack("{s:s}", "Status", "Managed"));
	json_object_set_new(
	    device_managed(&d, "apps", false), "com.gone", json_pack("{s:s}", "Status", "ManagedButUninstalled"));
	json_object_set_new(
	    device_managed(&d, "declared-apps", false), "com.declared", json_pack("{s:s}", "state", "managed"));
	json_object_set_new(
	    device_managed(&d, "declared-apps", false), "com.offered", json_pack("{s:s}", "state", "optional"));
	return d;
}

/* As if it was installed, whatever the mode: macOS keeps what does not count. */
static void
install(struct device *d, struct arena *a, const char *name, const char *type, const char *keys)
{
	const char *text = arena_printf(a,
	    "<plist "
	    "version=\"1.0\"><dict><key>PayloadIdentifier</key><string>%s</string><key>PayloadContent</key><array>"
	    "<dict><key>PayloadType</key><string>%s</string>%s</dict></array></dict></plist>",
	    name, type, keys);

	json_array_append_new(device_managed(d, "profiles", true),
	    json_pack("{s:s, s:s}", "identifier", name, "document", base64_encode(a, bytes_str(text))));
}

static bool
apart(struct device *d, struct arena *a, const char *name, enum separation_account account, bool is_apart)
{
	struct device_place p;

	return device_place_find(d, a, name, &p) == RC_OK && p.at.account == account && p.at.apart == is_apart;
}

static void
places(struct arena *a)
{
	struct device d = device(a, "iPhone", "16.6", "BYOD"), mac = device(a, "Mac", "15.2", "BYOD");
	struct device_place p;

	ok(apart(&d, a, "com.work", SEPARATION_MANAGED, true) &&
		apart(&d, a, "com.declared", SEPARATION_MANAGED, true) &&
		apart(&d, a, "org.own", SEPARATION_PERSONAL, false),
	    "DS-17: an app is managed by command or by declaration, or the person's");
	ok(device_place_find(&d, a, "com.gone", &p) == RC_NOT_FOUND &&
		device_place_find(&d, a, "com.offered", &p) == RC_NOT_FOUND &&
		device_place_find(&d, a, "com.other", &p) == RC_NOT_FOUND,
	    "DS-08: what is not installed has no documents");
	ok(apart(&d, a, "notes@managed", SEPARATION_MANAGED, true) &&
		apart(&d, a, "notes@personal", SEPARATION_PERSONAL, false) &&
		apart(&d, a, "reminders@managed", SEPARATION_MANAGED, false),
	    "DS-13: reminders of the managed account are not apart on iOS 16.6");
	ok(device_place_find(&d, a, "notes@other", &p) == RC_BAD_INPUT &&
		device_place_find(&d, a, "photos@managed", &p) == RC_BAD_INPUT &&
		device_place_find(&d, a, "keychain@managed", &p) == RC_BAD_INPUT,
	    "what is no place is refused");
	ok(apart(&mac, a, "keychain:com.work", SEPARATION_MANAGED, true) &&
		apart(&mac, a, "file-keychain:com.work", SEPARATION_MANAGED, false) &&
		device_place_find(&d, a, "file-keychain:com.work", &p) == RC_NOT_FOUND,
	    "DS-10: only the data protection keychain of a Mac app is apart");
	ok(device_place_find(&mac, a, "drive@managed", &p) == RC_NOT_FOUND &&
		apart(&mac, a, "drive@personal", SEPARATION_PERSONAL, false),
	    "DS-14: a Mac shows no iCloud Drive of the organization");
	d.self.phase = DEVICE_UNENROLLED;
	ok(device_place_find(&d, a, "notes@managed", &p) == RC_CONFLICT &&
		apart(&d, a, "notes@personal", SEPARATION_PERSONAL, false),
	    "DS-17: without an enrollment there is the person's account alone");
}

static void
rules(struct arena *a)
{
	static const char keys[] = "<key>allowOpenFromManagedToUnmanaged</key><false/>"
				   "<key>requireManagedPasteboard</key><true/>"
				   "<key>allowManagedToWriteUnmanagedContacts</key><true/>";
	static const char domains[] = "<key>WebDomains</key><array><string>example.com</string><true/></array>";
	static const struct {
		const char *family, *os, *mode;
		bool open_in, pasteboard, contacts, domains;
		const char *sentence;
	} rows[] = {
		{ "iPhone", "18.2", "BYOD", true, true, false, false,
		    "DS-18: what User Enrollment forbids on iOS does not count, the rest does" },
		{ "iPhone", "18.2", "ADDE", true, true, true, true, "DS-18: in a device enrollment all of it counts" },
		{ "Mac", "15.2", "BYOD", false, false, false, false,
		    "DS-18: macOS steps over what it does not have or take (managed open-in, domains)" },
		{ "Mac", "15.2", "ADDE", false, false, false, true,
		    "DS-14: managed domains count on a Mac's device enrollment" },
		{ "RealityDevice", "1.1", "BYOD", false, false, false, false,
		    "DS-18: visionOS 1.1 has none of these restrictions" },
		{ "RealityDevice", "2.2", "BYOD", true, true, false, false, "DS-19: visionOS 2 has" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct device d = device(a, rows[i].family, rows[i].os, rows[i].mode);
		struct separation_rules r;

		install(&d, a, "r", "com.apple.applicationaccess", keys);
		install(&d, a, "d", "com.apple.domains", domains);
		install(&d, a, "w", "com.apple.wifi.managed", keys);
		r = device_separation_rules(&d, a);
		ok(r.allowOpenFromManagedToUnmanaged == !rows[i].open_in &&
			r.requireManagedPasteboard == rows[i].pasteboard &&
			r.allowManagedToWriteUnmanagedContacts == rows[i].contacts &&
			(r.web_domains[0] != NULL) == rows[i].domains,
		    "%s", rows[i].sentence);
	}
}

int
main(void)
{
	struct arena *a = arena_new(0);

	places(a);
	rules(a);
	arena_free(a);
	return done();
}
