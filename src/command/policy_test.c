#include "command/policy.h"

#include "base/tap.h"
#include "command/policy_rows.h"
#include "command/testing.h"

static const struct policy_target vision = { POLICY_BYOD, APPLE_VISIONOS, "2.2", POLICY_DEVICE };
static const struct policy_target mac_user = { POLICY_BYOD, APPLE_MACOS, "15.2", POLICY_USER };
static const struct policy_target mac_adde = { POLICY_ADDE, APPLE_MACOS, "15.2", POLICY_DEVICE };
static const struct policy_target mac_adde_user = { POLICY_ADDE, APPLE_MACOS, "15.2", POLICY_USER };
static const struct policy_target vision_adde = { POLICY_ADDE, APPLE_VISIONOS, "2.2", POLICY_DEVICE };

/* Check a command given as the inside of its dictionary; the sentence is in *err. */
static enum rc
check(const struct policy_target *t, const char *type, const char *xml_body, struct err *err)
{
	*err = (struct err){ 0 };
	return policy_command_check(a, t, type, xml_body != NULL ? tree(xml_body) : NULL, err);
}

static enum rc
alone(const struct policy_target *t, const char *type, struct err *err)
{
	return check(t, type, NULL, err);
}

static bool
has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

static int
count_mode(enum apple_os os, enum apple_mode mode)
{
	int n = 0;

	for (unsigned i = 0; i < apple_commands_count; i++)
		n += apple_commands[i].on[os].since != 0 && apple_commands[i].on[os].byod == mode;
	return n;
}

static void
test_tables(void)
{
	bool sorted = true;

	ok(count_mode(APPLE_IOS, APPLE_ALLOWED) == 24 && count_mode(APPLE_IOS, APPLE_FORBIDDEN) == 25,
	    "S-32: iOS allows 24 commands under User Enrollment and forbids 25 (protocol 10)");
	ok(count_mode(APPLE_MACOS, APPLE_ALLOWED) == 16 && count_mode(APPLE_MACOS, APPLE_FORBIDDEN) == 34,
	    "S-32: macOS allows 16 commands under User Enrollment and forbids 34 (protocol 10)");
	ok(count_mode(APPLE_VISIONOS, APPLE_ALLOWED) == 20 && count_mode(APPLE_VISIONOS, APPLE_FORBIDDEN) == 6,
	    "S-32: visionOS allows 20 commands under User Enrollment and forbids 6 (protocol 10)");
	for (unsigned i = 0; i < apple_commands_count; i++) {
		const struct apple_message *m = &apple_commands[i];
		const struct apple_key *k = apple_keys + m->first;

		sorted = sorted && policy_command_row(policy_text(m->name)) == m;
		for (unsigned j = 0; j < m->requests; j++)
			sorted = sorted && policy_key_row(m, POLICY_REQUEST, policy_text(k[j].path)) == &k[j];
		for (unsigned j = m->requests; j < m->requests + (unsigned)m->responses; j++)
			sorted = sorted && policy_key_row(m, POLICY_RESPONSE, policy_text(k[j].path)) == &k[j];
	}
	ok(sorted, "every command and key of the tables is found by its name");
	for (unsigned i = 0; i < apple_personal_count; i++)
		sorted = sorted && policy_is_personal(policy_text(apple_personal[i]));
	ok(sorted && policy_is_personal("udid") && !policy_is_personal("UDI") && !policy_is_personal("EnrollmentID"),
	    "S-10: every name of the list of personal identifiers is found, in any case");
}

