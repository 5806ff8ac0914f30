/* What administrators may see and change of their own sign-in. Who asks has proven who they are (session.h). */
#ifndef ADMINISTRATOR_OWN_H
#define ADMINISTRATOR_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"

struct own_key { /* a security key or passkey */
	const char *id; /* base64url */
	int64_t created_at, used_at;
};

struct own_session {
	int64_t began_at, seen_at;
	bool this; /* the one that asks */
};

enum rc own_keys(struct call *c, const char *id, struct own_key **out, int *n); /* oldest first */
/* Those that go on, newest first. `token`: of the one that asks. */
enum rc own_sessions(struct call *c, const char *id, const char *token, struct own_session **out, int *n);

/* RC_CONFLICT: it is the last second factor. RC_NOT_FOUND: there is no such key. */
enum rc own_remove_key(struct call *c, const char *id, const char *key_id);
enum rc own_remove_app(struct call *c, const char *id);

enum rc own_end_other_sessions(struct call *c, const char *id, const char *token);

#endif
