#include "store/pgsql_value.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of types, fixed for ever: pg_type.dat of PostgreSQL's sources. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_NAME = 19,
	OID_INT8 = 20,
	OID_INT2 = 21,
	OID_INT4 = 23,
	OID_TEXT = 25,
	OID_UNKNOWN = 705,
	OID_VARCHAR = 1043,
	OID_NUMERIC = 1700,
};

Oid
pgsql_type(enum db_type type)
{
	static const Oid types[] = { [DB_NULL] = 0, [DB_INT] = OID_INT8, [DB_TEXT] = OID_TEXT, [DB_BLOB] = OID_BYTEA };

	return types[type];
}

void
pgsql_params(struct pgsql_params *p, struct db_args args)
{
	for (int i = 0; i < args.n; i++) {
		const struct db_value *v = &args.v[i];

		p->value[i] = NULL;
		p->length[i] = 0;
		p->format[i] = v->type == DB_INT || v->type == DB_BLOB;
		if (v->type == DB_TEXT) {
			p->value[i] = v->text;
		} else if (v->type == DB_BLOB) {
			p->value[i] = (const char *)v->blob.p;
			p->length[i] = (int)v->blob.n;
		} else if (v->type == DB_INT) {
			for (int k = 0; k < 8; k++)
				p->number[i][k] = (unsigned char)((uint64_t)v->i >> (56 - 8 * k));
			p->value[i] = (const char *)p->number[i];
			p->length[i] = 8;
		}
	}
}

/* ---- results ---- */

/* A number of `n` octets, most significant first. */
static bool
get_int(struct arena *a, const unsigned char *p, int n, struct db_value *out)
{
	uint64_t value = n > 0 && (p[0] & 0x80) != 0 ? UINT64_MAX : 0;

	(void)a;
	for (int i = 0; i < n; i++)
		value = value << 8 | p[i];
	*out = db_int((int64_t)value);
	return n > 0 && n <= 8;
}

static bool
get_bool(struct arena *a, const unsigned char *p, int n, struct db_value *out)
{
	(void)a;
	*out = db_int(n == 1 && p[0] != 0);
	return n == 1;
}

/* What sum() of BIGINT is: digits to the base of 10000. Cut to its whole part, as SQLite's driver does. */
static bool
get_numeric(struct arena *a, const unsigned char *p, int n, struct db_value *out)
{
	int digits, weight;
	int64_t value = 0;
	bool negative;

	(void)a;
	if (n < 8)
		return false;
	digits = p[0] << 8 | p[1];
	weight = (int16_t)(p[2] << 8 | p[3]);
	negative = p[4] == 0x40;
	if ((p[4] != 0 && !negative) || n != 8 + 2 * digits)
		return false; /* not a number, or endless */
	for (int i = 0; i <= weight; i++) {
		int digit = i < digits ? p[8 + 2 * i] << 8 | p[9 + 2 * i] : 0;

		if (__builtin_mul_overflow(value, 10000, &value) ||
		    __builtin_add_overflow(value, negative ? -digit : digit, &value))
			return false;
	}
	*out = db_int(value);
	return true;
}

static bool
get_text(struct arena *a, const unsigned char *p, int n, struct db_value *out)
{
	*out = db_text(arena_strndup(a, (const char *)p, (size_t)n));
	return true;
}

static bool
get_blob(struct arena *a, const unsigned char *p, int n, struct db_value *out)
{
	*out = db_blob(arena_copy(a, bytes_of(p, (size_t)n)));
	return true;
}

/* clang-format off */
static const struct reader {
	Oid type;
	bool (*get)(struct arena *a, const unsigned char *p, int n, struct db_value *out);
} readers[] = {
	{ OID_TEXT,    get_text },
	{ OID_INT8,    get_int },
	{ OID_BYTEA,   get_blob },
	{ OID_INT4,    get_int },
	{ OID_INT2,    get_int },
	{ OID_BOOL,    get_bool },
	{ OID_NUMERIC, get_numeric },
	{ OID_VARCHAR, get_text },
	{ OID_NAME,    get_text },
	{ OID_UNKNOWN, get_text },
};
/* clang-format on */

static const struct reader *
reader_of(Oid type)
{
	for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
		if (readers[i].type == type)
			return &readers[i];
	}
	return NULL;
}

static enum rc
get_column(const PGresult *r, int column, struct arena *a, struct db_rows *out, struct err *e)
{
	const struct reader *reader = reader_of(PQftype(r, column));
	struct db_value *cell = out->cells + column;

	if (reader == NULL)
		return fail(e, RC_INTERNAL, "column %d of a result has a type that the store does not have (%u)",
		    column + 1, PQftype(r, column));
	for (int row = 0; row < out->rows; row++, cell += out->columns) {
		const unsigned char *p = (const unsigned char *)PQgetvalue(r, row, column);

		if (PQgetisnull(r, row, column))
			*cell = db_null();
		else if (!reader->get(a, p, PQgetlength(r, row, column), cell))
			return fail(e, RC_INTERNAL, "column %d of a result is no whole number of 64 bits", column + 1);
	}
	return RC_OK;
}

/* "INSERT 0 1", "UPDATE 3": how many. A query's count is of rows that it read. */
static int
changed(const PGresult *r)
{
	const char *tag = PQcmdStatus((PGresult *)(uintptr_t)r);

	if (strncmp(tag, "SELECT", 6) == 0)
		return 0;
	return (int)strtol(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10);
}

enum rc
pgsql_rows(const PGresult *r, struct arena *a, struct db_rows *out, struct err *e)
{
	enum rc rc;

	*out = (struct db_rows){ .rows = PQntuples(r), .columns = PQnfields(r), .changed = changed(r) };
	if (out->rows == 0)
		return RC_OK;
	out->cells = arena_array(a, (size_t)out->rows * (size_t)out->columns, sizeof *out->cells);
	for (int column = 0; column < out->columns; column++) {
		if ((rc = get_column(r, column, a, out, e)) != RC_OK)
			return rc;
	}
	return RC_OK;
}
