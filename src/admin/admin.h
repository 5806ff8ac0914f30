/* The administration API: JSON over the Unix socket, for the command line and whoever scripts it.
 *
 * Who may open the socket administers the server (its file's mode decides); the peer's user id is
 * recorded with every change. Answers are JSON objects. A refusal is {"error": SENTENCE, "code": CODE}
 * with the status of http_status(): the sentence is for the administrator and says what to do. */
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

/* Paths under /api/v1, on the Unix door only. Their room is a struct admin_room. Ends with a row whose
 * method is NULL. */
extern const struct http_route admin_routes[];

#endif
