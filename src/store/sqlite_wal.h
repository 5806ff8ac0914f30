/* The file layer under a database's connections, for the file of its write-ahead log. It gathers writes, and
 * remembers a flush that failed.
 *
 * SQLite writes a frame's header and its page by two calls, so a group of units is tens of small writes one after
 * another. Here they become one, at the latest when the log is flushed, read, measured or cut: before anybody
 * else is told of a frame, it is in the file. Only with synchronous=FULL, where a COMMIT always flushes.
 *
 * The keeper's connection flushes the log as well before it copies it, and what a failed flush did not write, no later
 * one does: the system may take it for written, and tells one connection of it. If the writer's frames were among it, the
 * writer's own flush would find nothing to do, and succeed. So after one flush that failed, all do. */
#ifndef STORE_SQLITE_WAL_H
#define STORE_SQLITE_WAL_H

#include <sqlite3.h>

#include "base/err.h"

struct wal_layer;

/* Over the layer called `below` (NULL: the system's). RC_UNAVAILABLE: there is none, or no memory. */
enum rc wal_layer_new(const char *below, struct wal_layer **out, struct err *e);
void wal_layer_free(struct wal_layer *layer); /* NULL is fine; connections through it are closed before */

/* Once, before anything is committed through `db`: what the log of an earlier process has is made durable, and is all to be
 * copied. That process may have ended for a flush that failed. Recovery then found what the system remembered of
 * the log, of which the disk may lack the middle; and while another program has the database open, the index of the log
 * still says of frames that they were copied whose pages that flush was to write. The result is SQLite's. */
int wal_take_over(sqlite3 *db);

const char *wal_layer_name(const struct wal_layer *layer); /* for sqlite3_open_v2 */

#endif