/* What no account-driven enrollment can be sent, and by which rule. Whatever else the tables hold can go somewhere. */
static const struct {
	const char *command, *why;
} nowhere[] = {
	{ "AccountConfiguration", "Automated Device Enrollment" },
	{ "ClearRestrictionsPassword", "supervised" },
	{ "DeviceConfigured", "Automated Device Enrollment" },
	{ "DeviceLocation", "supervised" },
	{ "DisableLostMode", "supervised" },
	{ "EnableLostMode", "supervised" },
	{ "InviteToProgram", "account-driven enrollment" },
	{ "LogOutUser", "Shared iPad" },
	{ "PlayLostModeSound", "supervised" },
	{ "RequestUnlockToken", "supervised" },
	{ "SetAutoAdminPassword", "Automated Device Enrollment" },
	{ "UserConfigured", "Automated Device Enrollment" },
};

static const char *
why_nowhere(const char *command)
{
	for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++)
		if (strcmp(nowhere[i].command, command) == 0)
			return nowhere[i].why;
	return NULL;
}

static void
test_every_command(void)
{
	static const struct policy_target *const targets[] = { &iphone, &mac, &vision, &mac_user, &iphone_adde,
		&mac_adde, &mac_adde_user, &vision_adde };
	bool good = true;

	for (unsigned i = 0; i < apple_commands_count; i++) {
		const char *name = policy_text(apple_commands[i].name), *why = why_nowhere(name);
		int sendable = 0, explained = 0;
		struct err err;

		for (size_t j = 0; j < sizeof targets / sizeof targets[0]; j++) {
			sendable += alone(targets[j], name, &err) == RC_OK;
			explained += why != NULL && has(err.text, why);
		}
		if ((sendable > 0) != (why == NULL) || (why != NULL && explained == 0)) {
			printf("# %s: %d targets take it, expected reason: %s\n", name, sendable, why ? why : "none");
			good = false;
		}
	}
	ok(good,
	    "S-32: every command of the schema can be sent to some target, or says which kind of enrollment it needs");
}

static void
test_modes(void)
{
	struct err e;

	ok(alone(&iphone, "EraseDevice", &e) == RC_FORBIDDEN,
	    "S-32: EraseDevice is refused under User Enrollment on iOS");
	is_str(e.text,
	    "EraseDevice is not available under User Enrollment on iOS (Apple's schema, commands: userenrollment "
	    "forbidden)",
	    "the refusal names the rule");
	ok(alone(&iphone_adde, "EraseDevice", &e) == RC_OK, "S-32: EraseDevice may go to a device enrollment on iOS");
	ok(alone(&iphone, "DeviceLock", &e) == RC_OK, "S-32: DeviceLock is allowed under User Enrollment on iOS");
	ok(alone(&mac, "DeviceLock", &e) == RC_FORBIDDEN && has(e.text, "macOS"),
	    "S-32: DeviceLock is refused under User Enrollment on macOS");
	ok(alone(&mac_adde, "DeviceLock", &e) == RC_OK, "S-32: DeviceLock may go to a device enrollment on macOS");
	ok(alone(&iphone_adde, "RestartDevice", &e) == RC_FORBIDDEN && has(e.text, "needs a supervised device"),
	    "S-32: a device enrollment on iOS is not supervised");
	ok(alone(&mac_adde, "ScheduleOSUpdate", &e) == RC_OK, "S-32: a device enrollment on macOS is supervised");
	ok(alone(&iphone_adde, "InviteToProgram", &e) == RC_FORBIDDEN && has(e.text, "Invite"),
	    "S-33: InviteToProgram goes to no account-driven enrollment");
	ok(alone(&mac_adde, "AccountConfiguration", &e) == RC_FORBIDDEN && has(e.text, "Automated Device Enrollment"),
	    "S-32: what needs Automated Device Enrollment is refused");
	ok(alone(&mac_adde, "EnableLostMode", &e) == RC_FORBIDDEN && has(e.text, "not for macOS") &&
		has(e.text, "iOS 9.3"),
	    "S-32: a command of another system says which one it is for");
	ok(alone(&mac_adde_user, "EraseDevice", &e) == RC_FORBIDDEN && has(e.text, "is not for the user channel"),
	    "S-32: EraseDevice is not for the user channel");
	ok(alone(&mac_adde, "InstallMedia", &e) == RC_FORBIDDEN && has(e.text, "user channel only"),
	    "S-32: InstallMedia on macOS is for the user channel only");
	ok(alone(&mac_user, "ProfileList", &e) == RC_OK, "S-32: ProfileList may go to a Mac's user channel");
	ok(alone(&(struct policy_target){ POLICY_ADDE, APPLE_IOS, "18.2", POLICY_USER }, "ProfileList", &e) ==
		RC_FORBIDDEN,
	    "S-32: iOS has no user channel");
	ok(alone(&iphone, "devicelock", &e) == RC_NOT_FOUND && has(e.text, "did you mean DeviceLock"),
	    "an unknown RequestType is named, and the nearest one suggested");
	ok(alone(&iphone, "FormatEverything", &e) == RC_NOT_FOUND, "an unknown RequestType is refused");
}

