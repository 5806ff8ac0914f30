/* What private_key_jwt says of us. That others accept its signature, tests/flow/provider.py shows. */
#include "idp/assertion.h"

#include <string.h>

#include "base/tap.h"
#include "crypto/hash.h"
#include "crypto/jose.h"
#include "crypto/start.h"
#include "crypto/x509.h"
#include "fmt/base64.h"
#include "fmt/json.h"

#define ENDPOINT "https://idp.example.com/token"
#define NOW 1764000000

static struct call c;

/* One part of a compact token. */
static json_t *
part(const char *token, int which)
{
	json_t *j = NULL;

	while (which-- > 0)
		token = strchr(token, '.') + 1;
	json_parse(c.arena, base64url_decode(c.arena, bytes_of(token, strcspn(token, "."))), &j, &c.err);
	return j;
}

static const char *
key_text(enum x509_key_kind kind, struct bytes *key)
{
	x509_key_new(c.arena, kind, key, &c.err);
	return x509_key_pem(c.arena, *key);
}

/* A key set with the one key, whose raw form is 04 and two numbers. */
static const char *
jwk_of(struct bytes raw)
{
	struct bytes two = bytes_of(raw.p + raw.n - 64, 64);

	return arena_printf(c.arena,
	    "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"2026-11\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\"}]}",
	    base64url_encode(c.arena, bytes_of(two.p, 32)), base64url_encode(c.arena, bytes_of(two.p + 32, 32)));
}

int
main(void)
{
	const struct provider generic = { .kind = "oidc", .client_id = "postern" };
	const struct provider named = { .kind = "oidc", .client_id = "postern", .key_id = "2026-11" };
	const struct provider entra = { .kind = "entra", .client_id = "postern" };
	const struct x509_template t = { .subject = { .cn = "postern" }, .not_before = NOW, .not_after = NOW + 86400 };
	struct bytes key, ec, spki, raw, certificate = { 0 };
	const char *pem, *token, *again;
	struct jose_keys *keys;
	enum jose_fault fault;
	json_t *claims;

	crypto_start();
	c = (struct call){ .arena = arena_new(0), .now = NOW };
	pem = key_text(X509_RSA_2048, &key);
	ok(idp_assertion(&c, &generic, pem, ENDPOINT, &token) == RC_OK, "an RSA key signs");
	is_str(json_get_text(part(token, 0), "alg"), "RS256", "RFC 7523 5: with RS256");
	claims = part(token, 1);
	is_str(json_get_text(claims, "iss"), "postern", "RFC 7523 3: iss is the client");
	is_str(json_get_text(claims, "sub"), "postern", "and so is sub");
	is_str(json_get_text(claims, "aud"), ENDPOINT, "aud is the token endpoint");
	ok(json_get_int(claims, "exp", 0) == NOW + IDP_ASSERTION_LIFE_S, "it is good for a minute");
	ok(idp_assertion(&c, &generic, pem, ENDPOINT, &again) == RC_OK &&
		strcmp(json_get_text(claims, "jti"), json_get_text(part(again, 1), "jti")) != 0,
	    "and no two have the same jti");

	ok(idp_assertion(&c, &entra, pem, ENDPOINT, &token) == RC_BAD_INPUT,
	    "Entra ID knows a key by its certificate: without it it is refused");
	ok(x509_key_public(c.arena, key, &spki, &c.err) == RC_OK &&
		x509_issue(c.arena, &t, spki, bytes_of(NULL, 0), key, &certificate, &c.err) == RC_OK,
	    "a certificate is made");
	pem = arena_printf(c.arena, "%s%s", pem, x509_pem(c.arena, certificate));
	ok(idp_assertion(&c, &entra, pem, ENDPOINT, &token) == RC_OK, "with it, it signs");
	is_str(json_get_text(part(token, 0), "alg"), "PS256", "with PS256, as Microsoft asks");
	is_str(json_get_text(part(token, 0), "x5t#S256"),
	    base64url_encode(c.arena, crypto_sha256(c.arena, certificate)),
	    "RFC 7515 4.1.8: and names the certificate");

	pem = key_text(X509_P256, &ec);
	ok(idp_assertion(&c, &named, pem, ENDPOINT, &token) == RC_OK, "an EC key on P-256 signs");
	is_str(json_get_text(part(token, 0), "alg"), "ES256", "RFC 7518 3.4: with ES256");
	is_str(json_get_text(part(token, 0), "kid"), "2026-11",
	    "RFC 7515 4.1.4: and says which of the client's keys it is");
	ok(x509_key_public(c.arena, ec, &spki, &c.err) == RC_OK && x509_raw_key(c.arena, spki, &raw, &c.err) == RC_OK &&
		jose_keys_parse(c.arena, bytes_str(jwk_of(raw)), &keys, &c.err) == RC_OK &&
		jose_verify(c.arena, bytes_str(token), keys, &claims, &fault, &c.err) == RC_OK,
	    "which its public key verifies");
	ok(idp_assertion(&c, &entra, pem, ENDPOINT, &token) == RC_BAD_INPUT, "Entra ID takes RSA keys only");
	ok(idp_assertion(&c, &generic, key_text(X509_P384, &ec), ENDPOINT, &token) == RC_BAD_INPUT,
	    "one on P-384 is refused");
	ok(idp_assertion(&c, &generic, "nonsense", ENDPOINT, &token) == RC_BAD_INPUT, "and what is no key");
	arena_free(c.arena);
	return done();
}
