/* The token of GetToken com.apple.maid, as Apple checks it (protocol 9.1): a compact JWS with RS256, signed by the key
 * whose certificate the organization uploaded for its MDM server. Pure. */
#ifndef APPLE_MAID_TOKEN_H
#define APPLE_MAID_TOKEN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"

#define MAID_TOKEN_MAX 8192 /* characters */
#define MAID_WINDOW_S 300 /* how far iat may be from now; Apple tells no number */

enum maid_fault {
	MAID_FINE = 0,
	MAID_MALFORMED, /* no compact JWS of two JSON objects */
	MAID_ALGORITHM, /* another than RS256 */
	MAID_CLAIMS, /* one of the four is missing, or of another type */
	MAID_SERVICE, /* service_type is another */
	MAID_ISSUER, /* no MDM server of the organization has this server_uuid */
	MAID_SIGNATURE, /* the uploaded certificate's key did not sign it */
	MAID_TOO_OLD, /* iat */
	MAID_TOO_NEW,
	MAID_USED, /* this jti was used before */
	MAID_FAULTS
};

struct maid_token {
	const char *iss, *jti, *service_type;
	int64_t iat;
	struct bytes input, signature;
};

/* Read one; says nothing about its signature. MAID_FINE, MAID_MALFORMED to MAID_SERVICE. */
enum maid_fault maid_token_read(struct arena *a, const char *text, struct maid_token *out);

/* Hold it against a server's certificate (DER) and the clock. MAID_FINE, MAID_SIGNATURE to MAID_TOO_NEW. */
enum maid_fault maid_token_check(struct arena *a, const struct maid_token *t, struct bytes certificate, int64_t now);

#endif
