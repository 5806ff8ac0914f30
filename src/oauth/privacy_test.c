/* What the pages say that an organization can and cannot see. */
#include "oauth/privacy.h"

#include "base/tap.h"

static struct arena *a;

static bool
has(const char *mode, const char *family, enum privacy_part part, enum text text)
{
	struct policy_target t = policy_target_of(mode, family, NULL, false);
	const enum text *list;
	int n = privacy_facts(a, &t, part, &list);

	for (int i = 0; i < n; i++) {
		if (list[i] == text)
			return true;
	}
	return false;
}

int
main(void)
{
	static const char *const families[] = { "iPhone", "iPad", "Mac", "RealityDevice" };
	static const char *const modes[] = { "byod", "adde" };
	static const enum text never[] = { TEXT_see_serial, TEXT_see_all_apps, TEXT_see_backup, TEXT_see_phone_number,
		TEXT_do_erase, TEXT_do_clear_passcode, TEXT_do_restart, TEXT_do_update, TEXT_do_lost };

	a = arena_new(1 << 20);
	for (size_t i = 0; i < 4; i++) {
		const char *f = families[i];

		for (size_t k = 0; k < sizeof never / sizeof never[0]; k++)
			ok(!has("byod", f, PRIVACY_CAN_SEE, never[k]) && !has("byod", f, PRIVACY_CAN_DO, never[k]),
			    "under User Enrollment no organization can on %s: %s", f,
			    text_catalogues[0].texts[never[k]]);
		ok(has("byod", f, PRIVACY_CANNOT_SEE, TEXT_see_serial), "%s: the serial number is told as not seen", f);
		ok(has("byod", f, PRIVACY_CANNOT_DO, TEXT_do_erase), "%s: erasing is told as not done", f);
		for (size_t k = 0; k < 2; k++) {
			ok(has(modes[k], f, PRIVACY_CANNOT_SEE, TEXT_see_location), "%s, %s: nor the place", f,
			    modes[k]);
			ok(has(modes[k], f, PRIVACY_CANNOT_SEE, TEXT_see_personal), "%s, %s: nor mail", f, modes[k]);
			ok(has(modes[k], f, PRIVACY_CAN_SEE, TEXT_see_model), "%s, %s: the model is seen", f, modes[k]);
			ok(has(modes[k], f, PRIVACY_CAN_DO, TEXT_do_install), "%s, %s: apps are installed", f,
			    modes[k]);
		}
		ok(has("adde", f, PRIVACY_CAN_SEE, TEXT_see_serial), "%s of the organization: the number is seen", f);
		ok(has("adde", f, PRIVACY_CAN_DO, TEXT_do_erase), "%s of the organization can be erased", f);
	}
	ok(has("adde", "iPhone", PRIVACY_CANNOT_DO, TEXT_do_restart),
	    "an iPhone that is not supervised can't be restarted");
	ok(has("adde", "Mac", PRIVACY_CAN_DO, TEXT_do_restart), "a Mac can");
	ok(has("byod", "iPhone", PRIVACY_CAN_DO, TEXT_do_lock), "a person's own iPhone can be locked");
	ok(!has("byod", "Mac", PRIVACY_CAN_DO, TEXT_do_lock), "a person's own Mac can't");
	ok(!has("byod", "Mac", PRIVACY_CANNOT_SEE, TEXT_see_phone_number), "a Mac has no phone number to speak of");
	arena_free(a);
	return done();
}
