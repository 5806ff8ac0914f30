/* Rows of any table as octets, the same whatever engine they come from, and a sum over them that does not
 * depend on their order. Pure. */
#ifndef BACKUP_ROW_H
#define BACKUP_ROW_H

#include "base/buf.h"
#include "store/store.h"

#define ROW_COLUMNS_MAX 128

/* Add one row to `b`. Each cell: 0 (NULL), 1 and eight octets (integer), 2 (text) or 3 (octets) with four
 * octets of length, the content, and a NUL. */
void row_put(struct buf *b, const struct db_value *row, int n);

/* Take one row of `n` cells off the front of *b; text and octets point into it. RC_BAD_INPUT: it is none. */
enum rc row_take(struct bytes *b, struct db_value *row, int n, struct err *e);

struct row_sum {
	int64_t rows;
	uint64_t lane[4]; /* sum of the rows' digests (BLAKE2b), by eight octets */
};

void row_add(struct row_sum *s, struct bytes row);
const char *row_text(struct arena *a, const struct row_sum *s); /* 64 hexadecimal digits */

#endif
