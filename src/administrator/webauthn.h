/* WebAuthn, level 2, as far as a second factor needs it: the person touches a key that the server knows (ES256, or RS256
 * as Windows Hello has it). What a key attests of itself is neither asked for nor read. Pure. */
#ifndef ADMINISTRATOR_WEBAUTHN_H
#define ADMINISTRATOR_WEBAUTHN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define WEBAUTHN_ID_MAX 1023 /* octets of a credential id (WebAuthn 6.5.1) */

struct webauthn_expected {
	const char *challenge; /* base64url, as it was sent */
	const char *origin; /* "https://postern.example.com:8444" */
	const char *rp_id; /* its host */
};

struct webauthn_credential {
	const char *id; /* base64url */
	struct bytes public_key; /* as x509_raw_key */
	uint32_t counter; /* signCount; 0: the authenticator has none */
};

/* A new credential (WebAuthn 7.1). `client`: clientDataJSON; `object`: the attestation object. RC_BAD_INPUT: it can't
 * be read, or is of a kind that was not asked for. RC_FORBIDDEN: not of this challenge, site and person. */
enum rc webauthn_created(struct arena *a, const struct webauthn_expected *e, struct bytes client, struct bytes object,
    struct webauthn_credential *out, struct err *err);

/* An assertion by the credential `k` (WebAuthn 7.2); *counter is the new signCount, which the caller holds against the
 * one before. RC_BAD_INPUT, RC_FORBIDDEN likewise; RC_FORBIDDEN: the signature is wrong. */
enum rc webauthn_asserted(struct arena *a, const struct webauthn_expected *e, const struct webauthn_credential *k,
    struct bytes client, struct bytes data, struct bytes signature, uint32_t *counter, struct err *err);

#endif
