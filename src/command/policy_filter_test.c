#include <stdlib.h>

#include "base/tap.h"
#include "command/policy.h"
#include "command/testing.h"

#define UDID "00008110-001A2C3E4F5A801E"
#define SERIAL "F2LXK0ABCD12"
#define IMEI "353456789012348"
#define ICCID "8949022600012345678"
#define PHONE "+491701234567"

static const char *
text(plist_t p)
{
	return (const char *)plist_xml(a, p).p;
}

static bool
leaks(plist_t p)
{
	static const char *const secrets[] = { UDID, SERIAL, IMEI, ICCID, PHONE, "A1000012345678",
		"a0:b1:c2:d3:e4:f5" };
	const char *xml = text(p);
	bool found = false;

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		if (strcasestr(xml, secrets[i]) != NULL) {
			printf("# left: %s\n", secrets[i]);
			found = true;
		}
	return found;
}

static const char hostile[] =
    "<key>CommandUUID</key><string>c1</string><key>Status</key><string>Acknowledged</string>"
    "<key>EnrollmentID</key><string>E-1</string><key>UDID</key><string>" UDID "</string>"
    "<key>QueryResponses</key><dict>"
    "<key>DeviceName</key><string>Anna's iPhone</string><key>OSVersion</key><string>18.2</string>"
    "<key>UDID</key><string>" UDID "</string><key>SerialNumber</key><string>" SERIAL "</string>"
    "<key>IMEI</key><string>" IMEI "</string><key>MEID</key><string>A1000012345678</string>"
    "<key>ICCID</key><string>" ICCID "</string><key>PhoneNumber</key><string>" PHONE "</string>"
    "<key>WiFiMAC</key><string>a0:b1:c2:d3:e4:f5</string><key>IsRoaming</key><true/>"
    "<key>ServiceSubscriptions</key><array><dict><key>IMEI</key><string>" IMEI "</string>"
    "<key>ICCID</key><string>" ICCID "</string><key>PhoneNumber</key><string>" PHONE "</string></dict></array>"
    "<key>OrganizationInfo</key><dict><key>OrganizationName</key><string>Example</string>"
    "<key>imei</key><string>" IMEI "</string></dict>"
    "<key>NewThing</key><array><dict><key>deep</key><array><dict><key>serialnumber</key><string>" SERIAL
    "</string><key>kept</key><string>yes</string></dict></array></dict></array>"
    "</dict>"
    "<key>Note</key><string>my serial is " SERIAL "</string>"
    "<key>List</key><array><string>x</string><string>" UDID "</string><dict><key>v</key><string>" IMEI
    "</string></dict></array>"
    "<key>" UDID "</key><integer>1</integer>";

static void
test_device_information(void)
{
	plist_t p = tree(hostile), q;
	int dropped = -1;

	ok(leaks(tree(hostile)), "the hostile answer holds identifiers before the filter");
	policy_answer_filter(a, &iphone, "DeviceInformation", p, &dropped);
	ok(!leaks(p), "S-10: no identifier of an answer is left under User Enrollment, wherever it stood");
	q = plist_dict(p, "QueryResponses");
	is_str(plist_text(a, q, "OSVersion"), "18.2", "what is allowed stays");
	is_str(plist_text(a, q, "DeviceName"), "Anna's iPhone", "the device's name stays: the schema allows it");
	is_str(plist_text(a, p, "EnrollmentID"), "E-1", "the enrollment's own identifier stays");
	ok(!plist_has(q, "IsRoaming") && !plist_has(q, "ServiceSubscriptions"),
	    "S-32: an answer to a forbidden query is dropped whole (protocol 10)");
	ok(plist_has(q, "NewThing") && strstr(text(q), "kept") != NULL, "unknown keys are kept");
	ok(plist_array_get_size(plist_array(p, "List")) == 2, "of an array only the telling items go");
	ok(dropped >= 15, "the filter counts what it dropped (%d)", dropped);

	p = tree(hostile);
	policy_answer_filter(a, &iphone_adde, "DeviceInformation", p, &dropped);
	ok(dropped == 0 && plist_has(plist_dict(p, "QueryResponses"), "SerialNumber"),
	    "ADDE keeps them: the schema does not forbid");
}

