#include "device/command.h"

#include "base/tap.h"
#include "device/scep_client.h"
#include "fmt/json.h"

static struct device
phone(struct arena *a, const char *family, const char *os, const char *mode)
{
	struct device d;

	device_init(&d, a, "/nonexistent", STORY_QUIET, stdout);
	d.family = device_family_find(family);
	d.self = (struct device_self){ .family = family, .os = os, .udid = "the-udid", .serial = "the-serial" };
	d.en = (struct device_enrollment){ .mode = mode,
		.enrollment_id = "the-id",
		.user_guid = "the-user",
		.user_short = "ann",
		.user_long = "Ann" };
	d.en.managed = json_keep(a, json_object());
	d.profile.identifier = "org.example.enroll";
	d.profile.access_rights = strcmp(mode, "ADDE") == 0 ? 8191 : -1;
	d.profile.root = plist_keep(a, plist_new_dict());
	plist_put_text(d.profile.root, "PayloadUUID", "X");
	return d;
}

/* The Status that a command of this type, without further keys, is answered with. */
static const char *
status(struct arena *a, struct device *d, enum device_channel channel, const char *type)
{
	plist_t root = plist_keep(a, plist_new_dict()), command = plist_new_dict(), answer;
	const char *told, *uuid;
	struct bytes body;
	struct err e;

	plist_put_text(root, "CommandUUID", "U");
	plist_put_text(command, "RequestType", type);
	plist_put(root, "Command", command);
	if (device_command_run(d, a, channel, plist_xml(a, root), &body, &told, &uuid) != RC_OK ||
	    plist_parse(a, body, &answer, &e) != RC_OK)
		return "none";
	return plist_text(a, answer, "Status");
}

int
main(void)
{
	static const struct {
		const char *family, *os, *mode, *type, *want;
	} cases[] = {
		/* clang-format off */
		{ "iPhone",        "18.2", "BYOD", "DeviceLock",               "Acknowledged" },
		{ "Mac",           "15.2", "BYOD", "DeviceLock",               "Error" },
		{ "iPhone",        "18.2", "BYOD", "EraseDevice",              "Error" },
		{ "iPhone",        "18.2", "ADDE", "EraseDevice",              "Acknowledged" },
		{ "RealityDevice", "2.2",  "BYOD", "EraseDevice",              "Error" },
		{ "iPhone",        "18.2", "BYOD", "ClearPasscode",            "Error" },
		{ "iPhone",        "18.2", "ADDE", "RestartDevice",            "Error" }, /* needs supervision on iOS */
		{ "Mac",           "15.2", "BYOD", "InstalledApplicationList", "Error" },
		{ "iPad",          "18.2", "BYOD", "InstalledApplicationList", "Acknowledged" },
		{ "iPhone",        "18.2", "BYOD", "ProfileList",              "Acknowledged" },
		{ "iPhone",        "18.2", "BYOD", "NoSuchCommand",            "Error" },
		/* clang-format on */
	};
	struct arena *a = arena_new(0);
	struct device d;
	struct device_scep_caps caps;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		d = phone(a, cases[i].family, cases[i].os, cases[i].mode);
		is_str(status(a, &d, DEVICE_CHANNEL_DEVICE, cases[i].type), cases[i].want,
		    arena_printf(a, "D-24: %s in %s on %s", cases[i].type, cases[i].mode, cases[i].family));
	}
	d = phone(a, "iPhone", "18.2", "ADDE");
	d.profile.access_rights = 8191 & ~8;
	is_str(status(a, &d, DEVICE_CHANNEL_DEVICE, "EraseDevice"), "Error", "D-24: access rights that were not given");
	ok(!d.en.removing, "what was refused has no effect");
	d = phone(a, "iPhone", "18.2", "ADDE");
	status(a, &d, DEVICE_CHANNEL_DEVICE, "EraseDevice");
	ok(d.en.removing && d.en.erased, "an erased device ends its enrollment, after the answer");

	for (int user = 0; user < 2; user++) {
		plist_t byod, adde;

		d = phone(a, "Mac", "15.2", "BYOD");
		byod = device_message_new(&d, a, (enum device_channel)user);
		d = phone(a, "Mac", "15.2", "ADDE");
		adde = device_message_new(&d, a, (enum device_channel)user);
		ok(plist_has(byod, "EnrollmentID") && !plist_has(byod, "UDID"),
		    "7.2: BYOD is identified by EnrollmentID");
		ok(plist_has(adde, "UDID") && !plist_has(adde, "EnrollmentID"), "7.2: ADDE is identified by UDID");
		ok(plist_has(byod, "EnrollmentUserID") == user && plist_has(adde, "UserID") == user,
		    "7.5: a user channel says who the person is, a device channel does not");
		ok(device_mdm_bearer(d.family, (enum device_channel)user) == user,
		    "D-19: a Mac's bearer is its user channel's");
	}
	ok(device_mdm_bearer(device_family_find("iPad"), DEVICE_CHANNEL_DEVICE), "D-19: others always carry it");

	caps =
	    device_scep_caps_read(a, bytes_str("Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation\n"));
	ok(caps.post && strcmp(caps.digest, "SHA256") == 0 && strcmp(caps.cipher, "AES-128-CBC") == 0,
	    "D-16: the strongest that both sides know");
	caps = device_scep_caps_read(a, bytes_str("Renewal\r\n"));
	ok(!caps.post && strcmp(caps.digest, "SHA1") == 0 && strcmp(caps.cipher, "DES-EDE3-CBC") == 0,
	    "D-16: the oldest where the CA says nothing");
	arena_free(a);
	return done();
}
