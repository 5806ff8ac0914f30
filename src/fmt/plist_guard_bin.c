#include "fmt/plist.h"
#include "fmt/plist_guard.h"
#include "fmt/utf8.h"

#define HEADER 8 /* "bplist00" */
#define TRAILER 32
#define COPIES 16 /* how many times the document's octets the tree may hold */

/* The high half of an object's first octet. */
enum {
	B_SIMPLE = 0x0,
	B_INT = 0x1,
	B_REAL = 0x2,
	B_DATE = 0x3,
	B_DATA = 0x4,
	B_ASCII = 0x5,
	B_UTF16 = 0x6,
	B_ARRAY = 0xa,
	B_DICT = 0xd,
};

struct reader {
	struct bytes objects; /* header and objects: what offsets may point into */
	const uint8_t *offsets;
	unsigned offset_size, ref_size;
	uint64_t count;
	uint64_t nodes, octets, octets_max;
	struct err *e;
};

static enum rc
bad(struct reader *r, const char *what)
{
	return fail(r->e, RC_BAD_INPUT, "not a binary property list: %s", what);
}

static uint64_t
big_endian(const uint8_t *p, unsigned n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | *p++;
	return v;
}

/* An object's length: in its first octet, or, when that says 15, in an integer behind it. */
static enum rc
length_of(struct reader *r, struct bytes *at, uint64_t *length)
{
	unsigned low = at->p[0] & 0x0f, size;

	at->p++, at->n--;
	*length = low;
	if (low != 0x0f)
		return RC_OK;
	if (at->n < 2 || at->p[0] >> 4 != B_INT || (at->p[0] & 0x0f) > 3)
		return bad(r, "a broken length");
	size = 1u << (at->p[0] & 0x0f);
	if (at->n < 1 + size)
		return bad(r, "a length outside of it");
	*length = big_endian(at->p + 1, size);
	at->p += 1 + size, at->n -= 1 + size;
	return RC_OK;
}

/* What XML can hold too (XML 1.0 2.2): else a list could be read and not written. */
static bool
is_text(unsigned c)
{
	return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
}

/* Seconds since 2001, within the years 1 to 9999: others have no XML form. */
static bool
is_date(const uint8_t *p)
{
	uint64_t bits = big_endian(p, 8);
	double seconds;

	memcpy(&seconds, &bits, sizeof seconds);
	return seconds >= -63113904000.0 && seconds <= 252423993599.0;
}

static bool
is_ascii(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (!is_text(b.p[i]) || b.p[i] > 0x7f)
			return false;
	}
	return true;
}

/* Lone surrogates have no UTF-8 form. */
static bool
is_utf16(struct bytes b)
{
	for (size_t i = 0; i + 1 < b.n; i += 2) {
		unsigned c = (unsigned)b.p[i] << 8 | b.p[i + 1];

		if (!is_text(c) || (c >= 0xdc00 && c <= 0xdfff))
			return false;
		if (c < 0xd800 || c > 0xdbff)
			continue;
		i += 2;
		if (i + 1 >= b.n || b.p[i] < 0xdc || b.p[i] > 0xdf)
			return false;
	}
	return true;
}

/* Data and text: `unit` octets per unit of length. */
static enum rc
leaf(struct reader *r, struct bytes at, unsigned type)
{
	unsigned unit = type == B_UTF16 ? 2 : 1;
	uint64_t length;
	enum rc rc;

	if ((rc = length_of(r, &at, &length)) != RC_OK)
		return rc;
	if (length > at.n / unit)
		return bad(r, "a value outside of it");
	at.n = (size_t)length * unit;
	if ((type == B_ASCII && !is_ascii(at)) || (type == B_UTF16 && (at.n == 0 || !is_utf16(at))))
		return bad(r, "broken text");
	r->octets += 2 * at.n; /* as UTF-8, two octets may become three */
	return RC_OK;
}

static enum rc visit(struct reader *r, uint64_t index, int depth, bool as_key, bool as_root);

