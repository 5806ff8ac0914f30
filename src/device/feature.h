/* What each version of each system can do beyond Apple's tables (device/schema.h): one table of features and the first
 * version that has them. Sections are those of docs/protocol.md. Pure. */
#ifndef DEVICE_FEATURE_H
#define DEVICE_FEATURE_H

#include <stdbool.h>

#include "device/family.h"

enum device_feature {
	DEVICE_USER_ENROLLMENT,
	DEVICE_DEVICE_ENROLLMENT,
	DEVICE_OAUTH2,
	DEVICE_PKCS7_TYPE,
	DEVICE_REFUSAL_TEXT,
	DEVICE_FALLBACK,
	DEVICE_OS_VERSION_KEY,
	DEVICE_UPDATE_REQUIRED,
	DEVICE_EVICTION,
	DEVICE_GET_TOKEN,
	DEVICE_ESSO,
	DEVICE_ESSO_DECLARATIONS,
	DEVICE_ACME,
	DEVICE_HARDWARE_KEYS,
	DEVICE_DECLARATIONS,
	DEVICE_DECLARED_APPS,
	DEVICE_BOOTSTRAP_TOKEN,
	DEVICE_MDM_STATUS,
	DEVICE_STRICT_TLS,
	DEVICE_FEATURES,
};

struct device_feature_row {
	const char *name; /* "discovery-fallback" */
	unsigned since[DEVICE_SYSTEMS]; /* by enum device_os; 0: never */
	const char *section; /* "2.6" */
	const char *text; /* what a device does from then on, and before */
	/* where Apple's tables speak of it too: kind is an enum device_kind, name and key as in schema.h; name and key
	 * NULL: they don't */
	int kind;
	const char *table_name, *table_key;
};

extern const struct device_feature_row device_features[DEVICE_FEATURES];

/* Does this version (DEVICE_VERSION) of the system have it? */
bool device_os_can(enum device_os os, unsigned version, enum device_feature f);

#endif
