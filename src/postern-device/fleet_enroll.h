/* `postern-device fleet run --scenario enroll`. */
#ifndef POSTERN_DEVICE_FLEET_ENROLL_H
#define POSTERN_DEVICE_FLEET_ENROLL_H

#include <signal.h>

#include "fmt/argv.h"

/* Runs and reports; the exit status. `stop` ends it. */
int fleet_enroll_run_command(const struct argv *v, const volatile sig_atomic_t *stop);

#endif
