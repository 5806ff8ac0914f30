#include "migration/shadow.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "command/policy.h"
#include "enroll/os.h"
#include "fmt/base64.h"
#include "fmt/plist.h"
#include "migration/inventory.h"

struct shadow {
	pthread_mutex_t lock; /* over everything below */
	int64_t events, counts[SHADOW_VERDICT_COUNT];
	char first[SHADOW_VERDICT_COUNT][ERR_TEXT_MAX]; /* why, for the first of its kind */
	json_t *devices; /* by id */
};

static const struct {
	const char *code, *meaning;
} verdicts[] = {
#define SHADOW_VERDICT_ROW(name, code, meaning) [name] = { code, meaning },
	SHADOW_VERDICTS(SHADOW_VERDICT_ROW)
#undef SHADOW_VERDICT_ROW
};

/* What a device says of a command (protocol 7.3). */
static const char *const statuses[] = { "Acknowledged", "Error", "CommandFormatError", "Idle", "NotNow" };

struct shadow *
shadow_new(void)
{
	struct shadow *s = calloc(1, sizeof *s);

	if (s == NULL || (s->devices = json_object()) == NULL)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

void
shadow_free(struct shadow *s)
{
	if (s == NULL)
		return;
	json_decref(s->devices);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- one event ---- */

struct judged {
	enum shadow_verdict verdict;
	struct err why;
	const char *id, *os; /* os: "macOS 14.5", said by Authenticate; NULL: not said by this message */
	bool user_enrollment, user_channel;
	int personal;
};

/* The message within the event; NULL: there is none. */
static plist_t
message_of(struct arena *a, struct bytes body, struct judged *j)
{
	json_t *event = NULL, *inner;
	const char *raw;
	plist_t message = NULL;

	j->verdict = SHADOW_NO_EVENT;
	if (json_parse(a, body, &event, &j->why) != RC_OK)
		return NULL;
	if ((inner = json_object_get(event, "checkin_event")) == NULL)
		inner = json_object_get(event, "acknowledge_event");
	if ((raw = json_get_text(inner, "raw_payload")) == NULL) {
		(void)fail(&j->why, RC_BAD_INPUT, "neither checkin_event nor acknowledge_event with a raw_payload");
		return NULL;
	}
	j->verdict = SHADOW_NO_MESSAGE;
	if (plist_parse(a, base64_decode(a, bytes_str(raw), true), &message, &j->why) != RC_OK)
		return NULL;
	return message;
}

static enum shadow_verdict
judge_answer(struct arena *a, plist_t message, struct err *why)
{
	const char *status = plist_text(a, message, "Status");
	size_t i = 0, n = sizeof statuses / sizeof statuses[0];

	while (i < n && (status == NULL || strcmp(status, statuses[i]) != 0))
		i++;
	if (i == n)
		(void)fail(why, RC_BAD_INPUT, "Status is missing or unknown");
	else if (strcmp(status, "Idle") != 0 && plist_text(a, message, "CommandUUID") == NULL)
		(void)fail(why, RC_BAD_INPUT, "%s without CommandUUID", status);
	else
		return SHADOW_SERVED;
	return SHADOW_NO_ANSWER;
}

static enum shadow_verdict
judge_checkin(const struct policy_target *t, const char *type, struct err *why)
{
	switch (policy_checkin_check(t, type, why)) {
	case RC_OK:
		return SHADOW_SERVED;
	case RC_FORBIDDEN:
		return SHADOW_NOT_IN_MODE;
	default:
		return SHADOW_UNKNOWN;
	}
}

/* `os` is what the device said earlier: it says it in Authenticate alone. */
static void
judge(struct arena *a, plist_t message, const char *os, struct judged *j)
{
	const char *type = plist_text(a, message, "MessageType");
	struct policy_target t;

	if (j->os != NULL)
		os = j->os;
	if (policy_target_parse(
		j->user_enrollment ? "byod" : "adde", os != NULL ? os : "iOS", j->user_channel, &t, &j->why) != RC_OK &&
	    policy_target_parse(j->user_enrollment ? "byod" : "adde", "iOS", j->user_channel, &t, &j->why) != RC_OK) {
		j->verdict = SHADOW_UNKNOWN;
		return;
	}
	j->verdict = type != NULL ? judge_checkin(&t, type, &j->why) : judge_answer(a, message, &j->why);
	if (type != NULL)
		policy_checkin_filter(a, &t, message, &j->personal);
	else
		policy_answer_filter(a, &t, NULL, message, &j->personal);
}

/* Which device it is of, and its system where the message says it. */
static void
read_device(struct arena *a, plist_t message, struct judged *j)
{
	const char *product = plist_text(a, message, "ProductName"), *version = plist_text(a, message, "OSVersion");

	j->user_enrollment = !plist_has(message, "UDID");
	j->user_channel = plist_has(message, j->user_enrollment ? "EnrollmentUserID" : "UserID");
	j->id = inventory_text(a, bytes_str(plist_text(a, message, j->user_enrollment ? "EnrollmentID" : "UDID")));
	if (product != NULL && version != NULL)
		j->os = arena_printf(a, "%s %.20s", os_name(os_family(product)), version);
}

/* ---- what is kept ---- */

static void
add_to(json_t *device, const char *key, int64_t n)
{
	json_object_set_new(device, key, json_integer(json_get_int(device, key, 0) + n));
}

static json_t *
device_of(struct shadow *s, const struct judged *j)
{
	json_t *device = json_object_get(s->devices, j->id);

	if (device != NULL || json_object_size(s->devices) >= SHADOW_DEVICES_MAX)
		return device;
	device = json_pack("{s:s, s:i, s:i, s:i}", "mode", j->user_enrollment ? "byod" : "adde", "events", 0,
	    "deviations", 0, "personal", 0);
	json_object_set_new(s->devices, j->id, device);
	return device;
}

static void
note(struct shadow *s, json_t *device, const struct judged *j)
{
	s->events++;
	if (s->counts[j->verdict]++ == 0 && j->verdict != SHADOW_SERVED)
		memcpy(s->first[j->verdict], j->why.text, ERR_TEXT_MAX);
	if (device == NULL)
		return;
	add_to(device, "events", 1);
	add_to(device, "deviations", j->verdict != SHADOW_SERVED);
	add_to(device, "personal", j->personal);
	if (j->os != NULL)
		json_object_set_new(device, "os", json_string(j->os));
}

enum shadow_verdict
shadow_event(struct shadow *s, struct arena *a, struct bytes body)
{
	struct judged *j = arena_alloc(a, sizeof *j);
	plist_t message = message_of(a, body, j);
	json_t *device = NULL;
	const char *os = NULL;

	if (message != NULL) {
		read_device(a, message, j);
		j->verdict = SHADOW_NO_DEVICE;
	}
	pthread_mutex_lock(&s->lock);
	if (message != NULL && j->id != NULL) {
		device = device_of(s, j);
		os = arena_strdup(
		    a, device != NULL && json_get_text(device, "os") != NULL ? json_get_text(device, "os") : "iOS");
	}
	pthread_mutex_unlock(&s->lock);
	if (os != NULL)
		judge(a, message, os, j);
	pthread_mutex_lock(&s->lock);
	note(s, device, j);
	pthread_mutex_unlock(&s->lock);
	return j->verdict;
}

json_t *
shadow_report(struct shadow *s, struct arena *a)
{
	json_t *list = json_array(), *devices = json_array(), *device, *report;
	const char *id;

	pthread_mutex_lock(&s->lock);
	for (int i = 0; i < SHADOW_VERDICT_COUNT; i++)
		json_array_append_new(
		    list, json_pack("{s:s, s:s, s:I, s:s}", "code", verdicts[i].code, "meaning", verdicts[i].meaning,
			      "events", (json_int_t)s->counts[i], "first", s->first[i]));
	json_object_foreach(s->devices, id, device)
	{
		json_t *row = json_copy(device);

		json_object_set_new(row, "id", json_string(id));
		json_array_append_new(devices, row);
	}
	report = json_pack("{s:I, s:o, s:o}", "events", (json_int_t)s->events, "verdicts", list, "devices", devices);
	pthread_mutex_unlock(&s->lock);
	return json_keep(a, report);
}
