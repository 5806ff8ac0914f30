/* When to fail, and the choices of the simulated disk. Thread safe. */
#ifndef STORE_FAULT_PLAN_H
#define STORE_FAULT_PLAN_H

#include "store/faultvfs.h"

enum fault_step { STEP_READ, STEP_WRITE, STEP_TRUNCATE, STEP_FLUSH, STEP_OTHER, STEP_ALLOCATE };

/* Take a step; FAULT_NONE, or how it is to fail. */
enum fault_kind fault_plan_step(enum fault_step step);

enum fault_early fault_plan_early(void);
uint32_t fault_plan_choose(uint32_t n); /* one of 0 ... n - 1 */

/* As faultvfs_arm, faultvfs_early, faultvfs_steps. */
void fault_plan_arm(enum fault_kind kind, int64_t at, bool on);
void fault_plan_set_early(enum fault_early early, uint64_t seed);
int64_t fault_plan_steps(void);

/* The words of POSTERN_FAULT. RC_BAD_INPUT. */
enum rc fault_plan_parse(const char *words, struct err *e);

#endif