static void
test_versions(void)
{
	struct policy_target old = { POLICY_BYOD, APPLE_VISIONOS, "1.3", POLICY_DEVICE };
	struct err e;

	ok(alone(&old, "DeviceLock", &e) == RC_FORBIDDEN && has(e.text, "is for visionOS 2.0 and later, this is 1.3"),
	    "S-32: a command newer than the system says since when it exists");
	old.os_version = NULL;
	ok(alone(&old, "DeviceLock", &e) == RC_OK, "an unknown version counts as current");
	old.os_version = "what";
	ok(alone(&old, "DeviceLock", &e) == RC_OK, "a version that is none counts as current");
	ok(policy_version("9.3") < policy_version("10.0") && policy_version("17.5.1") > policy_version("17.5") &&
		policy_version("18") == policy_version("18.0.0") && policy_version("999999999999") == UINT32_MAX,
	    "versions compare by number, part by part");
}

static void
test_keys(void)
{
	static const char app[] = "<key>RequestType</key><string>InstallApplication</string>"
				  "<key>iTunesStoreID</key><integer>361309726</integer>";
	static const char licence[] = "<key>Options</key><dict><key>PurchaseMethod</key><integer>1</integer></dict>";
	static const char change[] = "<key>ChangeManagementState</key><string>Managed</string>";
	struct err e;

	ok(check(&iphone, "InstallApplication", app, &e) == RC_BAD_INPUT && has(e.text, "Options.PurchaseMethod") &&
		has(e.text, "it must be 1"),
	    "S-33: an app without PurchaseMethod is refused under User Enrollment on iOS");
	ok(check(&iphone, "InstallApplication", arena_printf(a, "%s%s", app, licence), &e) == RC_OK,
	    "S-33: an app by licence is allowed under User Enrollment");
	ok(check(&iphone, "InstallApplication",
	       arena_printf(a, "%s<key>Options</key><dict><key>PurchaseMethod</key><integer>0</integer></dict>", app),
	       &e) == RC_FORBIDDEN,
	    "S-33: PurchaseMethod 0 is refused under User Enrollment on iOS");
	ok(check(&iphone_adde, "InstallApplication", app, &e) == RC_OK, "S-33: ADDE needs no PurchaseMethod");
	ok(check(&iphone, "InstallApplication", arena_printf(a, "%s%s%s", app, licence, change), &e) == RC_FORBIDDEN &&
		has(e.text, "ChangeManagementState"),
	    "S-33: ChangeManagementState is refused under User Enrollment");
	ok(check(&iphone_adde, "InstallApplication", arena_printf(a, "%s%s", app, change), &e) == RC_FORBIDDEN &&
		check(&mac_adde, "InstallApplication", arena_printf(a, "%s%s", app, change), &e) == RC_FORBIDDEN,
	    "S-33: ChangeManagementState is refused in every account-driven device enrollment");
	ok(check(&mac_adde, "InstallApplication", "<key>iOSApp</key><true/>", &e) == RC_BAD_INPUT &&
		has(e.text, "exactly one of"),
	    "InstallApplication needs one way to find the app");
	ok(check(&iphone, "InstallApplication",
	       arena_printf(a, "%s%s<key>Colour</key><string>red</string>", app, licence), &e) == RC_BAD_INPUT &&
		has(e.text, "Colour"),
	    "S-32: a key that does not exist is refused by name");
	ok(check(&iphone, "InstallApplication", "<key>iTunesStoreID</key><string>361309726</string>", &e) ==
		    RC_BAD_INPUT &&
		has(e.text, "iTunesStoreID must be an integer"),
	    "S-32: a value of the wrong type is refused");
	ok(check(&iphone, "InstallApplication",
	       arena_printf(a, "%s%s<key>ManagementFlags</key><integer>3</integer>", app, licence),
	       &e) == RC_BAD_INPUT &&
		has(e.text, "1 4 5"),
	    "S-32: a value outside the allowed ones is refused, and those are named");
	ok(check(&iphone, "RemoveProfile", "", &e) == RC_BAD_INPUT && has(e.text, "Identifier is missing"),
	    "S-32: a missing required key is refused");
	ok(check(&iphone, "InstallApplication",
	       arena_printf(a, "%s%s<key>Configuration</key><dict><key>a.b</key><array/></dict>", app, licence),
	       &e) == RC_OK,
	    "a free dictionary takes keys of any name and type");
	ok(check(&iphone, "InstallApplication",
	       arena_printf(a, "%s%s<key>Options.PurchaseMethod</key><integer>1</integer>", app, licence),
	       &e) == RC_BAD_INPUT,
	    "a key's name can't pass for a path");
	ok(check(&mac, "InstallApplication", arena_printf(a, "%s<key>Attributes</key><dict/>", app), &e) ==
		    RC_FORBIDDEN &&
		has(e.text, "not for macOS"),
	    "S-32: a key of another system is refused");
}

