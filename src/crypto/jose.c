#include "crypto/jose.h"

#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "crypto/ossl.h"
#include "fmt/base64.h"

#define P256 32 /* octets of a coordinate, and of each number of a signature (RFC 7518 3.4, 6.2.1.2) */

struct key {
	const char *kid; /* NULL: it has none */
	const char *alg; /* NULL: any of its kind */
	const char *kty;
	EVP_PKEY *pkey; /* of the arena */
};

struct jose_keys {
	struct key key[JOSE_KEYS_MAX];
	int n;
};

/* RFC 7518 3.1, those that providers sign ID tokens with. */
/* clang-format off */
static const struct algorithm {
	const char *name, *kty;
	bool pss;
} algorithms[] = {
	{ "RS256", "RSA", false },
	{ "PS256", "RSA", true },
	{ "ES256", "EC", false },
};
/* clang-format on */

static const struct algorithm *
algorithm(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof algorithms / sizeof algorithms[0]; i++) {
		if (strcmp(name, algorithms[i].name) == 0)
			return &algorithms[i];
	}
	return NULL;
}

static void
release_key(void *p)
{
	EVP_PKEY_free(p);
}

/* RFC 7517 4.3: when it lists operations, checking signatures must be one. */
static bool
may_verify(const json_t *jwk)
{
	const json_t *ops = json_object_get(jwk, "key_ops"), *op;
	const char *use = json_get_text(jwk, "use");
	size_t i;

	if (use != NULL && strcmp(use, "sig") != 0)
		return false;
	if (ops == NULL)
		return true;
	json_array_foreach(ops, i, op)
	{
		if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
			return true;
	}
	return false;
}

/* A number of the key, as the octets of x509_raw_key. Absent: not there, or not base64url. */
static struct bytes
number(struct arena *a, const json_t *jwk, const char *name)
{
	const char *text = json_get_text(jwk, name);

	return text != NULL ? base64url_decode(a, bytes_str(text)) : bytes_of(NULL, 0);
}

struct bytes
jose_raw_key(struct arena *a, const json_t *jwk)
{
	const char *kty = json_get_text(jwk, "kty"), *crv = json_get_text(jwk, "crv");
	bool rsa = kty != NULL && strcmp(kty, "RSA") == 0;
	struct bytes one = number(a, jwk, rsa ? "n" : "x"), two = number(a, jwk, rsa ? "e" : "y");
	uint8_t *raw = arena_alloc(a, 5 + one.n + two.n), *at = raw;

	if (kty == NULL || (!rsa && strcmp(kty, "EC") != 0) || one.p == NULL || two.p == NULL)
		return bytes_of(NULL, 0);
	if (rsa) {
		if (one.n < 2048 / 8 || one.n > 8192 / 8 || (one.p[0] & 0x80) == 0 || two.n == 0 || two.n > 8)
			return bytes_of(NULL, 0);
		*at++ = 'R';
		for (int shift = 24; shift >= 0; shift -= 8)
			*at++ = (uint8_t)(one.n >> shift);
	} else {
		if (crv == NULL || strcmp(crv, "P-256") != 0 || one.n != P256 || two.n != P256)
			return bytes_of(NULL, 0);
		*at++ = 'E';
		*at++ = 256 >> 8;
		*at++ = 256 & 0xff;
		*at++ = 4; /* uncompressed */
	}
	memcpy(at, one.p, one.n);
	memcpy(at + one.n, two.p, two.n);
	return bytes_of(raw, (size_t)(at - raw) + one.n + two.n);
}

static void
add_key(struct arena *a, struct jose_keys *keys, const json_t *jwk)
{
	const char *kty = json_get_text(jwk, "kty"), *alg = json_get_text(jwk, "alg"), *kid = json_get_text(jwk, "kid");
	struct key k = { 0 };

	if (kty == NULL || (strcmp(kty, "RSA") != 0 && strcmp(kty, "EC") != 0) || !may_verify(jwk))
		return;
	if (alg != NULL && (algorithm(alg) == NULL || strcmp(algorithm(alg)->kty, kty) != 0))
		return;
	if ((k.pkey = ossl_raw_public(jose_raw_key(a, jwk))) == NULL)
		return;
	arena_defer(a, release_key, k.pkey);
	k.kty = arena_strdup(a, kty);
	k.alg = alg != NULL ? arena_strdup(a, alg) : NULL;
	k.kid = kid != NULL ? arena_strdup(a, kid) : NULL;
	keys->key[keys->n++] = k;
}

