#include "administrator/webauthn.h"

#include <string.h>

#include "crypto/hash.h"
#include "crypto/jose.h"
#include "fmt/base64.h"
#include "fmt/cbor.h"
#include "fmt/der.h"
#include "fmt/json.h"

#define P256 32 /* octets of a coordinate */
#define KTY_EC2 2
#define KTY_RSA 3
#define CRV_P256 1
/* Negative, as CBOR writes such: -1 - n. */
#define ALG_ES256 (7 - 1)
#define ALG_RS256 (257 - 1)
#define UP 0x01 /* somebody was there */
#define AT 0x40 /* a credential follows */

/* ---- what both have ---- */

static enum rc
check_client(struct arena *a, const struct webauthn_expected *e, const char *type, struct bytes client, struct err *err)
{
	const char *is, *challenge, *origin;
	json_t *j = NULL;

	if (json_parse(a, client, &j, err) != RC_OK)
		return fail(err, RC_BAD_INPUT, "the client data is no JSON");
	is = json_get_text(j, "type");
	challenge = json_get_text(j, "challenge");
	origin = json_get_text(j, "origin");
	if (is == NULL || challenge == NULL || origin == NULL)
		return fail(err, RC_BAD_INPUT, "the client data has no type, challenge or origin");
	if (strcmp(is, type) != 0)
		return fail(err, RC_FORBIDDEN, "the client data is not of %s", type);
	if (!crypto_equal(challenge, e->challenge))
		return fail(err, RC_FORBIDDEN, "the answer is to another challenge");
	if (strcmp(origin, e->origin) != 0 || json_is_true(json_object_get(j, "crossOrigin")))
		return fail(err, RC_FORBIDDEN, "the answer was given on another site, or in a frame");
	return RC_OK;
}

