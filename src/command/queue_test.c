/* The queue of commands and the loop that empties it (protocol 7.3). */
#include "command/queue.h"

#include "enroll/attempt.h"
#include "enroll/testing.h"
#include "fmt/plist.h"

static struct enrollment phone, mac, pad;

static struct enrollment
make(struct scene *s, struct call *c, const char *attempt, const char *mode, const char *family, const char *os)
{
	struct attempt t = { .id = attempt, .organization_id = "bag", .kind = "enroll" };
	struct enrollment e = { .organization_id = "bag",
		.mode = mode,
		.account_id = s->eliza.id,
		.attempt_id = attempt,
		.family = family,
		.os_version = os,
		.topic = "t",
		.server_url = "u",
		.check_in_url = "u",
		.assigned_managed_apple_id = "m",
		.identity_proof = "signature",
		.profile_identifier = "the.profile" };
	struct channel ch = { .push_token = bytes_str("token"), .push_magic = "magic", .user_id = "" };

	attempt_open(c, &t);
	ok(enrollment_prepare(c, &e) == RC_OK, "an enrollment of %s", family);
	ch.enrollment_id = e.id;
	ok(channel_put(c, &ch) == RC_OK, "with its channel");
	return e;
}

static plist_t
command(struct call *c, const char *type)
{
	plist_t d = plist_keep(c->arena, plist_new_dict()), queries;

	plist_put_text(d, "RequestType", type);
	if (strcmp(type, "DeviceInformation") == 0) {
		queries = plist_new_array();
		plist_array_append_item(queries, plist_new_string("OSVersion"));
		plist_put(d, "Queries", queries);
	}
	return d;
}

static const char *first_in_line; /* what the gate would have seen */

/* What the device says; returns the next command's UUID or NULL. */
static const char *
say(struct call *c, const struct enrollment *e, const char *status, const char *uuid, plist_t body, bool *answered)
{
	struct command_answer in = { .status = status,
		.uuid = uuid,
		.body = body != NULL ? body : plist_keep(c->arena, plist_new_dict()),
		.queued = first_in_line };
	struct command next;
	bool ignored;

	ok(command_next(c, e, "", &in, &next, answered != NULL ? answered : &ignored) == RC_OK, "%s is taken", status);
	return next.uuid;
}

static void
order(struct call *c)
{
	const struct db_page page = { .limit = 9 };
	const char *one, *two, *next;
	struct command_result *results;
	bool answered;
	int n;

	ok(say(c, &phone, "Idle", NULL, NULL, NULL) == NULL, "S-25: with nothing queued there is nothing to deliver");
	ok(command_send(c, &phone, "", command(c, "DeviceInformation"), "test", &one) == RC_OK &&
		command_send(c, &phone, "", command(c, "ProfileList"), "test", &two) == RC_OK,
	    "two commands are queued");
	is_str(say(c, &phone, "Idle", NULL, NULL, NULL), one, "S-25: the first is delivered first");
	is_str(say(c, &phone, "Idle", NULL, NULL, NULL), one, "S-25: and stays at the head until it is answered");
	next = say(c, &phone, "NotNow", one, NULL, &answered);
	ok(answered && next != NULL && strcmp(next, two) == 0, "S-25: after NotNow another one may be sent");
	ok(say(c, &phone, "NotNow", two, NULL, NULL) == NULL, "S-25: when all were put off the session ends");
	is_str(say(c, &phone, "Idle", NULL, NULL, NULL), one,
	    "S-25: at the next Idle they are offered again, in their order");
	is_str(say(c, &phone, "Acknowledged", one, NULL, &answered), two, "S-25: an answer brings the next");
	ok(answered, "and counts");
	is_str(say(c, &phone, "Acknowledged", one, NULL, &answered), two, "S-25: the same answer again is taken");
	ok(!answered, "S-25: and changes nothing");
	ok(say(c, &phone, "Error", two, NULL, &answered) == NULL && answered, "S-25: an Error is final, too");
	ok(command_results(c, phone.id, &page, &results, &n) == RC_OK && n == 2, "both answers are kept");
	ok(say(c, &phone, "Acknowledged", "UNKNOWN-UUID", NULL, &answered) == NULL && !answered,
	    "an answer to nothing changes nothing");
}

static void
policy(struct call *c)
{
	struct command *queued;
	const char *uuid;
	int n;

	ok(command_send(c, &phone, "", command(c, "EraseDevice"), "test", &uuid) == RC_FORBIDDEN,
	    "S-32: EraseDevice is refused for a BYOD iPhone before it is queued");
	printf("# %s\n", c->err.text);
	ok(strstr(c->err.text, "User Enrollment") != NULL, "and the sentence says why");
	ok(command_send(c, &phone, "", command(c, "MakeCoffee"), "test", &uuid) == RC_NOT_FOUND,
	    "S-32: so is what does not exist");
	ok(command_list(c, phone.id, NULL, 9, &queued, &n) == RC_OK && n == 0, "nothing of it is queued");
	ok(command_send(c, &mac, "", command(c, "EraseDevice"), "test", &uuid) == RC_OK, "S-32: an ADDE Mac takes it");
	ok(command_send(c, &phone, "NOBODY", command(c, "DeviceInformation"), "test", &uuid) == RC_NOT_FOUND ||
		c->err.text[0] != '\0',
	    "a channel that is not there takes nothing");
}

