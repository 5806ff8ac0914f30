/* The address of a PostgreSQL database: libpq's URI, and options of ours among its parameters. */
#ifndef STORE_PGSQL_DSN_H
#define STORE_PGSQL_DSN_H

#include <stdbool.h>

#include "base/err.h"

#define PGSQL_CONNECTIONS 20 /* workers of all classes (8, 4 and 4) and a few for housekeeping */
#define PGSQL_TIMEOUT_S 20

struct pgsql_options {
	char *dsn; /* for libpq, without ours; may hold a password: never printed */
	bool prepare; /* prepare=off: no prepared statements, for a pooler that can't keep them */
	int connections; /* connections=N: at most */
	int timeout_s; /* timeout=N: how long one answer, or a free connection, is waited for */
};

/* `rest` is what follows "postgresql:". RC_UNAVAILABLE: libpq does not take it, or one of ours has a
 * value that is not known; the sentence repeats nothing of it but that option. */
enum rc pgsql_dsn_parse(const char *rest, struct pgsql_options *out, struct err *e);
void pgsql_dsn_free(struct pgsql_options *o); /* wipes */

#endif
