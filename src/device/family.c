#include "device/family.h"

#include <stdio.h>
#include <string.h>

static const struct device_family families[] = {
	/* clang-format off */
	/* name             OS          default  rules           two channels */
	{ "iPhone",        "iOS",      "18.2",  DEVICE_IOS,      false },
	{ "iPad",          "iPadOS",   "18.2",  DEVICE_IOS,      false },
	{ "RealityDevice", "visionOS", "2.2",   DEVICE_VISIONOS, false },
	{ "Mac",           "macOS",    "15.2",  DEVICE_MACOS,    true },
	/* clang-format on */
};
#define N_FAMILIES (sizeof families / sizeof *families)

#define V(major, minor) DEVICE_VERSION(major, minor, 0)
#define CELLULAR true
#define BATTERY true
static const struct device_model models[] = {
	/* clang-format off */
	/* family          product              name          marketing                       part number   since      GB */
	{ "iPhone",        "iPhone17,2",        "iPhone",      "iPhone 16 Pro Max",            "MYW53LL/A", V(18, 0),  256, CELLULAR, BATTERY },
	{ "iPhone",        "iPhone14,5",        "iPhone",      "iPhone 13",                    "MLPF3LL/A", V(15, 0),  128, CELLULAR, BATTERY },
	{ "iPhone",        "iPhone17,3",        "iPhone",      "iPhone 16",                    "MYAP3LL/A", V(18, 0),  128, CELLULAR, BATTERY },
	{ "iPhone",        "iPhone18,3",        "iPhone",      "iPhone 17",                    "MG6J4LL/A", V(26, 0),  256, CELLULAR, BATTERY },
	{ "iPad",          "iPad14,1",          "iPad",        "iPad mini (6th generation)",   "MK7M3LL/A", V(15, 0),   64, !CELLULAR, BATTERY },
	{ "iPad",          "iPad14,2",          "iPad",        "iPad mini (6th generation)",   "MK893LL/A", V(15, 0),   64, CELLULAR, BATTERY },
	{ "iPad",          "iPad16,3",          "iPad",        "iPad Pro 11-inch (M4)",        "MVV83LL/A", V(17, 5),  256, !CELLULAR, BATTERY },
	{ "iPad",          "iPad16,4",          "iPad",        "iPad Pro 11-inch (M4)",        "MVW13LL/A", V(17, 5),  256, CELLULAR, BATTERY },
	{ "RealityDevice", "RealityDevice14,1", "Vision Pro",  "Apple Vision Pro",             "MQL83LL/A", V(1, 0),   256, !CELLULAR, BATTERY },
	{ "RealityDevice", "RealityDevice17,1", "Vision Pro",  "Apple Vision Pro (M5)",        "MG4T4LL/A", V(26, 0),  256, !CELLULAR, BATTERY },
	{ "Mac",           "Mac15,3",           "MacBook Pro", "MacBook Pro (14-inch, M3)",    "Z1AF0019P", V(14, 1),  512, !CELLULAR, BATTERY },
	{ "Mac",           "Mac14,2",           "MacBook Air", "MacBook Air (M2, 2022)",       "MLY33LL/A", V(12, 4),  256, !CELLULAR, BATTERY },
	{ "Mac",           "Mac15,4",           "iMac",        "iMac (24-inch, 2023)",         "MQRC3LL/A", V(14, 1),  256, !CELLULAR, !BATTERY },
	{ "Mac",           "Mac16,10",          "Mac mini",    "Mac mini (2024)",              "MU9D3LL/A", V(15, 1),  256, !CELLULAR, !BATTERY },
	/* clang-format on */
};
#define N_MODELS (sizeof models / sizeof *models)

const struct device_model *
device_model_at(int i)
{
	return i >= 0 && (size_t)i < N_MODELS ? &models[i] : NULL;
}

const struct device_model *
device_model_find(const struct device_family *f, unsigned version, const char *product)
{
	for (size_t i = 0; i < N_MODELS; i++) {
		const struct device_model *m = &models[i];

		if (strcmp(m->family, f->name) == 0 && version >= m->since &&
		    (product == NULL || strcmp(m->product, product) == 0))
			return m;
	}
	return NULL;
}

