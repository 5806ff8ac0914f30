#include "device/checkin.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "device/escrow.h"
#include "device/identity.h"

#define TRIES_MAX 3 /* of GetToken, a second and two apart */

static void
leak(struct device *d, plist_t message)
{
	static const char *const personal[][2] = {
		{ "SerialNumber", DEVICE_LEAK_SERIAL },
		{ "UDID", DEVICE_LEAK_UDID },
		{ "IMEI", DEVICE_LEAK_IMEI },
		{ "MEID", DEVICE_LEAK_MEID },
	};

	for (size_t i = 0; d->self.leak && i < sizeof personal / sizeof *personal; i++)
		plist_put_text(message, personal[i][0], personal[i][1]);
}

plist_t
device_message_new(struct device *d, struct arena *a, enum device_channel channel)
{
	plist_t message = plist_keep(a, plist_new_dict());

	if (device_is_byod(d))
		plist_put_text(message, "EnrollmentID", d->en.enrollment_id);
	else
		plist_put_text(message, "UDID", d->self.udid);
	if (channel == DEVICE_CHANNEL_USER) {
		plist_put_text(message, device_is_byod(d) ? "EnrollmentUserID" : "UserID", d->en.user_guid);
		plist_put_text(message, "UserShortName", d->en.user_short);
		plist_put_text(message, "UserLongName", d->en.user_long);
		plist_put_flag(message, "NotOnConsole", false);
	}
	leak(d, message);
	return message;
}

struct bytes
device_authenticate_body(struct device *d, struct arena *a)
{
	const struct device_model *model = device_model(d);
	const struct {
		const char *key, *value;
		bool personal;
	} facts[] = {
		{ "OSVersion", d->self.os, false },
		{ "BuildVersion", device_build(a, d->family, d->self.os), false },
		{ "ProductName", model->product, false },
		{ "DeviceName", model->name, false },
		{ "Model", model->number, false },
		{ "ModelName", model->name, false },
		{ "SerialNumber", d->self.leak ? DEVICE_LEAK_SERIAL : d->self.serial, true },
		{ "IMEI", d->self.leak ? DEVICE_LEAK_IMEI : d->self.imei, true },
	};
	struct device_schema s = device_rules(d, false);
	plist_t message = device_message_new(d, a, DEVICE_CHANNEL_DEVICE);

	plist_put_text(message, "MessageType", "Authenticate");
	plist_put_text(message, "Topic", d->profile.topic);
	for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
		if (facts[i].value != NULL &&
		    device_schema_may(&s, DEVICE_CHECKIN, "Authenticate", facts[i].key, false) &&
		    !(s.byod && facts[i].personal))
			plist_put_text(message, facts[i].key, facts[i].value);
	}
	return plist_xml(a, message);
}

struct bytes
device_token_update_body(struct device *d, struct arena *a, enum device_channel channel)
{
	const struct device_channel_state *c = channel == DEVICE_CHANNEL_USER ? &d->en.user : &d->en.device;
	plist_t message = device_message_new(d, a, channel);
	struct bytes unlock;

	plist_put_text(message, "MessageType", "TokenUpdate");
	plist_put_text(message, "Topic", d->profile.topic);
	plist_put_data(message, "Token", c->push_token);
	plist_put_text(message, "PushMagic", c->push_magic);
	if (channel == DEVICE_CHANNEL_DEVICE)
		plist_put_flag(message, "AwaitingConfiguration", false);
	unlock = channel == DEVICE_CHANNEL_DEVICE ? device_unlock_token(d, a) : (struct bytes){ NULL, 0 };
	if (unlock.n > 0)
		plist_put_data(message, "UnlockToken", unlock);
	return plist_xml(a, message);
}

enum rc
device_authenticate(struct device *d)
{
	struct http_client_answer answer;
	struct arena *a = arena_new(0);
	enum rc rc;

	story_step(&d->story, "Authenticate", "Introduce the device (Authenticate)");
	rc = device_mdm_put(d, a, DEVICE_CHANNEL_DEVICE, DEVICE_DOOR_CHECKIN, device_authenticate_body(d, a), &answer);
	arena_free(a);
	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "Authenticate");
}

enum rc
device_token_update(struct device *d, enum device_channel channel)
{
	struct http_client_answer answer;
	struct arena *a = arena_new(0);
	enum rc rc;

	story_step(&d->story, "TokenUpdate", "Tell how to wake %s (TokenUpdate)",
	    channel == DEVICE_CHANNEL_USER ? "the person's channel" : "the device");
	rc = device_mdm_put(d, a, channel, DEVICE_DOOR_CHECKIN, device_token_update_body(d, a, channel), &answer);
	arena_free(a);
	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "TokenUpdate");
}

