/* Which command, payload or declaration, with which keys, may be sent to which enrollment, and what of an answer may be kept.
 *
 * Everything is read from the tables of Apple's device-management schema (fmt/apple.h), which
 * data/overrides.csv amends where Apple's pages say more (protocol 10, 11, 15; S-32, S-33). Pure: no
 * store, no clock. ADDE is an unsupervised device enrollment on iOS and visionOS and a supervised one on macOS. */
#ifndef COMMAND_POLICY_H
#define COMMAND_POLICY_H

#include <plist/plist.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "fmt/apple.h"

enum policy_mode { POLICY_BYOD = 1, POLICY_ADDE = 2 };
enum policy_channel { POLICY_DEVICE, POLICY_USER };

struct policy_target {
	enum policy_mode mode;
	enum apple_os os;
	const char *os_version; /* "17.5"; NULL or not a version: taken for current */
	enum policy_channel channel;
};

/* A target from what an enrollment's row says. mode: "byod", "adde" (any case, also "mdm-byod"); anything else
 * counts as BYOD, the stricter one. family: "iPhone", "iPad", "Mac", "RealityDevice"; NULL or unknown: iOS. */
struct policy_target policy_target_of(const char *mode, const char *family, const char *os_version, bool user_channel);

/* A target as people write one: mode "byod" or "adde", system "iOS 18.2", "iPadOS", "macOS 15" (any case; without a
 * version: current). t->os_version points into `os`. RC_BAD_INPUT: no such mode or system, or not a version. */
enum rc
policy_target_parse(const char *mode, const char *os, bool user_channel, struct policy_target *t, struct err *err);

/* What Apple's tables have rules for. A key of a command or payload is one of its rows; a restriction is a key of the
 * payload com.apple.applicationaccess, a query a request key of DeviceInformation. */
enum policy_kind {
	POLICY_COMMAND,
	POLICY_CHECKIN,
	POLICY_PAYLOAD,
	POLICY_DECLARATION,
	POLICY_STATUS_ITEM,
	POLICY_KINDS
};
enum policy_side { POLICY_REQUEST, POLICY_RESPONSE };

struct policy_thing {
	enum policy_kind kind;
	const char *name;
	const char *key; /* as apple_key.path; NULL: the thing itself */
	enum policy_side side; /* of the key */
};

/* The verdict of the tables: APPLE_ALLOWED, APPLE_REQUIRED, APPLE_IGNORED (may be sent, has no effect) or
 * APPLE_FORBIDDEN, and then *why names the rule in an administrator's words. A key of what is forbidden is
 * forbidden. APPLE_UNSTATED: the tables have no such thing. */
enum apple_mode
policy_verdict(struct arena *a, const struct policy_target *t, const struct policy_thing *what, struct err *why);
const char *policy_kind_name(enum policy_kind kind); /* "payload" */
const char *policy_mode_name(enum apple_mode mode); /* "forbidden" */

/* Walk all of it: every kind, name and key, as they stand in the tables. Starts with {0} in *at; false at the end. */
struct policy_place {
	int kind;
	unsigned message, key; /* key 0: the message itself */
};
bool policy_next(struct policy_place *at, struct policy_thing *out);

/* Every rule that a document breaks. */
#define POLICY_FINDINGS_MAX 200 /* kept; all are counted */
struct policy_finding {
	struct policy_finding *next;
	enum rc rc; /* RC_FORBIDDEN: a rule of the mode, system, channel; RC_BAD_INPUT: not as the schema has it */
	const char *thing, *key; /* the command, payload or declaration; "" when the whole is meant */
	const char *sentence;
};
struct policy_report {
	const char *kind; /* "profile", "command", "declaration" */
	const char *name; /* PayloadIdentifier, RequestType, Type; may be NULL */
	int n, n_notes;
	struct policy_finding *findings, *notes; /* a note is no fault: what is ignored, or could not be checked */
	struct policy_finding **end, **notes_end; /* where the next one goes */
};

