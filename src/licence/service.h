/* An organization's account with Apple's Apps and Books, and requests to it. Room-private. */
#ifndef LICENCE_SERVICE_H
#define LICENCE_SERVICE_H

#include "fmt/json.h"
#include "http/client.h"
#include "licence/licence.h"

/* One turn at it. */
struct licence_way {
	const char *organization_id;
	const char *token, *notice_token; /* of requests; of Apple's notifications */
	int64_t told_at, counted_at, tries;
	struct http_client *http;
	/* of the last answer that was no success */
	int64_t error; /* Apple's errorNumber; 0: none */
	int64_t rest_s; /* before anything else is asked */
	const char *trouble; /* why nothing goes on; NULL: it was about that request alone */
};

/* The secrets, unsealed. RC_NOT_FOUND: there is no token. */
enum rc licence_secrets(struct call *c, const char *organization_id, const char **token, const char **notice_token);

/* GET, or POST where there is a body, `path` below apps_and_books_url. RC_UNAVAILABLE: nothing goes on; w->trouble and
 * w->rest_s say why and for how long. RC_FORBIDDEN: Apple refuses this one; w->error and c->err. */
enum rc licence_ask(struct call *c, struct licence_way *w, const char *path, json_t *body, json_t **out);

#define LICENCE_REST_S 30 /* of an account after a failure, doubled with each, */
#define LICENCE_REST_MAX_S 3600 /* up to here */
#define LICENCE_REST_TOKEN_S 600 /* where the token is refused; another one is tried at once */

#define LICENCE_UNKNOWN_USER 9609
#define LICENCE_ALREADY 9616
#define LICENCE_NONE_LEFT 9709

int64_t licence_doubled(int64_t first, int64_t most, int64_t times);

#endif
