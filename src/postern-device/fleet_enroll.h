/* `postern-device fleet run --scenario enroll`, and the enrollments of a mixed run. */
#ifndef POSTERN_DEVICE_FLEET_ENROLL_H
#define POSTERN_DEVICE_FLEET_ENROLL_H

#include <signal.h>

#include "fleet/enroll.h"
#include "fmt/argv.h"

/* Runs and reports; the exit status. `stop` ends it. */
int fleet_enroll_run_command(const struct argv *v, const volatile sig_atomic_t *stop);

/* The options of `run` as a plan of enrollments, without its ledger. `f` may be zeroed where --user names people. */
struct fleet;
enum rc fleet_enroll_plan_read(const struct argv *v, const struct fleet *f, struct fleet_enroll_plan *p, struct err *e);

#endif
