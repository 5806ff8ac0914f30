/* Binary property lists, good and hostile ones made by hand. */
#include <stdlib.h>

#include "base/tap.h"
#include "fmt/plist.h"

/* A list under construction: objects one behind the other, two-octet references. */
struct maker {
	uint8_t octets[1 << 17];
	size_t n;
	size_t offset[20000];
	int count;
};

static void
begin(struct maker *m)
{
	memcpy(m->octets, "bplist00", 8);
	m->n = 8;
	m->count = 0;
}

/* An object of `head` (1 to 9 octets) and `rest`. */
static void
object(struct maker *m, const char *head, size_t head_n, const void *rest, size_t rest_n)
{
	m->offset[m->count++] = m->n;
	memcpy(m->octets + m->n, head, head_n);
	m->n += head_n;
	if (rest_n > 0)
		memcpy(m->octets + m->n, rest, rest_n);
	m->n += rest_n;
}

static struct bytes
finish(struct maker *m, int root)
{
	size_t table = m->n;
	uint8_t trailer[32] = { [6] = 4, [7] = 2 };

	for (int i = 0; i < m->count; i++) {
		uint32_t at = (uint32_t)m->offset[i];

		for (int k = 3; k >= 0; k--)
			m->octets[m->n++] = (uint8_t)(at >> 8 * k);
	}
	for (int k = 0; k < 4; k++) {
		trailer[12 + k] = (uint8_t)((unsigned)m->count >> 8 * (3 - k));
		trailer[20 + k] = (uint8_t)((unsigned)root >> 8 * (3 - k));
		trailer[28 + k] = (uint8_t)(table >> 8 * (3 - k));
	}
	memcpy(m->octets + m->n, trailer, sizeof trailer);
	m->n += sizeof trailer;
	return bytes_of(m->octets, m->n);
}

/* {"k": object 2}; what object 2 is, the caller adds. */
static void
one_key(struct maker *m)
{
	begin(m);
	object(m, "\xd1", 1, "\0\1\0\2", 4);
	object(m, "\x51", 1, "k", 1);
}

static enum rc
parse(struct arena *a, struct bytes document)
{
	struct err e;
	plist_t root;

	return plist_parse(a, document, &root, &e);
}

static void
test_good(struct arena *a)
{
	plist_t made = plist_keep(a, plist_new_dict()), root, list = plist_new_array();
	struct err e = { 0 };
	char *binary = NULL;
	uint32_t n = 0;

	plist_put_text(made, "Text", "J\xc3\xb6rg \xf0\x9f\x8e\x89");
	plist_put_text(made, "Ascii", "plain");
	plist_put_data(made, "Data", bytes_of("\0\xff", 2));
	plist_put_int(made, "Int", -7);
	plist_put_flag(made, "Flag", true);
	for (int i = 0; i < 40; i++)
		plist_array_append_item(list, plist_new_string("the same"));
	plist_put(made, "List", list);
	plist_put(made, "Real", plist_new_real(1.5));
	plist_put(made, "Date", plist_new_date(1000, 0));
	plist_to_bin(made, &binary, &n);
	ok(plist_parse(a, bytes_of(binary, n), &root, &e) == RC_OK, "what libplist writes is taken: %s", e.text);
	is_str(plist_text(a, root, "Text"), "J\xc3\xb6rg \xf0\x9f\x8e\x89", "UTF-16 text comes out as UTF-8");
	is_str(plist_text(a, root, "Ascii"), "plain", "text");
	ok(bytes_eq(plist_data(a, root, "Data"), bytes_of("\0\xff", 2)), "data");
	ok(plist_int(root, "Int", 0) == -7 && plist_flag(root, "Flag", false), "numbers and flags");
	ok(plist_array_get_size(plist_array(root, "List")) == 40, "a list whose items share one object");

	for (uint32_t cut = 0; cut < n; cut++) {
		if (parse(a, bytes_of(binary, cut)) == RC_OK)
			ok(false, "a list cut to %u of %u octets is refused", cut, n);
	}
	ok(true, "no list that was cut short is taken");
	/* Every octet damaged in turn: refused or read, and the sanitizers are the judge. */
	for (uint32_t i = 8; i < n; i++) {
		char before = binary[i];

		for (int bit = 0; bit < 8; bit++) {
			binary[i] = (char)(before ^ 1 << bit);
			parse(a, bytes_of(binary, n));
		}
		binary[i] = before;
	}
	ok(true, "a flipped bit anywhere does no harm");
	plist_to_bin_free(binary);
}

