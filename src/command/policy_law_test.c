/* Verdicts copied by hand from the protocol's sections 10, 11, 14 and 15, apart from the tables and their overrides. */
#include "base/tap.h"
#include "command/policy.h"
#include "command/testing.h"

enum { NO, YES, NOTHING }; /* forbidden, allowed, accepted without effect */

static const struct policy_target vision = { POLICY_BYOD, APPLE_VISIONOS, "2.2", POLICY_DEVICE };
static const struct policy_target vision_24 = { POLICY_BYOD, APPLE_VISIONOS, "2.4", POLICY_DEVICE };
static const struct policy_target mac_26 = { POLICY_BYOD, APPLE_MACOS, "26.0", POLICY_DEVICE };
static const struct policy_target mac_adde = { POLICY_ADDE, APPLE_MACOS, "15.2", POLICY_DEVICE };
static const struct policy_target iphone_26 = { POLICY_BYOD, APPLE_IOS, "26.0", POLICY_DEVICE };
static const struct policy_target iphone_26_adde = { POLICY_ADDE, APPLE_IOS, "26.0", POLICY_DEVICE };
static const struct policy_target iphone_170 = { POLICY_BYOD, APPLE_IOS, "17.0", POLICY_DEVICE };
static const struct policy_target iphone_27 = { POLICY_BYOD, APPLE_IOS, "27.0", POLICY_DEVICE };

#define COMMAND(name) \
	{ \
		POLICY_COMMAND, name, NULL, POLICY_REQUEST \
	}
#define KEY(name, key) \
	{ \
		POLICY_COMMAND, name, key, POLICY_REQUEST \
	}
#define QUERY(key) \
	{ \
		POLICY_COMMAND, "DeviceInformation", "Queries.[]." key, POLICY_REQUEST \
	}
#define SECURITY(key) \
	{ \
		POLICY_COMMAND, "SecurityInfo", "SecurityInfo." key, POLICY_RESPONSE \
	}
#define PAYLOAD(name) \
	{ \
		POLICY_PAYLOAD, name, NULL, POLICY_REQUEST \
	}
#define PAYLOAD_KEY(name, key) \
	{ \
		POLICY_PAYLOAD, name, key, POLICY_REQUEST \
	}
#define RESTRICTION(key) \
	{ \
		POLICY_PAYLOAD, "com.apple.applicationaccess", key, POLICY_REQUEST \
	}
#define DECLARATION(name) \
	{ \
		POLICY_DECLARATION, "com.apple.configuration." name, NULL, POLICY_REQUEST \
	}
#define STATUS(name) \
	{ \
		POLICY_STATUS_ITEM, name, NULL, POLICY_REQUEST \
	}
#define CHECKIN(name) \
	{ \
		POLICY_CHECKIN, name, NULL, POLICY_REQUEST \
	}

