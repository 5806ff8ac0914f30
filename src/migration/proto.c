#include "migration/proto.h"

#include "migration/inventory.h"

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_OCTETS = 2, WIRE_32 = 5 };

static bool
varint(struct bytes *rest, uint64_t *out)
{
	*out = 0;
	for (unsigned shift = 0; shift < 64 && rest->n > 0; shift += 7) {
		uint8_t octet = *rest->p;

		*rest = bytes_of(rest->p + 1, rest->n - 1);
		*out |= (uint64_t)(octet & 0x7f) << shift;
		if ((octet & 0x80) == 0)
			return shift < 63 || octet <= 1;
	}
	return false;
}

static bool
take(struct bytes *rest, uint64_t n, struct bytes *out)
{
	if (n > rest->n)
		return false;
	*out = bytes_of(rest->p, (size_t)n);
	*rest = bytes_of(rest->p + n, rest->n - (size_t)n);
	return true;
}

static bool
fixed(struct bytes *rest, unsigned n, uint64_t *out)
{
	struct bytes b = { 0 };

	*out = 0;
	if (!take(rest, n, &b))
		return false;
	for (unsigned i = 0; i < n; i++)
		*out |= (uint64_t)b.p[i] << (8 * i);
	return true;
}

enum rc
proto_next(struct bytes *rest, struct proto_field *out, struct err *e)
{
	uint64_t tag, n = 0;
	bool good;

	*out = (struct proto_field){ 0 };
	if (rest->n == 0)
		return RC_NOT_FOUND;
	if (!varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff)
		return fail(e, RC_BAD_INPUT, "a message of Protocol Buffers with a malformed tag");
	out->number = (uint32_t)(tag >> 3);
	switch ((enum wire)(tag & 7)) {
	case WIRE_VARINT:
		good = varint(rest, &out->value);
		break;
	case WIRE_64:
		good = fixed(rest, 8, &out->value);
		break;
	case WIRE_32:
		good = fixed(rest, 4, &out->value);
		break;
	case WIRE_OCTETS:
		good = varint(rest, &n) && take(rest, n, &out->octets);
		break;
	default:
		good = false;
	}
	return good ? RC_OK
		    : fail(e, RC_BAD_INPUT, "a message of Protocol Buffers that ends within field %u",
			  (unsigned)out->number);
}

const char *
proto_text(struct arena *a, const struct proto_field *f)
{
	return inventory_text(a, f->octets);
}
