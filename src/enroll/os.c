#include "enroll/os.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *prefix, *family;
} families[] = {
	{ "iPhone", "iPhone" },
	{ "iPad", "iPad" },
	{ "RealityDevice", "RealityDevice" },
	{ "iMac", "Mac" },
	{ "Mac", "Mac" }, /* also MacBookPro, Macmini, MacPro */
	{ "VirtualMac", "Mac" },
	{ "AppleTV", "AppleTV" },
	{ "Watch", "Watch" },
};

/* Builds start with the number of the kernel generation, which OS_VERSION-less requests are read by. */
static const struct {
	const char *os;
	int build;
	const char *version;
} builds[] = {
	{ "iOS", 19, "15" },
	{ "iOS", 20, "16" },
	{ "iOS", 21, "17" },
	{ "iOS", 22, "18" },
	{ "iOS", 23, "26" },
	{ "macOS", 22, "13" },
	{ "macOS", 23, "14" },
	{ "macOS", 24, "15" },
	{ "macOS", 25, "26" },
	{ "visionOS", 21, "1.1" },
	{ "visionOS", 22, "2" },
	{ "visionOS", 23, "26" },
};

const char *
os_family(const char *product)
{
	if (product == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
		if (strncmp(product, families[i].prefix, strlen(families[i].prefix)) == 0)
			return families[i].family;
	}
	return NULL;
}

const char *
os_name(const char *family)
{
	if (family != NULL && strcmp(family, "Mac") == 0)
		return "macOS";
	if (family != NULL && strcmp(family, "RealityDevice") == 0)
		return "visionOS";
	return "iOS";
}

const char *
os_version(const char *family, const char *os_version, const char *build)
{
	if (os_version != NULL && os_version[0] >= '0' && os_version[0] <= '9')
		return os_version;
	if (build == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++) {
		if (strcmp(builds[i].os, os_name(family)) == 0 && strtol(build, NULL, 10) == builds[i].build)
			return builds[i].version;
	}
	return NULL;
}

int
os_compare(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	for (int i = 0; i < 4; i++) {
		long x = strtol(a, (char **)&a, 10), y = strtol(b, (char **)&b, 10);

		if (x != y)
			return x < y ? -1 : 1;
		a += *a == '.';
		b += *b == '.';
	}
	return 0;
}
