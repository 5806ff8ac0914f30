/* Profiles and apps that a device gets by command, because it does not know the declarations for them: what was sent,
 * what became of it, and what is to be sent now (S-33, protocol 11). */
#ifndef DESIRED_DELIVERY_H
#define DESIRED_DELIVERY_H

#include "desired/declarations.h"

#define DELIVERY_AGAIN_S 900 /* until an app that is not there yet is asked for again, doubled while nothing moves, */
#define DELIVERY_AGAIN_MAX_S 86400 /* up to here */
#define DELIVERY_REFUSED_S 86400 /* until what was refused is given again */
#define DELIVERY_LOOK_S 86400 /* until all of a channel is looked at, whatever happens */

/* One thing by command, as far as it is known. */
struct delivery {
	const char *item_id, *name, *digest, *command_uuid, *state, *reason;
	enum desired_kind kind;
	int64_t updated_at;
};

/* Learn from the answers, and queue what is missing or too much; inside a unit. *due_at: when to look again; 0:
 * after the next answer. */
enum rc delivery_step(struct call *c, const struct desired_set *s, int64_t *due_at);

enum rc delivery_list(struct call *c, const char *enrollment_id, const char *user_id, struct delivery **out, int *n);

/* An answer to a command of this type may move something. */
bool delivery_concerns(const char *request_type);

/* What a Status of ManagedApplicationList says to an administrator; NULL: nothing more than its word. */
const char *delivery_sentence(const char *status);
/* The app is there. */
bool delivery_is_there(const char *status);

#endif
