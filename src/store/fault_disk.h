/* The simulated disk: each file as this process sees it, in memory, and what of it was not flushed.
 * The real file is what a power cut would leave. Every connection to a path shares one image. */
#ifndef STORE_FAULT_DISK_H
#define STORE_FAULT_DISK_H

#include <sqlite3.h>

struct fault_image;

/* All results are SQLite's. `real` is an open handle of the system's VFS to the same path; it must be
 * valid for the call only. */
int fault_disk_open(const char *path, sqlite3_file *real, struct fault_image **out);
void fault_disk_close(struct fault_image *i);
void fault_disk_forget(const char *path); /* the file was removed */

int fault_disk_read(struct fault_image *i, void *p, int n, sqlite3_int64 offset);
int fault_disk_write(struct fault_image *i, sqlite3_file *real, const void *p, int n, sqlite3_int64 offset);
int fault_disk_truncate(struct fault_image *i, sqlite3_file *real, sqlite3_int64 size);
sqlite3_int64 fault_disk_size(struct fault_image *i);

/* Write everything through. With `part`, everything, nothing or some of it, and the rest never. */
int fault_disk_flush(struct fault_image *i, sqlite3_file *real, int part);

void fault_disk_cut(void);
void fault_disk_on(void);
int fault_disk_is_cut(void);

#endif
