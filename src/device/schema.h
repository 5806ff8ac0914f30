/* Apple's schema, read the way a device obeys it (fmt/apple.h has the rows). Pure. */
#ifndef DEVICE_SCHEMA_H
#define DEVICE_SCHEMA_H

#include <stdbool.h>

#include "device/family.h"

struct device_schema { /* for whom a rule is asked */
	enum apple_os os;
	unsigned version; /* APPLE_VERSION() */
	bool byod;
	bool user_channel;
};

const struct apple_message *device_schema_command(const char *request_type); /* NULL: not in the schema */

/* What a rule says: APPLE_FORBIDDEN also where the OS, its version, the channel or the lack of
 * supervision rule it out. `supervised` is true for macOS device enrollment only. */
enum apple_mode device_schema_mode(const struct device_schema *s, const struct apple_rule *rule);

/* The rule of a key of a message by its path, in request or response; NULL: the schema has no such key. */
const struct apple_rule *
device_schema_key(const struct device_schema *s, const struct apple_message *m, const char *path);

/* The rule of a device's own check-in message; NULL: no such message or key. */
const struct apple_rule *
device_schema_checkin_key(const struct device_schema *s, const char *message, const char *path);

#endif
