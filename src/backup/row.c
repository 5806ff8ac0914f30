#include "backup/row.h"

#include "crypto/hash.h"

static void
put_number(struct buf *b, uint64_t v, int octets)
{
	for (int i = octets - 1; i >= 0; i--)
		buf_char(b, (char)(uint8_t)(v >> (8 * i)));
}

static uint64_t
get_number(const uint8_t *p, int octets)
{
	uint64_t v = 0;

	for (int i = 0; i < octets; i++)
		v = v << 8 | p[i];
	return v;
}

void
row_put(struct buf *b, const struct db_value *row, int n)
{
	for (int i = 0; i < n; i++) {
		const struct db_value *v = &row[i];
		struct bytes content = v->type == DB_TEXT ? bytes_str(v->text) : v->blob;

		buf_char(b, (char)v->type);
		if (v->type == DB_INT)
			put_number(b, (uint64_t)v->i, 8);
		if (v->type != DB_TEXT && v->type != DB_BLOB)
			continue;
		put_number(b, content.n, 4);
		buf_add(b, content.p, content.n);
		buf_char(b, '\0');
	}
}

static enum rc
take_cell(struct bytes *b, struct db_value *v)
{
	enum db_type type = b->n > 0 ? (enum db_type)b->p[0] : DB_NULL;
	size_t used = 1, length;

	if (b->n == 0)
		return RC_BAD_INPUT;
	*v = (struct db_value){ .type = type };
	switch (type) {
	case DB_NULL:
		break;
	case DB_INT:
		if (b->n < 9)
			return RC_BAD_INPUT;
		v->i = (int64_t)get_number(b->p + 1, 8);
		used = 9;
		break;
	case DB_TEXT:
	case DB_BLOB:
		length = b->n < 5 ? SIZE_MAX : (size_t)get_number(b->p + 1, 4);
		if (length > b->n || b->n - length < 6 || b->p[5 + length] != '\0')
			return RC_BAD_INPUT;
		v->blob = bytes_of(b->p + 5, length);
		v->text = (const char *)b->p + 5;
		if (type == DB_TEXT && memchr(v->text, '\0', length) != NULL)
			return RC_BAD_INPUT;
		used = length + 6;
		break;
	default:
		return RC_BAD_INPUT;
	}
	*b = bytes_of(b->p + used, b->n - used);
	return RC_OK;
}

enum rc
row_take(struct bytes *b, struct db_value *row, int n, struct err *e)
{
	for (int i = 0; i < n; i++) {
		if (take_cell(b, &row[i]) != RC_OK)
			return fail(e, RC_BAD_INPUT, "a row of a table can't be read");
	}
	return RC_OK;
}

void
row_add(struct row_sum *s, struct bytes row)
{
	uint8_t digest[32];

	crypto_blake2b(row, digest);
	s->rows++;
	for (int i = 0; i < 4; i++)
		s->lane[i] += get_number(digest + 8 * i, 8);
}

const char *
row_text(struct arena *a, const struct row_sum *s)
{
	return arena_printf(a, "%016llx%016llx%016llx%016llx", (unsigned long long)s->lane[0],
	    (unsigned long long)s->lane[1], (unsigned long long)s->lane[2], (unsigned long long)s->lane[3]);
}
