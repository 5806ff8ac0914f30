/* Authorization codes: issued once, redeemed once.
 *
 * RFC 6749 4.1.2 asks for a short life and a single use; RFC 7636 ties a code to whoever began the
 * sign-in. Rows are keyed by SHA-256(code): a copied database holds no usable code. */
#ifndef OAUTH_CODE_H
#define OAUTH_CODE_H

#include "base/call.h"

/* Seconds; the RFC recommends 600 at most. It counts from the moment that the form arrived, and the form may
 * have stood in line for its password. */
#define OAUTH_CODE_TTL 300

struct oauth_code { /* what a code stands for; fixed at issue */
	const char *organization_id, *account_id, *attempt_id, *client_id, *redirect_uri, *scope;
	const char *challenge; /* base64url SHA-256 of the verifier, 43 characters; NULL when the
				* request had none: Apple's clients send none (protocol 4.3) */
};

struct oauth_redeem { /* what the token endpoint was sent */
	const char *code, *client_id, *redirect_uri; /* redirect_uri NULL: none was sent */
	const char *verifier; /* NULL: none was sent */
};

/* Issue a code for `g`. *code is 43 base64url characters in c->arena. Works inside a unit. */
enum rc oauth_code_issue(struct call *c, const struct oauth_code *g, const char **code);

/* Redeem a code and fill *g with strings in c->arena (g->attempt_id NULL: the code is unknown). A code
 * found is spent, match or not. Call inside a unit, and keep what it got with oauth_code_redeemed.
 * RC_NOT_FOUND: unknown or expired. RC_CONFLICT: spent before; the grant that it got then is revoked.
 * RC_FORBIDDEN: client, redirect URI or PKCE verifier does not match.
 * (All three are invalid_grant for the peer, so that a code can't be probed.) */
enum rc oauth_code_redeem(struct call *c, const struct oauth_redeem *in, struct oauth_code *g);
enum rc oauth_code_redeemed(struct call *c, const char *code, const char *grant_id);

#endif