static enum rc
container(struct reader *r, struct bytes at, unsigned type, int depth)
{
	uint64_t length, refs;
	enum rc rc;

	if (depth > PLIST_DEPTH_MAX)
		return fail(r->e, RC_BAD_INPUT, "a property list nested deeper than %d", PLIST_DEPTH_MAX);
	if ((rc = length_of(r, &at, &length)) != RC_OK)
		return rc;
	if (length > PLIST_NODES_MAX)
		return fail(r->e, RC_TOO_LARGE, "a property list of more than %d nodes", PLIST_NODES_MAX);
	refs = type == B_DICT ? 2 * length : length;
	if (refs * r->ref_size > at.n)
		return bad(r, "references outside of it");
	for (uint64_t i = 0; i < refs && rc == RC_OK; i++) {
		uint64_t index = big_endian(at.p + i * r->ref_size, r->ref_size);

		rc = visit(r, index, depth, type == B_DICT && i < length, false);
	}
	return rc;
}

/* One reference followed. A cycle ends at the depth, sharing at the number of nodes. */
static enum rc
visit(struct reader *r, uint64_t index, int depth, bool as_key, bool as_root)
{
	struct bytes at;
	uint64_t offset;
	unsigned type, low;

	if (++r->nodes > PLIST_NODES_MAX)
		return fail(r->e, RC_TOO_LARGE, "a property list of more than %d nodes", PLIST_NODES_MAX);
	if (r->octets > r->octets_max)
		return fail(r->e, RC_TOO_LARGE, "a property list that unfolds to more than %d times its size", COPIES);
	if (index >= r->count)
		return bad(r, "a reference to an object that it does not have");
	offset = big_endian(r->offsets + index * r->offset_size, r->offset_size);
	if (offset < HEADER || offset >= r->objects.n)
		return bad(r, "an object outside of it");
	at = bytes_of(r->objects.p + offset, r->objects.n - (size_t)offset);
	type = at.p[0] >> 4, low = at.p[0] & 0x0f;
	if (as_root && type != B_DICT)
		return bad(r, "the root is not a dictionary");
	if (as_key && type != B_ASCII && type != B_UTF16)
		return bad(r, "a key that is not text");
	switch (type) {
	case B_SIMPLE:
		return low == 8 || low == 9 ? RC_OK : bad(r, "an object that property lists do not have");
	case B_INT:
		if (low > 4 || at.n < 1 + (1u << low))
			return bad(r, "a broken integer");
		return RC_OK;
	case B_REAL:
		if (low < 2 || low > 3 || at.n < 1 + (1u << low))
			return bad(r, "a broken number");
		return RC_OK;
	case B_DATE:
		return low == 3 && at.n >= 9 && is_date(at.p + 1) ? RC_OK : bad(r, "a broken date");
	case B_DATA:
	case B_ASCII:
	case B_UTF16:
		return leaf(r, at, type);
	case B_ARRAY:
	case B_DICT:
		return container(r, at, type, depth + 1);
	default: /* UIDs and sets belong to other formats */
		return bad(r, "an object that property lists do not have");
	}
}

enum rc
plist_guard_binary(struct bytes document, int *nodes, struct err *e)
{
	struct reader r = { .e = e, .octets_max = (uint64_t)document.n * COPIES };
	const uint8_t *trailer;
	uint64_t root, table;
	enum rc rc;

	if (document.n > PLIST_SIZE_MAX)
		return fail(e, RC_TOO_LARGE, "a property list of more than %u octets", PLIST_SIZE_MAX);
	if (document.n < HEADER + TRAILER || memcmp(document.p, "bplist00", HEADER) != 0)
		return bad(&r, "it is too short");
	trailer = document.p + document.n - TRAILER;
	r.offset_size = trailer[6];
	r.ref_size = trailer[7];
	r.count = big_endian(trailer + 8, 8);
	root = big_endian(trailer + 16, 8);
	table = big_endian(trailer + 24, 8);
	if (r.offset_size < 1 || r.offset_size > 8 || r.ref_size < 1 || r.ref_size > 8)
		return bad(&r, "broken sizes in its trailer");
	if (table < HEADER || table > document.n - TRAILER || r.count > (document.n - TRAILER - table) / r.offset_size)
		return bad(&r, "an object table outside of it");
	r.objects = bytes_of(document.p, (size_t)table);
	r.offsets = document.p + table;
	rc = visit(&r, root, 0, false, true);
	*nodes = (int)r.nodes;
	return rc;
}
