/* Presets: the keys that a target has, and no other. */
#include "command/preset.h"

#include "command/testing.h"

static plist_t
restrictions(const struct policy_target *t, const char **skipped)
{
	struct policy_report report;
	struct bytes profile = { 0 };
	struct err err = { 0 };
	plist_t root = NULL, list;

	ok(preset_profile(a, t, "work-data", &profile, skipped, &err) == RC_OK, "there is a profile");
	ok(policy_document_check(a, t, profile, &report, &err) == RC_OK && report.n == 0, "that the target may have");
	if (plist_parse(a, profile, &root, &err) != RC_OK)
		return NULL;
	list = plist_array(root, "PayloadContent");
	return list != NULL ? plist_array_get_item(list, 0) : NULL;
}

int
main(void)
{
	static const struct policy_target old = { POLICY_BYOD, APPLE_IOS, "14.0", POLICY_DEVICE };
	struct bytes one = { 0 }, two = { 0 };
	const char *skipped = NULL;
	struct err err = { 0 };
	plist_t r;

	a = arena_new(0);
	r = restrictions(&iphone, &skipped);
	ok(!plist_flag(r, "allowOpenFromManagedToUnmanaged", true) &&
		!plist_flag(r, "allowOpenFromUnmanagedToManaged", true) &&
		plist_flag(r, "requireManagedPasteboard", false) && plist_flag(r, "forceAirDropUnmanaged", false),
	    "11: the four rules of the flow of data, under User Enrollment");
	r = restrictions(&old, &skipped);
	ok(!plist_has(r, "requireManagedPasteboard") && skipped != NULL &&
		strstr(skipped, "requireManagedPasteboard") != NULL,
	    "10: a key that an older system does not have is left out, and said");
	ok(preset_profile(a, &mac, "work-data", &one, NULL, &err) == RC_FORBIDDEN, "10: macOS has none of them");
	ok(preset_profile(a, &iphone, "nothing", &one, NULL, &err) == RC_NOT_FOUND, "an unknown preset is none");
	ok(preset_profile(a, &iphone, "work-data", &one, NULL, &err) == RC_OK &&
		preset_profile(a, &iphone, "work-data", &two, NULL, &err) == RC_OK && bytes_eq(one, two),
	    "twice the same is the same, so that it can be kept again without a change");
	arena_free(a);
	return done();
}
