/* A histogram of durations, log-linear: 128 buckets to each doubling, so that a percentile read back is at
 * most 0.8 % from a value that was counted, from a microsecond to 71 minutes in 27 kB. Pure.
 *
 * Coordinated omission: a generator that waits for its answer before it asks again counts a stall of a
 * second once, although everybody who would have come meanwhile waited, too. fleet_hist_corrected adds
 * those who were left out. */
#ifndef FLEET_HIST_H
#define FLEET_HIST_H

#include <stdint.h>

#define FLEET_HIST_BUCKETS 3328
#define FLEET_HIST_MAX UINT64_C(4294967295) /* us; longer ones count as this */

struct fleet_hist {
	uint64_t count, sum, max; /* us */
	uint64_t bucket[FLEET_HIST_BUCKETS];
};

void fleet_hist_add(struct fleet_hist *h, uint64_t us);

/* The same, and those that a closed loop left out: us - every, us - 2 * every, ... down to `every`. */
void fleet_hist_add_corrected(struct fleet_hist *h, uint64_t us, uint64_t every_us);

/* The corrected one of a whole histogram. */
void fleet_hist_corrected(const struct fleet_hist *h, uint64_t every_us, struct fleet_hist *out);

/* The value that `share` (0..1) of all don't exceed; 0 when there are none. */
uint64_t fleet_hist_at(const struct fleet_hist *h, double share);

double fleet_hist_mean(const struct fleet_hist *h); /* us */

#endif
