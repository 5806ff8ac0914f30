#include "administrator/totp.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/uri.h"

const char *
totp_code(struct arena *a, struct bytes secret, int64_t step)
{
	uint8_t counter[8];
	struct bytes mac;
	uint32_t number;
	const uint8_t *p;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	mac = crypto_hmac_sha1(a, secret, bytes_of(counter, sizeof counter));
	p = mac.p + (mac.p[mac.n - 1] & 0xf); /* RFC 4226 5.3 */
	number = (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return arena_printf(a, "%06u", number % 1000000);
}

bool
totp_check(struct arena *a, struct bytes secret, const char *code, int64_t now, int64_t after, int64_t *step)
{
	int64_t here = now / TOTP_STEP_S;

	for (int64_t s = here - TOTP_WINDOW; s <= here + TOTP_WINDOW; s++) {
		if (s > after && crypto_equal(totp_code(a, secret, s), code)) {
			*step = s;
			return true;
		}
	}
	return false;
}

const char *
totp_base32(struct arena *a, struct bytes secret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	char *text = arena_alloc(a, secret.n * 8 / 5 + 2), *out = text;
	unsigned bits = 0, n = 0;

	for (size_t i = 0; i < secret.n; i++) {
		bits = bits << 8 | secret.p[i];
		for (n += 8; n >= 5; n -= 5)
			*out++ = digits[bits >> (n - 5) & 31];
		bits &= 31; /* what is left over */
	}
	if (n > 0)
		*out++ = digits[bits << (5 - n) & 31];
	return text;
}

const char *
totp_uri(struct arena *a, struct bytes secret, const char *issuer, const char *name)
{
	return arena_printf(a, "otpauth://totp/%s:%s?secret=%s&issuer=%s", uri_encode(a, issuer), uri_encode(a, name),
	    totp_base32(a, secret), uri_encode(a, issuer));
}
