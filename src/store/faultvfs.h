/* A disk that fails when told to, under SQLite: for tests that prove what a crash leaves.
 *
 * The VFS "fault" (DSN `sqlite:PATH?vfs=fault`) keeps what was written and not flushed in this
 * process's memory, as a machine keeps it in its page cache. When the process is killed, that is gone:
 * a power cut. So kill -9, which alone proves nothing about flushing, does here. Meanwhile some of it
 * may reach the file early and out of order, whole or torn, as the system pleases.
 *
 * Beside that, the n-th step can fail: disk full, I/O error, out of memory, or the cut itself. After a
 * failed flush, what was to be flushed counts as clean and is not written by the next one, as on Linux.
 * Locks and the shared memory of the log's index are the real ones. Directories are not simulated.
 *
 * SQLite's layers and allocator belong to the whole process, and so does this: its state is global,
 * behind one lock. It is compiled in because the loss runs want the program that is shipped; a DSN that
 * does not name it never reaches it. */
#ifndef STORE_FAULTVFS_H
#define STORE_FAULTVFS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define FAULTVFS_NAME "fault"

/* The environment's POSTERN_FAULT: words with commas between them.
 *	drop | reorder | tear	what happens to writes before a flush: nothing reaches the file
 *				(default), some do whole, some do in part
 *	seed=N			of the choices
 *	full@N io@N oom@N kill@N	fail at step N of its kind, once; with a final + from then on */
#define FAULTVFS_ENVIRONMENT "POSTERN_FAULT"

/* What fails, and so which steps count. */
enum fault_kind {
	FAULT_NONE,
	FAULT_FULL, /* writes */
	FAULT_IO, /* reads, writes, truncations, flushes, opening, removing, mapping the log's index */
	FAULT_OOM, /* SQLite's allocations */
	FAULT_KILL, /* writes, truncations, flushes; a flush may be done in part */
};

enum fault_early { FAULT_DROP, FAULT_REORDER, FAULT_TEAR };

/* Register the VFS and the allocator, once; further calls do nothing. store_open does it for a DSN that
 * names the VFS. RC_BAD_INPUT: POSTERN_FAULT has an unknown word. RC_CONFLICT: SQLite was used already
 * in this process, so its allocator can't be replaced. */
enum rc faultvfs_register(struct err *e);

/* Count steps of `kind` from now and fail at the `at`-th (from 1), or from it on. Not before register. */
void faultvfs_arm(enum fault_kind kind, int64_t at, bool on);
void faultvfs_disarm(void);
int64_t faultvfs_steps(void); /* of the armed kind, since it was armed */

/* Choose what happens to unflushed writes from now on. */
void faultvfs_early(enum fault_early early, uint64_t seed);

/* Cut the power of this process's disk: what was not flushed is gone and every file fails until
 * power_on. Close the store in between; then it may be opened again. */
void faultvfs_power_cut(void);
void faultvfs_power_on(void);

#endif
