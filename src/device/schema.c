#include "device/schema.h"

#include <string.h>

const struct apple_message *
device_schema_command(const char *request_type)
{
	for (unsigned i = 0; i < apple_commands_count; i++)
		if (strcmp(apple_text + apple_commands[i].name, request_type) == 0)
			return &apple_commands[i];
	return NULL;
}

enum apple_mode
device_schema_mode(const struct device_schema *s, const struct apple_rule *rule)
{
	unsigned channel = s->user_channel ? APPLE_USER_CHANNEL : APPLE_DEVICE_CHANNEL;
	bool supervised = s->os == APPLE_MACOS && !s->byod; /* protocol 10: macOS device enrollment implies it */

	if (rule->since == 0 || rule->since > s->version)
		return APPLE_FORBIDDEN;
	if ((rule->flags & (APPLE_AUTOMATED | APPLE_SHARED_IPAD)) != 0 ||
	    ((rule->flags & APPLE_SUPERVISED) && !supervised))
		return APPLE_FORBIDDEN;
	if (s->os == APPLE_MACOS && (rule->flags & (APPLE_USER_CHANNEL | APPLE_DEVICE_CHANNEL)) != 0 &&
	    (rule->flags & channel) == 0)
		return APPLE_FORBIDDEN;
	return (enum apple_mode)(s->byod ? rule->byod : rule->adde);
}

const struct apple_rule *
device_schema_key(const struct device_schema *s, const struct apple_message *m, const char *path)
{
	for (unsigned i = m->first; i < (unsigned)m->first + m->requests + m->responses; i++)
		if (strcmp(apple_text + apple_keys[i].path, path) == 0)
			return &apple_keys[i].on[s->os];
	return NULL;
}

const struct apple_rule *
device_schema_checkin_key(const struct device_schema *s, const char *message, const char *path)
{
	for (unsigned i = 0; i < apple_checkins_count; i++)
		if (strcmp(apple_text + apple_checkins[i].name, message) == 0)
			return device_schema_key(s, &apple_checkins[i], path);
	return NULL;
}
