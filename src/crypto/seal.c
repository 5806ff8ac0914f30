#include "crypto/seal.h"

#include <assert.h>
#include <stdlib.h>

#include <sodium.h>

#include "crypto/hash.h"

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(NONCE + TAG == SEAL_OVERHEAD, "the header states the overhead");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == SEAL_KEY_SIZE, "the header states the key size");

/* libsodium chooses its fastest code on the first call and does nothing on later ones. */
static void
ready(void)
{
	if (sodium_init() < 0)
		abort();
}

struct bytes
seal_bytes(struct arena *a, struct bytes key, const char *context, struct bytes plain)
{
	uint8_t *out = arena_alloc(a, plain.n + SEAL_OVERHEAD);
	unsigned long long n = 0;

	assert(key.n == SEAL_KEY_SIZE);
	ready();
	crypto_random(out, NONCE); /* 192 bits: random ones don't repeat */
	crypto_aead_xchacha20poly1305_ietf_encrypt(
	    out + NONCE, &n, plain.p, plain.n, (const uint8_t *)context, strlen(context), NULL, out, key.p);
	return bytes_of(out, NONCE + (size_t)n);
}

enum rc
seal_open(
    struct arena *a, struct bytes key, const char *context, struct bytes sealed, struct bytes *plain, struct err *e)
{
	unsigned long long n = 0;
	uint8_t *out;

	assert(key.n == SEAL_KEY_SIZE);
	if (sealed.n < SEAL_OVERHEAD)
		return fail(e, RC_BAD_INPUT, "sealed text is too short");
	ready();
	out = arena_alloc(a, sealed.n - SEAL_OVERHEAD + 1); /* and a NUL, for text */
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL, sealed.p + NONCE, sealed.n - NONCE,
		(const uint8_t *)context, strlen(context), sealed.p, key.p) != 0)
		return fail(e, RC_BAD_INPUT, "sealed text was not made here, or is damaged");
	*plain = bytes_of(out, (size_t)n);
	return RC_OK;
}
