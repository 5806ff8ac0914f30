#include "command/preset.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/plist.h"

#define RESTRICTIONS "com.apple.applicationaccess"

const struct preset_key preset_keys[] = {
	{ "work-data", "allowOpenFromManagedToUnmanaged", false, "documents of work open in work apps only" },
	{ "work-data", "allowOpenFromUnmanagedToManaged", false, "personal documents do not open in work apps" },
	{ "work-data", "requireManagedPasteboard", true, "what is copied follows the same two rules" },
	{ "work-data", "forceAirDropUnmanaged", true, "AirDrop counts as personal" },
	{ "work-data", "allowUnmanagedToReadManagedContacts", false, "personal apps do not read contacts of work" },
	{ "work-data", "allowManagedToWriteUnmanagedContacts", false, "work apps do not write personal contacts" },
	{ "work-data", "allowManagedAppsCloudSync", false, "work apps keep nothing in the personal iCloud" },
	{ "work-data", "allowEnterpriseBookBackup", false, "books of work are in no personal backup" },
	{ "work-data", "allowEnterpriseBookMetadataSync", false, "notes in them are not synchronized" },
	{ NULL, NULL, false, NULL },
};

/* A UUID that is the same for the same text. */
static const char *
uuid_of(struct arena *a, const char *text)
{
	const char *h = hex_encode(a, crypto_sha256_text(a, text));
	char *u = arena_printf(a, "%.8s-%.4s-8%.3s-8%.3s-%.12s", h, h + 8, h + 12, h + 15, h + 18);

	for (char *p = u; *p != '\0'; p++) {
		if (*p >= 'a' && *p <= 'f')
			*p = (char)(*p - 'a' + 'A');
	}
	return u;
}

static void
put_common(struct arena *a, plist_t dict, const char *type, const char *identifier, const char *name)
{
	plist_put_text(dict, "PayloadType", type);
	plist_put_int(dict, "PayloadVersion", 1);
	plist_put_text(dict, "PayloadIdentifier", identifier);
	plist_put_text(dict, "PayloadUUID", uuid_of(a, identifier));
	plist_put_text(dict, "PayloadDisplayName", name);
}

enum rc
preset_profile(struct arena *a, const struct policy_target *t, const char *preset, struct bytes *out,
    const char **skipped, struct err *err)
{
	static const char *const systems[APPLE_OS_COUNT] = { "ios", "macos", "visionos" };
	const char *identifier = arena_printf(
	    a, "postern.preset.%s.%s.%s", preset, t->mode == POLICY_BYOD ? "byod" : "adde", systems[t->os]);
	const char *left = NULL;
	plist_t root = plist_keep(a, plist_new_dict()), list = plist_new_array(), payload = plist_new_dict();
	int known = 0, taken = 0;

	put_common(a, root, "Configuration", identifier, preset);
	put_common(a, payload, RESTRICTIONS, arena_printf(a, "%s.restrictions", identifier), preset);
	plist_array_append_item(list, payload);
	plist_put(root, "PayloadContent", list);
	for (const struct preset_key *k = preset_keys; k->preset != NULL; k++) {
		struct policy_thing what = { POLICY_PAYLOAD, RESTRICTIONS, k->key, POLICY_REQUEST };
		struct err why;
		enum apple_mode verdict;

		if (strcmp(k->preset, preset) != 0)
			continue;
		known++;
		verdict = policy_verdict(a, t, &what, &why);
		if (verdict == APPLE_ALLOWED || verdict == APPLE_REQUIRED) {
			plist_put_flag(payload, k->key, k->value);
			taken++;
		} else {
			left = arena_printf(a, "%s%s%s: %s", left != NULL ? left : "", left != NULL ? "\n" : "", k->key,
			    verdict == APPLE_FORBIDDEN ? why.text : "it has no effect there");
		}
	}
	if (known == 0)
		return fail(err, RC_NOT_FOUND, "there is no preset %.60s", preset);
	if (taken == 0)
		return fail(err, RC_FORBIDDEN, "nothing of the preset %s is to be had there: %s", preset, left);
	*out = plist_xml(a, root);
	if (skipped != NULL)
		*skipped = left;
	return RC_OK;
}
