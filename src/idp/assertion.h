/* Who we are, signed instead of told: private_key_jwt (OpenID Connect Core 9, RFC 7523). */
#ifndef IDP_ASSERTION_H
#define IDP_ASSERTION_H

#include "idp/provider.h"

#define IDP_ASSERTION_LIFE_S 60
#define IDP_KEY_MAX (16 * 1024) /* octets of the PEM text */

/* An assertion for the token endpoint. `pem`: a private key, RSA or EC on P-256, not encrypted, and the certificate that was
 * registered for it where the provider knows it by that (Entra ID does): then the header has its x5t#S256.
 * p->key_id is its kid, which tells the provider which of a client's keys it is (RFC 7515 4.1.4).
 * RC_BAD_INPUT: no such key. */
enum rc
idp_assertion(struct call *c, const struct provider *p, const char *pem, const char *token_endpoint, const char **out);

#endif
