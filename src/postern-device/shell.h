/* `postern-device shell`: the program's commands line by line, about one device. */
#ifndef POSTERN_DEVICE_SHELL_H
#define POSTERN_DEVICE_SHELL_H

#include "fmt/argv.h"

extern const char shell_more[];

int shell_command(const struct argv *v, void *ctx);

#endif
