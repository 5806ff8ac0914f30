#include "store/value.h"

#include <assert.h>

static const struct db_value *
cell(const struct db_rows *r, int row, int column)
{
	assert(row >= 0 && row < r->rows && column >= 0 && column < r->columns);
	return &r->cells[(size_t)row * (size_t)r->columns + (size_t)column];
}

const char *
db_get_text(const struct db_rows *r, int row, int column)
{
	const struct db_value *v = cell(r, row, column);

	assert(v->type == DB_TEXT || v->type == DB_NULL);
	return v->type == DB_TEXT ? v->text : NULL;
}

int64_t
db_get_int(const struct db_rows *r, int row, int column)
{
	const struct db_value *v = cell(r, row, column);

	assert(v->type == DB_INT || v->type == DB_NULL);
	return v->type == DB_INT ? v->i : 0;
}

struct bytes
db_get_blob(const struct db_rows *r, int row, int column)
{
	const struct db_value *v = cell(r, row, column);

	assert(v->type == DB_BLOB || v->type == DB_NULL);
	return v->type == DB_BLOB ? v->blob : (struct bytes){ NULL, 0 };
}

bool
db_is_null(const struct db_rows *r, int row, int column)
{
	return cell(r, row, column)->type == DB_NULL;
}

bool
store_is_utf8(const char *s)
{
	/* Table 3-7 of the Unicode standard: what the first octet allows for the second. */
	/* clang-format off */
	static const struct {
		unsigned char first, last, low, high;
		int more;
	} kinds[] = {
		{ 0x01, 0x7f, 0x00, 0x00, 0 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 1 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 2 },
		{ 0xe1, 0xec, 0x80, 0xbf, 2 },
		{ 0xed, 0xed, 0x80, 0x9f, 2 },
		{ 0xee, 0xef, 0x80, 0xbf, 2 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 3 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 3 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};
	/* clang-format on */
	const unsigned char *p = (const unsigned char *)s;

	while (*p != '\0') {
		size_t k = 0;

		while (k < sizeof kinds / sizeof kinds[0] && (*p < kinds[k].first || *p > kinds[k].last))
			k++;
		if (k == sizeof kinds / sizeof kinds[0])
			return false;
		p++;
		for (int i = 0; i < kinds[k].more; i++, p++) {
			/* A NUL is below every bound, so a cut sequence stops here. */
			if (*p < (i == 0 ? kinds[k].low : 0x80) || *p > (i == 0 ? kinds[k].high : 0xbf))
				return false;
		}
	}
	return true;
}

enum rc
store_args_check(struct db_args args, struct err *e)
{
	for (int i = 0; i < args.n; i++) {
		if (args.v[i].type == DB_TEXT && args.v[i].text != NULL && !store_is_utf8(args.v[i].text))
			return fail(e, RC_BAD_INPUT, "argument %d is not UTF-8", i + 1);
	}
	return RC_OK;
}
