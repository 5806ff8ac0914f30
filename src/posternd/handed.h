/* Listening sockets that the service manager opened and keeps (systemd.socket(5)): a restart of the daemon then loses
 * no connection, since those that come meanwhile wait in the socket. */
#ifndef POSTERND_HANDED_H
#define POSTERND_HANDED_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

struct handed {
	int n;
	int first; /* descriptors are first, first + 1, ... */
	char **name; /* FileDescriptorName= of each */
	bool *taken;
};

/* What was handed over, none outside of a socket unit. Once, before the process starts another. */
void handed_read(struct arena *a, struct handed *out);

/* The next descriptor of that name, or -1. */
int handed_take(struct handed *h, const char *name);

/* RC_BAD_INPUT: a socket is left that nobody took. Its peers would wait for ever. */
enum rc handed_check(const struct handed *h, struct err *e);

#endif
