/* Kinds of device: what an iPhone, iPad, Mac or Vision Pro of a given OS says about itself. Pure. */
#ifndef DEVICE_FAMILY_H
#define DEVICE_FAMILY_H

#include <stdbool.h>

#include "base/arena.h"

enum device_os { DEVICE_IOS, DEVICE_MACOS, DEVICE_VISIONOS, DEVICE_SYSTEMS }; /* iPadOS follows iOS */

#define DEVICE_VERSION(major, minor, patch) ((unsigned)(major) << 16 | (unsigned)(minor) << 8 | (unsigned)(patch))

struct device_family {
	const char *name; /* model-family of the discovery request: "iPhone" */
	const char *os_label; /* "iOS" */
	const char *default_os; /* "18.2" */
	enum device_os os; /* whose rules of Apple's schema count */
	bool two_channels; /* a device channel without bearer, and a user channel (macOS) */
};

const char *device_os_name(enum device_os os); /* as Apple's tables call it: "iOS" */

/* Hardware: what it is called, and what it has. */
struct device_model {
	const char *family; /* "iPhone" */
	const char *product; /* ProductName: "iPhone17,2" */
	const char *name; /* ModelName: "iPhone", "MacBook Pro" */
	const char *marketing; /* "iPhone 16 Pro Max" */
	const char *number; /* Model: a part number */
	unsigned since; /* the system it came with; DEVICE_VERSION */
	int capacity_gb;
	bool cellular, battery;
};

/* The model of that product; or, with NULL, the first of the family that runs this version. NULL: there is none. */
const struct device_model *device_model_find(const struct device_family *f, unsigned version, const char *product);
const struct device_model *device_model_at(int i); /* NULL past the end */

/* NULL: not a family that can enroll this way. */
const struct device_family *device_family_find(const char *name);
const struct device_family *device_family_at(int i); /* NULL past the end */

/* "18.2.1" to DEVICE_VERSION(18, 2, 1); 0: not a version. */
unsigned device_version(const char *text);

/* A plausible build of that version, as the real ones are named ("22C152"). */
const char *device_build(struct arena *a, const struct device_family *f, const char *version);

/* What the sign-in view sends as User-Agent: that of Safari on this device. */
const char *device_safari(struct arena *a, const struct device_family *f, const char *version);

#endif
