#include "crypto/jws.h"

#include "crypto/ossl.h"
#include "fmt/base64.h"

enum rc
ossl_jws_rs256(struct arena *a, const char *header, const char *payload, EVP_PKEY *key, char **out, struct err *e)
{
	struct bytes signature;
	char *input;
	enum rc rc;

	/* RFC 7518 3.3: RSA, 2048 bits or more. */
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < 2048)
		return fail(e, RC_BAD_INPUT, "RS256 needs an RSA key of 2048 bits or more");
	input =
	    arena_printf(a, "%s.%s", base64url_encode(a, bytes_str(header)), base64url_encode(a, bytes_str(payload)));
	if ((rc = ossl_sign(a, key, bytes_str(input), &signature, e)) != RC_OK)
		return rc;
	*out = arena_printf(a, "%s.%s", input, base64url_encode(a, signature));
	return RC_OK;
}

enum rc
jws_rs256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (pkey == NULL)
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	return ossl_jws_rs256(a, header, payload, pkey, out, e);
}
