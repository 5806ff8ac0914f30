#include "fmt/colour.h"

#include <math.h>
#include <string.h>

static int
digit(char ch)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = ch != '\0' ? strchr(digits, ch >= 'A' && ch <= 'F' ? ch - 'A' + 'a' : ch) : NULL;

	return p != NULL ? (int)(p - digits) : -1;
}

bool
colour_parse(const char *text, struct colour *out)
{
	size_t n = strlen(text), each = n == 4 ? 1 : 2;
	uint8_t *const parts[] = { &out->r, &out->g, &out->b };

	if (text[0] != '#' || (n != 4 && n != 7))
		return false;
	for (size_t i = 0; i < 3; i++) {
		int high = digit(text[1 + i * each]), low = digit(text[i * each + each]);

		if (high < 0 || low < 0)
			return false;
		*parts[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

static double
linear(uint8_t part)
{
	double v = part / 255.0;

	return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

static double
luminance(struct colour c)
{
	return 0.2126 * linear(c.r) + 0.7152 * linear(c.g) + 0.0722 * linear(c.b);
}

double
colour_contrast(struct colour a, struct colour b)
{
	double x = luminance(a) + 0.05, y = luminance(b) + 0.05;

	return x > y ? x / y : y / x;
}

struct colour
colour_text_on(struct colour ground)
{
	const struct colour black = { 0, 0, 0 }, white = { 255, 255, 255 };

	return colour_contrast(ground, white) >= colour_contrast(ground, black) ? white : black;
}
