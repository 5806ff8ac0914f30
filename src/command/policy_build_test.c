#include "base/tap.h"
#include "command/policy.h"
#include "fmt/plist.h"

static struct arena *a;
static struct err e;

static const struct policy_target iphone = { POLICY_BYOD, APPLE_IOS, "18.2", POLICY_DEVICE };
static const struct policy_target mac_adde = { POLICY_ADDE, APPLE_MACOS, "15.2", POLICY_DEVICE };

#define BUILD(type, ...) build(type, (const char *const[]){ __VA_ARGS__, NULL })

static enum rc last;

static plist_t
build(const char *type, const char *const *pairs)
{
	plist_t p = NULL;

	e = (struct err){ 0 };
	last = policy_command_build(a, type, pairs, &p, &e);
	return last == RC_OK ? p : NULL;
}

static bool
sendable(const struct policy_target *t, const char *type, plist_t p)
{
	struct err why = { 0 };

	if (p == NULL || policy_command_check(a, t, type, p, &why) != RC_OK) {
		printf("# %s\n", p == NULL ? e.text : why.text);
		return false;
	}
	return true;
}

static void
test_types(void)
{
	plist_t p =
	    BUILD("InstallApplication", "iTunesStoreID=361309726", "Options.PurchaseMethod=1", "ManagementFlags=5",
		"Attributes.Removable=no", "Attributes.AssociatedDomains=applinks:a.example,applinks:b.example",
		"Configuration.server.url=https://example.com/?a=b");

	ok(sendable(&iphone, "InstallApplication", p), "S-33: an app by licence can be written as key=value");
	ok(plist_int(p, "iTunesStoreID", 0) == 361309726 &&
		plist_int(plist_dict(p, "Options"), "PurchaseMethod", 0) == 1,
	    "integers and nested keys get the schema's types");
	ok(!plist_flag(plist_dict(p, "Attributes"), "Removable", true), "no is a boolean");
	ok(plist_array_get_size(plist_array(plist_dict(p, "Attributes"), "AssociatedDomains")) == 2,
	    "commas separate items");
	is_str(plist_text(a, plist_dict(p, "Configuration"), "server.url"), "https://example.com/?a=b",
	    "a name in a free dictionary may hold dots, a value may hold =");
	is_str(plist_text(a, p, "RequestType"), "InstallApplication", "RequestType is set");

	p = BUILD("InstallProvisioningProfile", "ProvisioningProfile=PHBsaXN0Lz4=");
	ok(sendable(&iphone, "InstallProvisioningProfile", p) && plist_data(a, p, "ProvisioningProfile").n == 8,
	    "data is written in base64");
	p = BUILD("DeviceInformation", "Queries=OSVersion,DeviceName");
	ok(sendable(&iphone, "DeviceInformation", p) && plist_array_get_size(plist_array(p, "Queries")) == 2,
	    "queries are one list");
	p = build("ProfileList", NULL);
	ok(sendable(&iphone, "ProfileList", p), "a command without keys needs no pairs");
}

static void
test_arrays(void)
{
	plist_t p = BUILD("Settings", "Settings.OrganizationInfo.OrganizationInfo.OrganizationName=Example",
	    "Settings.OrganizationInfo.OrganizationInfo.OrganizationPhone=1",
	    "Settings.ApplicationConfiguration.Identifier=com.example.app",
	    "Settings.ApplicationConfiguration.Configuration.a=b");

	ok(sendable(&iphone, "Settings", p), "a kind of setting is named like a key");
	ok(plist_array_get_size(plist_array(p, "Settings")) == 2, "keys of one setting come into one item");

	p = BUILD("ScheduleOSUpdate", "Updates.0.InstallAction=Default", "Updates.0.ProductVersion=15.3",
	    "Updates.1.InstallAction=NotifyOnly");
	ok(sendable(&mac_adde, "ScheduleOSUpdate", p) && plist_array_get_size(plist_array(p, "Updates")) == 2,
	    "items of an array can be numbered");
	p = BUILD("ScheduleOSUpdate", "Updates.InstallAction=Default", "Updates.Priority=High");
	ok(sendable(&mac_adde, "ScheduleOSUpdate", p) && plist_array_get_size(plist_array(p, "Updates")) == 1,
	    "without a number the first item is meant");
	p = BUILD("ValidateApplications", "Identifiers=");
	ok(sendable(&iphone, "ValidateApplications", p) && plist_array_get_size(plist_array(p, "Identifiers")) == 0,
	    "no text is an empty list");
}

