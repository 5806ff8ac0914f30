#include <ctype.h>

#include "base/tap.h"
#include "crypto/hash.h"

static bool
is_hex(struct bytes b, const char *want)
{
	char got[129] = "";

	for (size_t i = 0; i < b.n && i < 64; i++)
		snprintf(got + 2 * i, 3, "%02x", b.p[i]);
	return strcmp(got, want) == 0;
}

static bool
only(const char *s, const char *alphabet)
{
	return strspn(s, alphabet) == strlen(s);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	char *t, *u;

	ok(is_hex(crypto_sha256_text(a, "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
	    "SHA-256 of FIPS 180-4's example");
	ok(is_hex(
	       crypto_sha256(a, bytes_of(NULL, 0)), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
	    "SHA-256 of nothing");
	ok(is_hex(crypto_sha1(a, bytes_str("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d"),
	    "SHA-1 of FIPS 180-4's example");
	ok(is_hex(crypto_hmac_sha1(a, bytes_str("Jefe"), bytes_str("what do ya want for nothing?")),
	       "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
	    "HMAC-SHA1 of RFC 2202's second case");
	is_str(crypto_s256(a, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
	    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "S256 as in RFC 7636 appendix B");
	ok(crypto_equal("abc", "abc") && !crypto_equal("abc", "abd") && !crypto_equal("abc", "ab") &&
		crypto_equal("", ""),
	    "texts are equal octet by octet");
	ok(crypto_equal_bytes(bytes_of(NULL, 0), bytes_of("", 0)) &&
		!crypto_equal_bytes(bytes_of("\0a", 2), bytes_of("\0b", 2)),
	    "octets after a NUL count");
	t = crypto_token(a);
	ok(strlen(t) == 43 && strcmp(t, crypto_token(a)) != 0, "a token is 43 characters, another one each time");
	ok(only(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
	    "S-12: the token alphabet needs no percent-encoding");
	u = crypto_uuid(a);
	ok(strlen(u) == 36 && only(u, "0123456789ABCDEF-") && u[14] == '4' && strchr("89AB", u[19]) != NULL,
	    "a UUID is version 4 in upper case (RFC 9562)");
	arena_free(a);
	return done();
}
