/* What the stand-in needs to be trusted: a CA of its own, a server certificate for localhost, a push certificate for an
 * organization that has none from Apple, and a token for Apps and Books. Good for a laboratory only. */
#ifndef APPLE_LAB_H
#define APPLE_LAB_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct lab { /* paths, but for the topic */
	const char *ca, *server, *server_key, *push, *push_key, *token;
	const char *topic; /* UID of the push certificate */
};

/* The paths in `dir`; nothing is read, and there is no topic. */
void lab_paths(struct arena *a, const char *dir, struct lab *out);

/* Make all of it, in a folder that is made too (0700) if it is missing; files are 0600. RC_CONFLICT: there is one
 * already; nothing is changed. */
enum rc lab_make(struct arena *a, const char *dir, int64_t now, struct lab *out, struct err *e);

/* A file of somebody's, at most `most` octets, with a NUL behind them. RC_NOT_FOUND, RC_TOO_LARGE. */
#define LAB_FILE (1 << 20)
enum rc lab_read(struct arena *a, const char *path, size_t most, struct bytes *out, struct err *e);

/* A new file (0600). RC_CONFLICT: there is one. */
enum rc lab_write(const char *path, struct bytes content, struct err *e);

#endif
