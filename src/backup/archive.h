/* One sealed file that holds an installation or a part of it: a row of parts, each with a kind and octets,
 * inside a stream sealed with a passphrase (crypto/stream_seal.h). Nothing of it is readable without.
 *
 * A writer works under another name beside FILE, and FILE is there, whole and durable, once it is kept. */
#ifndef BACKUP_ARCHIVE_H
#define BACKUP_ARCHIVE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define ARCHIVE_PART_MAX (64u << 20) /* octets; a row of the store is far smaller */

enum archive_kind { /* JSON objects, but for octets */
	ARCHIVE_MANIFEST = 'M', /* the first part: what this is */
	ARCHIVE_FILE = 'F', /* a file begins: path, mode, size */
	ARCHIVE_OCTETS = 'D', /* some of it */
	ARCHIVE_TABLE = 'T', /* a table begins: name, columns */
	ARCHIVE_ROWS = 'R', /* some of it (backup/row.h) */
	ARCHIVE_TABLE_END = 'E', /* rows, sum */
	ARCHIVE_END = 'Z', /* the last part */
};

/* ---- writing ---- */

struct archive_writer;

/* Begin FILE, 0600. RC_CONFLICT: it is there and is no archive; an older archive is replaced by
 * archive_keep, in one step. RC_BAD_INPUT: the passphrase. RC_UNAVAILABLE: it can't be made. */
enum rc archive_create(const char *file, const char *passphrase, struct archive_writer **out, struct err *e);
enum rc archive_put(struct archive_writer *w, enum archive_kind kind, struct bytes content, struct err *e);

/* End it and put it in place; *size: octets of the file. Ends the writer, also when it fails. */
enum rc archive_keep(struct archive_writer *w, uint64_t *size, struct err *e);
void archive_discard(struct archive_writer *w); /* NULL is fine */

/* ---- reading ---- */

struct archive_reader;

/* RC_NOT_FOUND: no such file. RC_BAD_INPUT: not an archive, or damaged. RC_FORBIDDEN: another passphrase. */
enum rc archive_open(const char *file, const char *passphrase, struct archive_reader **out, struct err *e);

/* The next part; *content is terminated by a NUL and good until the next call. RC_BAD_INPUT: the file is
 * damaged or ends too early. After ARCHIVE_END there is nothing more, which is checked. */
enum rc archive_next(struct archive_reader *r, enum archive_kind *kind, struct bytes *content, struct err *e);
void archive_close(struct archive_reader *r); /* NULL is fine */

#endif
