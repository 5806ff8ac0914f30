/* Files of a folder, whole or not at all, readable by their owner only. */
#ifndef BASE_DISK_H
#define BASE_DISK_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* Make the directory (0700) if it is missing; its parent must exist. */
enum rc disk_dir_make(const char *path, struct err *e);

/* Replace DIR/NAME (mode 0600): temporary file, fsync, rename, fsync of the directory. After a crash
 * the old contents or the new ones are there. */
enum rc disk_write(const char *dir, const char *name, struct bytes content, struct err *e);

/* RC_NOT_FOUND: no such file. RC_TOO_LARGE: over 32 MB. */
enum rc disk_read(struct arena *a, const char *dir, const char *name, struct bytes *content, struct err *e);

/* Names of the plain files in the directory, in no order; NULL ends them. */
enum rc disk_list(struct arena *a, const char *dir, const char ***names, struct err *e);

/* Overwrite the contents with zeros, make that durable, then unlink. A missing file is fine. */
enum rc disk_destroy(const char *dir, const char *name, struct err *e);

/* Destroy the temporary files that writes left behind which a crash cut short. */
enum rc disk_sweep(struct arena *a, const char *dir, struct err *e);

/* One process works in a state directory at a time. *fd is the lock; closing it ends it.
 * RC_CONFLICT: another process has it. */
enum rc disk_dir_lock(const char *dir, int *fd, struct err *e);

#endif
