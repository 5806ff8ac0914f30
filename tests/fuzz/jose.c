#include "crypto/jose.h"
#include "crypto/start.h"
#include "fuzz.h"

/* A key set, a line feed, a token. Nobody has the private key, so no token may be good. */
FUZZ(a, in)
{
	static const char published[] = "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"e\",\"crv\":\"P-256\",\"x\":"
					"\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
					"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
	const uint8_t *cut = in.n > 0 ? memchr(in.p, '\n', in.n) : NULL;
	size_t n = cut != NULL ? (size_t)(cut - in.p) : in.n;
	struct jose_keys *keys, *fixed;
	enum jose_fault fault;
	json_t *payload;
	struct err e;

	crypto_start();
	if (jose_keys_parse(a, bytes_of(in.p, n), &keys, &e) == RC_OK) {
		MUST(jose_keys_count(keys) > 0 && jose_keys_count(keys) <= JOSE_KEYS_MAX);
		if (cut != NULL)
			(void)jose_verify(a, bytes_of(cut + 1, in.n - n - 1), keys, &payload, &fault, &e);
	}
	MUST(jose_keys_parse(a, bytes_str(published), &fixed, &e) == RC_OK);
	if (cut != NULL)
		MUST(jose_verify(a, bytes_of(cut + 1, in.n - n - 1), fixed, &payload, &fault, &e) != RC_OK &&
		     payload == NULL && fault != JOSE_FINE);
}
