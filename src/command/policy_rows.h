/* Looking things up in the rows of Apple's schema, for the policy's own files. Pure. */
#ifndef COMMAND_POLICY_ROWS_H
#define COMMAND_POLICY_ROWS_H

#include "command/policy.h"

static inline const char *
policy_text(uint16_t offset)
{
	return apple_text + offset;
}

/* NULL: no such row. */
const struct apple_message *policy_row(enum policy_kind kind, const char *name);
const struct apple_message *policy_command_row(const char *name);
const struct apple_message *policy_checkin_row(const char *name);
const struct apple_key *policy_key_row(const struct apple_message *m, enum policy_side side, const char *path);

/* The key below `path` ("" is the top) that a dictionary's `name` means: itself, else "*". */
const struct apple_key *policy_child_row(
    struct arena *a, const struct apple_message *m, enum policy_side side, const char *path, const char *name);

/* True when some key stands below `path`. */
bool policy_has_below(struct arena *a, const struct apple_message *m, enum policy_side side, const char *path);

/* "Settings.[DeviceName].DeviceName" as people write it: "Settings.DeviceName.DeviceName". */
const char *policy_path_shown(struct arena *a, const char *path);

/* "17.2" as APPLE_VERSION(17, 2, 0); NULL or no version: UINT32_MAX, newer than any. */
uint32_t policy_version(const char *text);
const char *policy_version_text(struct arena *a, uint32_t version);

const char *policy_os_name(enum apple_os os);

const char *policy_kind_table(enum policy_kind kind, bool keys); /* "profiles", "profile keys", as sentences call it */

/* Who says so: the override's source, or the schema's table and word. */
const char *policy_rule_source(struct arena *a, const struct apple_rule *r, const char *table, const char *word);

/* What the rule says in the target's mode. */
enum apple_mode policy_rule_mode(const struct apple_rule *r, const struct policy_target *t);

/* May a thing under this rule be sent to `t`? `what` names it in the sentence, `table` the part of the schema. */
enum rc policy_rule_judge(struct arena *a, const struct apple_rule on[APPLE_OS_COUNT], const struct policy_target *t,
    const char *what, const char *table, struct err *err);

#endif
