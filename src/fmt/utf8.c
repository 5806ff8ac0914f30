#include "fmt/utf8.h"

/* Rows of RFC 3629 section 4 beyond ASCII: the range of the first octet fixes the range of the second. */
static const struct {
	uint8_t first_low, first_high, second_low, second_high;
	size_t length;
} forms[] = {
	/* clang-format off */
	{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 },
	{ 0xed, 0xed, 0x80, 0x9f, 3 },
	{ 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
	{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	/* clang-format on */
};

size_t
utf8_length(struct bytes text)
{
	if (text.n == 0)
		return 0;
	if (text.p[0] < 0x80)
		return 1;
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
		size_t n = forms[i].length;

		if (text.p[0] < forms[i].first_low || text.p[0] > forms[i].first_high)
			continue;
		if (n > text.n || text.p[1] < forms[i].second_low || text.p[1] > forms[i].second_high)
			return 0;
		for (size_t k = 2; k < n; k++) {
			if ((text.p[k] & 0xc0) != 0x80)
				return 0;
		}
		return n;
	}
	return 0;
}

bool
utf8_valid(struct bytes text)
{
	while (text.n > 0) {
		size_t n;

		/* Most text is ASCII: eight octets at a time while none has its top bit set. */
		for (uint64_t eight; text.n >= 8; text.p += 8, text.n -= 8) {
			memcpy(&eight, text.p, 8);
			if ((eight & 0x8080808080808080u) != 0)
				break;
		}
		if (text.n == 0)
			break;
		n = utf8_length(text);

		if (n == 0)
			return false;
		text.p += n;
		text.n -= n;
	}
	return true;
}
