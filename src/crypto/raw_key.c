/* Public keys as octets of our own, and back: a modulus and an exponent, or a point of a named curve.
 * Making a key of these takes 3 us, decoding a certificate 144. */
#include "crypto/ossl.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#define RSA_BYTES_MAX 1024 /* 8192 bits */

/* clang-format off */
static const struct curve {
	const char *name;
	int bits;
	size_t point; /* octets, uncompressed */
} curves[] = {
	{ "prime256v1", 256, 65 },
	{ "secp384r1", 384, 97 },
	{ "secp521r1", 521, 133 },
};
/* clang-format on */
#define CURVES (sizeof curves / sizeof curves[0])

static enum rc
raw_rsa(struct arena *a, EVP_PKEY *key, struct bytes *raw, struct err *e)
{
	size_t room = (size_t)EVP_PKEY_get_bits(key) / 8 + 1;
	uint8_t *out = arena_alloc(a, 5 + 2 * room);
	BIGNUM *n = NULL, *exponent = NULL;
	bool good = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
		    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1;
	size_t size = good ? (size_t)BN_num_bytes(n) : 0;

	good = good && size <= room && size <= RSA_BYTES_MAX && (size_t)BN_num_bytes(exponent) <= room;
	if (good) {
		out[0] = 'R';
		out[1] = (uint8_t)(size >> 24);
		out[2] = (uint8_t)(size >> 16);
		out[3] = (uint8_t)(size >> 8);
		out[4] = (uint8_t)size;
		BN_bn2bin(n, out + 5);
		BN_bn2bin(exponent, out + 5 + size);
		*raw = bytes_of(out, 5 + size + (size_t)BN_num_bytes(exponent));
	}
	BN_free(n);
	BN_free(exponent);
	return good ? RC_OK : ossl_fail(e, RC_BAD_INPUT, "numbers of an RSA key");
}

static enum rc
raw_ec(struct arena *a, EVP_PKEY *key, struct bytes *raw, struct err *e)
{
	uint8_t *out = arena_alloc(a, 256);
	char group[32] = "";
	size_t n = 0;

	EVP_PKEY_get_group_name(key, group, sizeof group, NULL);
	for (size_t i = 0; i < CURVES; i++) {
		if (strcmp(group, curves[i].name) != 0)
			continue;
		if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out + 3, 253, &n) != 1 ||
		    n != curves[i].point || out[3] != 4)
			break;
		out[0] = 'E';
		out[1] = (uint8_t)(curves[i].bits >> 8);
		out[2] = (uint8_t)curves[i].bits;
		*raw = bytes_of(out, n + 3);
		return RC_OK;
	}
	return ossl_fail(e, RC_BAD_INPUT, "point of an EC key");
}

enum rc
ossl_raw_key(struct arena *a, EVP_PKEY *key, struct bytes *raw, struct err *e)
{
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
		return raw_rsa(a, key, raw, e);
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
		return raw_ec(a, key, raw, e);
	return fail(e, RC_BAD_INPUT, "neither an RSA nor an EC key");
}

enum rc
x509_raw_key(struct arena *a, struct bytes spki, struct bytes *raw, struct err *e)
{
	struct held *h = held_new(a);
	EVP_PKEY *key = hold_EVP_PKEY(h, ossl_public(spki));

	return key != NULL ? ossl_raw_key(a, key, raw, e) : fail(e, RC_BAD_INPUT, "not a public key");
}

static EVP_PKEY *
from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (c == NULL || EVP_PKEY_fromdata_init(c) != 1 || EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(c);
	return key;
}

/* Parameters of OpenSSL hold numbers in the machine's order; the octets are big-endian. */
static struct bytes
native(struct bytes b, uint8_t *to)
{
	const union {
		uint16_t word;
		uint8_t octet[2];
	} order = { 1 };

	for (size_t i = 0; i < b.n; i++)
		to[i] = b.p[order.octet[0] == 1 ? b.n - 1 - i : i];
	return bytes_of(to, b.n);
}

static EVP_PKEY *
rsa(struct bytes raw)
{
	uint8_t n[RSA_BYTES_MAX], e[RSA_BYTES_MAX];
	OSSL_PARAM params[3];
	size_t size;

	if (raw.n < 6)
		return NULL;
	size = (size_t)raw.p[1] << 24 | (size_t)raw.p[2] << 16 | (size_t)raw.p[3] << 8 | raw.p[4];
	if (size == 0 || size > RSA_BYTES_MAX || raw.n - 5 <= size || raw.n - 5 - size > RSA_BYTES_MAX)
		return NULL;
	native(bytes_of(raw.p + 5, size), n);
	native(bytes_of(raw.p + 5 + size, raw.n - 5 - size), e);
	params[0] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, n, size);
	params[1] = OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_E, e, raw.n - 5 - size);
	params[2] = OSSL_PARAM_construct_end();
	return from_params("RSA", params);
}

static EVP_PKEY *
ec(struct bytes raw)
{
	OSSL_PARAM params[3];

	for (size_t i = 0; i < CURVES; i++) {
		if (raw.n != curves[i].point + 3 || (raw.p[1] << 8 | raw.p[2]) != curves[i].bits)
			continue;
		params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)curves[i].name, 0);
		params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, (void *)(raw.p + 3), raw.n - 3);
		params[2] = OSSL_PARAM_construct_end();
		return from_params("EC", params);
	}
	return NULL;
}

EVP_PKEY *
ossl_raw_public(struct bytes raw)
{
	EVP_PKEY *key = NULL;

	if (raw.n > 0 && raw.p[0] == 'R')
		key = rsa(raw);
	else if (raw.n > 0 && raw.p[0] == 'E')
		key = ec(raw);
	ERR_clear_error();
	return key;
}
