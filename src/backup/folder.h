/* DIR while an installation is made in it. Everything is made in a folder of its own below and moved into
 * place at the end, postern.conf last: an installation has a postern.conf, and a folder with the staging
 * folder and without it is what a process that was killed left behind, which the next one clears away. A
 * lock on DIR keeps two of them apart. */
#ifndef BACKUP_FOLDER_H
#define BACKUP_FOLDER_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct folder {
	struct arena *a;
	const char *path; /* DIR */
	const char *staging; /* where it is made: DIR/.making */
	int lock;
	bool made; /* DIR was not there */
};

/* Take DIR, which is empty or not there, and make the staging folder. RC_CONFLICT: something is in it,
 * and was left as it is. RC_UNAVAILABLE: it can't be made, read or locked. */
enum rc folder_take(struct arena *a, const char *path, struct folder *out, struct err *e);

/* Move what was made into place. Where root made it in a folder of another user, it is given to that user. */
enum rc folder_keep(struct folder *f, struct err *e);

/* Let go of DIR; with `failed`, everything that was made is removed. Only after folder_take was RC_OK. */
void folder_leave(struct folder *f, bool failed);

#endif
