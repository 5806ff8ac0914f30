#include "command/policy.h"

#include <string.h>
#include <strings.h>

#include "command/policy_rows.h"
#include "command/policy_walk.h"
#include "fmt/plist.h"

struct policy_target
policy_target_of(const char *mode, const char *family, const char *os_version, bool user_channel)
{
	struct policy_target t = { POLICY_BYOD, APPLE_IOS, os_version, user_channel ? POLICY_USER : POLICY_DEVICE };

	if (mode != NULL && (strcasecmp(mode, "adde") == 0 || strcasecmp(mode, "mdm-adde") == 0))
		t.mode = POLICY_ADDE;
	if (family != NULL && strcmp(family, "Mac") == 0)
		t.os = APPLE_MACOS;
	if (family != NULL && strcmp(family, "RealityDevice") == 0)
		t.os = APPLE_VISIONOS;
	return t;
}

enum rc
policy_target_parse(const char *mode, const char *os, bool user_channel, struct policy_target *t, struct err *err)
{
	static const struct {
		const char *name;
		enum apple_os os;
	} systems[] = { { "iOS", APPLE_IOS }, { "iPadOS", APPLE_IOS }, { "macOS", APPLE_MACOS },
		{ "visionOS", APPLE_VISIONOS } };
	size_t n = strcspn(os, " ");

	if (strcasecmp(mode, "byod") != 0 && strcasecmp(mode, "adde") != 0)
		return fail(err, RC_BAD_INPUT, "the mode is byod or adde, not \"%s\"", mode);
	*t = policy_target_of(mode, NULL, NULL, user_channel);
	for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++) {
		if (strlen(systems[i].name) != n || strncasecmp(systems[i].name, os, n) != 0)
			continue;
		t->os = systems[i].os;
		if (os[n] == '\0')
			return RC_OK;
		t->os_version = os + n + 1;
		if (policy_version(t->os_version) == UINT32_MAX)
			return fail(err, RC_BAD_INPUT, "\"%s\" is not a version of %s", t->os_version, systems[i].name);
		return RC_OK;
	}
	return fail(err, RC_BAD_INPUT,
	    "the system is iOS, iPadOS, macOS or visionOS, with a version or without, not \"%s\"", os);
}

static bool
is_request_type(struct policy_walk *w, const char *name)
{
	(void)w;
	return strcmp(name, "RequestType") == 0;
}

static void
walk_keys(struct policy_walk *w, plist_t command)
{
	const char *name = policy_text(w->m->name);
	struct bytes profile;
	plist_t type, tree;

	if (plist_get_node_type(command) != PLIST_DICT) {
		policy_found(w, RC_BAD_INPUT, "", "a command is a dictionary");
		return;
	}
	type = plist_dict_get_item(command, "RequestType");
	if (type != NULL &&
	    (plist_get_node_type(type) != PLIST_STRING || strcmp(plist_get_string_ptr(type, NULL), name) != 0)) {
		policy_found(w, RC_BAD_INPUT, "RequestType", "RequestType in the command is not %s", name);
		return;
	}
	policy_walk_keys(w, command);
	/* The profile inside is held to the same rules. */
	if (strcmp(name, "InstallProfile") != 0 || (profile = plist_data(w->a, command, "Payload")).n == 0)
		return;
	if (policy_profile_open(w->a, profile, &tree, &w->err) != RC_OK)
		policy_found(w, RC_BAD_INPUT, "Payload", "%s: %s", policy_walk_what(w, "Payload"), w->err.text);
	else
		policy_walk_profile(w->a, w->t, tree, w->report);
}

enum rc
policy_walk_command(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command,
    struct policy_report *report, struct err *err)
{
	struct policy_walk w = { .a = a,
		.t = t,
		.m = policy_command_row(request_type),
		.table = "commands",
		.keys_table = "command keys",
		.skip = is_request_type,
		.report = report };

