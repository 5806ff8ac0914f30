/* The administration API: JSON over the Unix socket, and over TLS listeners of its own where some are set.
 *
 * Who may open the socket administers the server (its file's mode decides). Over TLS a request carries a token that
 * has a role and, maybe, one organization (administrator/token.h). Who it was is recorded with every change. Answers
 * are JSON objects. A refusal is a problem document (RFC 9457) with a "code": its "detail" is a sentence for the
 * administrator that says what to do. */
#ifndef ADMIN_ADMIN_H
#define ADMIN_ADMIN_H

#include <stdint.h>

#include "crypto/password.h"
#include "http/server.h"
#include "keys/keys.h"

struct idp;

struct admin_room {
	struct keys *keys; /* makes and takes keys for organizations */
	struct password_gate *gate; /* for the hashes of new passwords; NULL: no gate */
	struct idp *idp; /* asks identity providers; NULL: they can't be checked */
	int64_t started_at; /* Unix seconds, for the uptime; 0: not said */
};

#define ADMIN_PATH "/api/v1"

/* Paths under ADMIN_PATH, on the Unix door and the admin door only. Their room is a struct admin_room. Ends with a row whose
 * method is NULL. */
extern const struct http_route admin_routes[];

/* Pages on which administrators sign in, below /console/sign-in on the admin door only; likewise. */
extern const struct http_route admin_signin_routes[];

#endif
