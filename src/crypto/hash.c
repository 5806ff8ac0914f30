/* The SHA256 functions are deprecated in favour of EVP, which looks the algorithm up each time, under a lock, and
 * takes memory for it: three times as long for a certificate. They are the same code. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "crypto/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <sodium.h>

#include "fmt/base64.h"

/* None of these fails for a reason that a caller could act on: going on without a digest or without
 * randomness would be worse than ending, as with memory. */
static void
give_up(const char *what)
{
	fprintf(stderr, "%s is not available\n", what);
	abort();
}

static struct bytes
digest(struct arena *a, const EVP_MD *md, struct bytes b)
{
	unsigned char *out = arena_alloc(a, EVP_MAX_MD_SIZE);
	unsigned n = 0;

	if (EVP_Digest(b.n > 0 ? (const void *)b.p : "", b.n, out, &n, md, NULL) != 1)
		give_up("a message digest");
	return bytes_of(out, n);
}

struct bytes
crypto_sha256(struct arena *a, struct bytes b)
{
	unsigned char *out = arena_alloc(a, SHA256_DIGEST_LENGTH);
	SHA256_CTX ctx;

	if (SHA256_Init(&ctx) != 1 || SHA256_Update(&ctx, b.n > 0 ? (const void *)b.p : "", b.n) != 1 ||
	    SHA256_Final(out, &ctx) != 1)
		give_up("SHA-256");
	explicit_bzero(&ctx, sizeof ctx);
	return bytes_of(out, SHA256_DIGEST_LENGTH);
}

void
crypto_blake2b(struct bytes b, uint8_t out[32])
{
	crypto_generichash(out, 32, b.p, b.n, NULL, 0);
}

struct bytes
crypto_sha256_text(struct arena *a, const char *s)
{
	return crypto_sha256(a, bytes_str(s));
}

struct bytes
crypto_sha1(struct arena *a, struct bytes b)
{
	return digest(a, EVP_sha1(), b);
}

static struct bytes
hmac(struct arena *a, const EVP_MD *md, struct bytes key, struct bytes message)
{
	unsigned char *out = arena_alloc(a, EVP_MAX_MD_SIZE);
	unsigned n = 0;

	if (HMAC(md, key.n > 0 ? (const void *)key.p : "", (int)key.n, message.p, message.n, out, &n) == NULL)
		give_up("HMAC");
	return bytes_of(out, n);
}

struct bytes
crypto_hmac_sha1(struct arena *a, struct bytes key, struct bytes message)
{
	return hmac(a, EVP_sha1(), key, message);
}

struct bytes
crypto_hmac_sha256(struct arena *a, struct bytes key, struct bytes message)
{
	return hmac(a, EVP_sha256(), key, message);
}

char *
crypto_s256(struct arena *a, const char *verifier)
{
	return base64url_encode(a, crypto_sha256_text(a, verifier));
}

bool
crypto_equal(const char *a, const char *b)
{
	return crypto_equal_bytes(bytes_str(a), bytes_str(b));
}

bool
crypto_equal_bytes(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	return a.n == 0 || sodium_memcmp(a.p, b.p, a.n) == 0;
}

/* The kernel's own, without a state in this process that a fork could copy. */
void
crypto_random(void *p, size_t n)
{
	unsigned char *to = p;

	while (n > 0) {
		ssize_t got = getrandom(to, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			give_up("the kernel's random number generator");
		to += got;
		n -= (size_t)got;
	}
}

char *
crypto_token(struct arena *a)
{
	uint8_t raw[32];
	char *text;

	crypto_random(raw, sizeof raw);
	text = base64url_encode(a, bytes_of(raw, sizeof raw));
	sodium_memzero(raw, sizeof raw);
	return text;
}

char *
crypto_id(struct arena *a)
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t raw[16];
	char *id = arena_alloc(a, sizeof raw + 1);

	crypto_random(raw, sizeof raw);
	for (size_t i = 0; i < sizeof raw; i++)
		id[i] = alphabet[raw[i] & 31];
	id[sizeof raw] = '\0';
	return id;
}

char *
crypto_uuid(struct arena *a)
{
	uint8_t u[16];

	crypto_random(u, sizeof u);
	u[6] = (u[6] & 0x0f) | 0x40; /* version 4 */
	u[8] = (u[8] & 0x3f) | 0x80; /* variant 10 */
	return arena_printf(a, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X", u[0], u[1], u[2],
	    u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
}
