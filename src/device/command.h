/* Commands of the server as a device obeys them (protocol 7.3, 10, 11): what is forbidden in this mode
 * is answered with Error, forbidden queries are left out, ignored keys have no effect. */
#ifndef DEVICE_COMMAND_H
#define DEVICE_COMMAND_H

#include "device/checkin.h"

/* Error codes, all of the domain MCMDMErrorDomain. */
enum device_error {
	DEVICE_ERROR_NONE = 0,
	DEVICE_ERROR_NOT_AUTHORIZED = 12007, /* by access rights or enrollment mode */
	DEVICE_ERROR_MALFORMED = 12008,
	DEVICE_ERROR_REPLACEMENT = 12009, /* invalid replacement profile */
	DEVICE_ERROR_NOT_MANAGED = 12013,
	DEVICE_ERROR_UNKNOWN_TYPE = 12021, /* invalid request type */
	DEVICE_ERROR_APP = 12025,
	DEVICE_ERROR_LICENSE = 12064,
};

struct device_command {
	struct device *d;
	struct arena *a;
	enum device_channel channel;
	struct device_schema rules;
	const char *uuid, *type;
	plist_t request; /* the Command dictionary */
	plist_t answer; /* CommandUUID and identifiers are in it */
	enum device_error error; /* 0: none */
	const char *error_text;
};

/* Refuse. The first reason stands. */
void device_command_refuse(struct device_command *c, enum device_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Obey one command document ({CommandUUID, Command}). What it changes is in d->en and not yet saved.
 * *answer is the body that answers it; *type its RequestType; *uuid its CommandUUID. RC_BAD_INPUT:
 * no command at all, so there is nothing to answer. */
enum rc device_command_run(struct device *d, struct arena *a, enum device_channel channel, struct bytes document,
    struct bytes *answer, const char **type, const char **uuid);

/* Body of an Idle, or of a NotNow for a command. */
struct bytes device_command_idle(struct device *d, struct arena *a, enum device_channel channel);
struct bytes device_command_not_now(struct device *d, struct arena *a, enum device_channel channel, const char *uuid);

/* Handlers, by subject; see the table in command.c. */
void device_on_device_information(struct device_command *c);
void device_on_security_info(struct device_command *c);
void device_on_certificate_list(struct device_command *c);
void device_on_settings(struct device_command *c);
void device_on_nothing(struct device_command *c); /* acknowledged without a visible effect */
void device_on_erase(struct device_command *c);
void device_on_install_profile(struct device_command *c);
void device_on_remove_profile(struct device_command *c);
void device_on_profile_list(struct device_command *c);
void device_on_empty_list(struct device_command *c);
void device_on_install_application(struct device_command *c);
void device_on_remove_application(struct device_command *c);
void device_on_managed_application_list(struct device_command *c);
void device_on_installed_application_list(struct device_command *c);
void device_on_app_told(struct device_command *c);

/* Of a Settings item what concerns apps; false: no command manages the app. True for other items. */
bool device_app_setting(struct device_command *c, plist_t item, const char *name);

/* ---- profiles, however they come ---- */

struct device_configuration { /* a configuration profile, plain or signed */
	struct bytes document; /* as it came */
	plist_t root;
	const char *identifier, *uuid, *name; /* uuid, name NULL: absent */
};

enum rc
device_configuration_read(struct arena *a, struct bytes document, struct device_configuration *out, struct err *e);

/* Install one. `declaration` is the Identifier of what it came by; NULL: a command. One that came the other way is not
 * replaced. DEVICE_ERROR_NONE: done; else d->err says why. */
enum device_error device_configuration_install(struct device *d, struct arena *a, const struct device_schema *rules,
    const struct device_configuration *profile, const char *declaration);

/* False: there is none of that name that came this way. */
bool device_configuration_remove(struct device *d, const char *identifier, bool declared);

/* A list (array) or dictionary of managed things that is made when missing. */
json_t *device_managed(struct device *d, const char *name, bool array);

#endif