static const struct {
	const char *type, *pair, *says;
} refused[] = {
	{ "InstallApplication", "iTunesStoreID=many", "takes a whole number" },
	{ "InstallApplication", "iTunesStoreID=-1", "takes a whole number" },
	{ "InstallApplication", "iTunesStoreID=99999999999999999999", "takes a whole number" },
	{ "InstallApplication", "itunesstoreid=1", "did you mean iTunesStoreID?" },
	{ "InstallApplication", "Colour=red", "has no key \"Colour\"" },
	{ "InstallApplication", "Colour", "is not key=value" },
	{ "InstallApplication", "=1", "is not key=value" },
	{ "InstallApplication", "Options=1", "takes named keys below it" },
	{ "InstallApplication", "iTunesStoreID.x=1", "has no key" },
	{ "InstallApplication", "Options.=1", "has no key" },
	{ "InstallApplication", ".=1", "has no key" },
	{ "InstallApplication", "RequestType=EraseDevice", "has no key" },
	{ "InstallApplication", "Attributes.Removable=perhaps", "takes yes or no" },
	{ "InstallProfile", "Payload=%%%", "takes base64" },
	{ "Settings", "Settings=1", "takes named keys below it" },
	{ "Settings", "Settings.Weather.Sun=yes", "has no key" },
	{ "Settings", "Settings..x=1", "has no key" },
	{ "Settings", "Settings.DeviceName=1", "takes named keys below it" },
	{ "ScheduleOSUpdate", "Updates.7.InstallAction=Default", "has no key" },
	{ "ScheduleOSUpdate", "Updates.0=1", "has no key" },
	{ "DeviceInformation", "Queries.0=OSVersion", "has no key" },
	{ "DeviceInformation", "Queries.[].UDID=1", "has no key" },
};

static void
test_refusals(void)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		BUILD(refused[i].type, refused[i].pair);
		ok(last == RC_BAD_INPUT && strstr(e.text, refused[i].says) != NULL, "%s %s is refused: %s",
		    refused[i].type, refused[i].pair, e.text);
	}
	BUILD("RemoveProfile", "Identifier=a", "Identifier=b");
	ok(last == RC_BAD_INPUT && strstr(e.text, "given twice") != NULL, "a key given twice is refused");
	BUILD("Removeprofile", "Identifier=a");
	ok(last == RC_NOT_FOUND && strstr(e.text, "RemoveProfile") != NULL, "an unknown command is refused");
}

static void
test_fill(void)
{
	plist_t p = build("DeviceInformation", NULL);

	ok(policy_command_fill(a, &iphone, "DeviceInformation", p) && sendable(&iphone, "DeviceInformation", p),
	    "S-32: DeviceInformation without Queries asks for what may be asked, and nothing else");
	ok(plist_array_get_size(plist_array(p, "Queries")) == 24,
	    "that is 24 queries of an iPhone under User Enrollment");
	ok(!policy_command_fill(a, &iphone, "DeviceInformation", p), "queries that are there are left alone");
	p = build("DeviceInformation", NULL);
	policy_command_fill(a, &mac_adde, "DeviceInformation", p);
	ok(sendable(&mac_adde, "DeviceInformation", p) &&
		strstr((const char *)plist_xml(a, p).p, "SerialNumber") != NULL,
	    "a Mac in ADDE is asked for its serial number");
	p = build("ManagedApplicationAttributes", NULL);
	ok(!policy_command_fill(a, &iphone, "ManagedApplicationAttributes", p),
	    "what only a person knows is not filled in");
}

int
main(void)
{
	a = arena_new(0);
	test_types();
	test_arrays();
	test_refusals();
	test_fill();
	arena_free(a);
	return done();
}
