/* postern-device conform: the conformance test (conform/conform.h) as a command. */
#ifndef POSTERN_DEVICE_CONFORM_H
#define POSTERN_DEVICE_CONFORM_H

#include "fmt/argv.h"

extern const struct argv_option conform_options[];
extern const struct argv_argument conform_arguments[];
extern const char conform_more[];
argv_function conform_command;

#endif
