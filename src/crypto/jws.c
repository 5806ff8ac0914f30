#include "crypto/jws.h"

#include <string.h>

#include <openssl/ecdsa.h>

#include "crypto/ossl.h"
#include "fmt/base64.h"

#define P256 32 /* octets of a number of an EC signature */

enum algorithm { RS256, PS256, ES256 };

/* clang-format off */
static const struct {
	const char *name, *key;
	enum rc (*sign)(struct arena *a, EVP_PKEY *key, struct bytes message, struct bytes *signature, struct err *e);
} algorithms[] = {	/* RFC 7518 3.3 to 3.5 */
	[RS256] = { "RS256", "an RSA key of 2048 bits or more", ossl_sign },
	[PS256] = { "PS256", "an RSA key of 2048 bits or more", ossl_sign_pss },
	[ES256] = { "ES256", "an EC key on P-256", ossl_sign },
};
/* clang-format on */

static bool
fits(EVP_PKEY *key, enum algorithm alg)
{
	char curve[32] = "";

	if (alg != ES256)
		return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) >= 2048;
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL) == 1 && strcmp(curve, "prime256v1") == 0;
}

/* OpenSSL says the two numbers of an EC signature in DER; a JWS has them side by side (RFC 7518 3.4). */
static enum rc
side_by_side(struct arena *a, struct bytes *signature, struct err *e)
{
	const unsigned char *at = signature->p;
	ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &at, (long)signature->n);
	uint8_t *two = arena_alloc(a, 2 * P256);
	bool good = s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), two, P256) == P256 &&
		    BN_bn2binpad(ECDSA_SIG_get0_s(s), two + P256, P256) == P256;

	ECDSA_SIG_free(s);
	if (!good)
		return fail(e, RC_INTERNAL, "an EC signature can't be written");
	*signature = bytes_of(two, 2 * P256);
	return RC_OK;
}

static enum rc
compact(struct arena *a, const char *header, const char *payload, EVP_PKEY *key, enum algorithm alg, char **out,
    struct err *e)
{
	struct bytes signature;
	char *input;
	enum rc rc;

	if (!fits(key, alg))
		return fail(e, RC_BAD_INPUT, "%s needs %s", algorithms[alg].name, algorithms[alg].key);
	input =
	    arena_printf(a, "%s.%s", base64url_encode(a, bytes_str(header)), base64url_encode(a, bytes_str(payload)));
	rc = algorithms[alg].sign(a, key, bytes_str(input), &signature, e);
	if (rc == RC_OK && alg == ES256)
		rc = side_by_side(a, &signature, e);
	if (rc != RC_OK)
		return rc;
	*out = arena_printf(a, "%s.%s", input, base64url_encode(a, signature));
	return RC_OK;
}

static enum rc
by_der(struct arena *a, const char *header, const char *payload, struct bytes key, enum algorithm alg, char **out,
    struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *pkey = hold_EVP_PKEY(h, ossl_private(key));

	if (pkey == NULL)
		return fail(e, RC_BAD_INPUT, "not a PKCS#8 private key");
	return compact(a, header, payload, pkey, alg, out, e);
}

enum rc
ossl_jws_rs256(struct arena *a, const char *header, const char *payload, EVP_PKEY *key, char **out, struct err *e)
{
	return compact(a, header, payload, key, RS256, out, e);
}

enum rc
jws_rs256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e)
{
	return by_der(a, header, payload, key, RS256, out, e);
}

enum rc
jws_ps256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e)
{
	return by_der(a, header, payload, key, PS256, out, e);
}

enum rc
jws_es256(struct arena *a, const char *header, const char *payload, struct bytes key, char **out, struct err *e)
{
	return by_der(a, header, payload, key, ES256, out, e);
}

bool
jws_is_rsa(struct arena *a, struct bytes key)
{
	EVP_PKEY *pkey = hold_EVP_PKEY(held_new(a), ossl_private(key));

	return pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
}
