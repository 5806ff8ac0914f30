/* Telling devices what they should have. Whoever changes a wish writes one number (group_changed); from then on the
 * organization's enrollments are gone through, a few in each unit, and those for whom something is different now are
 * told by a command and a push. All others are read and left alone. */
#ifndef DESIRED_ROUND_H
#define DESIRED_ROUND_H

#include "desired/declarations.h"

#define ROUND_BATCH 100 /* enrollments in one unit: polls wait for no more than these */

/* Do one batch of what is due: organizations whose wishes changed, people whose groups changed, devices that
 * answered a command. *more: look again at once. RC_UNAVAILABLE: the store. */
enum rc round_look(struct call *c, bool *more);

/* A command of this type was answered: what it moves is looked at soon. A unit of its own. */
enum rc round_answered(
    struct call *c, const struct enrollment *e, const char *user_id, const char *request_type, const char *status);

/* What a channel was told. RC_NOT_FOUND: nothing yet. */
struct round_state {
	const char *token, *fetched_token;
	int64_t token_at, fetched_at;
};
enum rc round_state(struct call *c, const char *enrollment_id, const char *user_id, struct round_state *out);
/* It asked for the items of this set. */
enum rc round_fetched(struct call *c, const struct desired_set *s);

#endif