static const struct {
	const char *octets;
	size_t n;
	enum rc rc;
	const char *rule;
} values[] = {
	/* clang-format off */
	{ "\x09", 1, RC_OK, "true" },
	{ "\x10\x05", 2, RC_OK, "an integer" },
	{ "\x50", 1, RC_OK, "empty text" },
	{ "\x5f\x10\x02zz", 5, RC_OK, "a length in an integer of its own" },
	{ "\x62\0J\0\xf6", 5, RC_OK, "UTF-16 text" },
	{ "\x00", 1, RC_BAD_INPUT, "null" },
	{ "\x0f", 1, RC_BAD_INPUT, "a fill octet" },
	{ "\x15", 1, RC_BAD_INPUT, "an integer of 32 octets" },
	{ "\x21\0\0", 3, RC_BAD_INPUT, "a real of two octets" },
	{ "\x32\0\0\0\0", 5, RC_BAD_INPUT, "a date of four octets" },
	{ "\x33\x41\xb0\0\0\0\0\0\0", 9, RC_OK, "a date" },
	{ "\x33\x7f\xf8\0\0\0\0\0\0", 9, RC_BAD_INPUT, "a date that is no number" },
	{ "\x33\x7f\xe0\0\0\0\0\0\0", 9, RC_BAD_INPUT, "a date past all calendars" },
	{ "\x80\x01", 2, RC_BAD_INPUT, "a UID" },
	{ "\xc0", 1, RC_BAD_INPUT, "a set" },
	{ "\x51\0", 2, RC_BAD_INPUT, "NUL in text" },
	{ "\x51\x12", 2, RC_BAD_INPUT, "a control character in text" },
	{ "\x51\xe9", 2, RC_BAD_INPUT, "Latin-1 in text" },
	{ "\x61\0\0", 3, RC_BAD_INPUT, "NUL in UTF-16 text" },
	{ "\x61\xd8\0", 3, RC_BAD_INPUT, "half a surrogate pair" },
	{ "\x61\xdc\0", 3, RC_BAD_INPUT, "the other half" },
	{ "\x5f\x50", 2, RC_BAD_INPUT, "a length that is text" },
	{ "\x5f\x14", 2, RC_BAD_INPUT, "a length of sixteen octets" },
	{ "\x4f\x13\xff\xff\xff\xff\xff\xff\xff\xff", 10, RC_BAD_INPUT, "data of 2^64 - 1 octets" },
	{ "\x4f\x13\x7f\xff\xff\xff\xff\xff\xff\xff", 10, RC_BAD_INPUT, "data of 2^63 - 1 octets" },
	{ "\x6f\x13\x80\0\0\0\0\0\0\1", 10, RC_BAD_INPUT, "text whose doubled length overflows" },
	{ "\xdf\x13\x80\0\0\0\0\0\0\1", 10, RC_TOO_LARGE, "a dictionary whose doubled length overflows" },
	{ "\xaf\x12\0\1\x86\xa0", 6, RC_BAD_INPUT, "100,000 items that are not there" },
	{ "\xaf\x12\xff\xff\xff\xff", 6, RC_TOO_LARGE, "four thousand million items" },
	{ "\xd2\0\1\0\1\0\1\0\1", 9, RC_BAD_INPUT, "a dictionary with a key twice" },
	{ "\xa1\0\2", 3, RC_BAD_INPUT, "itself" },
	{ "\xa1\0\0", 3, RC_BAD_INPUT, "the root" },
	{ "\xa1\0\x63", 3, RC_BAD_INPUT, "an object that it does not have" },
	{ "\xd1\0\2\0\1", 5, RC_BAD_INPUT, "a dictionary that is its own key" },
	/* clang-format on */
};

static void
test_values(struct arena *a, struct maker *m)
{
	for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
		one_key(m);
		object(m, values[i].octets, values[i].n, NULL, 0);
		ok(parse(a, finish(m, 0)) == values[i].rc, "a list that holds %s is %s", values[i].rule,
		    rc_name(values[i].rc));
	}
}

/* Object i is a list of `width` references to object i + 1. */
static struct bytes
tower(struct maker *m, int levels, int width, bool data_at_the_end)
{
	static uint8_t zeros[1000];

	one_key(m);
	for (int i = 0; i < levels; i++) {
		uint8_t refs[30];

		for (int k = 0; k < width; k++) {
			refs[2 * k] = (uint8_t)((m->count + 1) >> 8);
			refs[2 * k + 1] = (uint8_t)(m->count + 1);
		}
		object(m, (char[]){ (char)(0xa0 | width) }, 1, refs, 2 * (size_t)width);
	}
	if (data_at_the_end)
		object(m, "\x4f\x11\x03\xe8", 4, zeros, 1000);
	else
		object(m, "\x09", 1, NULL, 0);
	return finish(m, 0);
}

static void
test_limits(struct arena *a, struct maker *m)
{
	struct bytes b;

	ok(parse(a, tower(m, PLIST_DEPTH_MAX - 1, 1, false)) == RC_OK, "a list nested 64 deep is taken");
	ok(parse(a, tower(m, PLIST_DEPTH_MAX, 1, false)) == RC_BAD_INPUT, "65 deep is refused");
	ok(parse(a, tower(m, 10000, 1, false)) == RC_BAD_INPUT, "10,000 deep is refused before the library sees it");
	ok(parse(a, tower(m, 60, 14, false)) == RC_TOO_LARGE, "14^60 nodes in two kilobytes are refused");
	ok(parse(a, tower(m, 4, 14, true)) == RC_TOO_LARGE, "38 MB out of two kilobytes are refused");

	one_key(m);
	object(m, "\x09", 1, NULL, 0);
	finish(m, 1);
	ok(parse(a, bytes_of(m->octets, m->n)) == RC_BAD_INPUT, "a root that is text is refused");
	one_key(m);
	object(m, "\x09", 1, NULL, 0);
	b = finish(m, 99);
	ok(parse(a, b) == RC_BAD_INPUT, "a root that is not there is refused");
	for (int i = 0; i < 32; i++) { /* each octet of the trailer, at its largest */
		one_key(m);
		object(m, "\x09", 1, NULL, 0);
		b = finish(m, 0);
		m->octets[m->n - 32 + (size_t)i] = 0xff;
		if (i >= 6 && parse(a, b) == RC_OK)
			ok(false, "octet %d of a broken trailer is noticed", i);
	}
	ok(true, "a broken trailer is refused");
}

int
main(void)
{
	struct arena *a = arena_new(0);
	struct maker *m = malloc(sizeof *m);

	test_good(a);
	test_values(a, m);
	test_limits(a, m);
	free(m);
	arena_free(a);
	return done();
}
