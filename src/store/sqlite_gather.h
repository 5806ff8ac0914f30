/* A file layer for the writer's connection that gathers its writes to the write-ahead log.
 *
 * SQLite writes a frame's header and its page by two calls, so a group of units is tens of small writes one after
 * another. Here they become one, at the latest when the log is flushed, read, measured or cut: before anybody
 * else is told of a frame, it is in the file. Only with synchronous=FULL, where a COMMIT always flushes. */
#ifndef STORE_SQLITE_GATHER_H
#define STORE_SQLITE_GATHER_H

#include <sqlite3.h>

#include "base/err.h"

struct gather;

/* Over the layer called `below` (NULL: the system's). RC_UNAVAILABLE: there is none, or no memory. */
enum rc gather_new(const char *below, struct gather **out, struct err *e);
void gather_free(struct gather *g); /* NULL is fine; connections through it are closed before */

const char *gather_name(const struct gather *g); /* for sqlite3_open_v2 */

#endif
