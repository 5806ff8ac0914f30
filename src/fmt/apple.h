/* Apple's device-management schema as plain data: commands, check-in messages, payloads with their keys and
 * restrictions, declarations, status items and the MachineInfo of an enrollment request, with the rules per
 * operating system and enrollment mode.
 *
 * Made at build time by script/tables from data/ (the tables of Apple's published schema, and
 * data/overrides.csv for what Apple's pages say beyond it). There is no lookup here on purpose: the
 * server (command/policy.c) and the simulated device each read the rows in their own way, so that
 * no mistake of one hides in the other.
 *
 * Rows hold no pointers: a text is an offset into apple_text, so everything stays in read-only
 * pages shared by all processes. Offset 0 is the empty text. */
#ifndef FMT_APPLE_H
#define FMT_APPLE_H

#include <stdint.h>

enum apple_os { APPLE_IOS, APPLE_MACOS, APPLE_VISIONOS, APPLE_OS_COUNT }; /* iPadOS follows iOS */

enum apple_mode { /* what a rule says in one enrollment mode */
	APPLE_UNSTATED, /* nothing: as allowed */
	APPLE_ALLOWED,
	APPLE_REQUIRED,
	APPLE_FORBIDDEN, /* a command is answered with Error, a query or key is left out */
	APPLE_IGNORED, /* accepted without effect */
};

enum apple_type {
	APPLE_ANY,
	APPLE_STRING,
	APPLE_INTEGER,
	APPLE_REAL,
	APPLE_BOOLEAN,
	APPLE_DATE,
	APPLE_DATA,
	APPLE_ARRAY,
	APPLE_DICTIONARY,
};

#define APPLE_SUPERVISED 1 /* needs supervision */
#define APPLE_AUTOMATED 2 /* needs Automated Device Enrollment: never account-driven */
#define APPLE_SHARED_IPAD 4 /* Shared iPad only: never account-driven */
#define APPLE_DEVICE_CHANNEL 8
#define APPLE_USER_CHANNEL 16

struct apple_rule { /* on one operating system */
	uint32_t since; /* first version, APPLE_VERSION(17, 2, 0); 0: not on this system at all */
	uint32_t until; /* first version that has it no more; 0: all later ones have it */
	uint8_t byod, adde; /* enum apple_mode */
	uint8_t flags; /* APPLE_SUPERVISED ... */
	uint16_t byod_values; /* text: values allowed under BYOD, when fewer than the key's; else 0 */
	uint16_t source; /* text: who says so, when it is not Apple's schema; else 0 */
};
#define APPLE_VERSION(major, minor, patch) ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(patch))

/* One key. The path is dotted; its segments are
 *	Name	a key of a dictionary
 *	[]	an item of an array
 *	[Name]	an item of an array of several kinds: a dictionary whose `Item` is Name (Settings)
 *	*	a key of any name
 * Below a string, a segment is one value of it that has rules of its own: "Queries.[].IMEI". */
struct apple_key {
	uint16_t path;
	uint8_t type; /* enum apple_type */
	uint8_t required; /* where the system has it */
	uint16_t values; /* text: allowed values, separated by spaces; 0: any */
	uint16_t otherwise; /* text: the value when it is absent; 0: none stated */
	struct apple_rule on[APPLE_OS_COUNT];
};

/* One command, check-in message, payload, declaration or status item. Its keys are apple_keys[first ...]: the request's, then the
 * response's, each sorted by path (strcmp). A command's request is what the server sends; a check-in
 * message's request is what the device sends; payloads and declarations have request keys only, status items none.
 * A key says nothing about whether the message itself may be sent. */
struct apple_message {
	uint16_t name;
	uint16_t first, requests, responses;
	uint16_t one_of; /* text: exactly one of these request keys must be there; 0: no such rule */
	uint16_t byod_note; /* text: what an administrator should know about it under BYOD; 0: nothing */
	uint16_t complete; /* 1: its keys are all here; 0: those with rules of their own */
	struct apple_rule on[APPLE_OS_COUNT];
};

extern const char apple_text[];

extern const struct apple_message apple_commands[]; /* sorted by name (strcmp) */
extern const unsigned apple_commands_count;
extern const struct apple_message apple_checkins[]; /* sorted by name */
extern const unsigned apple_checkins_count;
extern const struct apple_message apple_payloads[]; /* by PayloadType; "TopLevel" and "CommonPayloadKeys" besides */
extern const unsigned apple_payloads_count;
extern const struct apple_message apple_declarations[]; /* by Type; keys are those of Payload */
extern const unsigned apple_declarations_count;
extern const struct apple_message apple_status[]; /* status items */
extern const unsigned apple_status_count;
extern const struct apple_message apple_machineinfo; /* its keys are the request keys */
extern const struct apple_key apple_keys[];

/* Does this enrollment count as supervised? [0] BYOD, [1] ADDE. */
extern const unsigned char apple_supervised[2][APPLE_OS_COUNT];

/* Names of keys whose values identify a device or its owner and are never kept under BYOD,
 * wherever they stand (data/personal-identifiers.csv). Text offsets, sorted by strcasecmp. */
extern const uint16_t apple_personal[];
extern const unsigned apple_personal_count;

#endif
