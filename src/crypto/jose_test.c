/* Tokens signed by the openssl command, which is not ours, and forgeries of them. */
#include "crypto/jose.h"
#include "crypto/hash.h"
#include "crypto/testkit.h"
#include "fmt/base64.h"

#define CLAIMS "{\"sub\":\"eliza\"}"

static struct pair rsa, ec, other;
static struct jose_keys *keys;
static enum jose_fault fault;
static json_t *payload;

/* What the openssl command signs. For ES256 its DER becomes two numbers of 32 octets (RFC 7518 3.4). */
static struct bytes
sign(const char *alg, const struct pair *by, const char *input)
{
	uint8_t *two = arena_alloc(a, 64);
	const char *pem = x509_key_pem(a, by->key);
	struct bytes out;
	size_t at = 2;

	put("key", pem, strlen(pem));
	put("input", input, strlen(input));
	if (alg[0] == 'P')
		OPENSSL("dgst", "-sha256", "-sign", "key", "-sigopt", "rsa_padding_mode:pss", "-sigopt",
		    "rsa_pss_saltlen:32", "input");
	else
		OPENSSL("dgst", "-sha256", "-sign", "key", "input");
	get("out", &out);
	if (alg[0] != 'E')
		return out;
	memset(two, 0, 64);
	for (int i = 0; i < 2 && at + 2 < out.n; i++) {
		size_t n = out.p[at + 1], skip = n > 32 ? n - 32 : 0;

		memcpy(two + 32 * i + (32 - (n - skip)), out.p + at + 2 + skip, n - skip);
		at += 2 + n;
	}
	return bytes_of(two, 64);
}

static struct bytes
token_of(const char *header, const char *claims, const char *alg, const struct pair *by)
{
	const char *input =
	    arena_printf(a, "%s.%s", base64url_encode(a, bytes_str(header)), base64url_encode(a, bytes_str(claims)));

	return bytes_str(arena_printf(a, "%s.%s", input, base64url_encode(a, sign(alg, by, input))));
}

static const char *
jwk_of(const struct pair *p, const char *more)
{
	struct bytes spki, raw;
	size_t n;

	x509_key_public(a, p->key, &spki, &e);
	x509_raw_key(a, spki, &raw, &e);
	if (raw.p[0] == 'E')
		return arena_printf(a, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"%s}",
		    base64url_encode(a, bytes_of(raw.p + 4, 32)), base64url_encode(a, bytes_of(raw.p + 36, 32)), more);
	n = (size_t)raw.p[3] << 8 | raw.p[4];
	return arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s}",
	    base64url_encode(a, bytes_of(raw.p + 5, n)), base64url_encode(a, bytes_of(raw.p + 5 + n, raw.n - 5 - n)),
	    more);
}

static enum rc
parse(const char *list, struct jose_keys **out)
{
	*out = NULL;
	return jose_keys_parse(a, bytes_str(arena_printf(a, "{\"keys\":[%s]}", list)), out, &e);
}

static enum rc
check(struct bytes token)
{
	return jose_verify(a, token, keys, &payload, &fault, &e);
}

