#include "crypto/jws.h"

#include "crypto/ossl.h"
#include "fmt/base64.h"

static enum rc
compact(struct arena *a, const char *header, const char *payload, EVP_PKEY *key, bool pss, char **out, struct err *e)
{
	struct bytes signature;
	char *input;
	enum rc rc;

	/* RFC 7518 3.3, 3.5: RSA, 2048 bits or more. */
	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < 2048)
		return fail(e, RC_BAD_INPUT, "%s needs an RSA key of 2048 bits or more", pss ? "PS256" : "RS256");
	input =
	    arena_printf(a, "%s.%s", base64url_encode(a, bytes_str(header)), base64url_encode(a, bytes_str(payload)));
	rc = pss ? ossl_sign_pss(a, key, bytes_str(input), &signature, e)
		 : ossl_sign(a, key, bytes_str(input), &signature, e);
	if (rc != RC_OK)
		return rc;
	*out = arena_printf(a, "%s.%s", input, base64url_encode(a, signature));
	return RC_OK;
}

static enum rc
by_der(struct arena *a, const char *header, const char *payload, struct bytes key, bool pss, char **out, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (pkey == NULL)
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	return compact(a, header, payload, pkey, pss, out, e);
}

enum rc
ossl_jws_rs256(struct arena *a, const char *header, const char *payload, EVP_PKEY *key, char **out, struct err *e)
{
	return compact(a, header, payload, key, false, out, e);
}

enum rc
jws_rs256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e)
{
	return by_der(a, header, payload, key, false, out, e);
}

enum rc
jws_ps256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e)
{
	return by_der(a, header, payload, key, true, out, e);
}
