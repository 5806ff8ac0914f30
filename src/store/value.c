#include "store/value.h"

#include <assert.h>

#include "fmt/utf8.h"

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

enum rc
store_args_check(struct db_args args, struct err *e)
{
	for (int i = 0; i < args.n; i++) {
		if (args.v[i].type == DB_TEXT && args.v[i].text != NULL && !utf8_valid(bytes_str(args.v[i].text)))
			return fail(e, RC_BAD_INPUT, "argument %d is not UTF-8", i + 1);
	}
	return RC_OK;
}
