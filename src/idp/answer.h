/* What a provider answers, read: bytes in, values out, which are in `a`. Room-private. Pure.
 *
 * All of these fill in `e`, for the operator, and put nothing into it that a stranger wrote at length. RC_UNAVAILABLE: not an
 * answer that can be used. */
#ifndef IDP_ANSWER_H
#define IDP_ANSWER_H

#include "base/arena.h"
#include "base/err.h"
#include "idp/remote.h"

/* OpenID Connect Discovery 1.0, 4.3: of that issuer, and with endpoints of the same kind of URL. */
enum rc
idp_answer_discovery(struct arena *a, const char *issuer, struct bytes text, struct idp_endpoints *out, struct err *e);

/* RFC 6749 5.1 and 5.2. RC_FORBIDDEN: the provider said no; *error is its word, or stands for one that is none. */
enum rc idp_answer_tokens(struct arena *a, const char *issuer, int status, struct bytes text, struct idp_tokens *out,
    const char **error, struct err *e);

/* Microsoft Graph's list of ids; **groups has *n. */
enum rc idp_answer_groups(
    struct arena *a, const char *directory, struct bytes text, const char *const **groups, int *n, struct err *e);

#endif