static void
test_other_answers(void)
{
	plist_t p;
	int dropped;

	p = tree(
	    "<key>SecurityInfo</key><dict><key>PasscodePresent</key><true/><key>PasscodeCompliant</key><true/></dict>");
	policy_answer_filter(a, &iphone, "SecurityInfo", p, &dropped);
	ok(dropped == 1 && !plist_has(plist_dict(p, "SecurityInfo"), "PasscodePresent") &&
		plist_has(plist_dict(p, "SecurityInfo"), "PasscodeCompliant"),
	    "S-32: PasscodePresent is dropped from SecurityInfo under User Enrollment on iOS");

	p = tree("<key>SecurityInfo</key><dict><key>FirewallSettings</key><dict><key>Applications</key><array/>"
		 "<key>FirewallEnabled</key><true/></dict></dict>");
	policy_answer_filter(a, &mac, "SecurityInfo", p, &dropped);
	ok(dropped == 1 && strstr(text(p), "FirewallEnabled") != NULL,
	    "S-32: a nested forbidden key is dropped alone on macOS");

	p = tree("<key>Status</key><string>Acknowledged</string><key>Latitude</key><real>52.5</real>"
		 "<key>Altitude</key><real>30</real>");
	policy_answer_filter(a, &iphone, "DeviceLocation", p, &dropped);
	ok(dropped == 2 && plist_dict_get_size(p) == 1,
	    "S-32: of an answer to a forbidden command only the status is kept");

	p = tree("<key>InstalledApplicationList</key><array><dict><key>Identifier</key><string>com.example.app</string>"
		 "<key>UDID</key><string>" UDID "</string></dict></array>");
	policy_answer_filter(a, &iphone, "InstalledApplicationList", p, &dropped);
	ok(dropped == 1 && !leaks(p) && strstr(text(p), "com.example.app") != NULL, "S-10: also inside lists of apps");

	p = tree("<key>UDID</key><string>" UDID "</string><key>x</key><dict><key>IMEI</key><array><string>" IMEI
		 "</string></array></dict><key>y</key><string>imei:" IMEI "</string>");
	policy_answer_filter(a, &iphone, NULL, p, &dropped);
	ok(dropped == 3 && !leaks(p), "S-10: also in an answer to no known command");

	p = tree("<key>EnrollmentID</key><string>" UDID "</string><key>UDID</key><string>" UDID "</string>");
	policy_answer_filter(a, &iphone, "ProfileList", p, &dropped);
	ok(plist_has(p, "EnrollmentID"), "an EnrollmentID that equals a UDID still names the enrollment");

	p = tree("<key>UDID</key><string>1</string><key>n</key><string>1</string>");
	policy_answer_filter(a, &iphone, "ProfileList", p, &dropped);
	ok(dropped == 1 && plist_has(p, "n"), "a value too short to identify anything is not hunted");

	p = tree("<key>QueryResponses</key><dict><key>EthernetMAC</key><string>a0:b1:c2:d3:e4:f5</string>"
		 "<key>OSUpdateSettings</key><dict/></dict>");
	policy_answer_filter(a, &iphone, "DeviceInformation", p, &dropped);
	ok(dropped == 2, "S-10: a key that only another system has is judged as there");
}

/* Two items of the same name can stand in a binary property list. */
static void
test_twice(void)
{
	plist_t p = plist_new_dict(), q = NULL;
	char *bin = NULL;
	uint32_t n = 0;
	int dropped;

	plist_keep(a, p);
	plist_dict_set_item(p, "AAA", plist_new_dict());
	plist_put_text(plist_dict(p, "AAA"), "IMEI", IMEI);
	plist_dict_set_item(p, "BBB", plist_new_dict());
	plist_put_text(plist_dict(p, "BBB"), "MEID", "A1000012345678");
	plist_put_text(p, "UDID", UDID);
	plist_put_text(p, "XDID", SERIAL);
	plist_to_bin(p, &bin, &n);
	for (uint32_t i = 0; i + 4 <= n; i++) {
		if (memcmp(bin + i, "BBB", 3) == 0)
			memcpy(bin + i, "AAA", 3);
		if (memcmp(bin + i, "XDID", 4) == 0)
			bin[i] = 'U';
	}
	plist_from_bin(bin, n, &q);
	ok(plist_dict_get_size(q) == 4, "a binary property list may name a key twice");
	policy_answer_filter(a, &iphone, "ProfileList", plist_keep(a, q), &dropped);
	ok(!leaks(q), "S-10: keys named twice hide nothing");
	plist_to_bin_free(bin);
}