/* Read a file as a profile (property list, signed or not), a command (property list, with or without the
 * CommandUUID around it) or a declaration (JSON), and check it. RC_BAD_INPUT: it is none of these. */
enum rc policy_document_check(
    struct arena *a, const struct policy_target *t, struct bytes file, struct policy_report *out, struct err *err);

/* RC_OK without findings; otherwise the first one. */
enum rc policy_report_first(const struct policy_report *r, struct err *err);

/* May this be sent? `command` is the Command dictionary; NULL asks for the command alone, whatever its keys.
 * err is one sentence for an administrator that names the rule.
 * RC_NOT_FOUND: Apple's schema has no such command.
 * RC_FORBIDDEN: not in this mode, on this system, version or channel; or such a key or value in it.
 * RC_BAD_INPUT: an unknown key, a wrong type, a missing key, a value outside the allowed ones. */
enum rc policy_command_check(
    struct arena *a, const struct policy_target *t, const char *request_type, plist_t command, struct err *err);

/* What an administrator should know although it may be sent ("lists managed apps only", a key that the device
 * ignores), one sentence a line in `a`; NULL: nothing. `command` may be NULL. */
const char *
policy_command_note(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command);

/* Build the Command dictionary from "key=value" arguments, ended by NULL. Types come from the schema. Nested keys
 * are dotted; array items are separated by commas, or numbered ("Updates.0.InstallAction=Default"); a kind of
 * setting is named like a key ("Settings.DeviceName.DeviceName=Anna's iPhone"); booleans are yes, no, true, false;
 * data is base64; a key of any name takes text. *out is freed with `a` and is not checked against a target.
 * RC_NOT_FOUND: no such command. RC_BAD_INPUT: no such key, or a value that is not of its type. */
enum rc policy_command_build(
    struct arena *a, const char *request_type, const char *const *pairs, plist_t *out, struct err *err);

/* Fill in what was left out and has one sensible meaning: DeviceInformation without Queries asks for everything that
 * may be asked of `t`. Changes `command` in place; true when something was added. */
bool policy_command_fill(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command);

/* Names of the commands that may be sent to `t`, sorted. Returns how many; *names is in `a`.
 * t NULL: all commands of the schema. */
int policy_commands(struct arena *a, const struct policy_target *t, const char *const **names);

/* Names of a command's request keys that exist on t->os and are not forbidden, as policy_command_build takes
 * them, sorted; for completion. 0 for an unknown command. */
int policy_command_keys(
    struct arena *a, const struct policy_target *t, const char *request_type, const char *const **names);

/* Remove from a device's answer what its mode forbids, in place, and under BYOD besides, at any depth: every key
 * of data/personal-identifiers.csv in any spelling of case, and every text that holds a value removed under such
 * a key (S-10). Unknown keys are kept. *dropped (may be NULL) is how many items went.
 * request_type NULL or unknown: only the identifiers go. `answer` is the whole message or any dictionary. */
void policy_answer_filter(
    struct arena *a, const struct policy_target *t, const char *request_type, plist_t answer, int *dropped);

/* May a device of this target send this check-in message? RC_BAD_INPUT: unknown MessageType.
 * RC_FORBIDDEN: not in this mode, on this system or on this channel (protocol 7.2). */
enum rc policy_checkin_check(const struct policy_target *t, const char *message_type, struct err *err);

/* The same filter for a check-in message (by its MessageType) and for the MachineInfo of an enrollment request. */
void policy_checkin_filter(struct arena *a, const struct policy_target *t, plist_t message, int *dropped);
void policy_machineinfo_filter(struct arena *a, const struct policy_target *t, plist_t machineinfo, int *dropped);

/* True for a name in data/personal-identifiers.csv, in any case: for documents that are not property lists. */
bool policy_is_personal(const char *key);

#endif
