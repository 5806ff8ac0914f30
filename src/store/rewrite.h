/* SQL as this program writes it, made into what PostgreSQL takes. Pure; literals, quoted names and
 * comments are left as they are. */
#ifndef STORE_REWRITE_H
#define STORE_REWRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

#define REWRITE_PARAMS_MAX 64 /* the highest N of a placeholder */

struct rewrite_about {
	int params; /* the highest N */
	bool writes; /* the statement is more than a query: INSERT, UPDATE, CREATE, WITH x AS (DELETE ...) */
};

/* Turn every placeholder ?N of one statement into $N, in place: the length stays. The same N may come
 * more than once. RC_INTERNAL: '?' without a number from 1 to REWRITE_PARAMS_MAX, or an open quote. */
enum rc rewrite_placeholders(char *sql, struct rewrite_about *about, struct err *e);

/* Cut the next statement of a script off *sql into `out` (emptied first), without its semicolon. A
 * column's TEXT becomes TEXT COLLATE "C", so that text compares and sorts by its octets, as in SQLite,
 * whatever the database's locale. False: there is none left. */
bool rewrite_next(const char **sql, struct buf *out);

#endif
