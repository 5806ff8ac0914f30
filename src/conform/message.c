#include "conform/message.h"

#include "device/command.h"

struct bytes
conform_message(struct conform_play *p, const char *type, const char *const *pairs)
{
	plist_t m = device_message_new(&p->d, p->arena, DEVICE_CHANNEL_DEVICE);

	plist_put_text(m, "MessageType", type);
	for (; pairs != NULL && *pairs != NULL; pairs += 2)
		plist_put_text(m, pairs[0], pairs[1]);
	return plist_xml(p->arena, m);
}

struct conform_put
conform_proper(struct conform_play *p, enum device_door door, struct bytes body)
{
	struct conform_put put = { .door = door, .body = body };

	if (device_mdm_bearer(p->d.family, DEVICE_CHANNEL_DEVICE))
		put.token = p->d.en.access_token;
	if (p->d.profile.sign_message)
		put.proven = body;
	return put;
}

const struct conform_exchange *
conform_checkin(struct conform_play *p, const char *event, const char *type, const char *const *pairs)
{
	struct conform_put put = conform_proper(p, DEVICE_DOOR_CHECKIN, conform_message(p, type, pairs));

	return conform_mdm(p, event, &put);
}

const struct conform_exchange *
conform_idle_with(struct conform_play *p, const char *event, const char *token)
{
	bool user = p->d.family->two_channels;
	struct conform_put put = conform_proper(p, DEVICE_DOOR_COMMAND,
	    device_command_idle(&p->d, p->arena, user ? DEVICE_CHANNEL_USER : DEVICE_CHANNEL_DEVICE));

	put.token = token;
	return conform_mdm(p, event, &put);
}

bool
conform_sends_token(const struct conform_play *p)
{
	return !p->d.family->two_channels || p->d.en.user_guid != NULL;
}
