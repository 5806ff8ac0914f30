/* `postern-device fleet`: what main's table of commands names. */
#ifndef POSTERN_DEVICE_FLEET_H
#define POSTERN_DEVICE_FLEET_H

#include "fmt/argv.h"

#define FLEET_STATE_OPTION ARGV_TEXT("state", "FLEETDIR", "Directory of the fleet", .required = true)

extern const struct argv_option fleet_prepare_options[], fleet_run_options[], fleet_verify_options[];
extern const char fleet_prepare_more[], fleet_run_more[], fleet_verify_more[];
int fleet_prepare_command(const struct argv *v, void *ctx);
int fleet_run_command(const struct argv *v, void *ctx);
int fleet_verify_command(const struct argv *v, void *ctx);

#endif
