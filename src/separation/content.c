#include "separation/content.h"

#include <stddef.h>
#include <string.h>

/* Files shows the organization's iCloud Drive beside the person's on iOS, iPadOS and visionOS: there since the first
 * version that can enroll this way. */
static const struct separation_content others[] = {
	{ "drive", "iCloud Drive", { 0x0f0000u, 0x0f0000u, 0, 0x010100u } },
	{ "contacts", "Contacts app", { 0, 0, 0, 0 } },
};
#define N_OTHERS (int)(sizeof others / sizeof *others)

const struct separation_content *
separation_content_at(int i)
{
	int n = 0;

	while (separation_contents[n].name != NULL)
		n++;
	if (i < n)
		return &separation_contents[i];
	return i < n + N_OTHERS ? &others[i - n] : NULL;
}

const struct separation_content *
separation_content_find(const char *name)
{
	const struct separation_content *c;

	for (int i = 0; (c = separation_content_at(i)) != NULL; i++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

enum separation_os
separation_os_of(const char *label)
{
	static const char *const labels[SEPARATION_SYSTEMS] = { "iOS", "iPadOS", "macOS", "visionOS" };
	int i = 0;

	while (i < SEPARATION_SYSTEMS && strcmp(labels[i], label) != 0)
		i++;
	return (enum separation_os)i;
}

bool
separation_content_is_apart(const struct separation_content *c, enum separation_os os, unsigned version)
{
	return os < SEPARATION_SYSTEMS && c->since[os] != 0 && version >= c->since[os];
}