enum rc
jose_keys_parse(struct arena *a, struct bytes document, struct jose_keys **out, struct err *e)
{
	struct jose_keys *keys = arena_alloc(a, sizeof *keys);
	const json_t *list, *jwk;
	json_t *root;
	size_t i;
	enum rc rc;

	*keys = (struct jose_keys){ 0 };
	if (document.n > JOSE_SET_MAX)
		return fail(e, RC_TOO_LARGE, "the key set is over %d octets", JOSE_SET_MAX);
	if ((rc = json_parse(a, document, &root, e)) != RC_OK)
		return fail_in(e, rc, "key set");
	list = json_object_get(root, "keys");
	if (!json_is_array(list))
		return fail(e, RC_BAD_INPUT, "a key set has a list \"keys\" (RFC 7517 5)");
	if (json_array_size(list) > JOSE_KEYS_MAX)
		return fail(e, RC_TOO_LARGE, "the key set has over %d keys", JOSE_KEYS_MAX);
	json_array_foreach(list, i, jwk) add_key(a, keys, jwk);
	if (keys->n == 0)
		return fail(e, RC_BAD_INPUT, "the key set has no key for RS256, PS256 or ES256");
	*out = keys;
	return RC_OK;
}

int
jose_keys_count(const struct jose_keys *keys)
{
	return keys->n;
}

const char *
jose_fault_name(enum jose_fault fault)
{
	static const char *const names[] = { "fine", "oversized", "malformed", "encrypted-or-nested", "algorithm",
		"key-in-header", "critical", "unknown-key", "signature" };

	return names[fault];
}

static enum rc
refuse(enum jose_fault *fault, enum jose_fault why, struct err *e, const char *sentence)
{
	*fault = why;
	return fail(e, why == JOSE_UNKNOWN_KEY ? RC_NOT_FOUND : RC_BAD_INPUT, "%s", sentence);
}

/* One part, decoded to an object; duplicates of a member are refused by json_parse. */
static json_t *
object_in(struct arena *a, struct bytes part)
{
	struct bytes text = base64url_decode(a, part);
	json_t *root = NULL;

	if (text.p == NULL || json_parse(a, text, &root, NULL) != RC_OK || !json_is_object(root))
		return NULL;
	return root;
}

/* Cut at the dots. How many parts there are; `part` has the first three. */
static int
cut(struct bytes token, struct bytes part[3])
{
	size_t from = 0;
	int n = 0;

	for (size_t i = 0; i <= token.n; i++) {
		if (i < token.n && token.p[i] != '.')
			continue;
		if (n < 3)
			part[n] = bytes_of(token.p + from, i - from);
		n++;
		from = i + 1;
	}
	return n;
}

/* OpenSSL wants the two numbers of an EC signature in DER; a JWS has them side by side (RFC 7518 3.4). */
static struct bytes
ec_signature(struct arena *a, struct bytes two)
{
	ECDSA_SIG *s = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(two.p, P256, NULL), *t = BN_bin2bn(two.p + P256, P256, NULL);
	uint8_t *der = arena_alloc(a, 2 * P256 + 16), *at = der;
	int n = -1;

	if (s != NULL && r != NULL && t != NULL && ECDSA_SIG_set0(s, r, t) == 1) {
		r = t = NULL; /* the signature's now */
		n = i2d_ECDSA_SIG(s, &at);
	}
	BN_free(r);
	BN_free(t);
	ECDSA_SIG_free(s);
	return n > 0 ? bytes_of(der, (size_t)n) : bytes_of(NULL, 0);
}

