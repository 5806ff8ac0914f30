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
	enum rc rc;

	if (s == NULL)
		return RC_OK;
	if ((rc = escrow_get(c, e->id, s->which, &token)) != RC_OK || token.n == 0)
		return rc;
	return command_set_data(c, m, s->key, token);
}