static void
good_ones(void)
{
	ok(check(token_of("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, "RS256", &rsa)) == RC_OK &&
		strcmp(json_get_text(payload, "sub"), "eliza") == 0,
	    "RS256 of the openssl command is good, and its claims are read");
	ok(check(token_of("{\"alg\":\"PS256\",\"kid\":\"r\"}", CLAIMS, "PS256", &rsa)) == RC_OK, "PS256 is good");
	ok(check(token_of("{\"alg\":\"ES256\",\"kid\":\"e\"}", CLAIMS, "ES256", &ec)) == RC_OK, "ES256 is good");
	ok(check(token_of("{\"alg\":\"ES256\"}", CLAIMS, "ES256", &ec)) == RC_OK,
	    "a token without kid is tried with the keys of its kind (RFC 7515 4.1.4)");
}

static void
refused(const char *header, const char *alg, const struct pair *by, enum jose_fault why, const char *sentence)
{
	enum rc rc = check(token_of(header, CLAIMS, alg, by));

	ok(rc == (why == JOSE_UNKNOWN_KEY ? RC_NOT_FOUND : RC_BAD_INPUT) && fault == why && payload == NULL, "%s",
	    sentence);
	if (fault != why)
		printf("# rc %d, fault %d: %s\n", rc, fault, e.text);
}

static void
forgeries(void)
{
	struct bytes good = token_of("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, "RS256", &rsa);
	char *changed = arena_strndup(a, (const char *)good.p, good.n);

	refused("{\"alg\":\"none\"}", "RS256", &rsa, JOSE_ALGORITHM, "alg none is refused (RFC 8725 3.1)");
	refused("{\"alg\":\"HS256\",\"kid\":\"r\"}", "RS256", &rsa, JOSE_ALGORITHM,
	    "HS256, with whatever secret, is refused");
	refused("{\"alg\":\"rs256\",\"kid\":\"r\"}", "RS256", &rsa, JOSE_ALGORITHM, "names of algorithms are exact");
	refused("{\"kid\":\"r\"}", "RS256", &rsa, JOSE_ALGORITHM, "a token without alg is refused");
	refused("{\"alg\":\"RS256\",\"kid\":\"r\",\"jku\":\"https://evil.example/\"}", "RS256", &rsa,
	    JOSE_KEY_IN_HEADER, "jku is refused, even on a good signature (RFC 8725 3.10)");
	refused(arena_printf(a, "{\"alg\":\"RS256\",\"jwk\":%s}", jwk_of(&other, "")), "RS256", &other,
	    JOSE_KEY_IN_HEADER, "a key in the header is refused");
	refused("{\"alg\":\"RS256\",\"kid\":\"r\",\"x5c\":[]}", "RS256", &rsa, JOSE_KEY_IN_HEADER, "x5c is refused");
	refused("{\"alg\":\"RS256\",\"kid\":\"r\",\"x5u\":\"\"}", "RS256", &rsa, JOSE_KEY_IN_HEADER, "x5u is refused");
	refused("{\"alg\":\"RS256\",\"kid\":\"r\",\"crit\":[\"b64\"],\"b64\":false}", "RS256", &rsa, JOSE_CRITICAL,
	    "a critical extension is refused (RFC 7515 4.1.11)");
	refused("{\"alg\":\"RS256\",\"kid\":\"r\",\"cty\":\"JWT\"}", "RS256", &rsa, JOSE_ENCRYPTED_OR_NESTED,
	    "a token in a token is refused");
	refused("{\"alg\":\"RS256\",\"kid\":\"new\"}", "RS256", &rsa, JOSE_UNKNOWN_KEY,
	    "an unknown kid asks for a newer set");
	refused("{\"alg\":\"RS256\",\"kid\":\"e\"}", "RS256", &rsa, JOSE_UNKNOWN_KEY,
	    "a kid of another kind of key is no key for the algorithm");
	refused("{\"alg\":\"PS256\",\"kid\":\"only-rs256\"}", "PS256", &other, JOSE_UNKNOWN_KEY,
	    "a key for one algorithm checks no other");
	refused(
	    "{\"alg\":\"RS256\",\"kid\":\"r\"}", "RS256", &other, JOSE_SIGNATURE, "another key's signature is refused");
	refused("{\"alg\":\"RS256\",\"kid\":\"r\",\"kid\":\"e\"}", "RS256", &rsa, JOSE_MALFORMED,
	    "a member said twice is refused");
	refused("{\"alg\":\"RS256\",\"kid\":7}", "RS256", &rsa, JOSE_MALFORMED, "a kid is text");

	changed[good.n - 9] = changed[good.n - 9] == 'A' ? 'B' : 'A';
	ok(check(bytes_str(changed)) == RC_BAD_INPUT && fault == JOSE_SIGNATURE, "a changed signature is refused");
}

static void
nonsense(void)
{
	static const char *const malformed[] = { "", ".", "..", "a.b", "a.b.c", "a.b.c.d", "e30.e30.", "W10.e30.AA",
		"e30=.e30.AA" };
	struct bytes good = token_of("{\"alg\":\"RS256\",\"kid\":\"r\"}", CLAIMS, "RS256", &rsa);
	char *long_one = arena_alloc(a, JOSE_TOKEN_MAX + 1);
	struct arena *small;
	int bad = 0;

	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++)
		bad += check(bytes_str(malformed[i])) == RC_BAD_INPUT && payload == NULL;
	ok(bad == sizeof malformed / sizeof malformed[0], "what is no token is malformed");
	for (size_t n = 0; n < good.n; n++) {
		small = arena_new(0);
		bad -= jose_verify(small, bytes_of(good.p, n), keys, &payload, &fault, &e) == RC_OK;
		arena_free(small);
	}
	ok(bad == sizeof malformed / sizeof malformed[0], "no beginning of a good token is good");
	memset(long_one, 'a', JOSE_TOKEN_MAX + 1);
	ok(check(bytes_of(long_one, JOSE_TOKEN_MAX + 1)) == RC_BAD_INPUT && fault == JOSE_OVERSIZED,
	    "one octet over the limit is named oversized");
	ok(check(bytes_str("a.b.c.d.e")) == RC_BAD_INPUT && fault == JOSE_ENCRYPTED_OR_NESTED,
	    "an encrypted token is refused");
	ok(check(token_of("{\"alg\":\"RS256\",\"kid\":\"r\"}", "[1]", "RS256", &rsa)) == RC_BAD_INPUT &&
		fault == JOSE_MALFORMED,
	    "claims are an object");
}

static void
sets(void)
{
	struct jose_keys *set;

	ok(parse("{\"kty\":\"oct\",\"k\":\"c2VjcmV0\"}", &set) == RC_BAD_INPUT,
	    "a set of secrets is no set of public keys");
	ok(parse(jwk_of(&rsa, ",\"use\":\"enc\""), &set) == RC_BAD_INPUT, "a key for encryption is left out");
	ok(parse(jwk_of(&rsa, ",\"key_ops\":[\"sign\"]"), &set) == RC_BAD_INPUT,
	    "a key whose operations don't include verify is left out");
	ok(parse(jwk_of(&rsa, ",\"alg\":\"RSA-OAEP\""), &set) == RC_BAD_INPUT,
	    "a key for another algorithm is left out");
	ok(parse("{\"kty\":\"RSA\",\"n\":\"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_"
		 "IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxoS2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_"
		 "VDL5AaWTg0nL\",\"e\":\"AQAB\"}",
	       &set) == RC_BAD_INPUT,
	    "RSA under 2048 bits is left out (RFC 7518 3.3)");
	ok(parse(arena_printf(a, "{\"kty\":\"RSA\"},7,null,%s", jwk_of(&ec, "")), &set) == RC_OK &&
		jose_keys_count(set) == 1,
	    "what is malformed is left out, the rest is used (RFC 7517 5)");
	ok(parse("{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVA\",\"y\":\"x_"
		 "FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
	       &set) == RC_BAD_INPUT,
	    "a coordinate that is an octet short is left out (RFC 7518 6.2.1.2)");
	ok(jose_keys_parse(a, bytes_str("{\"keys\":{}}"), &set, &e) == RC_BAD_INPUT &&
		jose_keys_parse(a, bytes_str("[]"), &set, &e) == RC_BAD_INPUT &&
		jose_keys_parse(a, bytes_str(""), &set, &e) == RC_BAD_INPUT,
	    "what is no key set is refused");
}

int
main(void)
{
	kit_start();
	rsa = make(X509_RSA_2048, &kit_leaf, NULL);
	ec = make(X509_P256, &kit_leaf, NULL);
	other = make(X509_RSA_2048, &kit_leaf, NULL);
	ok(parse(arena_printf(a, "%s,%s,%s", jwk_of(&rsa, ",\"kid\":\"r\",\"use\":\"sig\""),
		     jwk_of(&ec, ",\"kid\":\"e\",\"alg\":\"ES256\""),
		     jwk_of(&other, ",\"kid\":\"only-rs256\",\"alg\":\"RS256\"")),
	       &keys) == RC_OK &&
		jose_keys_count(keys) == 3,
	    "a set of three keys is read");
	good_ones();
	forgeries();
	nonsense();
	sets();
	return kit_end();
}
