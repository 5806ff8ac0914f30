#include "keys/message.h"

#define ABSENT UINT32_MAX

static void
length(struct buf *b, uint32_t n)
{
	const uint8_t octets[4] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24) };

	buf_add(b, octets, sizeof octets);
}

void
message_bytes(struct buf *b, struct bytes value)
{
	if (value.n > KEYS_MESSAGE_MAX) {
		b->over = true;
		return;
	}
	length(b, value.p != NULL ? (uint32_t)value.n : ABSENT);
	buf_add(b, value.p, value.n);
}

void
message_text(struct buf *b, const char *value)
{
	/* With the terminator: the reader's text then is a view, too. */
	message_bytes(b, bytes_of(value, value != NULL ? strlen(value) + 1 : 0));
}

void
message_int(struct buf *b, int64_t value)
{
	message_bytes(b, bytes_of(&value, sizeof value));
}

void
message_list(struct buf *b, const struct bytes *list, int n)
{
	message_int(b, n);
	for (int i = 0; i < n; i++)
		message_bytes(b, list[i]);
}

struct bytes
reading_bytes(struct reading *r)
{
	const uint8_t *p = r->rest.p;
	struct bytes value = { NULL, 0 };
	uint32_t n;

	if (r->bad || r->rest.n < 4) {
		r->bad = true;
		return value;
	}
	n = p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	r->rest = bytes_of(p + 4, r->rest.n - 4);
	if (n == ABSENT)
		return value;
	if (n > r->rest.n) {
		r->bad = true;
		return value;
	}
	value = bytes_of(r->rest.p, n);
	r->rest = bytes_of(r->rest.p + n, r->rest.n - n);
	return value;
}

const char *
reading_text(struct reading *r)
{
	struct bytes value = reading_bytes(r);

	if (value.p == NULL)
		return NULL;
	if (value.n == 0 || memchr(value.p, 0, value.n) != value.p + value.n - 1) {
		r->bad = true;
		return NULL;
	}
	return (const char *)value.p;
}

int64_t
reading_int(struct reading *r)
{
	struct bytes value = reading_bytes(r);
	int64_t n = 0;

	if (value.n == sizeof n)
		memcpy(&n, value.p, sizeof n);
	else
		r->bad = true;
	return n;
}

int64_t
reading_int_to(struct reading *r, int64_t max)
{
	int64_t n = reading_int(r);

	if (n >= 0 && n <= max)
		return n;
	r->bad = true;
	return 0;
}

struct bytes *
reading_list(struct reading *r, struct arena *a, int *n)
{
	struct bytes *list;

	*n = (int)reading_int_to(r, KEYS_ITEMS_MAX);
	list = arena_array(a, (size_t)*n, sizeof *list);
	for (int i = 0; i < *n; i++)
		list[i] = reading_bytes(r);
	return list;
}