static const struct {
	const char *rule;
	const struct policy_target *target;
	struct policy_thing thing;
	int want;
} laws[] = {
	/* clang-format off */
	{ "10: commands, iOS: allowed",            &iphone,      COMMAND("InstallApplication"), YES },
	{ "10: commands, iOS: allowed",            &iphone,      COMMAND("DeviceLock"), YES },
	{ "10: commands, iOS: allowed",            &iphone,      COMMAND("RemoveApplication"), YES },
	{ "10: commands, iOS: allowed",            &iphone,      COMMAND("DeclarativeManagement"), YES },
	{ "10: commands, iOS: forbidden",          &iphone,      COMMAND("EraseDevice"), NO },
	{ "10: commands, iOS: forbidden",          &iphone,      COMMAND("ClearPasscode"), NO },
	{ "10: commands, iOS: forbidden",          &iphone,      COMMAND("RequestUnlockToken"), NO },
	{ "10: commands, iOS: lost-mode family",   &iphone,      COMMAND("EnableLostMode"), NO },
	{ "10: commands, iOS: forbidden",          &iphone,      COMMAND("DeviceLocation"), NO },
	{ "10: commands, iOS: OS-update family",   &iphone,      COMMAND("ScheduleOSUpdate"), NO },
	{ "10: commands, macOS: allowed",          &mac,         COMMAND("InstallEnterpriseApplication"), YES },
	{ "10: commands, macOS: allowed",          &mac,         COMMAND("InstallProfile"), YES },
	{ "10: commands, macOS: forbidden",        &mac,         COMMAND("DeviceLock"), NO },
	{ "10: commands, macOS: forbidden",        &mac,         COMMAND("RemoveApplication"), NO },
	{ "10: commands, macOS: forbidden",        &mac,         COMMAND("InstalledApplicationList"), NO },
	{ "10: commands, visionOS: forbidden",     &vision,      COMMAND("EraseDevice"), NO },
	{ "10: commands, visionOS: forbidden",     &vision,      COMMAND("Restrictions"), NO },
	{ "10: DeviceInformation, iOS: allowed",   &iphone,      QUERY("OSVersion"), YES },
	{ "10: DeviceInformation, iOS: allowed",   &iphone,      QUERY("DevicePropertiesAttestation"), YES },
	{ "10: DeviceInformation, iOS: forbidden", &iphone,      QUERY("UDID"), NO },
	{ "10: DeviceInformation, iOS: forbidden", &iphone,      QUERY("SerialNumber"), NO },
	{ "10: DeviceInformation, iOS: forbidden", &iphone,      QUERY("PhoneNumber"), NO },
	{ "10: DeviceInformation, ADDE",           &iphone_adde, QUERY("SerialNumber"), YES },
	{ "10: SecurityInfo, iOS: allowed",        &iphone,      SECURITY("PasscodeCompliant"), YES },
	{ "10: SecurityInfo, iOS: forbidden",      &iphone,      SECURITY("PasscodePresent"), NO },
	{ "10: SecurityInfo, iOS: forbidden",      &iphone,      SECURITY("AutoLockTime"), NO },
	{ "10: Settings: allowed",                 &iphone,      KEY("Settings", "Settings.[OrganizationInfo]"), YES },
	{ "10: Settings: allowed",                 &iphone,      KEY("Settings", "Settings.[ApplicationAttributes]"), YES },
	{ "10: Settings: the rest forbidden",      &iphone,      KEY("Settings", "Settings.[Wallpaper]"), NO },
	{ "10: Settings: MDMOptions is not sent",  &iphone,      KEY("Settings", "Settings.[MDMOptions]"), NO },
	{ "10: ChangeManagementState",             &iphone,      KEY("InstallApplication", "ChangeManagementState"), NO },
	{ "10: ChangeManagementState in ADDE",     &iphone_adde, KEY("InstallApplication", "ChangeManagementState"), NO },
	{ "10: ChangeManagementState in ADDE",     &mac_adde,    KEY("InstallApplication", "ChangeManagementState"), NO },
	{ "10: InviteToProgram never works",       &iphone_adde, COMMAND("InviteToProgram"), NO },
	{ "10: Passcode: allowed on iOS",          &iphone,      PAYLOAD("com.apple.mobiledevice.passwordpolicy"), YES },
	{ "10: Passcode: everything else ignored", &iphone,      PAYLOAD_KEY("com.apple.mobiledevice.passwordpolicy", "pinHistory"), NOTHING },
	{ "10: Passcode: not on macOS",            &mac,         PAYLOAD("com.apple.mobiledevice.passwordpolicy"), NO },
	{ "10: payloads, iOS: forbidden",          &iphone,      PAYLOAD("com.apple.vpn.managed"), NO },
	{ "10: payloads, iOS: use applayer",       &iphone,      PAYLOAD("com.apple.vpn.managed.applayer"), YES },
	{ "10: payloads, iOS: forbidden",          &iphone,      PAYLOAD("com.apple.domains"), NO },
	{ "10: payloads, iOS: forbidden",          &iphone,      PAYLOAD("com.apple.app.lock"), NO },
	{ "10: payloads, iOS: forbidden",          &iphone,      PAYLOAD("com.apple.proxy.http.global"), NO },
	{ "10: payloads, iOS: forbidden",          &iphone,      PAYLOAD("com.apple.dnsSettings.managed"), NO },
	{ "10: Wi-Fi, iOS: all proxy keys",        &iphone,      PAYLOAD_KEY("com.apple.wifi.managed", "ProxyServer"), NO },
	{ "10: Wi-Fi, iOS: MAC randomization",     &iphone,      PAYLOAD_KEY("com.apple.wifi.managed", "DisableAssociationMACRandomization"), NO },
	{ "10: restrictions, iOS: usable",         &iphone,      RESTRICTION("allowScreenShot"), YES },
	{ "10: restrictions, iOS: usable",         &iphone,      RESTRICTION("forceEncryptedBackup"), YES },
	{ "10: restrictions, iOS: the others",     &iphone,      RESTRICTION("allowCamera"), NO },
	{ "10: restrictions, macOS: usable",       &mac,         RESTRICTION("forceBypassScreenCaptureAlert"), YES },
	{ "10: restrictions, macOS: the others",   &mac,         RESTRICTION("allowManagedAppsCloudSync"), NO },
	{ "10: ADDE is unsupervised on iOS",       &iphone_adde, COMMAND("RestartDevice"), NO },
	{ "10: ADDE is unsupervised on iOS",       &iphone_adde, RESTRICTION("allowAppInstallation"), NO },
	{ "10: ADDE is a device enrollment",       &iphone_adde, COMMAND("EraseDevice"), YES },
	{ "10: ADDE is supervised on macOS",       &mac_adde,    COMMAND("ScheduleOSUpdate"), YES },
	{ "11: data flow, open-in",                &iphone,      RESTRICTION("allowOpenFromManagedToUnmanaged"), YES },
	{ "11: data flow, pasteboard",             &iphone,      RESTRICTION("requireManagedPasteboard"), YES },
	{ "11: data flow, AirDrop",                &iphone,      RESTRICTION("forceAirDropUnmanaged"), YES },
	{ "11: app.managed from iOS 17.2 on",      &iphone,      DECLARATION("app.managed"), YES },
	{ "11: app.managed from iOS 17.2 on",      &iphone_170,  DECLARATION("app.managed"), NO },
	{ "11: app.managed from visionOS 2.4 on",  &vision_24,   DECLARATION("app.managed"), YES },
	{ "11: app.managed from visionOS 2.4 on",  &vision,      DECLARATION("app.managed"), NO },
	{ "11: app.managed from macOS 26 on",      &mac_26,      DECLARATION("app.managed"), YES },
	{ "11: app.managed from macOS 26 on",      &mac,         DECLARATION("app.managed"), NO },
	{ "11: InstallAsManaged is for macOS",     &iphone,      KEY("InstallApplication", "InstallAsManaged"), NO },
	{ "14: declarations, iOS: yes",            &iphone,      DECLARATION("passcode.settings"), YES },
	{ "14: declarations, iOS: yes",            &iphone,      DECLARATION("account.mail"), YES },
	{ "14: declarations, iOS: no",             &iphone,      DECLARATION("softwareupdate.enforcement.specific"), NO },
	{ "14: declarations, iOS: no",             &iphone,      DECLARATION("math.settings"), NO },
	{ "14: status items refused",              &iphone,      STATUS("device.identifier.serial-number"), NO },
	{ "14: status items refused",              &iphone,      STATUS("device.power.battery-health"), NO },
	{ "15: bootstrap tokens, iOS 26",          &iphone_26,   CHECKIN("SetBootstrapToken"), NO },
	{ "15: bootstrap tokens, iOS 26",          &iphone_26_adde, CHECKIN("SetBootstrapToken"), YES },
	{ "15: bootstrap tokens, before iOS 26",   &iphone_adde, CHECKIN("SetBootstrapToken"), NO },
	{ "15: status items of 27",                &iphone_27,   STATUS("mdm.enrollment-type"), YES },
	{ "15: AccessRights and ManagedAppleID",   &iphone,      PAYLOAD_KEY("com.apple.mdm", "AccessRights"), NO },
	{ "15: ManagedAppleID is gone in 18",      &iphone,      PAYLOAD_KEY("com.apple.mdm", "ManagedAppleID"), NO },
	/* clang-format on */
};
#define N_LAWS (sizeof laws / sizeof laws[0])

int
main(void)
{
	a = arena_new(0);
	for (size_t i = 0; i < N_LAWS; i++) {
		const struct policy_thing *what = &laws[i].thing;
		struct err why = { 0 };
		enum apple_mode mode = policy_verdict(a, laws[i].target, what, &why);
		int got = mode == APPLE_FORBIDDEN ? NO : mode == APPLE_IGNORED ? NOTHING : YES;

		ok(mode != APPLE_UNSTATED && got == laws[i].want && (got != NO || why.text[0] != '\0'),
		    "S-32, protocol %s: %s%s%s", laws[i].rule, what->name, what->key != NULL ? " " : "",
		    what->key != NULL ? what->key : "");
		if (why.text[0] != '\0')
			printf("# %s\n", why.text);
	}
	arena_free(a);
	return done();
}
