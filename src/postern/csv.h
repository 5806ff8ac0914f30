/* Reading a CSV file (RFC 4180), as spreadsheets write them. */
#ifndef POSTERN_CSV_H
#define POSTERN_CSV_H

#include "postern/cli.h"

#define CSV_COLUMNS_MAX 16

struct csv {
	struct arena *a;
	const char *p, *end;
	int line; /* of the record that was read last */
	int next_line;
};

/* A whole file of text, '-' for standard input; the mark at the beginning that spreadsheets write is skipped. */
enum rc csv_open(struct cli *k, const char *path, struct csv *out);

/* The next record; *n 0 at the end of the file or for an empty line. After an error the rest of the line is
 * skipped. */
enum rc csv_record(struct csv *c, const char *fields[CSV_COLUMNS_MAX], int *n, struct err *e);

/* User identifiers are stored without capital letters (of ASCII). */
char *csv_fold(struct arena *a, const char *text);

#endif
