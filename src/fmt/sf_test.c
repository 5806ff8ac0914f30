#include "fmt/sf.h"

#include "base/tap.h"

static const struct {
	const char *text, *octets, *rule;
} items[] = {
	{ ":aGVsbG8=:", "hello", "a byte sequence (RFC 8941 3.3.5)" },
	{ " :aGVsbG8=: ", "hello", "spaces around it (RFC 8941 4.2)" },
	{ ":aGVsbG8=:;a=1", "hello", "parameters behind it (RFC 8941 3.1.2)" },
	{ "", NULL, "nothing" },
	{ ":", NULL, "one colon" },
	{ "::", NULL, "an empty sequence" },
	{ "aGVsbG8=", NULL, "base64 without colons" },
	{ ":aGVsbG8=", NULL, "no colon at the end" },
	{ "\"aGVsbG8=\"", NULL, "a string" },
	{ ":aGVsb G8=:", NULL, "a space in it" },
	{ ":aGVsbG8:", NULL, "missing padding" },
	{ ":aGVsbG9=:", NULL, "set bits under the padding" },
	{ ":aGVsbG8=:, :aGVsbG8=:", NULL, "two members: a proxy added to what the client sent" },
	{ ":aGVsbG8=:;a=\",:x:\"", NULL, "a comma in a parameter" },
	{ ":aGVsbG8=:x", NULL, "text behind it" },
	{ ":-_==:", NULL, "the URL alphabet" },
	{ "%3AaGVsbG8%3D%3A", NULL, "percent-encoding, as nginx escapes certificates" },
};

int
main(void)
{
	struct arena *a = arena_new(0);
	struct bytes b;
	struct err e;

	for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
		enum rc rc = sf_bytes(a, items[i].text, &b, &e);

		if (items[i].octets == NULL)
			ok(rc == RC_BAD_INPUT && b.p == NULL, "Client-Cert refuses %s", items[i].rule);
		else
			ok(rc == RC_OK && bytes_eq(b, bytes_str(items[i].octets)), "Client-Cert takes %s",
			    items[i].rule);
	}
	is_str(sf_bytes_write(a, bytes_str("hello")), ":aGVsbG8=:", "what a proxy writes (RFC 9440 2.2)");
	arena_free(a);
	return done();
}
