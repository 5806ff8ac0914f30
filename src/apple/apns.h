/* A stand-in for Apple's push service, as far as MDM uses it (protocol 13): POST /3/device/<token> over HTTP/2 with the
 * push certificate, whose UID is the topic; one answer with Apple's status and reason; and for each token what came, so
 * that a test can compare. Of the pushes that a device has not fetched yet only the last is kept.
 *
 * Apple's list of reasons is the table in apns.c. APNS_TOKENS are remembered; a push to one more is answered 503. */
#ifndef APPLE_APNS_H
#define APPLE_APNS_H

#include "apple/fault.h"
#include "apple/h2.h"
#include "base/call.h"
#include "fmt/json.h"

#define APNS_TOKENS 1000000
#define APNS_STREAMS 1000 /* concurrent ones of a connection, as Apple allows */
#define APNS_WAITS 4 /* tokens that one wait is for: a Mac has two */

struct apns_settings {
	const char *address, *cert_file, *key_file, *client_ca;
	struct faults *faults; /* outlive it */
};

struct apns;

/* Errors are those of h2_start. */
enum rc apns_start(const struct apns_settings *s, struct apns **out, struct err *e);
void apns_shut(struct apns *p); /* waits end; before the server that they came by is stopped */
void apns_stop(struct apns *p); /* NULL is fine */
int apns_port(const struct apns *p);

/* A device is there: take the last push to one of these tokens, or wait for one as long as `wait_ms`. *magic and *token
 * in c->arena. RC_NOT_FOUND: none came. RC_BAD_INPUT: not 1 to APNS_WAITS tokens in lower case hexadecimal, with
 * commas. RC_UNAVAILABLE: no room for another token, or the call can't wait. */
enum rc
apns_wait(struct apns *p, struct call *c, const char *tokens, int wait_ms, const char **token, const char **magic);

/* The sums over all tokens, and connections. The tree belongs to the arena. */
json_t *apns_totals(struct apns *p, struct arena *a);
/* `limit` tokens from the `from`th on, in the order in which they were first seen. */
json_t *apns_tokens(struct apns *p, struct arena *a, int64_t from, int64_t limit);

#endif
