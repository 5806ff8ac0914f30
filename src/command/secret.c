#include "command/secret.h"

#include <string.h>

#include "enroll/escrow.h"
#include "fmt/plist.h"

static const struct secret {
	const char *request_type, *key;
	enum escrow which;
} secrets[] = {
	{ "ClearPasscode", "UnlockToken", ESCROW_UNLOCK },
};

static const struct secret *
secret_of(const char *request_type)
{
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
		if (strcmp(secrets[i].request_type, request_type) == 0)
			return &secrets[i];
	}
	return NULL;
}

enum rc
command_secret_leave_out(struct call *c, const char *request_type, plist_t command)
{
	const struct secret *s = secret_of(request_type);

	if (s == NULL)
		return RC_OK;
	if (plist_has(command, s->key))
		return fail(&c->err, RC_BAD_INPUT, "%s of %s is filled in by the server: leave it out", s->key,
		    s->request_type);
	plist_put_data(command, s->key, bytes_str(""));
	return RC_OK;
}

enum rc
command_secret_held(struct call *c, const struct enrollment *e, const char *request_type)
{
	const struct secret *s = secret_of(request_type);
	bool held[ESCROWS];
	enum rc rc;

	if (s == NULL)
		return RC_OK;
	if ((rc = escrow_held(c, e->id, held)) != RC_OK || held[s->which])
		return rc;
	return fail(&c->err, RC_CONFLICT, "%s needs the %s, which the device has not given", s->request_type, s->key);
}

enum rc
command_secret_fill(struct call *c, const struct enrollment *e, struct command *m)
{
	const struct secret *s = secret_of(m->request_type);
	struct bytes token;
	plist_t root, command;
	enum rc rc;

	if (s == NULL)
		return RC_OK;
	if ((rc = escrow_get(c, e->id, s->which, &token)) != RC_OK || token.n == 0)
		return rc;
	if ((rc = plist_parse(c->arena, m->payload, &root, &c->err)) != RC_OK)
		return rc;
	if ((command = plist_dict(root, "Command")) == NULL)
		return fail(&c->err, RC_INTERNAL, "a command without Command is queued");
	plist_put_data(command, s->key, token);
	m->payload = plist_xml(c->arena, root);
	return RC_OK;
}
