/* A held key signs as the room's other ways do. */
#include "crypto/signer.h"

#include "base/tap.h"
#include "crypto/x509.h"

static void
signs(struct arena *a, enum x509_key_kind kind, const char *name)
{
	struct bytes key, spki, once;
	struct crypto_signer *s = NULL;
	uint8_t to[CRYPTO_SIGNATURE_MAX];
	struct err e = { 0 };
	size_t n = 0, again = 0;

	ok(x509_key_new(a, kind, &key, &e) == RC_OK && x509_key_public(a, key, &spki, &e) == RC_OK, "%s: a key", name);
	ok(crypto_signer_open(key, &s, &e) == RC_OK, "%s: it is held", name);
	ok(crypto_signer_sign(s, bytes_str("one"), to, &n, &e) == RC_OK && n > 60, "%s: it signs", name);
	ok(crypto_signer_sign(s, bytes_str("two"), to, &again, &e) == RC_OK, "%s: and again", name);
	ok(x509_sign(a, key, bytes_str("two"), &once, &e) == RC_OK, "%s: as one signature would be made", name);
	if (kind == X509_RSA_2048)
		ok(bytes_eq(bytes_of(to, again), once), "%s: both are the same octets (RFC 8017 8.2 is deterministic)",
		    name);
	crypto_signer_close(s);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct crypto_signer *s = NULL;
	struct err e = { 0 };

	signs(a, X509_RSA_2048, "RSA");
	signs(a, X509_P256, "P-256");
	ok(crypto_signer_open(bytes_str("no key"), &s, &e) == RC_BAD_INPUT && s == NULL, "what is no key is refused");
	crypto_signer_close(NULL);
	arena_free(a);
	return done();
}
