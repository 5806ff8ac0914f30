/* The provider's side: its documents, read once and kept for an hour, and its token endpoint (OpenID Connect
 * Discovery 1.0, RFC 6749). One struct idp for the process; all of this may be called by many threads, and waits for the
 * provider: at most IDP_TIMEOUT_MS a request. */
#ifndef IDP_REMOTE_H
#define IDP_REMOTE_H

#include "crypto/jose.h"
#include "idp/provider.h"

#define IDP_TIMEOUT_MS 5000
#define IDP_STALE_S 3600 /* a change of the provider's documents is known here after so long at most */
#define IDP_REFETCH_S 30 /* an unknown key is asked for once in so long at most */

struct idp;

struct idp *idp_new(void);

/* What came of asking so far, a row for each provider that was asked. */
struct idp_stats {
	char id[24]; /* the provider's */
	int64_t answered, failed; /* failed: no answer, or 5xx */
	bool rests; /* left alone for a while: nobody asks it */
};
/* At most `max` rows into `out`; how many. */
int idp_stats(struct idp *i, struct idp_stats *out, int max);
#define IDP_STATS_MAX 256

void idp_free(struct idp *p); /* NULL is fine; nobody is inside any more */

/* The discovery document, checked: its issuer is the provider's. Strings live as long as the call's arena. */
struct idp_endpoints {
	const char *issuer, *authorization, *token, *jwks;
	bool iss_parameter; /* every authorization response names the issuer (RFC 9207) */
	bool pkce; /* S256 is announced; sent in any case */
};
/* RC_UNAVAILABLE: no answer, or not one that can be used; the sentence is for the operator. */
enum rc idp_endpoints(struct idp *i, struct call *c, const struct provider *p, struct idp_endpoints *out);
/* The same for who must not wait. False: it would have to be fetched. */
bool idp_endpoints_known(struct idp *i, struct call *c, const struct provider *p, struct idp_endpoints *out);

/* The key set, which lives as long as the call's arena and is other threads', too. `newer`: the one at hand lacks a key; it is fetched again, if that is allowed by now. */
enum rc idp_keys(struct idp *i, struct call *c, const struct provider *p, bool newer, const struct jose_keys **out);

struct idp_tokens {
	const char *id_token; /* NULL: none came */
	const char *access_token, *refresh_token; /* NULL: none came */
};
/* A code for tokens; `redirect_uri` as it was when the code was asked for. RC_FORBIDDEN: the provider refused it; *error is its word ("invalid_grant").
 * RC_UNAVAILABLE: no answer that can be used. */
enum rc idp_redeem(struct idp *i, struct call *c, const struct provider *p, const char *code, const char *redirect_uri,
    const char *verifier, struct idp_tokens *out, const char **error);
/* A refresh token for newer tokens; likewise. */
enum rc idp_refresh(struct idp *i, struct call *c, const struct provider *p, const char *refresh_token,
    struct idp_tokens *out, const char **error);

/* The groups of whom `access_token` is, asked for at the provider's directory: the ids that Microsoft Graph knows them by.
 * It is a server of its own, whose failures are counted apart from the provider's. RC_UNAVAILABLE likewise, also where
 * it refuses to say. */
#define IDP_DIRECTORY_MAX 11000 /* more than so many Graph does not say either */
enum rc idp_directory(struct idp *i, struct call *c, const struct provider *p, const char *access_token,
    const char *const **groups, int *n);

#endif