static void
filtering(struct call *c, const char *seen)
{
	plist_t body = plist_keep(c->arena, plist_new_dict()), answers = plist_new_dict();
	const struct db_page page = { .limit = 9 };
	struct command_result *results;
	const char *uuid, *text;
	int n;

	command_send(c, &phone, "", command(c, "DeviceInformation"), "test", &uuid);
	if (seen == NULL)
		seen = arena_printf(c->arena, "%s DeviceInformation", uuid);
	plist_put_text(answers, "OSVersion", "18.2");
	plist_put_text(answers, "SerialNumber", "SECRETSERIAL");
	plist_put_text(answers, "UDID", "SECRETUDID");
	plist_put(body, "QueryResponses", answers);
	plist_put_text(body, "EnrollmentID", "the-id");
	first_in_line = seen;
	say(c, &phone, "Acknowledged", uuid, body, NULL);
	first_in_line = NULL;
	ok(command_results(c, phone.id, &page, &results, &n) == RC_OK && n > 0, "the answer is stored");
	for (int i = 0; i < n; i++) {
		if (strcmp(results[i].uuid, uuid) != 0)
			continue;
		text = arena_strndup(c->arena, (const char *)results[i].answer.p, results[i].answer.n);
		ok(strstr(text, "18.2") != NULL, "with what was asked");
		ok(strstr(text, "SECRET") == NULL && results[i].dropped >= 2,
		    "S-10: and without the identifiers that the device sent all the same");
	}
}

static void
endings(struct call *c)
{
	struct command *queued;
	struct command_result result;
	struct command command_row;
	const char *one, *two;
	bool is_result;
	int n;

	command_send(c, &phone, "", command(c, "ProfileList"), "test", &one);
	ok(command_cancel(c, one, "test") == RC_OK && command_cancel(c, one, "test") == RC_NOT_FOUND,
	    "a command is cancelled once");
	command_send(c, &phone, "", command(c, "ProfileList"), "test", &one);
	ok(command_send_removal(c, &phone, &two) == RC_OK, "an eviction's RemoveProfile is queued");
	is_str(say(c, &phone, "Idle", NULL, NULL, NULL), two, "ahead of everything");
	ok(enrollment_end(c, phone.id, "unenrolled") == RC_OK && enrollment_end(c, phone.id, "evicted") == RC_OK,
	    "an enrollment ends once");
	ok(command_list(c, phone.id, NULL, 9, &queued, &n) == RC_OK && n == 0, "its queue is empty");
	ok(command_find(c, one, &command_row, &result, &is_result) == RC_OK && is_result &&
		strcmp(result.status, "Ended") == 0,
	    "and what was queued says that it ended");
	ok(enrollment_get(c, phone.id, &phone) == RC_OK && strcmp(phone.state, "unenrolled") == 0,
	    "the first end counts");
	ok(command_send(c, &phone, "", command(c, "ProfileList"), "test", &one) == RC_CONFLICT,
	    "nothing is queued after it");
}

/* The steps of commands are told by their rows, between the events of the attempt. */
static void
timeline(struct call *c)
{
	static const char *const want[] = { "profile-sent", "command-delivered", "command-put-off", "command-delivered",
		"command-answered", "command-error", "unenrolled" };
	struct event *events;
	struct call later = *c;
	const char *one, *two;
	int n;

	command_send(c, &pad, "", command(c, "ProfileList"), "test", &one);
	command_send(c, &pad, "", command(c, "DeviceInformation"), "test", &two);
	command_send(c, &pad, "", command(c, "ProfileList"), "test", &(const char *){ NULL });
	attempt_event(c, pad.attempt_id, EV_profile_sent, NULL);
	say(c, &pad, "Idle", NULL, NULL, NULL);
	later.now++;
	say(&later, &pad, "NotNow", one, NULL, NULL);
	say(&later, &pad, "Acknowledged", two, NULL, NULL);
	later.now++;
	say(&later, &pad, "Idle", NULL, NULL, NULL);
	say(&later, &pad, "Error", one, NULL, NULL);
	attempt_event(&later, pad.attempt_id, EV_unenrolled, NULL);
	ok(enrollment_end(&later, pad.id, "unenrolled") == RC_OK, "the enrollment ends with a command in the queue");
	ok(attempt_events(c, pad.attempt_id, &events, &n) == RC_OK && n >= 7, "the timeline has %d steps", n);
	for (int i = 0, k = 0; i < n; i++) {
		printf("# %lld %s %s\n", (long long)events[i].at, events[i].code,
		    events[i].details != NULL ? events[i].details : "");
		if (k < 7 && strcmp(events[i].code, want[k]) == 0)
			k++;
		if (i == n - 1)
			ok(k == 7, "deliveries, NotNow, answers and errors stand in it in their order: %d of 7", k);
	}
	ok(n > 0 && strcmp(events[n - 1].code, "unenrolled") == 0, "and the end is its end");
}

int
main(void)
{
	struct scene s;
	struct call c;

	scene_open(&s);
	c = scene_call(&s);
	phone = make(&s, &c, "phone", "byod", "iPhone", "18.2");
	mac = make(&s, &c, "mac", "adde", "Mac", "15.1");
	pad = make(&s, &c, "pad", "byod", "iPad", "18.2");
	order(&c);
	timeline(&c);
	policy(&c);
	filtering(&c, NULL);
	filtering(&c, "OTHER-UUID DeviceLock"); /* what is first in line is not what was answered */
	filtering(&c, "");
	endings(&c);
	testing_free(&c);
	scene_close(&s);
	return done();
}
