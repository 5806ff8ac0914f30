/* Files of an installation: whole, synced, 0600, never over another. */
#ifndef BACKUP_FILES_H
#define BACKUP_FILES_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* Make DIR/NAME. RC_CONFLICT: it is there already. */
enum rc file_make(struct arena *a, const char *dir, const char *name, struct bytes content, struct err *e);

/* A whole regular file of at most `max` octets, terminated by a NUL. RC_NOT_FOUND: there is none. */
enum rc file_read(struct arena *a, const char *path, size_t max, struct bytes *out, struct err *e);

/* Remove a folder and all in it; what is not there is no error. Follows no links. */
void tree_remove(struct arena *a, const char *path);

/* Make a folder and all in it another user's. Follows no links. */
enum rc tree_give(struct arena *a, const char *path, uid_t uid, gid_t gid, struct err *e);

/* Names in a folder but "." and "..", NULL-terminated; NULL: it can't be read. */
const char *const *dir_names(struct arena *a, const char *path);

/* Make the names in a folder durable. RC_UNAVAILABLE: nobody knows whether they are. */
enum rc dir_sync(const char *path, struct err *e);

/* The same for a folder and all below it. Follows no links. */
enum rc tree_sync(struct arena *a, const char *path, struct err *e);

#endif
