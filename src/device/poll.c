#include "device/poll.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "device/app.h"
#include "device/command.h"
#include "device/data.h"
#include "device/ddm.h"
#include "device/enroll.h"
#include "fmt/json.h"

#define ANSWERED_MAX 64 /* how many answered commands are remembered, to notice one that comes again */
#define TRIES_MAX 3

struct session {
	struct device *d;
	const struct device_poll *how;
	struct device_polled *out;
	enum device_channel channel;
	struct device_channel_state *state;
	json_t *postponed; /* CommandUUIDs that were answered NotNow in this session */
};

/* Send a result until it meets a 2xx, within reason: the device keeps it for the next time. */
static enum rc
deliver(struct session *s, struct arena *a, struct bytes body, struct http_client_answer *reply)
{
	struct device *d = s->d;
	bool again = s->how->lose_answer || s->how->duplicate;
	enum rc rc = RC_OK;

	for (int i = 0; i < TRIES_MAX; i++) {
		struct timespec pause = { .tv_sec = i };

		nanosleep(&pause, NULL);
		rc = device_mdm_put(d, a, s->channel, DEVICE_DOOR_COMMAND, body, reply);
		if (rc == RC_OK && again) {
			story_step(&d->story, "repeat", "%s",
			    s->how->lose_answer ? "The reply was lost (on purpose): send the answer again"
						: "Send the same answer a second time (on purpose)");
			rc = device_mdm_put(d, a, s->channel, DEVICE_DOOR_COMMAND, body, reply);
		}
		if (rc != RC_UNAVAILABLE)
			return rc;
	}
	return fail_in(&d->err, rc, "the answer is kept and sent again at the next poll");
}

static void
remember(struct device *d, const char *uuid)
{
	json_t *answered = device_managed(d, "answered", true), *item;
	size_t i;

	json_array_foreach(answered, i, item)
	{
		if (strcmp(json_string_value(item), uuid) == 0) {
			story_step(&d->story, "again", "The server sent a command again that had been answered");
			story_detail(&d->story, "CommandUUID", "%s", uuid);
			return;
		}
	}
	json_array_append_new(answered, json_string(uuid));
	if (json_array_size(answered) > ANSWERED_MAX)
		json_array_remove(answered, 0);
}

/* The enrollment profile is gone: say so after the answer was delivered, and end. */
static enum rc
finish_removal(struct session *s)
{
	struct device *d = s->d;

	if (d->en.erased)
		return device_erase(d, "the server erased the device");
	return device_unenroll(d, "the server removed the enrollment profile");
}

