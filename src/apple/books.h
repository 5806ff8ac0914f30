/* A stand-in for Apple's Apps and Books management API v2 (protocol 11): people, assets, who holds which, all changed by
 * events that take a while, told by notifications and by their status.
 *
 * Errors are {errorNumber, errorMessage}, with Apple's numbers where its page has one. Faults (apple/fault.h): service
 * "apps-and-books" with a path as the subject answers instead; "apps-and-books-event" with an adamId lets the event fail
 * for everybody, with `body` as what is said; "apps-and-books-notification" with a notificationType loses it. */
#ifndef APPLE_BOOKS_H
#define APPLE_BOOKS_H

#include "apple/fault.h"
#include "base/call.h"
#include "fmt/json.h"

#define BOOKS_MAX_USERS 100 /* of one request, as Apple's service/config says, and likewise */
#define BOOKS_MAX_ASSETS 25
#define BOOKS_MAX_CLIENT_USER_IDS 1000
#define BOOKS_PAGE 50 /* rows of one answer */
#define BOOKS_USERS 100000 /* and as many events are remembered */

struct books_settings {
	const char *token_file; /* what the bearer is to be */
	const char *assets_file; /* JSON: [{"adamId": TEXT, "totalCount": N}, ...]; NULL: none */
	const char *ca_file; /* that the server's certificate is from; NULL: the system's */
	int event_ms; /* how long an event takes */
	struct faults *faults; /* outlive it */
};

struct books;

/* Starts a thread for events. RC_NOT_FOUND, RC_BAD_INPUT: a file. */
enum rc books_start(const struct books_settings *s, struct books **out, struct err *e);
void books_stop(struct books *b); /* NULL is fine */

/* One request: its answer in `a`, and the status. `argument` gives the query's items. */
struct books_request {
	const char *path; /* "/v2/users" */
	const char *bearer; /* NULL: none */
	json_t *body; /* NULL: GET */
	const char *(*argument)(void *arg, const char *name);
	void *arg;
};
struct books_answer {
	int status, retry_after;
	json_t *body; /* belongs to the arena */
};
void books_serve(struct books *b, struct arena *a, const struct books_request *r, struct books_answer *out);

/* Somebody with this Managed Apple Account takes up an invitation: the person who was told without one is associated with
 * it. RC_NOT_FOUND: there is no such invitation, or it was taken up. */
enum rc books_invited(struct books *b, const char *code, const char *account);

/* What it saw: assets, users, assignments, and counts of requests. */
json_t *books_ledger(struct books *b, struct arena *a);

#endif