static uint32_t
number(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The head of authenticator data (WebAuthn 6.1): digest of the site, flags, signCount. *rest is what follows. */
static enum rc
check_data(struct arena *a, const struct webauthn_expected *e, struct bytes data, uint8_t flags, uint32_t *counter,
    struct bytes *rest, struct err *err)
{
	if (data.n < 37)
		return fail(err, RC_BAD_INPUT, "the authenticator data is too short");
	if (!bytes_eq(bytes_of(data.p, 32), crypto_sha256_text(a, e->rp_id)))
		return fail(err, RC_FORBIDDEN, "the authenticator answered another site");
	if ((data.p[32] & flags) != flags)
		return fail(err, RC_FORBIDDEN, "nobody touched the authenticator, or it made no credential");
	*counter = number(data.p + 33);
	*rest = bytes_of(data.p + 37, data.n - 37);
	return RC_OK;
}

/* ---- a new one ---- */

/* The value under a small number, as COSE's maps have them: -1 is CBOR_NEGATIVE 0. */
static bool
under(const struct cbor_item *map, enum cbor_kind kind, uint64_t n, struct cbor_item *out)
{
	struct cbor_item key;

	for (struct bytes rest = map->value; cbor_next(&rest, &key) && cbor_next(&rest, out);) {
		if (key.kind == kind && key.n == n)
			return true;
	}
	return false;
}

static bool
is(const struct cbor_item *map, enum cbor_kind key_kind, uint64_t key, enum cbor_kind kind, uint64_t n)
{
	struct cbor_item v;

	return under(map, key_kind, key, &v) && v.kind == kind && v.n == n;
}

/* The octets under a negative number, as a JWK has them. */
static const char *
octets(struct arena *a, const struct cbor_item *map, uint64_t key)
{
	struct cbor_item v;

	return under(map, CBOR_NEGATIVE, key, &v) && v.kind == CBOR_BYTES ? base64url_encode(a, v.value) : NULL;
}

/* A COSE key of an algorithm that is asked for, as a JWK: ES256 on P-256 (RFC 9053 2.1, 7.1.1), which nearly all have, and
 * RS256 (RFC 8812 2, RFC 8230 4), as Windows Hello does on many machines. NULL: another. */
static json_t *
jwk_of(struct arena *a, const struct cbor_item *map)
{
	if (is(map, CBOR_NUMBER, 1, CBOR_NUMBER, KTY_EC2) && is(map, CBOR_NUMBER, 3, CBOR_NEGATIVE, ALG_ES256) &&
	    is(map, CBOR_NEGATIVE, 0, CBOR_NUMBER, CRV_P256))
		return json_pack("{s:s, s:s, s:s*, s:s*}", "kty", "EC", "crv", "P-256", "x", octets(a, map, 1), "y",
		    octets(a, map, 2));
	if (is(map, CBOR_NUMBER, 1, CBOR_NUMBER, KTY_RSA) && is(map, CBOR_NUMBER, 3, CBOR_NEGATIVE, ALG_RS256))
		return json_pack("{s:s, s:s*, s:s*}", "kty", "RSA", "n", octets(a, map, 0), "e", octets(a, map, 1));
	return NULL;
}

static enum rc
read_key(struct arena *a, struct bytes *rest, struct bytes *raw, struct err *err)
{
	struct cbor_item map;
	json_t *jwk;

	if (!cbor_next(rest, &map) || map.kind != CBOR_MAP)
		return fail(err, RC_BAD_INPUT, "the credential has no key");
	if ((jwk = jwk_of(a, &map)) != NULL)
		*raw = jose_raw_key(a, json_keep(a, jwk));
	if (jwk == NULL || raw->n == 0)
		return fail(err, RC_BAD_INPUT, "the credential's key is none for ES256 or RS256");
	return RC_OK;
}

enum rc
webauthn_created(struct arena *a, const struct webauthn_expected *e, struct bytes client, struct bytes object,
    struct webauthn_credential *out, struct err *err)
{
	struct cbor_item root, data;
	struct bytes rest = object;
	size_t n;
	enum rc rc;

	*out = (struct webauthn_credential){ 0 };
	if ((rc = check_client(a, e, "webauthn.create", client, err)) != RC_OK)
		return rc;
	if (!cbor_next(&rest, &root) || rest.n > 0 || !cbor_get(&root, "authData", &data) || data.kind != CBOR_BYTES)
		return fail(err, RC_BAD_INPUT, "not an attestation object in CBOR");
	if ((rc = check_data(a, e, data.value, UP | AT, &out->counter, &rest, err)) != RC_OK)
		return rc;
	if (rest.n < 18) /* AAGUID and length */
		return fail(err, RC_BAD_INPUT, "the credential is cut off");
	n = (size_t)rest.p[16] << 8 | rest.p[17];
	if (n == 0 || n > WEBAUTHN_ID_MAX || rest.n - 18 < n)
		return fail(err, RC_BAD_INPUT, "the credential's id is missing, cut off or too long");
	out->id = base64url_encode(a, bytes_of(rest.p + 18, n));
	rest = bytes_of(rest.p + 18 + n, rest.n - 18 - n);
	return read_key(a, &rest, &out->public_key, err);
}

/* ---- an assertion ---- */

/* A signature as X9.62 has it, SEQUENCE { r, s }, as JWS has it: r and s in 32 octets each. */
static bool
flat(struct bytes der, uint8_t out[2 * P256])
{
	struct der_item both, one;
	struct bytes rest = der;

	memset(out, 0, 2 * P256);
	if (!der_take(&rest, DER_SEQUENCE, &both) || rest.n > 0)
		return false;
	rest = both.value;
	for (int i = 0; i < 2; i++) {
		struct bytes v;

		if (!der_take(&rest, DER_INTEGER, &one))
			return false;
		v = one.value;
		for (; v.n > 0 && v.p[0] == 0; v.n--)
			v.p++;
		if (v.n > P256 || v.n == 0)
			return false;
		memcpy(out + (i + 1) * P256 - v.n, v.p, v.n);
	}
	return rest.n == 0;
}

/* What the key signs, and by which algorithm, is of its kind. */
static enum rc
check_signature(
    struct arena *a, const struct webauthn_credential *k, struct bytes input, struct bytes signature, struct err *err)
{
	bool rsa = k->public_key.n > 0 && k->public_key.p[0] == 'R';
	uint8_t rs[2 * P256];

	if (!rsa) {
		if (!flat(signature, rs))
			return fail(err, RC_BAD_INPUT, "the signature is none of ECDSA");
		signature = bytes_of(rs, sizeof rs);
	}
	if (!jose_is_signed(a, rsa ? "RS256" : "ES256", k->public_key, input, signature))
		return fail(err, RC_FORBIDDEN, "the signature is wrong");
	return RC_OK;
}

enum rc
webauthn_asserted(struct arena *a, const struct webauthn_expected *e, const struct webauthn_credential *k,
    struct bytes client, struct bytes data, struct bytes signature, uint32_t *counter, struct err *err)
{
	uint8_t *input = arena_alloc(a, data.n + 32);
	struct bytes rest;
	enum rc rc;

	if ((rc = check_client(a, e, "webauthn.get", client, err)) != RC_OK ||
	    (rc = check_data(a, e, data, UP, counter, &rest, err)) != RC_OK)
		return rc;
	memcpy(input, data.p, data.n);
	memcpy(input + data.n, crypto_sha256(a, client).p, 32);
	return check_signature(a, k, bytes_of(input, data.n + 32), signature, err);
}