enum rc
device_user_authenticate(struct device *d, bool *manages)
{
	struct device_schema s = device_rules(d, true);
	struct http_client_answer answer = { 0 };
	const char *challenge = NULL;
	struct arena *a;
	plist_t message, reply;
	enum rc rc;

	*manages = true;
	if (!d->self.network_user ||
	    device_schema_verdict(&s, DEVICE_CHECKIN, "UserAuthenticate", NULL, false) != DEVICE_ALLOWED)
		return RC_OK;
	story_step(&d->story, "UserAuthenticate", "Ask whether the user who logs in is managed (UserAuthenticate)");
	a = arena_new(0);
	message = device_message_new(d, a, DEVICE_CHANNEL_USER);
	plist_put_text(message, "MessageType", "UserAuthenticate");
	rc = device_mdm_put(d, a, DEVICE_CHANNEL_USER, DEVICE_DOOR_CHECKIN, plist_xml(a, message), &answer);
	if (rc == RC_OK && answer.body.n > 0 && (rc = plist_parse(a, answer.body, &reply, &d->err)) == RC_OK)
		challenge = plist_text(a, reply, "DigestChallenge");
	if (rc == RC_UNAVAILABLE && answer.status == 410) {
		rc = RC_OK;
		*manages = false;
	}
	if (challenge != NULL && *challenge != '\0')
		*manages = false;
	if (rc == RC_OK)
		story_detail(&d->story, "user", "%s",
		    *manages            ? "managed, no challenge"
		    : challenge != NULL ? "not managed: there is a challenge"
					: "not managed (410)");
	arena_free(a);
	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "UserAuthenticate");
}

enum rc
device_check_out(struct device *d)
{
	struct http_client_answer answer;
	struct arena *a = arena_new(0);
	plist_t message = device_message_new(d, a, DEVICE_CHANNEL_DEVICE);
	enum rc rc;

	story_step(&d->story, "CheckOut", "Say goodbye to the server (CheckOut)");
	plist_put_text(message, "MessageType", "CheckOut");
	plist_put_text(message, "Topic", d->profile.topic);
	rc = device_mdm_put_once(d, a, DEVICE_CHANNEL_DEVICE, DEVICE_DOOR_CHECKIN, plist_xml(a, message), &answer);
	arena_free(a);
	return rc == RC_OK ? RC_OK : fail_in(&d->err, rc, "CheckOut");
}

/* ---- GetToken (protocol 9) ---- */

/* RC_UNAVAILABLE: the server is away, or asks to come again. Any other answer is one. */
static enum rc
ask_for_token(struct device *d, struct arena *a, struct http_client_answer *answer)
{
	plist_t message = device_message_new(d, a, DEVICE_CHANNEL_DEVICE);
	struct bytes body;
	enum rc rc = RC_OK;

	plist_put_text(message, "MessageType", "GetToken");
	plist_put_text(message, "TokenServiceType", "com.apple.maid");
	body = plist_xml(a, message);
	for (int i = 0; i < TRIES_MAX; i++) {
		struct timespec pause = { .tv_sec = i };

		nanosleep(&pause, NULL);
		*answer = (struct http_client_answer){ 0 };
		rc = device_mdm_put(d, a, DEVICE_CHANNEL_DEVICE, DEVICE_DOOR_CHECKIN, body, answer);
		if (rc != RC_UNAVAILABLE)
			return rc;
		/* 401: the refresh that it asked for had no answer. */
		if (answer->status != 0 && answer->status != 401 && (answer->status < 502 || answer->status > 504))
			return fail_in(&d->err, RC_BAD_INPUT, "GetToken");
	}
	return rc;
}

enum rc
device_get_token(struct device *d, struct arena *a, struct bytes *token)
{
	struct http_client_answer answer;
	plist_t reply;
	enum rc rc;

	story_step(&d->story, "GetToken", "Fetch the token for Apple (GetToken com.apple.maid)");
	if ((rc = ask_for_token(d, a, &answer)) != RC_OK)
		return rc;
	if ((rc = plist_parse(a, answer.body, &reply, &d->err)) != RC_OK)
		return fail_in(&d->err, rc, "the answer");
	*token = plist_data(a, reply, "TokenData");
	return token->n > 0 ? RC_OK : fail(&d->err, RC_BAD_INPUT, "the answer has no TokenData");
}
