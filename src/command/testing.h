/* What the tests of the policy share: an arena, devices of the usual kinds, property lists from text. */
#ifndef COMMAND_TESTING_H
#define COMMAND_TESTING_H

#include "base/tap.h"
#include "command/policy.h"
#include "fmt/plist.h"

static struct arena *a;

static const struct policy_target iphone = { POLICY_BYOD, APPLE_IOS, "18.2", POLICY_DEVICE };
static const struct policy_target mac = { POLICY_BYOD, APPLE_MACOS, "15.2", POLICY_DEVICE };
static const struct policy_target iphone_adde = { POLICY_ADDE, APPLE_IOS, "18.2", POLICY_DEVICE };

/* A dictionary by the XML of what is in it; NULL and a diagnosis when that is none. */
static inline plist_t
tree(const char *xml_body)
{
	const char *xml = arena_printf(a, "<plist version=\"1.0\"><dict>%s</dict></plist>", xml_body);
	struct err err = { 0 };
	plist_t p = NULL;

	if (plist_parse(a, bytes_str(xml), &p, &err) != RC_OK)
		printf("# %s\n", err.text);
	return p;
}

#endif
