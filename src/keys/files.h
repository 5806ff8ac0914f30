/* Files of this room: whole ones only, durable before a call returns, readable by the owner alone. */
#ifndef KEYS_FILES_H
#define KEYS_FILES_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

/* The contents. RC_NOT_FOUND: no such file. RC_UNAVAILABLE: cannot be read, or everybody can. */
enum rc files_read(int dir, struct arena *a, const char *file, struct bytes *out, struct err *e);

/* Written under another name, synced and put in place in one step. RC_CONFLICT: it exists already
 * and `replace` is false. RC_UNAVAILABLE: disk full and the like; what was there is untouched. */
enum rc files_write(int dir, const char *file, struct bytes data, bool replace, struct err *e);

/* RC_NOT_FOUND: none of that name. */
enum rc files_remove(int dir, const char *file, struct err *e);

#endif
