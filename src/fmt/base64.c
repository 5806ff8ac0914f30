#include "fmt/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *
encode(struct arena *a, struct bytes b, const char *alphabet, bool padding)
{
	char *text = arena_alloc(a, b.n / 3 * 4 + 5), *q = text;
	size_t i;

	for (i = 0; i + 2 < b.n; i += 3) {
		uint32_t v = (uint32_t)b.p[i] << 16 | (uint32_t)b.p[i + 1] << 8 | b.p[i + 2];

		*q++ = alphabet[v >> 18];
		*q++ = alphabet[v >> 12 & 63];
		*q++ = alphabet[v >> 6 & 63];
		*q++ = alphabet[v & 63];
	}
	if (i < b.n) {
		bool two = i + 1 < b.n;
		uint32_t v = (uint32_t)b.p[i] << 16 | (two ? (uint32_t)b.p[i + 1] << 8 : 0);

		*q++ = alphabet[v >> 18];
		*q++ = alphabet[v >> 12 & 63];
		if (two)
			*q++ = alphabet[v >> 6 & 63];
		else if (padding)
			*q++ = '=';
		if (padding)
			*q++ = '=';
	}
	return text;
}

char *
base64_encode(struct arena *a, struct bytes b)
{
	return encode(a, b, standard, true);
}

char *
base64url_encode(struct arena *a, struct bytes b)
{
	return encode(a, b, url_safe, false);
}

enum { FOREIGN = 64, SPACE = 65, PAD = 66 };

static unsigned
value_of(uint8_t c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (uint8_t)alphabet[62])
		return 62;
	if (c == (uint8_t)alphabet[63])
		return 63;
	if (c == '=')
		return PAD;
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return SPACE;
	return FOREIGN;
}

enum padding { PADDING_REQUIRED, PADDING_OPTIONAL, PADDING_FORBIDDEN };

/* The bits left over at the end must be zero, or one value would have several spellings. */
static struct bytes
decode(struct arena *a, struct bytes text, const char *alphabet, enum padding padding, bool spaces)
{
	const struct bytes not_base64 = { NULL, 0 };
	uint8_t *out = arena_alloc(a, text.n / 4 * 3 + 3);
	size_t n = 0, digits = 0, pads = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < text.n; i++) {
		unsigned v = value_of(text.p[i], alphabet);

		if (v == SPACE && spaces)
			continue;
		if (v == PAD && padding != PADDING_FORBIDDEN) {
			pads++;
			continue;
		}
		if (v >= 64 || pads > 0)
			return not_base64;
		bits = bits << 6 | v;
		if (++digits % 4 == 0) {
			out[n++] = (uint8_t)(bits >> 16);
			out[n++] = (uint8_t)(bits >> 8);
			out[n++] = (uint8_t)bits;
			bits = 0;
		}
	}
	if (digits % 4 == 1 || pads > 2 || (pads > 0 && (digits + pads) % 4 != 0) ||
	    (padding == PADDING_REQUIRED && (digits + pads) % 4 != 0))
		return not_base64;
	if (digits % 4 == 2) {
		if ((bits & 0xf) != 0)
			return not_base64;
		out[n++] = (uint8_t)(bits >> 4);
	} else if (digits % 4 == 3) {
		if ((bits & 3) != 0)
			return not_base64;
		out[n++] = (uint8_t)(bits >> 10);
		out[n++] = (uint8_t)(bits >> 2);
	}
	return bytes_of(out, n);
}

struct bytes
base64_decode(struct arena *a, struct bytes text, bool lenient)
{
	return decode(a, text, standard, lenient ? PADDING_OPTIONAL : PADDING_REQUIRED, lenient);
}

struct bytes
base64url_decode(struct arena *a, struct bytes text)
{
	return decode(a, text, url_safe, PADDING_FORBIDDEN, false);
}

char *
hex_encode(struct arena *a, struct bytes b)
{
	static const char digits[] = "0123456789abcdef";
	char *text = arena_alloc(a, 2 * b.n + 1);

	for (size_t i = 0; i < b.n; i++) {
		text[2 * i] = digits[b.p[i] >> 4];
		text[2 * i + 1] = digits[b.p[i] & 15];
	}
	return text;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

struct bytes
hex_decode(struct arena *a, const char *text)
{
	const struct bytes not_hex = { NULL, 0 };
	size_t n = strlen(text);
	uint8_t *out;

	if (n % 2 != 0)
		return not_hex;
	out = arena_alloc(a, n / 2 + 1);
	for (size_t i = 0; i < n / 2; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return not_hex;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return bytes_of(out, n / 2);
}
