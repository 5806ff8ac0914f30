#include "fmt/der.h"

#define CONSTRUCTED 0x20

/* Length octets at *p (X.690 10.1): the shortest form, at most four octets of it. */
static bool
take_length(struct bytes *b, size_t *n)
{
	size_t octets, value = 0;

	if (b->n == 0)
		return false;
	if (b->p[0] < 0x80) {
		*n = b->p[0];
		*b = bytes_of(b->p + 1, b->n - 1);
		return true;
	}
	octets = b->p[0] & 0x7f; /* 0: indefinite, BER only */
	if (octets == 0 || octets > 4 || b->n < 1 + octets || b->p[1] == 0)
		return false;
	for (size_t i = 1; i <= octets; i++)
		value = value << 8 | b->p[i];
	if (value < 0x80)
		return false;
	*n = value;
	*b = bytes_of(b->p + 1 + octets, b->n - 1 - octets);
	return true;
}

bool
der_next(struct bytes *rest, struct der_item *out)
{
	struct bytes b = *rest;
	size_t n;

	if (b.n < 2 || (b.p[0] & 0x1f) == 0x1f)
		return false;
	out->tag = b.p[0];
	b = bytes_of(b.p + 1, b.n - 1);
	if (!take_length(&b, &n) || n > b.n)
		return false;
	out->value = bytes_of(b.p, n);
	out->whole = bytes_of(rest->p, (size_t)(b.p - rest->p) + n);
	*rest = bytes_of(b.p + n, b.n - n);
	return true;
}

bool
der_take(struct bytes *rest, uint8_t tag, struct der_item *out)
{
	return der_is(*rest, tag) && der_next(rest, out);
}

bool
der_is(struct bytes rest, uint8_t tag)
{
	return rest.n > 0 && rest.p[0] == tag;
}

bool
der_strict(struct bytes der)
{
	struct bytes level[DER_DEPTH_MAX];
	struct der_item it;
	int depth = 0;

	level[0] = der;
	while (depth >= 0) {
		if (level[depth].n == 0) {
			depth--;
			continue;
		}
		if (!der_next(&level[depth], &it))
			return false;
		if (it.tag & CONSTRUCTED) {
			if (depth + 1 == DER_DEPTH_MAX)
				return false;
			level[++depth] = it.value;
		}
	}
	return true;
}