static void
test_queries_and_settings(void)
{
	static const char query[] = "<key>Queries</key><array><string>OSVersion</string><string>%s</string></array>";
	static const char setting[] =
	    "<key>Settings</key><array><dict><key>Item</key><string>%s</string>%s</dict></array>";
	struct err e;

	ok(check(&iphone, "DeviceInformation", arena_printf(a, query, "DeviceName"), &e) == RC_OK,
	    "S-32: allowed queries may be sent");
	ok(check(&iphone, "DeviceInformation", arena_printf(a, query, "SerialNumber"), &e) == RC_FORBIDDEN &&
		has(e.text, "Queries.SerialNumber"),
	    "S-32: a forbidden query is refused by name");
	ok(check(&iphone_adde, "DeviceInformation", arena_printf(a, query, "SerialNumber"), &e) == RC_OK,
	    "S-32: ADDE may ask for the serial number");
	ok(check(&iphone, "DeviceInformation", arena_printf(a, query, "ShoeSize"), &e) == RC_BAD_INPUT,
	    "S-32: an unknown query is refused");
	ok(check(&iphone, "DeviceInformation", arena_printf(a, query, "HostName"), &e) == RC_FORBIDDEN,
	    "S-32: a Mac's query is refused on iOS");
	ok(check(&iphone, "DeviceInformation", "<key>Queries</key><array><integer>1</integer></array>", &e) ==
		RC_BAD_INPUT,
	    "S-32: an array's items have a type too");
	ok(check(&iphone, "Settings",
	       arena_printf(a, setting, "OrganizationInfo",
		   "<key>OrganizationInfo</key><dict><key>OrganizationName</key><string>Example</string></dict>"),
	       &e) == RC_OK,
	    "S-32: OrganizationInfo may be set under User Enrollment");
	ok(check(&iphone, "Settings", arena_printf(a, setting, "Bluetooth", "<key>Enabled</key><true/>"), &e) ==
		    RC_FORBIDDEN &&
		has(e.text, "Settings.Bluetooth"),
	    "S-32: a forbidden setting is refused by name");
	ok(check(&iphone, "Settings", arena_printf(a, setting, "MDMOptions", "<key>MDMOptions</key><dict/>"), &e) ==
		RC_FORBIDDEN,
	    "S-32: MDMOptions is not set under User Enrollment");
	ok(check(&iphone_adde, "Settings", arena_printf(a, setting, "MDMOptions", "<key>MDMOptions</key><dict/>"),
	       &e) == RC_OK,
	    "S-32: MDMOptions may be set in a device enrollment");
	ok(check(&mac_adde, "Settings", arena_printf(a, setting, "Bluetooth", ""), &e) == RC_BAD_INPUT &&
		has(e.text, "Enabled is missing"),
	    "S-32: a required key of a setting is asked for");
	ok(check(&iphone, "Settings", arena_printf(a, setting, "Weather", ""), &e) == RC_BAD_INPUT,
	    "S-32: an unknown setting is refused");
	ok(check(&iphone, "Settings", "<key>Settings</key><array><string>x</string></array>", &e) == RC_BAD_INPUT,
	    "S-32: a setting without Item is refused");
}

