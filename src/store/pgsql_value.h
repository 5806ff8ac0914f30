/* Values between the store and libpq, in PostgreSQL's binary form where it has one of its own. */
#ifndef STORE_PGSQL_VALUE_H
#define STORE_PGSQL_VALUE_H

#include <libpq-fe.h>

#include "store/rewrite.h"
#include "store/store.h"

struct pgsql_params { /* what libpq's calls take; points into the arguments */
	const char *value[REWRITE_PARAMS_MAX];
	int length[REWRITE_PARAMS_MAX], format[REWRITE_PARAMS_MAX];
	unsigned char number[REWRITE_PARAMS_MAX][8];
};

/* PostgreSQL's type for values of that type; 0: any (NULL has none). */
Oid pgsql_type(enum db_type type);

/* `args` in libpq's form; at most REWRITE_PARAMS_MAX. */
void pgsql_params(struct pgsql_params *p, struct db_args args);

/* Copy the rows of `r` (binary) into `a`. RC_INTERNAL: a column of a type that the store does not have. */
enum rc pgsql_rows(const PGresult *r, struct arena *a, struct db_rows *out, struct err *e);

#endif
