/* An installation as one sealed file, and back: keys, TLS files, settings, and the store's rows as they were
 * at one moment while the server runs. The rows are in no engine's form, so that what was backed up from
 * SQLite can be restored to PostgreSQL and the other way round.
 *
 * A node's file has everything but the rows: a second server on the same PostgreSQL database. */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define BACKUP_FORMAT 1 /* of the parts; a reader refuses a larger one */

/* Called now and then with the number of rows that are done, and of all. May be NULL. */
typedef void backup_watch(void *ctx, const char *doing, int64_t done, int64_t total);

struct backup {
	struct arena *a;
	const char *dir; /* DIR: read by backup_make, made by backup_restore */
	const char *file, *passphrase;
	const char *store; /* DSN in place of the configuration's (restore, join); NULL: that one */
	const char *url; /* likewise */
	int64_t now;
	backup_watch *watch;
	void *ctx;
};

struct backup_facts {
	uint64_t size; /* octets of the file */
	int64_t rows, made_at;
	int tables, files, schema;
	const char *version, *url, *store; /* of the program that made it; of the settings */
	const char *outside; /* files that the settings name and that are not under DIR, or NULL */
};

/* RC_NOT_FOUND: there is no installation in `dir`. RC_CONFLICT: FILE is something else. RC_UNAVAILABLE: the
 * disk or the database. Nothing but a whole FILE is left. */
enum rc backup_make(const struct backup *b, struct backup_facts *out, struct err *e);

/* RC_BAD_INPUT: not a backup, or damaged. RC_FORBIDDEN: another passphrase. RC_CONFLICT: made by a newer
 * program, or DIR or the database is not empty. Nothing is left of one that failed. */
enum rc backup_restore(const struct backup *b, struct backup_facts *out, struct err *e);

/* As the two above, for a node. RC_CONFLICT: the store is one that a single process owns. */
enum rc backup_export(const struct backup *b, struct backup_facts *out, struct err *e);
enum rc backup_join(const struct backup *b, struct backup_facts *out, struct err *e);

/* Take keys that are new or others out of a node's file into a node that is there; files: how many. What is
 * not in the file stays. RC_CONFLICT: another installation's. */
enum rc backup_update(const struct backup *b, struct backup_facts *out, struct err *e);

#endif
