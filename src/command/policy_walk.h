/* One walk through a command, a payload or a declaration along its rows: every rule that it breaks. Room-private. */
#ifndef COMMAND_POLICY_WALK_H
#define COMMAND_POLICY_WALK_H

#include "command/policy.h"

struct policy_walk {
	struct arena *a;
	const struct policy_target *t;
	const struct apple_message *m; /* whose rows are walked */
	const char *table, *keys_table; /* what the parts of the schema are called in a sentence */
	bool open; /* a key that the rows don't have is no fault: noted if they are complete */
	bool (*skip)(struct policy_walk *w, const char *name); /* keys at the top that others look after; may be NULL */
	struct policy_report *report;
	struct err err; /* scratch */
};

void policy_report_init(struct policy_report *r);

/* May it be sent at all? False: it is a finding that it may not. */
bool policy_walk_alone(struct policy_walk *w);

/* Each key of `dict`, at any depth, and what is missing. */
void policy_walk_keys(struct policy_walk *w, plist_t dict);

/* "InstallApplication: Options.PurchaseMethod" */
const char *policy_walk_what(struct policy_walk *w, const char *path);

/* `path` is the key's, "" for the whole. */
void policy_found(struct policy_walk *w, enum rc rc, const char *path, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void
policy_noted(struct policy_walk *w, const char *path, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A configuration profile: its own keys, and each of its payloads (policy_document.c). */
void policy_walk_profile(struct arena *a, const struct policy_target *t, plist_t profile, struct policy_report *report);

/* As it arrives: XML or binary, signed or not. RC_BAD_INPUT: no profile. */
enum rc policy_profile_open(struct arena *a, struct bytes file, plist_t *out, struct err *err);

/* A Command dictionary; NULL: the command alone. RC_NOT_FOUND: no such command. */
enum rc policy_walk_command(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command,
    struct policy_report *report, struct err *err);

#endif
