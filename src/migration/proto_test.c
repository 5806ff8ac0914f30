#include "migration/proto.h"

#include <string.h>

#include "base/arena.h"
#include "base/tap.h"

/* The number of fields; -1: refused. */
static int
fields(const char *octets, size_t n, struct proto_field *last)
{
	struct bytes rest = bytes_of(octets, n);
	struct proto_field f;
	struct err e;
	int count = 0;
	enum rc rc;

	while ((rc = proto_next(&rest, &f, &e)) == RC_OK) {
		*last = f;
		count++;
	}
	return rc == RC_NOT_FOUND ? count : -1;
}
#define FIELDS(text, last) fields(text, sizeof(text) - 1, last)

int
main(void)
{
	static const char *const cut[] = { "\x08", "\x08\x96", "\x09\1\2\3\4\5\6\7", "\x0d\1\2\3", "\x0a\x02x",
		"\x80" };
	struct arena *a = arena_new(0);
	struct proto_field f = { 0 };

	ok(FIELDS("", &f) == 0, "an empty message has no field");
	ok(FIELDS("\x08\x96\x01", &f) == 1 && f.number == 1 && f.value == 150,
	    "150 as in the description of the encoding");
	ok(FIELDS("\x12\x07testing", &f) == 1 && f.number == 2 && f.octets.n == 7, "its string");
	is_str(proto_text(a, &f), "testing", "as text");
	ok(FIELDS("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", &f) == 1 && f.value == UINT64_MAX,
	    "ten octets have 64 bits");
	ok(FIELDS("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", &f) == -1, "more than 64 bits are refused");
	ok(FIELDS("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", &f) == -1, "so are eleven octets");
	ok(FIELDS("\x0d\x01\x00\x00\x80\x11\x02\0\0\0\0\0\0\x80", &f) == 2 && f.value == 0x8000000000000002u,
	    "fields of four and eight octets, the lowest first");
	for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++)
		ok(fields(cut[i], strlen(cut[i]), &f) == -1, "a message that ends within a field is refused (%zu)", i);
	ok(FIELDS("\x00\x01", &f) == -1, "no field has the number 0");
	ok(FIELDS("\x0b\x0c", &f) == -1 && FIELDS("\x0e", &f) == -1, "groups and unknown kinds are refused");
	arena_free(a);
	return done();
}
