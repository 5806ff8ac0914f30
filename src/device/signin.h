/* Stage 2: from a challenge to an access token, for an enrollment or to sign in again
 * (protocol 4.2, 4.3, 8.1). */
#ifndef DEVICE_SIGNIN_H
#define DEVICE_SIGNIN_H

#include "device/device.h"
#include "device/webview.h"

struct device_tokens { /* the triple that is replaced as a whole */
	const char *access, *refresh; /* refresh NULL: none was given */
	int64_t expires_in_s; /* 0: not told */
};

/* apple-as-web: the URL that is opened, with its query replaced. Pure. */
const char *device_signin_web_url(struct arena *a, const struct device_challenge *c, const char *identifier);

/* apple-oauth2: the authorization request. Pure. */
const char *
device_signin_oauth_url(struct arena *a, const struct device_challenge *c, const char *identifier, const char *state);

/* The code of a callback. RC_BAD_INPUT: no code, no state, or another state than was sent. Pure. */
enum rc device_signin_code(struct arena *a, const char *callback, const char *state, const char **code, struct err *e);

/* The answer of a token endpoint. RC_BAD_INPUT: not JSON, no Bearer token. Pure. */
enum rc device_signin_tokens(struct arena *a, struct bytes body, struct device_tokens *out, struct err *e);

/* Sign in, whatever the method. */
enum rc device_signin(
    struct device *d, const struct device_challenge *c, const struct device_person *person, struct device_tokens *out);

/* Silent refresh at the challenge's token-url. Any failure means: the person must sign in. */
enum rc device_signin_refresh(
    struct device *d, const struct device_challenge *c, const char *refresh, struct device_tokens *out);

/* Take the triple over into d->en (memory of d->arena); a missing refresh token is forgotten. */
void device_signin_keep(struct device *d, const struct device_tokens *t, int64_t now);

#endif
