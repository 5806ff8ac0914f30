/* A store's rows into another, empty one, on the same engine or the other: counted and summed table by table
 * before the new one is kept. */
#ifndef BACKUP_COPY_H
#define BACKUP_COPY_H

#include "backup/backup.h"
#include "base/arena.h"

struct copy {
	struct arena *a;
	const char *from, *to; /* DSNs */
	backup_watch *watch;
	void *ctx;
};

struct copy_table {
	const char *name;
	int64_t rows;
	const char *sum; /* 64 hexadecimal digits, whatever the order of the rows */
};

struct copy_facts {
	int version; /* of the schema */
	const struct copy_table *tables;
	int n_tables;
	int64_t rows;
};

/* RC_NOT_FOUND: there is no FROM. RC_CONFLICT: TO is not empty, somebody else is at work on FROM, or it is newer
 * than this program. RC_INTERNAL: TO answers with other rows than it was given. TO is empty, or not there, after
 * anything but RC_OK. */
enum rc copy_store(const struct copy *c, struct copy_facts *out, struct err *e);

#endif
