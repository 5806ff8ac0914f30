#include "crypto/flat_jws.h"

#include "crypto/testkit.h"
#include "fmt/base64.h"

#define HEADER "\"alg\":\"RS256\",\"nonce\":\"n\",\"url\":\"https://h/acme/new-order\""

static struct bytes key, raw;
static const char *jwk;

/* {"protected", "payload", "signature"}, signed with our key; `more` goes in as further members. */
static struct bytes
jws(const char *header, const char *payload, const char *more)
{
	const char *p = base64url_encode(a, bytes_str(header)), *c = base64url_encode(a, bytes_str(payload));
	struct bytes signature;

	ok(x509_sign(a, key, bytes_str(arena_printf(a, "%s.%s", p, c)), &signature, &e) == RC_OK, "(signed)");
	return bytes_str(arena_printf(a, "{\"protected\":\"%s\",\"payload\":\"%s\",\"signature\":\"%s\"%s}", p, c,
	    base64url_encode(a, signature), more));
}

static enum rc
reads(const char *header, const char *more)
{
	struct flat_jws j;

	return flat_jws_read(a, jws(header, "{}", more), &j, &e);
}

static void
good(void)
{
	struct bytes document = jws(arena_printf(a, "{%s,\"jwk\":%s}", HEADER, jwk), "{\"a\":1}", ""), wrong;
	struct flat_jws j;

	ok(flat_jws_read(a, document, &j, &e) == RC_OK && bytes_eq(j.key, raw) && j.kid == NULL,
	    "the key of a new account is in the header (RFC 8555 6.2)");
	ok(strcmp(j.nonce, "n") == 0 && strcmp(j.url, "https://h/acme/new-order") == 0 && strcmp(j.alg, "RS256") == 0,
	    "with nonce, url and alg");
	ok(bytes_eq(j.payload, bytes_str("{\"a\":1}")), "the payload comes out");
	ok(flat_jws_signed(a, &j, raw), "the signature is that key's");
	wrong = arena_copy(a, raw);
	((uint8_t *)(uintptr_t)wrong.p)[20] ^= 1;
	ok(!flat_jws_signed(a, &j, wrong), "and no other's");
	j.alg = "ES256";
	ok(!flat_jws_signed(a, &j, raw), "an algorithm goes with its kind of key only");
	ok(flat_jws_read(a, jws("{" HEADER ",\"kid\":\"https://h/1\"}", "", ""), &j, &e) == RC_OK && j.payload.n == 0 &&
		j.key.p == NULL && strcmp(j.kid, "https://h/1") == 0,
	    "POST-as-GET has an empty payload (RFC 8555 6.3)");
}

static void
refused(void)
{
	static const char kid[] = "{" HEADER ",\"kid\":\"k\"}";
	struct flat_jws j;

	ok(reads(kid, "") == RC_OK, "a plain one is read");
	ok(reads(kid, ",\"header\":{}") == RC_BAD_INPUT, "an unprotected header is refused (RFC 8555 6.2)");
	ok(reads(kid, ",\"signatures\":[]") == RC_BAD_INPUT, "the general form is refused");
	ok(reads(kid, ",\"payload\":\"e30\"") == RC_BAD_INPUT, "a member twice is refused");
	ok(reads("{" HEADER "}", "") == RC_BAD_INPUT, "neither kid nor jwk is refused");
	ok(reads(arena_printf(a, "{%s,\"kid\":\"k\",\"jwk\":%s}", HEADER, jwk), "") == RC_BAD_INPUT,
	    "both are refused (RFC 8555 6.2)");
	ok(reads("{" HEADER ",\"kid\":\"k\",\"crit\":[\"b64\"]}", "") == RC_BAD_INPUT,
	    "a critical extension is refused (RFC 7515 4.1.11)");
	ok(reads("{\"alg\":\"none\",\"nonce\":\"n\",\"url\":\"u\",\"kid\":\"k\"}", "") == RC_FORBIDDEN,
	    "alg none is refused, as an algorithm");
	ok(reads("{\"alg\":\"HS256\",\"nonce\":\"n\",\"url\":\"u\",\"kid\":\"k\"}", "") == RC_FORBIDDEN, "and a MAC");
	ok(reads("{\"alg\":\"RS256\",\"url\":\"u\",\"kid\":\"k\"}", "") == RC_BAD_INPUT, "no nonce is refused");
	ok(reads("{\"alg\":\"RS256\",\"nonce\":\"n\",\"kid\":\"k\"}", "") == RC_BAD_INPUT, "no url is refused");
	ok(reads("{" HEADER ",\"jwk\":{\"kty\":\"oct\",\"k\":\"AAAA\"}}", "") == RC_NOT_FOUND,
	    "a secret as a key is refused, as a key");
	ok(flat_jws_read(a, bytes_str("[]"), &j, &e) == RC_BAD_INPUT &&
		flat_jws_read(a, bytes_str("{\"protected\":\"e30\",\"payload\":\"=\",\"signature\":\"\"}"), &j, &e) ==
		    RC_BAD_INPUT,
	    "what is no JWS is refused");
	ok(flat_jws_read(a, bytes_of(arena_alloc(a, FLAT_JWS_MAX + 1), FLAT_JWS_MAX + 1), &j, &e) == RC_TOO_LARGE,
	    "over %d octets is refused", FLAT_JWS_MAX);
}

int
main(void)
{
	struct bytes spki;
	size_t n;

	a = arena_new(0);
	crypto_start();
	ok(x509_key_new(a, X509_RSA_2048, &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK &&
		x509_raw_key(a, spki, &raw, &e) == RC_OK,
	    "an account has a key");
	n = (size_t)raw.p[3] << 8 | raw.p[4];
	jwk = arena_printf(a, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}",
	    base64url_encode(a, bytes_of(raw.p + 5, n)), base64url_encode(a, bytes_of(raw.p + 5 + n, raw.n - 5 - n)));
	good();
	refused();
	arena_free(a);
	return done();
}
