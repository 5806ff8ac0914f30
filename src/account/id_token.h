/* An ID token, checked in full (OpenID Connect Core 3.1.3.7). Pure: keys, expectations and time are arguments. */
#ifndef ACCOUNT_ID_TOKEN_H
#define ACCOUNT_ID_TOKEN_H

#include "crypto/jose.h"

#define ID_TOKEN_SKEW 180 /* seconds that the provider's clock may be off */
#define ID_TOKEN_OLD 600 /* seconds; one that was just asked for is not older */
#define ID_TOKEN_SUB_MAX 255 /* octets, OpenID Connect Core 2 */

/* What is wrong with a claim, the names being the words of the timeline. What is wrong with the token is an
 * enum jose_fault. */
/* clang-format off */
#define ID_TOKEN_FAULTS(X) \
X(fine, "") \
X(token, "the token itself is refused") \
X(issuer, "iss is not the provider's issuer") \
X(audience, "aud is not this server's client id, or not it alone") \
X(azp, "azp is another client") \
X(nonce, "nonce is not the one that this sign-in began with") \
X(subject, "sub is missing, empty, or over 255 octets") \
X(expired, "exp has passed, or is missing") \
X(future, "iat or nbf lies in the future, or iat is missing") \
X(old, "the token was made more than ten minutes ago") \
X(auth_time, "auth_time is missing, or the sign-in is older than was asked for") \
X(access_token, "at_hash does not belong to the access token that came along") \
X(tenant, "tid or hd is another tenant's")
/* clang-format on */

#define ID_TOKEN_ENUM(name, sentence) ID_TOKEN_##name,
enum id_token_fault { ID_TOKEN_FAULTS(ID_TOKEN_ENUM) ID_TOKEN_FAULT_COUNT };
#undef ID_TOKEN_ENUM

struct id_token_expected {
	const char *issuer; /* as in the provider's discovery document, compared octet by octet */
	const char *client_id;
	const char *nonce; /* of the request; NULL: there was none to answer (Core 12.2) */
	const char *access_token; /* that came with it; NULL: none. Looked at when there is an at_hash */
	int64_t max_age; /* seconds since the person signed in at the provider; 0: not asked for */
	const char *tenant_claim, *tenant; /* "tid" or "hd" and its value; NULL: any */
	int64_t now;
};

struct id_token {
	const char *sub; /* terminated, in the token's arena */
	int64_t auth_time; /* 0: not said */
	const json_t *claims; /* all of them, checked */
};

/* RC_OK: every rule holds. RC_NOT_FOUND: the key set lacks its key, fetch it anew. RC_BAD_INPUT: refused; *fault,
 * and *jose when that is ID_TOKEN_token, say why. Nothing of the token is in the sentence. */
enum rc
id_token_check(struct arena *a, struct bytes token, const struct jose_keys *keys, const struct id_token_expected *x,
    struct id_token *out, enum id_token_fault *fault, enum jose_fault *jose, struct err *e);

const char *id_token_fault_name(enum id_token_fault fault); /* "issuer" */

#endif
