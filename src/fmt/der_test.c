#include "base/tap.h"
#include "fmt/der.h"

static struct bytes
lit(const char *p, size_t n)
{
	return bytes_of(p, n);
}
#define LIT(s) lit((s), sizeof(s) - 1)

int
main(void)
{
	/* clang-format off */
	static const struct { const char *p; size_t n; bool good; const char *what; } cases[] = {
		{ "\x30\x03\x02\x01\x05", 5, true, "a sequence of one integer" },
		{ "\x30\x00", 2, true, "an empty sequence" },
		{ "", 0, true, "nothing" },
		{ "\x02\x01\x05\x02\x01\x06", 6, true, "a run of items" },
		{ "\x30\x80\x02\x01\x05\x00\x00", 7, false, "no indefinite length" },
		{ "\x30\x81\x03\x02\x01\x05", 6, false, "no long form for a short length" },
		{ "\x30\x82\x00\x03\x02\x01\x05", 7, false, "no leading zero in a length" },
		{ "\x30\x03\x02\x01", 4, false, "no truncation" },
		{ "\x30\x03\x02\x02\x05", 5, false, "no inner length past the outer one" },
		{ "\x30\x85\x01\x00\x00\x00\x00", 7, false, "no five-octet length" },
		{ "\x30\x84\xff\xff\xff\xff\x00", 7, false, "no length past the end" },
		{ "\x1f\x22\x00", 3, false, "no high tag numbers" },
		{ "\x30", 1, false, "no lone tag" },
		{ "\x04\x82\x01", 3, false, "no truncated length" },
	};
	/* clang-format on */
	struct bytes rest = LIT("\x04\x02hi\x02\x01\x07");
	struct der_item it;
	uint8_t deep[4 * DER_DEPTH_MAX];
	size_t n = 0;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(der_strict(lit(cases[i].p, cases[i].n)) == cases[i].good, "DER: %s (X.690 10.1)", cases[i].what);

	ok(!der_take(&rest, DER_INTEGER, &it) && rest.n == 7, "another tag takes nothing");
	ok(der_take(&rest, DER_OCTET_STRING, &it) && it.value.n == 2 && memcmp(it.value.p, "hi", 2) == 0 &&
		it.whole.n == 4,
	    "an item has its contents and its whole");
	ok(der_next(&rest, &it) && it.tag == DER_INTEGER && rest.n == 0 && !der_next(&rest, &it),
	    "then the next, then none");

	for (int i = DER_DEPTH_MAX; i > 0; i--) {
		deep[n++] = 0x30;
		deep[n++] = (uint8_t)(2 * (i - 1));
	}
	ok(!der_strict(bytes_of(deep, n)), "nesting is bounded");
	ok(der_strict(bytes_of(deep + 2, n - 2)), "up to the bound it is fine");
	return done();
}
