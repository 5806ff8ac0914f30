#include "base/tap.h"
#include "fmt/cbor.h"

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
		{ "\x00", 1, true, "zero" },
		{ "\x1b\xff\xff\xff\xff\xff\xff\xff\xff", 9, true, "the largest number" },
		{ "\x38\x63", 2, true, "a negative number" },
		{ "\x43" "abc", 4, true, "a byte string" },
		{ "\x62" "hi", 3, true, "text" },
		{ "\x83\x01\x02\x03", 4, true, "an array" },
		{ "\xa1\x61" "a\x80", 4, true, "a map with an empty array" },
		{ "\xf4", 1, true, "false" },
		{ "\xf6", 1, true, "null" },
		{ "", 0, false, "nothing" },
		{ "\x1b\x00", 2, false, "a number that is cut off" },
		{ "\x1c", 1, false, "a reserved length" },
		{ "\x5f\x41" "a\xff", 4, false, "a string of indefinite length" },
		{ "\x9f\x01\xff", 3, false, "an array of indefinite length" },
		{ "\xc0\x60", 2, false, "a tag" },
		{ "\xf9\x00\x00", 3, false, "a floating point number" },
		{ "\xf7", 1, false, "undefined" },
		{ "\x44" "abc", 4, false, "a string that is cut off" },
		{ "\x82\x01", 2, false, "an array that is cut off" },
		{ "\xa1\x61" "a", 3, false, "a key without a value" },
		{ "\x9a\x10\x00\x00\x00\x00", 6, false, "an array that claims 268 million items" },
		{ "\xbb\x80\x00\x00\x00\x00\x00\x00\x00\x00", 10, false, "a map whose count doubled is zero" },
		{ "\x5b\xff\xff\xff\xff\xff\xff\xff\xff", 9, false, "a string of 2^64 - 1 octets" },
	};
	/* clang-format on */
	struct bytes rest = LIT("\xa3\x61"
				"a\x01\x61"
				"b\x42xy\x61"
				"b\x02\x05");
	struct cbor_item map, it;
	uint8_t deep[32];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct bytes b = lit(cases[i].p, cases[i].n);

		ok(cbor_next(&b, &it) == cases[i].good && b.n == (cases[i].good ? 0 : cases[i].n),
		    "CBOR: %s is %s (RFC 8949 3)", cases[i].what,
		    cases[i].good ? "taken" : "refused, and nothing is taken");
	}
	ok(cbor_next(&rest, &map) && map.kind == CBOR_MAP && map.n == 3 && rest.n == 1, "what follows an item stays");
	ok(cbor_get(&map, "a", &it) && it.kind == CBOR_NUMBER && it.n == 1, "a value is found by its key");
	ok(!cbor_get(&map, "b", &it), "a key that is there twice has no value");
	ok(!cbor_get(&map, "c", &it) && !cbor_get(&it, "a", &it), "nor has one that is not there, or one of no map");

	memset(deep, 0x81, sizeof deep);
	deep[CBOR_DEPTH_MAX] = 0;
	rest = bytes_of(deep, CBOR_DEPTH_MAX + 1);
	ok(cbor_next(&rest, &it), "%d arrays in one another are read", CBOR_DEPTH_MAX);
	deep[CBOR_DEPTH_MAX] = 0x81;
	deep[CBOR_DEPTH_MAX + 1] = 0;
	rest = bytes_of(deep, CBOR_DEPTH_MAX + 2);
	ok(!cbor_next(&rest, &it), "one more is refused");
	return done();
}
