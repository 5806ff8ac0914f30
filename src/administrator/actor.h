/* Who administers: what a request of the administration API was let in as. */
#ifndef ADMINISTRATOR_ACTOR_H
#define ADMINISTRATOR_ACTOR_H

#include <stdbool.h>
#include <stdint.h>

/* Roles are not steps of one ladder: who reads sees everything and changes nothing; the help desk sees what it
 * needs for a person at the telephone (attempts, people, enrollments) and may do what helps without harm, but it
 * sees no tokens and no results of commands. Each is a bit, so that a route names all that may call it. */
enum actor_role {
	ACTOR_READ = 1,
	ACTOR_HELP_DESK = 2,
	ACTOR_ADMIN = 4,
};

enum actor_way {
	ACTOR_SOCKET, /* the Unix socket: its file's mode decided */
	ACTOR_TOKEN, /* a bearer token made for a program */
	ACTOR_SESSION, /* a person who signed in to the console */
};

struct actor {
	enum actor_way way;
	enum actor_role role;
	const char *id; /* of the token or the administrator; NULL: the socket */
	const char *name; /* for records: "uid 1000", "token backup", "eliza@betterbag.com" */
	const char *organization_id; /* the only one that it reaches; NULL: all */
	int64_t proven_until; /* ACTOR_SESSION: the end of the last proof of who it is (session.h); 0: none */
};

/* "read", "help-desk", "admin", as they are stored and written. */
const char *actor_role_name(enum actor_role role);
bool actor_role_parse(const char *name, enum actor_role *out); /* false: there is no such role */

#endif
