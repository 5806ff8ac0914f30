/* Sessions of administrators: 256 random bits in a cookie, SHA-256 of them in the store. They end 30 minutes after the
 * last request, twelve hours after they began, at sign-out, and with every change of who has them. */
#ifndef ADMINISTRATOR_SESSION_H
#define ADMINISTRATOR_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "administrator/actor.h"
#include "base/call.h"

/* `__Host-` makes browsers refuse it from any other host or path, and needs TLS. */
#define SESSION_COOKIE "__Host-postern_admin"
#define SESSION_TOKEN_MAX 64 /* octets: nothing longer is looked up */
#define SESSION_IDLE_S (30 * 60)
#define SESSION_LIFE_S (12 * 3600)
#define SESSION_PROVEN_S (5 * 60) /* for what should be done by nobody who only found a browser open */

struct session {
	struct actor actor;
	int64_t began_at, seen_at;
};

/* Begin one; call inside a unit. *token is the cookie's value. */
enum rc session_begin(struct call *c, const char *administrator_id, bool proven, const char **token);

/* Whose it is. It is then seen, unless `quietly`: a page that asks by itself keeps nobody signed in.
 * RC_UNAUTHENTICATED: nobody's, or it ended. */
enum rc session_find(struct call *c, const char *token, bool quietly, struct session *out);

/* The person proved who it is again. `hash`: SHA-256 of the cookie's value. RC_UNAUTHENTICATED: the session has ended. */
enum rc session_prove(struct call *c, struct bytes hash, const char *administrator_id);

enum rc session_end(struct call *c, const char *token); /* RC_OK also where there is none */

/* Was the person asked lately: for a second factor, or by their provider? */
static inline bool
actor_is_proven(const struct actor *a, int64_t now)
{
	return a->way != ACTOR_SESSION || a->proven_until > now;
}

#endif