static void
test_lists(void)
{
	const char *const *names;
	const char *note;
	int n;

	ok(policy_commands(a, &iphone, &names) == 24, "the list for an iPhone under User Enrollment has 24 commands");
	ok(policy_commands(a, NULL, &names) == (int)apple_commands_count, "the list without a target has all");
	n = policy_command_keys(a, &iphone, "InstallApplication", &names);
	ok(n > 5, "a command's keys can be listed");
	for (int i = 0; i < n; i++)
		if (strcmp(names[i], "ChangeManagementState") == 0 || strcmp(names[i], "iOSApp") == 0)
			n = 0;
	ok(n > 5, "the list of keys leaves out what the target does not take");
	n = policy_command_keys(a, &iphone, "DeviceInformation", &names);
	ok(n == 2 && strcmp(names[1], "Queries") == 0, "values of a text are no keys");
	note = policy_command_note(a, &iphone, "InstalledApplicationList", NULL);
	ok(note != NULL && has(note, "managed apps only"),
	    "a note says that the list is narrowed under User Enrollment");
	ok(policy_command_note(a, &iphone_adde, "InstalledApplicationList", NULL) == NULL, "and there is none in ADDE");
}

static void
test_checkin(void)
{
	struct policy_target ios26 = { POLICY_ADDE, APPLE_IOS, "26.0", POLICY_DEVICE };
	struct err e;

	ok(policy_checkin_check(&iphone, "Authenticate", &e) == RC_OK, "Authenticate is for every enrollment");
	ok(policy_checkin_check(&mac, "GetBootstrapToken", &e) == RC_FORBIDDEN,
	    "S-24: bootstrap tokens are refused under User Enrollment");
	ok(policy_checkin_check(&mac_adde, "GetBootstrapToken", &e) == RC_OK,
	    "a Mac in ADDE may fetch its bootstrap token");
	ok(policy_checkin_check(&ios26, "SetBootstrapToken", &e) == RC_OK, "iOS 26 in ADDE may set one");
	ios26.mode = POLICY_BYOD;
	ok(policy_checkin_check(&ios26, "SetBootstrapToken", &e) == RC_FORBIDDEN,
	    "iOS 26 under User Enrollment may not");
	ok(policy_checkin_check(&mac_user, "UserAuthenticate", &e) == RC_FORBIDDEN,
	    "S-24: UserAuthenticate is refused under User Enrollment");
	ok(policy_checkin_check(&iphone, "Hello", &e) == RC_BAD_INPUT, "an unknown MessageType is bad input");
}

int
main(void)
{
	a = arena_new(0);
	test_tables();
	test_every_command();
	test_modes();
	test_versions();
	test_keys();
	test_queries_and_settings();
	test_lists();
	test_checkin();
	arena_free(a);
	return done();
}
