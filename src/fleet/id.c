#include "fleet/id.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/hash.h"

/* crypto_sha256 returns memory of an arena; the seeds and secrets here are few octets each. */
static void
digest(uint8_t out[32], struct bytes b)
{
	struct arena *a = arena_new(0);

	memcpy(out, crypto_sha256(a, b).p, 32);
	arena_free(a);
}

uint32_t
fleet_tag(const char *seed)
{
	uint8_t d[32];

	digest(d, bytes_str(seed));
	return (uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3];
}

static void
hex_digits(char *to, uint64_t n, int digits)
{
	for (int i = digits - 1; i >= 0; i--, n >>= 4)
		to[i] = "0123456789ABCDEF"[n & 15];
}

void
fleet_uuid(char out[FLEET_UUID], uint32_t tag, enum fleet_uuid_kind kind, uint64_t n)
{
	memcpy(out, "00000000-0000-4000-8000-000000000000", FLEET_UUID);
	hex_digits(out, tag, 8);
	hex_digits(out + 9, kind, 4);
	hex_digits(out + 24, n, 12);
}

void
fleet_command_uuid(char out[FLEET_UUID], uint32_t tag, uint64_t device, unsigned k)
{
	fleet_uuid(out, tag, FLEET_UUID_COMMAND, device << 10 | (k & 1023));
}

bool
fleet_uuid_read(const char *text, uint32_t tag, enum fleet_uuid_kind kind, uint64_t *n)
{
	char same[FLEET_UUID];

	if (strlen(text) != FLEET_UUID - 1)
		return false;
	*n = strtoull(text + 24, NULL, 16);
	fleet_uuid(same, tag, kind, *n);
	if (memcmp(same, text, FLEET_UUID) != 0)
		return false;
	if (kind == FLEET_UUID_COMMAND)
		*n >>= 10;
	return true;
}

void
fleet_row_id(char out[FLEET_ROW_ID], uint32_t tag, enum fleet_row_kind kind, uint64_t n)
{
	static const char alphabet[] = "234567abcdefghijklmnopqrstuvwxyz"; /* in the order of its octets */

	out[FLEET_ROW_ID - 1] = '\0';
	for (int i = FLEET_ROW_ID - 2; i >= 8; i--, n >>= 5)
		out[i] = alphabet[n & 31];
	out[7] = alphabet[kind];
	for (int i = 6; i >= 0; i--, tag >>= 5)
		out[i] = alphabet[tag & 31];
}

void
fleet_secret(
    uint8_t out[32], const uint8_t secret[FLEET_SECRET], enum fleet_secret_kind kind, uint64_t n, uint32_t version)
{
	uint8_t in[FLEET_SECRET + 13];

	memcpy(in, secret, FLEET_SECRET);
	in[FLEET_SECRET] = (uint8_t)kind;
	for (int i = 0; i < 8; i++)
		in[FLEET_SECRET + 1 + i] = (uint8_t)(n >> (8 * i));
	for (int i = 0; i < 4; i++)
		in[FLEET_SECRET + 9 + i] = (uint8_t)(version >> (8 * i));
	digest(out, bytes_of(in, sizeof in));
}

/* ---- base64 ----
 * Of its own, into memory that is there: each request of the generator carries a certificate or a
 * signature, and fmt/base64 makes its text in an arena. */

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *
encode(char *to, struct bytes b, const char *alphabet)
{
	size_t i;

	for (i = 0; i + 2 < b.n; i += 3) {
		uint32_t w = (uint32_t)b.p[i] << 16 | (uint32_t)b.p[i + 1] << 8 | b.p[i + 2];

		*to++ = alphabet[w >> 18];
		*to++ = alphabet[w >> 12 & 63];
		*to++ = alphabet[w >> 6 & 63];
		*to++ = alphabet[w & 63];
	}
	if (i < b.n) {
		uint32_t w = (uint32_t)b.p[i] << 16 | (i + 1 < b.n ? (uint32_t)b.p[i + 1] << 8 : 0);

		*to++ = alphabet[w >> 18];
		*to++ = alphabet[w >> 12 & 63];
		if (i + 1 < b.n)
			*to++ = alphabet[w >> 6 & 63];
	}
	return to;
}

size_t
fleet_base64_size(size_t n)
{
	return (n + 2) / 3 * 4;
}

size_t
fleet_base64(char *to, struct bytes b)
{
	char *end = encode(to, b, standard);

	while ((end - to) % 4 != 0)
		*end++ = '=';
	return (size_t)(end - to);
}

void
fleet_token(char out[FLEET_TOKEN], const uint8_t secret[FLEET_SECRET], enum fleet_secret_kind kind, uint64_t n)
{
	uint8_t raw[32];

	fleet_secret(raw, secret, kind, n, 0);
	*encode(out, bytes_of(raw, sizeof raw), url) = '\0';
}

/* ---- what a device tells ---- */

void
fleet_push_magic(char out[FLEET_MAGIC], uint32_t tag, uint64_t n, uint32_t version)
{
	snprintf(out, FLEET_MAGIC, "%08X-%llX-v%u", tag, (unsigned long long)n, version);
}

int64_t
fleet_push_version(const char *magic, uint32_t tag, uint64_t n)
{
	const char *v = strrchr(magic, 'v');
	char same[FLEET_MAGIC];
	unsigned long version;

	if (v == NULL)
		return -1;
	version = strtoul(v + 1, NULL, 10);
	fleet_push_magic(same, tag, n, (uint32_t)version);
	return strcmp(same, magic) == 0 ? (int64_t)version : -1;
}

void
fleet_serial(uint8_t out[16], uint32_t tag, uint64_t n)
{
	memset(out, 0, 16);
	out[0] = 0x46;
	for (int i = 0; i < 4; i++)
		out[1 + i] = (uint8_t)(tag >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		out[8 + i] = (uint8_t)(n >> (56 - 8 * i));
}

/* ---- samples ---- */

static uint64_t
gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t r = a % b;

		a = b;
		b = r;
	}
	return a;
}

/* Steps of about the golden ratio of the whole, without a common divisor with it: no number comes twice,
 * and any run of them is spread over all. */
struct fleet_sample
fleet_sample_new(uint64_t total, uint64_t count, uint64_t seed)
{
	struct fleet_sample s = { .total = total, .count = count < total ? count : total };

	assert(total > 0 && total <= INT32_MAX); /* so that no product overflows */
	s.step = (uint64_t)((double)total * 0.6180339887498949);
	s.step += seed % 97;
	if (s.step == 0 || s.step >= total)
		s.step = 1;
	while (gcd(s.step, total) != 1)
		s.step = s.step + 1 < total ? s.step + 1 : 1;
	s.first = seed * UINT64_C(11400714819323198485) % total;
	return s;
}

uint64_t
fleet_sample_at(const struct fleet_sample *s, uint64_t i)
{
	return (s->first + i * s->step) % s->total;
}
