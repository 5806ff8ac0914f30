/* What a process of the daemon may still do, once it was told: system calls by a filter (seccomp), files by a list of
 * paths (Landlock). Neither can be taken back, and both hold for what is forked from it.
 *
 * A kernel may lack either; then the other one holds alone, and a line in the log says so. Programs made with a sanitizer
 * are allowed what its runtime needs besides. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include "base/err.h"

enum sandbox_mode { SANDBOX_OFF, SANDBOX_ON, SANDBOX_REQUIRE };

/* Whose filter. Rows of a table in sandbox.c. */
enum sandbox_role {
	SANDBOX_SERVER, /* the daemon: network, threads, children that are forks of it; no other program, no tracing */
	SANDBOX_LISTENER, /* threads, sockets that listen already and what they accept; files are read */
	SANDBOX_KEYS, /* files and threads; no socket but those it was given */
	SANDBOX_HASHER, /* memory, and the socket it was given */
	SANDBOX_OPENER, /* reads files, hands descriptors on */
};

#define SANDBOX_READ 1u /* a file, or all below a folder */
#define SANDBOX_WRITE 2u /* the same: change; in a folder also make and remove files */
#define SANDBOX_SOCKETS 4u /* make sockets in a folder */

struct sandbox_path {
	const char *path; /* NULL ends the list; what is not there is left out */
	unsigned access;
};

/* For the calling thread, which should be the only one. `paths` NULL: no file at all can be opened any more; those that are
 * open go on. RC_UNAVAILABLE with SANDBOX_REQUIRE: the kernel lacks a part. */
enum rc sandbox_enter(enum sandbox_role role, enum sandbox_mode mode, const struct sandbox_path *paths, struct err *e);

#endif
