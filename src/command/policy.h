/* Which command, with which keys, may be sent to which enrollment, and what of an answer may be kept.
 *
 * Everything is read from the tables of Apple's device-management schema (fmt/apple.h), which
 * data/overrides.csv amends where Apple's pages say more (protocol 10, 11, 15; S-32, S-33). Pure: no
 * store, no clock. ADDE is an unsupervised device enrollment on iOS and visionOS and a supervised one on macOS. */
#ifndef COMMAND_POLICY_H
#define COMMAND_POLICY_H

#include <plist/plist.h>
#include <stdbool.h>

#include "base/arena.h"
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
