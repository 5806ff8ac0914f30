/* A process beside the daemon that opens DIR/postern.conf for it again: below DIR are the keys, to which the daemon has no
 * way, and an editor makes a new file of the old name, to which it has none either. It opens that path and nothing else. */
#ifndef POSTERND_OPENER_H
#define POSTERND_OPENER_H

#include <stdio.h>

#include "base/err.h"
#include "base/sandbox.h"

struct opener {
	int pid, fd; /* fd -1: none */
};

/* Fork, before there are threads. It ends when this process does. */
enum rc opener_start(const char *path, enum sandbox_mode mode, struct opener *out, struct err *e);
void opener_stop(struct opener *o);

/* The file, to be read. NULL: errno says why. For one thread. */
FILE *opener_open(struct opener *o);

#endif
