/* QR codes: what a reader looks for. That one reads them is seen in tests/browser/administrator.test.mjs. */
#include "fmt/qr.h"

#include <string.h>

#include "base/tap.h"

/* A row of a finder pattern through its middle, as ISO/IEC 18004 6.3.3 has it: 1 1 3 1 1. */
static bool
finder(const struct qr *q, int x, int y)
{
	static const bool middle[] = { 1, 0, 1, 1, 1, 0, 1 };

	for (int i = 0; i < 7; i++) {
		if (q->dark[(y + 3) * q->size + x + i] != middle[i] || q->dark[(y + i) * q->size + x + 3] != middle[i])
			return false;
	}
	return true;
}

/* The fifteen bits of the format beside the first finder, unmasked: level M is 00, then the mask, then its correction. */
static unsigned
format(const struct qr *q)
{
	unsigned bits = 0;

	for (int i = 14; i >= 0; i--) {
		int x = i < 8 ? 8 : i == 8 ? 7 : 14 - i, y = i < 6 ? i : i < 8 ? i + 1 : 8;

		bits = bits << 1 | q->dark[y * q->size + x];
	}
	return bits ^ 0x5412;
}

int
main(void)
{
	/* Octets that each version has room for in byte mode at level M (ISO/IEC 18004, table 7). */
	static const size_t room[] = { 14, 26, 42, 62, 84, 106, 122, 152, 180, 213 };
	struct arena *a = arena_new(0);
	char text[QR_TEXT_MAX + 2] = "";
	bool sizes = true, finders = true, timing = true, formats = true;
	struct qr q;

	for (int v = 1; v <= 10; v++) {
		memset(text, 'x', room[v - 1]);
		text[room[v - 1]] = '\0';
		sizes = sizes && qr_make(a, text, &q) && q.size == 17 + 4 * v;
		finders = finders && finder(&q, 0, 0) && finder(&q, q.size - 7, 0) && finder(&q, 0, q.size - 7) &&
			  !finder(&q, q.size - 7, q.size - 7);
		for (int i = 8; i < q.size - 8; i++)
			timing =
			    timing && q.dark[6 * q.size + i] == (i % 2 == 0) && q.dark[i * q.size + 6] == (i % 2 == 0);
		formats = formats && format(&q) >> 13 == 0 && q.dark[(q.size - 8) * q.size + 8];
	}
	ok(sizes, "each version has the room of table 7 and the size of 5.3");
	ok(finders, "three corners have a finder pattern, and the fourth has none (6.3.3)");
	ok(timing, "timing patterns are between them (6.3.5)");
	ok(formats, "the format says level M, and the one module that is always dark is (7.9)");
	text[QR_TEXT_MAX] = 'x';
	text[QR_TEXT_MAX + 1] = '\0';
	ok(!qr_make(a, text, &q) && !qr_make(a, "", &q),
	    "there is none of nothing, nor of more than version 10 has room for");
	ok(qr_make(a, "a", &q) && strncmp(qr_path(a, &q), "M4 4h1v1h-1zM5 4h1v1h-1z", 24) == 0,
	    "as a path it stands in a quiet zone of four modules (6.3.8)");
	arena_free(a);
	return done();
}