	if (w.m != NULL) {
		if (policy_walk_alone(&w) && command != NULL)
			walk_keys(&w, command);
		return RC_OK;
	}
	for (unsigned i = 0; i < apple_commands_count; i++)
		if (strcasecmp(policy_text(apple_commands[i].name), request_type) == 0)
			return fail(err, RC_NOT_FOUND, "\"%s\" is not a command of Apple's schema; did you mean %s?",
			    request_type, policy_text(apple_commands[i].name));
	return fail(err, RC_NOT_FOUND, "\"%s\" is not a command of Apple's schema", request_type);
}

enum rc
policy_command_check(
    struct arena *a, const struct policy_target *t, const char *request_type, plist_t command, struct err *err)
{
	struct policy_report report;
	enum rc rc;

	policy_report_init(&report);
	rc = policy_walk_command(a, t, request_type, command, &report, err);
	return rc != RC_OK ? rc : policy_report_first(&report, err);
}

const char *
policy_command_note(struct arena *a, const struct policy_target *t, const char *request_type, plist_t command)
{
	const struct apple_message *m = policy_command_row(request_type);
	const char *note = NULL;
	struct policy_report report;

	if (m == NULL)
		return NULL;
	if (t->mode == POLICY_BYOD && m->byod_note != 0)
		note = policy_text(m->byod_note);
	policy_report_init(&report);
	policy_walk_command(a, t, request_type, command, &report, NULL);
	for (const struct policy_finding *f = report.notes; f != NULL; f = f->next)
		note = note != NULL ? arena_printf(a, "%s\n%s", note, f->sentence) : f->sentence;
	return note;
}

int
policy_commands(struct arena *a, const struct policy_target *t, const char *const **names)
{
	const char **list = arena_array(a, apple_commands_count, sizeof *list);
	int n = 0;

	for (unsigned i = 0; i < apple_commands_count; i++)
		if (t == NULL || policy_rule_judge(a, apple_commands[i].on, t, "", "", NULL) == RC_OK)
			list[n++] = policy_text(apple_commands[i].name);
	*names = list;
	return n;
}

enum rc
policy_checkin_check(const struct policy_target *t, const char *message_type, struct err *err)
{
	const struct apple_message *m = policy_checkin_row(message_type);
	struct arena *a;
	enum rc rc;

	if (m == NULL)
		return fail(err, RC_BAD_INPUT, "\"%s\" is not a check-in message of Apple's schema", message_type);
	a = arena_new(0); /* for the sentence only, which err copies */
	rc = policy_rule_judge(a, m->on, t, message_type, "check-in", err);
	arena_free(a);
	return rc;
}

enum apple_mode
policy_verdict(struct arena *a, const struct policy_target *t, const struct policy_thing *what, struct err *why)
{
	const struct apple_message *m = policy_row(what->kind, what->name);
	const struct apple_key *key = NULL;
	const struct apple_rule *on;

	if (m == NULL || (what->key != NULL && (key = policy_key_row(m, what->side, what->key)) == NULL)) {
		(void)fail(why, RC_NOT_FOUND, "Apple's schema has no %s %s%s%s", policy_kind_name(what->kind),
		    what->name, m != NULL ? ": " : "", m != NULL ? what->key : "");
		return APPLE_UNSTATED;
	}
	if (policy_rule_judge(a, m->on, t, what->name, policy_kind_table(what->kind, false), why) != RC_OK)
		return APPLE_FORBIDDEN;
	on = key != NULL ? key->on : m->on;
	if (key != NULL &&
	    policy_rule_judge(a, on, t, arena_printf(a, "%s: %s", what->name, policy_path_shown(a, what->key)),
		policy_kind_table(what->kind, true), why) != RC_OK)
		return APPLE_FORBIDDEN;
	return policy_rule_mode(&on[t->os], t) == APPLE_UNSTATED ? APPLE_ALLOWED : policy_rule_mode(&on[t->os], t);
}
