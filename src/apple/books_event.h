/* Inside Apps and Books: the events, which change who holds what after a while, and the notifications of them. */
#ifndef APPLE_BOOKS_EVENT_H
#define APPLE_BOOKS_EVENT_H

#include <pthread.h>

#include "apple/books.h"

struct books {
	struct books_settings set;
	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t wake;
	pthread_t thread;
	bool over;
	json_t *root; /* assets, users, assignments, events, notices, requests, client: objects by key */
	const char *token, *expires, *uid;
	struct arena *arena;
};

/* All with the lock; what they return belongs to the root. */
json_t *books_part(const struct books *b, const char *name);
json_t *books_holders(const struct books *b, const char *adam_id); /* of an asset: an object by clientUserId */
int64_t books_available(const struct books *b, const char *adam_id); /* licences that nobody holds */
void books_notice(const struct books *b, const char *type, json_t *what); /* takes `what` */

/* Something that is done in a while. Returns what the request is answered; it is the caller's. */
json_t *books_event_begin(const struct books *b, const char *type, json_t *body, size_t requested);

/* The thread, without the lock: does what is due and sends notifications until `over`. */
void *books_run(void *books);

#endif
