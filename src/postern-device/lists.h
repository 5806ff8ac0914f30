/* What a simulated device can be: `features`, `models`, `quirks`. */
#ifndef POSTERN_DEVICE_LISTS_H
#define POSTERN_DEVICE_LISTS_H

#include "fmt/argv.h"

extern const struct argv_option features_options[], list_options[];

int features_command(const struct argv *v, void *ctx);
int quirks_command(const struct argv *v, void *ctx);
int models_command(const struct argv *v, void *ctx);

#endif
