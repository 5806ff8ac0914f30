#include "separation/content.h"

#include "base/tap.h"

#define V(major, minor) ((major) << 16 | (minor) << 8)

/* The table of Apple Platform Deployment once more, typed by hand: `before` is the last version without. */
static const struct {
	const char *sentence, *content, *system;
	unsigned since, before;
} rows[] = {
	/* clang-format off */
	{ "DS-08: app containers are apart on iOS from 15", "containers", "iOS", V(15, 0), V(14, 8) },
	{ "DS-08: app containers are apart on iPadOS from 15", "containers", "iPadOS", V(15, 0), V(14, 8) },
	{ "DS-08: app containers are apart on macOS from 14, not on 13.6", "containers", "macOS", V(14, 0), V(13, 6) },
	{ "DS-08: app containers are apart on visionOS from 1.1, not on 1.0", "containers", "visionOS", V(1, 1), V(1, 0) },
	{ "DS-09: calendars are apart on iOS from 16, not on 15.8", "calendar", "iOS", V(16, 0), V(15, 8) },
	{ "DS-09: calendars are apart on iPadOS from 16.1, not on 16.0", "calendar", "iPadOS", V(16, 1), V(16, 0) },
	{ "DS-09: calendars are apart on macOS from 13, not on 12.7", "calendar", "macOS", V(13, 0), V(12, 7) },
	{ "DS-09: calendars are apart on visionOS from 1.1, not on 1.0", "calendar", "visionOS", V(1, 1), V(1, 0) },
	{ "DS-10: keychain items are apart on iOS from 15", "keychain", "iOS", V(15, 0), V(14, 8) },
	{ "DS-10: keychain items are apart on iPadOS from 15", "keychain", "iPadOS", V(15, 0), V(14, 8) },
	{ "DS-10: keychain items are apart on macOS from 14, not on 13.6", "keychain", "macOS", V(14, 0), V(13, 6) },
	{ "DS-10: keychain items are apart on visionOS from 1.1, not on 1.0", "keychain", "visionOS", V(1, 1), V(1, 0) },
	{ "DS-11: mail is apart on iOS from 15", "mail", "iOS", V(15, 0), V(14, 8) },
	{ "DS-11: mail is apart on iPadOS from 15", "mail", "iPadOS", V(15, 0), V(14, 8) },
	{ "DS-11: mail is apart on macOS from 14, not on 13.6", "mail", "macOS", V(14, 0), V(13, 6) },
	{ "DS-11: mail is apart on visionOS from 1.1, not on 1.0", "mail", "visionOS", V(1, 1), V(1, 0) },
	{ "DS-12: notes are apart on iOS from 15", "notes", "iOS", V(15, 0), V(14, 8) },
	{ "DS-12: notes are apart on iPadOS from 15", "notes", "iPadOS", V(15, 0), V(14, 8) },
	{ "DS-12: notes are apart on macOS from 14, not on 13.6", "notes", "macOS", V(14, 0), V(13, 6) },
	{ "DS-12: notes are apart on visionOS from 1.1, not on 1.0", "notes", "visionOS", V(1, 1), V(1, 0) },
	{ "DS-13: reminders are apart on iOS from 17, not on 16.7", "reminders", "iOS", V(17, 0), V(16, 7) },
	{ "DS-13: reminders are apart on iPadOS from 17, not on 16.7", "reminders", "iPadOS", V(17, 0), V(16, 7) },
	{ "DS-13: reminders are apart on macOS from 14, not on 13.6", "reminders", "macOS", V(14, 0), V(13, 6) },
	{ "DS-13: reminders are apart on visionOS from 1.1, not on 1.0", "reminders", "visionOS", V(1, 1), V(1, 0) },
	/* clang-format on */
};

int
main(void)
{
	const struct separation_content *c;
	enum separation_os os;
	int n = 0;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		c = separation_content_find(rows[i].content);
		os = separation_os_of(rows[i].system);
		ok(c != NULL && os < SEPARATION_SYSTEMS && separation_content_is_apart(c, os, rows[i].since) &&
			separation_content_is_apart(c, os, V(99, 0)) &&
			!separation_content_is_apart(c, os, rows[i].before),
		    "%s", rows[i].sentence);
	}
	while (separation_contents[n].name != NULL)
		n++;
	ok(n * SEPARATION_SYSTEMS == (int)(sizeof rows / sizeof *rows), "each row of Apple's table has its tests");
	c = separation_content_find("drive");
	ok(separation_content_is_apart(c, SEPARATION_IOS, V(15, 0)) &&
		separation_content_is_apart(c, SEPARATION_IPADOS, V(15, 0)) &&
		separation_content_is_apart(c, SEPARATION_VISIONOS, V(1, 1)) &&
		!separation_content_is_apart(c, SEPARATION_MACOS, V(26, 0)),
	    "DS-14: the organization's iCloud Drive is apart on iOS, iPadOS and visionOS");
	ok(!separation_content_is_apart(separation_content_find("contacts"), SEPARATION_IOS, V(26, 0)),
	    "contacts, which Apple's table does not name, are not apart");
	ok(separation_os_of("tvOS") == SEPARATION_SYSTEMS &&
		!separation_content_is_apart(c, SEPARATION_SYSTEMS, V(18, 0)) &&
		separation_content_find("photos") == NULL,
	    "what is not known is not apart");
	return done();
}
