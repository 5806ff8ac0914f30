#include "oauth/privacy.h"

#include <stddef.h>

#include "command/policy_rows.h"

/* What decides a fact: a command that Apple's schema lets through, or something in its answer. */
/* clang-format off */
static const struct fact {
	enum text text;
	enum privacy_part can, cannot;
	const char *command;		/* NULL: no command of Apple's schema does it, on any system */
	const char *answer;		/* a key of its answer; NULL: the command itself */
	bool always;			/* told also where a system has no such command */
	bool whole;			/* a command that is cut down under BYOD (its note says so) does not do it */
} facts[] = {
#define SEE PRIVACY_CAN_SEE, PRIVACY_CANNOT_SEE
#define DO PRIVACY_CAN_DO, PRIVACY_CANNOT_DO
	{ TEXT_see_model, SEE, "DeviceInformation", "QueryResponses.ModelName", false, false },
	{ TEXT_see_system, SEE, "DeviceInformation", "QueryResponses.OSVersion", false, false },
	{ TEXT_see_name, SEE, "DeviceInformation", "QueryResponses.DeviceName", false, false },
	{ TEXT_see_storage, SEE, "DeviceInformation", "QueryResponses.AvailableDeviceCapacity", false, false },
	{ TEXT_see_battery, SEE, "DeviceInformation", "QueryResponses.BatteryLevel", false, false },
	{ TEXT_see_passcode, SEE, "SecurityInfo", "SecurityInfo.PasscodeCompliant", false, false },
	{ TEXT_see_encryption, SEE, "SecurityInfo", "SecurityInfo.FDE_Enabled", false, false },
	{ TEXT_see_managed_apps, SEE, "ManagedApplicationList", NULL, false, false },
	{ TEXT_see_profiles, SEE, "ProfileList", NULL, false, false },
	{ TEXT_see_all_apps, SEE, "InstalledApplicationList", NULL, false, true },
	{ TEXT_see_serial, SEE, "DeviceInformation", "QueryResponses.SerialNumber", false, false },
	{ TEXT_see_phone_number, SEE, "DeviceInformation", "QueryResponses.PhoneNumber", false, false },
	{ TEXT_see_backup, SEE, "DeviceInformation", "QueryResponses.LastCloudBackupDate", false, false },
	{ TEXT_see_location, SEE, "DeviceLocation", NULL, true, false },
	{ TEXT_see_personal, SEE, NULL, NULL, true, false },
	{ TEXT_see_personal_account, SEE, NULL, NULL, true, false },
	{ TEXT_do_install, DO, "InstallApplication", NULL, false, false },
	{ TEXT_do_remove, DO, "RemoveApplication", NULL, false, false },
	{ TEXT_do_settings, DO, "InstallProfile", NULL, false, false },
	{ TEXT_do_lock, DO, "DeviceLock", NULL, false, false },
	{ TEXT_do_update, DO, "ScheduleOSUpdate", NULL, false, false },
	{ TEXT_do_restart, DO, "RestartDevice", NULL, false, false },
	{ TEXT_do_clear_passcode, DO, "ClearPasscode", NULL, false, false },
	{ TEXT_do_erase, DO, "EraseDevice", NULL, true, false },
	{ TEXT_do_lost, DO, "EnableLostMode", NULL, false, false },
};
/* clang-format on */
#define FACTS (sizeof facts / sizeof facts[0])

/* On either channel: a Mac has two. */
static bool
may(struct arena *a, const struct apple_rule on[APPLE_OS_COUNT], const struct policy_target *t)
{
	struct policy_target device = *t, user = *t;

	device.channel = POLICY_DEVICE;
	user.channel = POLICY_USER;
	return policy_rule_judge(a, on, &device, "", "", NULL) == RC_OK ||
	       policy_rule_judge(a, on, &user, "", "", NULL) == RC_OK;
}

static enum privacy_part
part_of(struct arena *a, const struct fact *f, const struct policy_target *t)
{
	const struct apple_message *m = f->command != NULL ? policy_command_row(f->command) : NULL;
	const struct apple_key *key =
	    m != NULL && f->answer != NULL ? policy_key_row(m, POLICY_RESPONSE, f->answer) : NULL;
	const struct apple_rule *rules;

	if (m == NULL || (f->answer != NULL && key == NULL))
		return f->cannot;
	rules = key != NULL ? key->on : m->on;
	if (rules[t->os].since == 0 || m->on[t->os].since == 0)
		return f->always ? f->cannot : PRIVACY_PARTS;
	if (f->whole && t->mode == POLICY_BYOD && m->byod_note != 0)
		return f->cannot;
	return may(a, m->on, t) && (key == NULL || may(a, key->on, t)) ? f->can : f->cannot;
}

int
privacy_facts(struct arena *a, const struct policy_target *t, enum privacy_part part, const enum text **out)
{
	enum text *list = arena_array(a, FACTS, sizeof *list);
	int n = 0;

	for (size_t i = 0; i < FACTS; i++) {
		if (part_of(a, &facts[i], t) == part)
			list[n++] = facts[i].text;
	}
	*out = list;
	return n;
}
