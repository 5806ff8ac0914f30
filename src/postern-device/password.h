/* A password from standard input. */
#ifndef POSTERN_DEVICE_PASSWORD_H
#define POSTERN_DEVICE_PASSWORD_H

#include "base/arena.h"
#include "base/err.h"

/* The first line. RC_BAD_INPUT: empty, or over 1024 octets. */
enum rc password_read_stdin(struct arena *a, const char **password, struct err *e);

#endif
