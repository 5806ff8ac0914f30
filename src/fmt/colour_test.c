/* Colours and their contrast. */
#include "fmt/colour.h"

#include <math.h>

#include "base/tap.h"

static double
ratio(const char *a, const char *b)
{
	struct colour x = { 0 }, y = { 0 };

	return colour_parse(a, &x) && colour_parse(b, &y) ? colour_contrast(x, y) : 0;
}

int
main(void)
{
	static const char *const wrong[] = { "", "#", "#12", "#1234", "#12345", "#1234567", "0a5", "#0g5", "red",
		"#0a5 ", "#00aa5-", "#0a5;x" };
	struct colour c, text;
	double least = 21;

	ok(colour_parse("#0a5", &c) && c.r == 0 && c.g == 0xaa && c.b == 0x55, "#0a5 is a colour");
	ok(colour_parse("#00Aa55", &c) && c.r == 0 && c.g == 0xaa && c.b == 0x55, "so is #00Aa55");
	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ok(!colour_parse(wrong[i], &c), "\"%s\" is none", wrong[i]);
	ok(fabs(ratio("#000", "#fff") - 21) < 0.001, "black on white is 21:1 (WCAG 2.2, contrast ratio)");
	ok(fabs(ratio("#fff", "#fff") - 1) < 0.001, "white on white is 1:1");
	ok(fabs(ratio("#777", "#fff") - 4.48) < 0.01, "#777 on white is 4.48:1");
	ok(fabs(ratio("#767676", "#fff") - 4.54) < 0.01, "#767676 on white is 4.54:1");
	ok(fabs(ratio("#0066cc", "#fff") - ratio("#fff", "#0066cc")) < 0.001, "either may be the text");
	for (int i = 0; i < 4096; i++) {
		c = (struct colour){ (uint8_t)((i >> 8) * 17), (uint8_t)((i >> 4 & 15) * 17),
			(uint8_t)((i & 15) * 17) };
		text = colour_text_on(c);
		if (colour_contrast(c, text) < least)
			least = colour_contrast(c, text);
	}
	ok(least >= 4.5, "the text chosen for any of 4096 colours reaches 4.5:1 (WCAG 1.4.3): %.2f", least);
	return done();
}
