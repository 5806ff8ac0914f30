#include "base/tap.h"
#include "crypto/hash.h"
#include "crypto/seal.h"

int
main(void)
{
	struct arena *a = arena_new(0);
	struct bytes plain = bytes_str("attempt 17"), sealed, again, out;
	uint8_t k1[SEAL_KEY_SIZE], k2[SEAL_KEY_SIZE];
	struct bytes key = bytes_of(k1, sizeof k1), other = bytes_of(k2, sizeof k2);
	bool all = true;

	crypto_random(k1, sizeof k1);
	crypto_random(k2, sizeof k2);
	sealed = seal_bytes(a, key, "attempt", plain);
	again = seal_bytes(a, key, "attempt", plain);
	ok(sealed.n == plain.n + SEAL_OVERHEAD, "sealing adds the stated overhead");
	ok(!bytes_eq(sealed, again), "the same text sealed twice looks different");
	ok(seal_open(a, key, "attempt", sealed, &out, NULL) == RC_OK && bytes_eq(out, plain), "what was sealed opens");
	ok(seal_open(a, key, "cookie", sealed, &out, NULL) == RC_BAD_INPUT, "not in another context");
	ok(seal_open(a, other, "attempt", sealed, &out, NULL) == RC_BAD_INPUT, "not with another key");
	for (size_t i = 0; i < sealed.n; i++) {
		uint8_t *bad = (uint8_t *)arena_strndup(a, (const char *)sealed.p, sealed.n);

		bad[i] ^= 1;
		all = all && seal_open(a, key, "attempt", bytes_of(bad, sealed.n), &out, NULL) == RC_BAD_INPUT;
		all = all && seal_open(a, key, "attempt", bytes_of(sealed.p, i), &out, NULL) == RC_BAD_INPUT;
	}
	ok(all, "no changed octet and no truncation opens");
	sealed = seal_bytes(a, key, "attempt", bytes_of(NULL, 0));
	ok(seal_open(a, key, "attempt", sealed, &out, NULL) == RC_OK && out.n == 0, "an empty text can be sealed");
	arena_free(a);
	return done();
}