static bool
signed_by(struct arena *a, struct bytes input, struct bytes signature, const struct algorithm *alg, EVP_PKEY *key)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	EVP_PKEY_CTX *how;
	bool good;

	if (strcmp(alg->kty, "EC") == 0)
		signature = signature.n == 2 * P256 ? ec_signature(a, signature) : bytes_of(NULL, 0);
	good = signature.n > 0 && c != NULL && EVP_DigestVerifyInit(c, &how, EVP_sha256(), NULL, key) == 1 &&
	       (!alg->pss || (EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
				 EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1)) &&
	       EVP_DigestVerify(c, signature.p, signature.n, input.p, input.n) == 1;
	EVP_MD_CTX_free(c);
	ERR_clear_error();
	return good;
}

bool
jose_is_signed(struct arena *a, const char *alg, struct bytes raw_key, struct bytes input, struct bytes signature)
{
	const struct algorithm *how = algorithm(alg);
	EVP_PKEY *key = how != NULL ? ossl_raw_public(raw_key) : NULL;
	bool good = key != NULL &&
		    EVP_PKEY_get_base_id(key) == (strcmp(how->kty, "RSA") == 0 ? EVP_PKEY_RSA : EVP_PKEY_EC) &&
		    signed_by(a, input, signature, how, key);

	EVP_PKEY_free(key);
	return good;
}

bool
jose_knows(const char *alg)
{
	return algorithm(alg) != NULL;
}

enum rc
jose_verify(struct arena *a, struct bytes token, const struct jose_keys *keys, json_t **payload, enum jose_fault *fault,
    struct err *e)
{
	static const char *const own_keys[] = { "jku", "jwk", "x5u", "x5c" };
	const struct algorithm *alg;
	struct bytes part[3], input, signature;
	bool tried = false;
	const char *kid;
	json_t *header;
	int parts;

	*payload = NULL;
	*fault = JOSE_FINE;
	if (token.n > JOSE_TOKEN_MAX)
		return refuse(fault, JOSE_OVERSIZED, e, "the token is over 16384 octets");
	if ((parts = cut(token, part)) == 5)
		return refuse(fault, JOSE_ENCRYPTED_OR_NESTED, e, "the token is encrypted (five parts)");
	if (parts != 3 || (header = object_in(a, part[0])) == NULL)
		return refuse(fault, JOSE_MALFORMED, e, "not a compact JWS (RFC 7515 7.1)");
	if ((alg = algorithm(json_get_text(header, "alg"))) == NULL)
		return refuse(fault, JOSE_ALGORITHM, e, "the token is not signed with RS256, PS256 or ES256");
	for (size_t i = 0; i < sizeof own_keys / sizeof own_keys[0]; i++) {
		if (json_object_get(header, own_keys[i]) != NULL)
			return refuse(fault, JOSE_KEY_IN_HEADER, e, "the token brings its own key (RFC 8725 3.10)");
	}
	if (json_object_get(header, "crit") != NULL)
		return refuse(fault, JOSE_CRITICAL, e, "the token has a critical extension (RFC 7515 4.1.11)");
	if (json_object_get(header, "cty") != NULL)
		return refuse(fault, JOSE_ENCRYPTED_OR_NESTED, e, "the token holds another token (cty)");
	if (json_object_get(header, "kid") != NULL && json_get_text(header, "kid") == NULL)
		return refuse(fault, JOSE_MALFORMED, e, "the token's kid is not text");
	if ((*payload = object_in(a, part[1])) == NULL)
		return refuse(fault, JOSE_MALFORMED, e, "the token's claims are not a JSON object");

	signature = base64url_decode(a, part[2]);
	input = bytes_of(token.p, part[0].n + 1 + part[1].n);
	/* A token without kid may be of any key (RFC 7515 4.1.4), a key without kid of no token that has one. */
	kid = json_get_text(header, "kid");
	for (int i = 0; i < keys->n; i++) {
		const struct key *k = &keys->key[i];

		if (strcmp(k->kty, alg->kty) != 0 || (k->alg != NULL && strcmp(k->alg, alg->name) != 0) ||
		    (kid != NULL && (k->kid == NULL || strcmp(k->kid, kid) != 0)))
			continue;
		tried = true;
		if (signed_by(a, input, signature, alg, k->pkey))
			return RC_OK;
	}
	*payload = NULL;
	if (!tried)
		return refuse(fault, JOSE_UNKNOWN_KEY, e, "the provider publishes no key with the token's kid");
	return refuse(fault, JOSE_SIGNATURE, e, "the token's signature does not match the provider's key");
}