static void
test_bounded(void)
{
	plist_t p = plist_keep(a, plist_new_dict()), list = plist_new_array();
	char *long_text = arena_alloc(a, 4u << 20), key[16];
	int dropped;

	memset(long_text, 'a', (4u << 20) - 1);
	for (int i = 0; i < 200; i++)
		plist_array_append_item(list, plist_new_string(arena_printf(a, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%d", i)));
	plist_dict_set_item(p, "UDID", list);
	for (int i = 0; i < 3; i++) {
		snprintf(key, sizeof key, "k%d", i);
		plist_put_text(p, key, long_text);
	}
	policy_answer_filter(a, &iphone, "ProfileList", p, &dropped);
	ok(dropped >= 2, "the hunt for values is bounded, and what is over the bound is dropped");
}

static void
test_checkin(void)
{
	static const char authenticate[] =
	    "<key>MessageType</key><string>Authenticate</string><key>Topic</key><string>com.apple.mgmt.External.1</"
	    "string>"
	    "<key>EnrollmentID</key><string>E-1</string><key>UDID</key><string>" UDID "</string>"
	    "<key>SerialNumber</key><string>" SERIAL "</string><key>IMEI</key><string>" IMEI "</string>"
	    "<key>MEID</key><string>A1000012345678</string><key>OSVersion</key><string>18.2</string>";
	static const char check_out[] =
	    "<key>MessageType</key><string>CheckOut</string><key>UDID</key><string>" UDID "</string>";
	plist_t p = tree(authenticate);
	int dropped;

	policy_checkin_filter(a, &iphone, p, &dropped);
	ok(dropped == 4 && !leaks(p) && plist_has(p, "OSVersion") && plist_has(p, "Topic"),
	    "S-10: Authenticate loses UDID, SerialNumber, IMEI and MEID under User Enrollment, nothing else");
	p = tree(authenticate);
	policy_checkin_filter(a, &iphone_adde, p, &dropped);
	ok(dropped == 0, "ADDE keeps them");
	p = tree(check_out);
	policy_checkin_filter(a, &mac, p, &dropped);
	ok(dropped == 1 && !leaks(p), "S-10: CheckOut's UDID goes on macOS too, where the schema does not forbid it");
	p = tree("<key>MessageType</key><string>TokenUpdate</string><key>UnlockToken</key><data>AAAA</data>"
		 "<key>Token</key><data>AQID</data>");
	policy_checkin_filter(a, &iphone, p, &dropped);
	ok(dropped == 1 && plist_has(p, "Token"), "TokenUpdate loses UnlockToken under User Enrollment (protocol 7.2)");
	p = tree("<key>MessageType</key><string>Unheard</string><key>a</key><dict><key>Udid</key><string>" UDID
		 "</string></dict>");
	policy_checkin_filter(a, &iphone, p, &dropped);
	ok(dropped == 1 && !leaks(p), "S-10: also in a message that no table knows");
}

static void
test_machineinfo(void)
{
	static const char info[] =
	    "<key>UDID</key><string>" UDID "</string><key>SERIAL</key><string>" SERIAL "</string>"
	    "<key>IMEI</key><string>" IMEI "</string><key>MEID</key><string>A1000012345678</string>"
	    "<key>PRODUCT</key><string>iPhone17,2</string><key>VERSION</key><string>22C150</string>"
	    "<key>LANGUAGE</key><string>de</string><key>SOFTWARE_UPDATE_DEVICE_ID</key><string>D93AP</string>";
	plist_t p = tree(info);
	int dropped;

	policy_machineinfo_filter(a, &iphone, p, &dropped);
	ok(dropped == 4 && !leaks(p), "S-10: MachineInfo loses UDID, SERIAL, IMEI and MEID under User Enrollment");
	ok(plist_has(p, "PRODUCT") && plist_has(p, "VERSION") && plist_has(p, "LANGUAGE") &&
		plist_has(p, "SOFTWARE_UPDATE_DEVICE_ID"),
	    "and keeps what an enrollment needs (protocol 3.1)");
	p = tree(info);
	policy_machineinfo_filter(a, &iphone_adde, p, NULL);
	ok(plist_has(p, "UDID") && plist_has(p, "SERIAL"), "ADDE may keep UDID and SERIAL");
}

int
main(void)
{
	a = arena_new(0);
	test_device_information();
	test_other_answers();
	test_twice();
	test_bounded();
	test_checkin();
	test_machineinfo();
	arena_free(a);
	return done();
}