const struct device_family *
device_family_at(int i)
{
	return i >= 0 && (size_t)i < N_FAMILIES ? &families[i] : NULL;
}

const struct device_family *
device_family_find(const char *name)
{
	for (size_t i = 0; i < N_FAMILIES; i++)
		if (strcmp(families[i].name, name) == 0)
			return &families[i];
	return NULL;
}

const char *
device_os_name(enum device_os os)
{
	static const char *const names[DEVICE_SYSTEMS] = { "iOS", "macOS", "visionOS" };

	return names[os];
}

unsigned
device_version(const char *text)
{
	unsigned major, minor = 0, patch = 0;
	int n = 0;

	if (sscanf(text, "%3u%n.%3u%n.%3u%n", &major, &n, &minor, &n, &patch, &n) < 1 || text[n] != '\0')
		return 0;
	if (major == 0 || major > 255 || minor > 255 || patch > 255)
		return 0;
	return DEVICE_VERSION(major, minor, patch);
}

/* Real builds, for the versions that tests and people name most. */
static const struct {
	enum device_os os;
	const char *version, *build;
} builds[] = {
	{ DEVICE_IOS, "15.7", "19H12" },
	{ DEVICE_IOS, "16.6", "20G75" },
	{ DEVICE_IOS, "17.4", "21E219" },
	{ DEVICE_IOS, "17.5", "21F79" },
	{ DEVICE_IOS, "18.0", "22A3354" },
	{ DEVICE_IOS, "18.1", "22B83" },
	{ DEVICE_IOS, "18.2", "22C152" },
	{ DEVICE_IOS, "18.2.1", "22C161" },
	{ DEVICE_IOS, "26.0", "23A341" },
	{ DEVICE_MACOS, "14.0", "23A344" },
	{ DEVICE_MACOS, "15.2", "24C101" },
	{ DEVICE_VISIONOS, "1.1", "21O211" },
	{ DEVICE_VISIONOS, "2.2", "22N842" },
};

const char *
device_build(struct arena *a, const struct device_family *f, const char *version)
{
	unsigned v = device_version(version), major = v >> 16, minor = v >> 8 & 255, number;
	char letter = (char)((f->os == DEVICE_VISIONOS ? 'N' : 'A') + (minor < 12 ? minor : 12));

	for (size_t i = 0; i < sizeof builds / sizeof *builds; i++)
		if (builds[i].os == f->os && strcmp(builds[i].version, version) == 0)
			return builds[i].build;
	/* The leading number counts releases of the common core, so each OS has its own distance; the
	 * jump to 26 came in one year for all. */
	if (f->os == DEVICE_MACOS)
		number = major >= 26 ? major - 1 : major + 9;
	else if (f->os == DEVICE_VISIONOS)
		number = major >= 26 ? major - 3 : major + 20;
	else
		number = major >= 26 ? major - 3 : major + 4;
	return arena_printf(a, "%u%c%u", number, letter, 100 + (v & 255));
}

const char *
device_safari(struct arena *a, const struct device_family *f, const char *version)
{
	unsigned v = device_version(version), major = v >> 16, minor = v >> 8 & 255;
	const char *engine = "AppleWebKit/605.1.15 (KHTML, like Gecko)";

	if (f->two_channels || f->os == DEVICE_VISIONOS) {
		/* Desktop-class: the OS version in it is frozen, Safari's own is three ahead of macOS 15. */
		unsigned safari = major >= 26 ? major : f->two_channels ? major + 3 : major + 16;

		return arena_printf(a,
		    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) %s Version/%u.%u Safari/605.1.15", engine, safari,
		    minor);
	}
	return arena_printf(a,
	    "Mozilla/5.0 (%s; CPU %sOS %u_%u like Mac OS X) %s Version/%u.%u Mobile/15E148 Safari/604.1", f->name,
	    strcmp(f->name, "iPhone") == 0 ? "iPhone " : "", major, minor, engine, major, minor);
}
