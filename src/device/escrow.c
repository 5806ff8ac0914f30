/* They live in the managed volume, and go with it. */
#include "device/escrow.h"

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define SECRET_SIZE 32 /* octets */
#define UNLOCK "unlock-token"
#define BOOTSTRAP "bootstrap-token"
#define GIVEN "bootstrap-token-given"

static struct bytes
secret(struct device *d, struct arena *a, const char *name)
{
	json_t *secrets = device_managed(d, "secrets", false);
	const char *text = json_get_text(secrets, name);
	uint8_t fresh[SECRET_SIZE];

	if (text == NULL) {
		crypto_random(fresh, sizeof fresh);
		json_object_set_new(secrets, name, json_string(base64_encode(a, bytes_of(fresh, sizeof fresh))));
		text = json_get_text(secrets, name);
	}
	return base64_decode(a, bytes_str(text), false);
}

enum rc
device_give_bootstrap_token(struct device *d)
{
	struct device_schema s = device_rules(d, false);
	struct http_client_answer answer;
	struct arena *a;
	plist_t message, reply;
	enum rc rc;

	if (s.byod || !d->profile.wants_bootstrap ||
	    json_get_text(device_managed(d, "secrets", false), GIVEN) != NULL ||
	    device_schema_verdict(&s, DEVICE_CHECKIN, "SetBootstrapToken", NULL, false) != DEVICE_ALLOWED)
		return RC_OK;
	story_step(&d->story, "SetBootstrapToken", "Give the bootstrap token into keeping (SetBootstrapToken)");
	a = arena_new(0);
	message = device_message_new(d, a, DEVICE_CHANNEL_DEVICE);
	plist_put_text(message, "MessageType", "SetBootstrapToken");
	plist_put_data(message, "BootstrapToken", secret(d, a, BOOTSTRAP));
	rc = device_mdm_put(d, a, DEVICE_CHANNEL_DEVICE, DEVICE_DOOR_CHECKIN, plist_xml(a, message), &answer);
	if (rc == RC_OK) {
		message = device_message_new(d, a, DEVICE_CHANNEL_DEVICE);
		plist_put_text(message, "MessageType", "GetBootstrapToken");
		rc = device_mdm_put(d, a, DEVICE_CHANNEL_DEVICE, DEVICE_DOOR_CHECKIN, plist_xml(a, message), &answer);
	}
	if (rc == RC_OK)
		rc = plist_parse(a, answer.body, &reply, &d->err);
	if (rc == RC_OK && !bytes_eq(plist_data(a, reply, "BootstrapToken"), secret(d, a, BOOTSTRAP)))
		rc = fail(&d->err, RC_BAD_INPUT, "the server gave back another bootstrap token");
	arena_free(a);
	if (rc != RC_OK)
		return fail_in(&d->err, rc, "SetBootstrapToken");
	json_object_set_new(device_managed(d, "secrets", false), GIVEN, json_string("yes"));
	return device_save_enrollment(d);
}

struct bytes
device_unlock_token(struct device *d, struct arena *a)
{
	struct device_schema s = device_rules(d, false);

	if (s.byod || d->en.managed == NULL ||
	    !device_schema_may(&s, DEVICE_CHECKIN, "TokenUpdate", "UnlockToken", false))
		return (struct bytes){ NULL, 0 };
	return secret(d, a, UNLOCK);
}

/* The passcode goes if the token is the one that was given; nothing else does. */
void
device_on_clear_passcode(struct device_command *c)
{
	struct bytes token = plist_data(c->a, c->request, "UnlockToken");

	if (token.n == 0 || !bytes_eq(token, secret(c->d, c->a, UNLOCK)))
		device_command_refuse(c, DEVICE_ERROR_NOT_AUTHORIZED, "the UnlockToken is not this device's");
}
