/* What the token endpoint does: a code or a refresh token in, tokens out, and the trace of it. */
#ifndef OAUTH_TOKEN_H
#define OAUTH_TOKEN_H

#include "base/call.h"
#include "enroll/grant.h"
#include "oauth/code.h"

/* Exchange a code. One unit: spending the code, starting the grant, its events. A replayed or mismatched
 * code leaves its event on the attempt's timeline.
 * RC_NOT_FOUND, RC_FORBIDDEN, RC_CONFLICT: as oauth_code_redeem; the first also when the person was disabled or
 * the enrollment ended since the sign-in. */
enum rc token_exchange(struct call *c, const struct oauth_redeem *in, struct grant_tokens *out);

/* Redeem a refresh token, as grant_refresh, with its event. */
enum rc token_refresh(struct call *c, const char *refresh_token, const char *client_id, struct grant_tokens *out);

/* The client ends its sign-in, by any token of it (RFC 7009 2.1). The whole grant is revoked, with its event; a token
 * that is unknown, or of a grant that is revoked already, is none the worse: RC_OK (2.2). RC_FORBIDDEN: another
 * client's. */
enum rc token_revoke(struct call *c, const char *token, const char *client_id);

#endif
