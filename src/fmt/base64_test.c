#include "fmt/base64.h"

#include "base/tap.h"

/* RFC 4648 section 10, and hexadecimal beside it. */
static const struct {
	const char *plain, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static const struct {
	const char *text, *rule;
	bool lenient_takes;
} refused[] = {
	{ "Zg", "missing padding", true },
	{ "Zm8", "missing padding of three digits", true },
	{ "Zg=", "half of the padding", false },
	{ "Zg===", "too much padding", false },
	{ "Z", "one digit alone", false },
	{ "Zh==", "set bits under the padding", false },
	{ "Zm9=", "set bits under one pad", false },
	{ "Zm9v\n", "a line end", true },
	{ "Zm 9v", "a space", true },
	{ "Zm9-", "the URL alphabet", false },
	{ "Zg==Zg==", "digits behind padding", false },
	{ "====", "padding alone", false },
};

static bool
same(struct bytes b, const char *want)
{
	return b.p != NULL && bytes_eq(b, bytes_str(want));
}

int
main(void)
{
	struct arena *a = arena_new(0);
	uint8_t all[256];
	struct bytes b;

	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
		is_str(base64_encode(a, bytes_str(vectors[i].plain)), vectors[i].text,
		    "base64 encodes the vectors of RFC 4648 10");
		ok(same(base64_decode(a, bytes_str(vectors[i].text), false), vectors[i].plain),
		    "base64 decodes the vectors of RFC 4648 10: %s", vectors[i].text);
	}
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
		ok(base64_decode(a, bytes_str(refused[i].text), false).p == NULL, "strict base64 refuses %s",
		    refused[i].rule);
		ok((base64_decode(a, bytes_str(refused[i].text), true).p != NULL) == refused[i].lenient_takes,
		    "lenient base64 %s %s", refused[i].lenient_takes ? "takes" : "refuses too:", refused[i].rule);
	}
	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	for (size_t n = 0; n <= 256; n += 5) {
		b = bytes_of(all + (256 - n), n);
		if (!bytes_eq(base64_decode(a, bytes_str(base64_encode(a, b)), false), b) ||
		    !bytes_eq(base64url_decode(a, bytes_str(base64url_encode(a, b))), b) ||
		    !bytes_eq(hex_decode(a, hex_encode(a, b)), b))
			ok(false, "every octet survives encoding and decoding, %zu octets", n);
	}
	is_str(base64url_encode(a, bytes_of("\xfb\xff\xfe", 3)), "-__-", "base64url has '-' and '_' (RFC 4648 5)");
	is_str(base64url_encode(a, bytes_of("\xfb\xff\xfe\x01", 4)), "-__-AQ", "S-12: base64url has no padding");
	ok(base64url_decode(a, bytes_str("-__-AQ==")).p == NULL, "base64url refuses padding (RFC 7515 2)");
	ok(base64url_decode(a, bytes_str("+//+")).p == NULL, "base64url refuses the standard alphabet");
	ok(base64url_decode(a, bytes_str("")).p != NULL, "no text is no octets, not an error");
	is_str(hex_encode(a, bytes_of("\x00\xff\x1a", 3)), "00ff1a", "hexadecimal is lower case");
	ok(same(hex_decode(a, "4A4b"), "JK"), "hexadecimal is read in either case");
	ok(hex_decode(a, "4a4").p == NULL, "half an octet is not hexadecimal");
	ok(hex_decode(a, "4g").p == NULL, "'g' is not hexadecimal");
	arena_free(a);
	return done();
}
