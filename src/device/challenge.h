/* The challenge of a 401: how the person is to prove who they are (protocol 4.1). Pure. */
#ifndef DEVICE_CHALLENGE_H
#define DEVICE_CHALLENGE_H

#include "base/arena.h"
#include "base/err.h"
#include "http/client.h"

#define DEVICE_CALLBACK_SCHEME "apple-remotemanagement-user-login"

struct device_challenge { /* NULL: the parameter was absent or belongs to the other method */
	const char *method; /* "apple-as-web" or "apple-oauth2" */
	const char *url; /* apple-as-web */
	const char *authorization_url, *token_url, *redirect_url, *client_id, *scope; /* apple-oauth2 */
};

/* Parse one WWW-Authenticate value. The scheme is exactly "Bearer"; values may be quoted or not,
 * separators may be commas or spaces. RC_NOT_FOUND: not a Bearer challenge. RC_BAD_INPUT: unknown
 * method, a parameter missing, or a URL that a device refuses. */
enum rc device_challenge_parse(struct arena *a, const char *value, struct device_challenge *out, struct err *e);

/* The first Bearer challenge of an answer, in whichever WWW-Authenticate header it stands. */
enum rc device_challenge_find(
    struct arena *a, const struct http_client_answer *answer, struct device_challenge *out, struct err *e);

#endif
