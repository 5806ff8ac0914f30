/* Apple's rules, read from the tables the way a device obeys them (device/tables.h). Pure. */
#ifndef DEVICE_SCHEMA_H
#define DEVICE_SCHEMA_H

#include <stdbool.h>

#include "device/family.h"

struct device_schema { /* for whom a rule is asked */
	enum device_os os;
	unsigned version; /* DEVICE_VERSION() */
	bool byod;
	bool user_channel;
};

enum device_verdict {
	DEVICE_UNKNOWN, /* the tables have no such thing */
	DEVICE_ALLOWED,
	DEVICE_REQUIRED,
	DEVICE_IGNORED,
	DEVICE_FORBIDDEN, /* by mode, channel or lack of supervision */
	DEVICE_ABSENT, /* not on this system, or not in this version of it */
};

enum device_kind {
	DEVICE_COMMAND,
	DEVICE_CHECKIN,
	DEVICE_MACHINEINFO, /* has no name */
	DEVICE_PAYLOAD,
	DEVICE_DECLARATION,
	DEVICE_STATUS_ITEM,
	DEVICE_KINDS
};

/* What the tables say about one thing, or with `key` about one key of it. Paths are those of the tables:
 * "Queries.QueriesItem.UDID". `response`: a key of the answer to a command or check-in message. A key of what may
 * not be is judged with it. Supervised is what data/overrides.csv says: macOS device enrollment only. */
enum device_verdict device_schema_verdict(
    const struct device_schema *s, enum device_kind kind, const char *name, const char *key, bool response);

/* May it be, as far as the tables know? Nothing is said about what they don't have. */
bool device_schema_may(
    const struct device_schema *s, enum device_kind kind, const char *name, const char *key, bool response);

const char *device_verdict_name(enum device_verdict v);

#endif