/* NotNow, once for each command: a server that sends it again in the same session would never end. */
static enum rc
postpone(struct session *s, struct arena *a, struct http_client_answer *reply)
{
	struct device *d = s->d;
	const char *uuid;
	json_t *told;
	plist_t root;
	enum rc rc;
	size_t i;

	if ((rc = plist_parse(a, reply->body, &root, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "the command");
	if ((uuid = plist_text(a, root, "CommandUUID")) == NULL)
		return fail(&d->err, RC_BAD_INPUT, "the command has no CommandUUID");
	json_array_foreach(s->postponed, i, told)
	{
		if (strcmp(json_string_value(told), uuid) == 0) {
			story_step(
			    &d->story, "again", "The server sent a command again that was answered NotNow just now");
			reply->body = (struct bytes){ 0 };
			return RC_OK;
		}
	}
	json_array_append_new(s->postponed, json_string(uuid));
	s->out->postponed++;
	story_step(&d->story, "command", "NotNow");
	story_detail(&d->story, "CommandUUID", "%s", uuid);
	return device_mdm_put(
	    d, a, s->channel, DEVICE_DOOR_COMMAND, device_command_not_now(d, a, s->channel, uuid), reply);
}

/* One command from a reply: obey, keep the answer beside the effect, deliver. */
static enum rc
handle(struct session *s, struct arena *a, struct http_client_answer *reply)
{
	struct device *d = s->d;
	struct bytes answer;
	const char *type, *uuid;
	enum rc rc;

	if (s->how->not_now)
		return postpone(s, a, reply);
	if ((rc = device_command_run(d, a, s->channel, reply->body, &answer, &type, &uuid)) != RC_OK)
		return rc;
	remember(d, uuid);
	s->state->pending = arena_copy(d->arena, answer);
	if ((rc = device_save_enrollment(d)) != RC_OK || (rc = deliver(s, a, answer, reply)) != RC_OK)
		return rc;
	s->out->answered++;
	if (d->en.removing)
		return finish_removal(s);
	s->state->pending = (struct bytes){ 0 };
	return device_save_enrollment(d);
}

static enum rc
first(struct session *s, struct arena *a, struct http_client_answer *reply)
{
	struct device *d = s->d;
	enum rc rc;

	if (s->state->pending.p != NULL) {
		story_step(&d->story, "resend", "Send the answer again that the server has not confirmed");
		if ((rc = deliver(s, a, s->state->pending, reply)) != RC_OK)
			return rc;
		s->out->answered++;
		if (d->en.removing)
			return finish_removal(s);
		s->state->pending = (struct bytes){ 0 };
		return device_save_enrollment(d);
	}
	story_step(&d->story, "Idle", "Ask for commands%s",
	    s->channel == DEVICE_CHANNEL_USER ? " on the person's channel" : "");
	return device_mdm_put(d, a, s->channel, DEVICE_DOOR_COMMAND, device_command_idle(d, a, s->channel), reply);
}

static enum rc
run(struct session *s)
{
	struct arena *a = arena_new(0), *next;
	struct http_client_answer reply = { 0 };
	enum rc rc = first(s, a, &reply);

	while (rc == RC_OK && s->d->self.phase == DEVICE_ENROLLED && reply.body.n > 0) {
		unsigned done = s->out->answered + s->out->postponed;

		if (done >= DEVICE_POLL_MAX) {
			rc = fail(&s->d->err, RC_UNAVAILABLE, "the server had more than %d commands", DEVICE_POLL_MAX);
			break;
		}
		if (s->how->count > 0 && done >= (uint64_t)s->how->count)
			break;
		/* Each command in memory of its own: the queue of the server may be long. */
		next = arena_new(0);
		reply.body = arena_copy(next, reply.body);
		arena_free(a);
		a = next;
		rc = handle(s, a, &reply);
	}
	arena_free(a);
	return rc;
}

enum rc
device_poll(struct device *d, const struct device_poll *how, struct device_polled *out)
{
	bool all = !how->device_channel && !how->user_channel;
	enum rc rc;

	*out = (struct device_polled){ 0 };
	if ((rc = device_need_enrolled(d)) != RC_OK)
		return rc;
	if (d->en.needs_signin && device_is_strict(d, DEVICE_SILENT_WAIT))
		return fail(&d->err, RC_UNAUTHENTICATED, "the person must sign in again before the server is asked");
	/* What an enrollment could not finish comes first; what stays without an answer waits on. */
	if ((rc = device_finish(d)) != RC_OK && d->self.phase != DEVICE_ENROLLED)
		return rc;
	story_stage(&d->story, "managed", "Be managed");
	rc = device_app_person(d);
	for (int i = DEVICE_CHANNEL_DEVICE; rc == RC_OK && i <= DEVICE_CHANNEL_USER; i++) {
		bool user = i == DEVICE_CHANNEL_USER;
		struct session s = { .d = d,
			.how = how,
			.out = out,
			.channel = (enum device_channel)i,
			.postponed = json_keep(d->arena, json_array()),
			.state = user ? &d->en.user : &d->en.device };

		if (d->self.phase != DEVICE_ENROLLED || (user && d->en.user_guid == NULL))
			break;
		if (!all && !(user ? how->user_channel : how->device_channel))
			continue;
		rc = run(&s);
		/* A device that says NotNow is locked, and has no time for declarations either. */
		if (rc == RC_OK && !how->not_now && d->self.phase == DEVICE_ENROLLED)
			rc = device_ddm_run(d, s.channel, clock_now() + how->clock_ahead_s);
	}
	return rc == RC_OK && d->self.phase == DEVICE_ENROLLED ? device_data_tidy(d) : rc;
}
