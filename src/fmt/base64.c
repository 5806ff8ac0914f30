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

/* A digit's value plus one; 0: not a digit. */
/* clang-format off */
#define LETTERS_AND_DIGITS \
	['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, \
	['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, \
	['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, \
	['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, \
	['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, \
	['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, \
	['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, \
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
/* clang-format on */
static const uint8_t standard_digit[256] = { LETTERS_AND_DIGITS, ['+'] = 63, ['/'] = 64 };
static const uint8_t url_safe_digit[256] = { LETTERS_AND_DIGITS, ['-'] = 63, ['_'] = 64 };

enum padding { PADDING_REQUIRED, PADDING_OPTIONAL, PADDING_FORBIDDEN };

static bool
is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Octets of the whole groups of four digits that `text` begins with; written to `out`, three for each. */
static size_t
whole_groups(struct bytes text, const uint8_t *digit, uint8_t *out)
{
	size_t i;

	for (i = 0; i + 4 <= text.n; i += 4) {
		/* Less one: what is no digit becomes a number of 32 ones. */
		uint32_t a = digit[text.p[i]] - 1u, b = digit[text.p[i + 1]] - 1u, c = digit[text.p[i + 2]] - 1u,
			 d = digit[text.p[i + 3]] - 1u;
		uint32_t bits = a << 18 | b << 12 | c << 6 | d;

		if ((a | b | c | d) > 63)
			break;
		*out++ = (uint8_t)(bits >> 16);
		*out++ = (uint8_t)(bits >> 8);
		*out++ = (uint8_t)bits;
	}
	return i;
}

/* The bits left over at the end must be zero, or one value would have several spellings. */
static struct bytes
decode(struct arena *a, struct bytes text, const uint8_t *digit, enum padding padding, bool spaces)
{
	const struct bytes not_base64 = { NULL, 0 };
	uint8_t *out = arena_alloc(a, text.n / 4 * 3 + 3);
	size_t n = 0, digits = 0, pads = 0, i = 0;
	uint32_t bits = 0;

	while (i < text.n) {
		size_t whole =
		    digits % 4 == 0 && pads == 0 ? whole_groups(bytes_of(text.p + i, text.n - i), digit, out + n) : 0;
		uint8_t c;

		i += whole;
		digits += whole;
		n += whole / 4 * 3;
		if (i == text.n)
			break;
		c = text.p[i++];
		if (spaces && is_space(c))
			continue;
		if (c == '=' && padding != PADDING_FORBIDDEN) {
			pads++;
			continue;
		}
		if (digit[c] == 0 || pads > 0)
			return not_base64;
		bits = bits << 6 | (digit[c] - 1u);
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
	return decode(a, text, standard_digit, lenient ? PADDING_OPTIONAL : PADDING_REQUIRED, lenient);
}

struct bytes
base64url_decode(struct arena *a, struct bytes text)
{
	return decode(a, text, url_safe_digit, PADDING_FORBIDDEN, false);
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
