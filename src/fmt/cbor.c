#include "fmt/cbor.h"

/* The initial octet and the number behind it (RFC 8949 3). Indefinite lengths (31) and tags are refused. */
static bool
take_head(struct bytes *b, struct cbor_item *out)
{
	unsigned more, octets;

	if (b->n == 0)
		return false;
	out->kind = (enum cbor_kind)(b->p[0] >> 5);
	more = b->p[0] & 0x1f;
	*b = bytes_of(b->p + 1, b->n - 1);
	if (out->kind == CBOR_SIMPLE) {
		out->n = more;
		return more >= 20 && more <= 22;
	}
	if ((unsigned)out->kind == 6 || more > 27)
		return false;
	if (more < 24) {
		out->n = more;
		return true;
	}
	octets = 1u << (more - 24);
	if (b->n < octets)
		return false;
	out->n = 0;
	for (unsigned i = 0; i < octets; i++)
		out->n = out->n << 8 | b->p[i];
	*b = bytes_of(b->p + octets, b->n - octets);
	return true;
}

static bool take(struct bytes *b, struct cbor_item *out, int depth);

/* Each item takes an octet at least, so what is there bounds the loop, whatever the head claims. */
static bool
take_items(struct bytes *b, uint64_t items, int depth)
{
	struct cbor_item it;

	for (; items > 0; items--) {
		if (!take(b, &it, depth))
			return false;
	}
	return true;
}

static bool
take(struct bytes *b, struct cbor_item *out, int depth)
{
	const uint8_t *from;

	if (!take_head(b, out))
		return false;
	from = b->p;
	if (out->kind == CBOR_BYTES || out->kind == CBOR_TEXT) {
		if (out->n > b->n)
			return false;
		*b = bytes_of(b->p + out->n, b->n - (size_t)out->n);
	} else if (out->kind == CBOR_ARRAY || out->kind == CBOR_MAP) {
		if (depth == CBOR_DEPTH_MAX || out->n > b->n ||
		    !take_items(b, out->kind == CBOR_MAP ? 2 * out->n : out->n, depth + 1))
			return false;
	}
	out->value = bytes_of(from, (size_t)(b->p - from));
	return true;
}

bool
cbor_next(struct bytes *rest, struct cbor_item *out)
{
	struct bytes b = *rest;

	if (!take(&b, out, 0))
		return false;
	*rest = b;
	return true;
}

bool
cbor_get(const struct cbor_item *map, const char *key, struct cbor_item *out)
{
	struct bytes rest = map->value;
	struct cbor_item name, value;
	int found = 0;

	if (map->kind != CBOR_MAP)
		return false;
	while (cbor_next(&rest, &name) && cbor_next(&rest, &value)) {
		if (name.kind == CBOR_TEXT && bytes_eq(name.value, bytes_str(key))) {
			*out = value;
			found++;
		}
	}
	return found == 1;
}
