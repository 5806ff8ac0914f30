#include "fleet/hist.h"

#include <string.h>

#define HALF 128 /* buckets of one doubling */

static unsigned
bucket_of(uint64_t us)
{
	unsigned shift;

	if (us > FLEET_HIST_MAX)
		us = FLEET_HIST_MAX;
	if (us < HALF)
		return (unsigned)us;
	shift = 63u - 7u - (unsigned)__builtin_clzll(us);
	return shift * HALF + (unsigned)(us >> shift);
}

/* The largest value of a bucket. */
static uint64_t
value_of(unsigned bucket)
{
	unsigned shift;

	if (bucket < 2 * HALF)
		return bucket;
	shift = bucket / HALF - 1;
	return ((uint64_t)(bucket % HALF + HALF + 1) << shift) - 1;
}

static void
add(struct fleet_hist *h, uint64_t us, uint64_t times)
{
	h->bucket[bucket_of(us)] += times;
	h->count += times;
	h->sum += us * times;
	if (us > h->max)
		h->max = us;
}

void
fleet_hist_add(struct fleet_hist *h, uint64_t us)
{
	add(h, us, 1);
}

void
fleet_hist_add_corrected(struct fleet_hist *h, uint64_t us, uint64_t every_us)
{
	add(h, us, 1);
	if (every_us == 0)
		return;
	for (; us > 2 * every_us - 1; us -= every_us)
		add(h, us - every_us, 1);
}

void
fleet_hist_corrected(const struct fleet_hist *h, uint64_t every_us, struct fleet_hist *out)
{
	memset(out, 0, sizeof *out);
	for (unsigned i = 0; i < FLEET_HIST_BUCKETS; i++) {
		uint64_t us = value_of(i);

		if (h->bucket[i] == 0)
			continue;
		if (us > h->max)
			us = h->max;
		add(out, us, h->bucket[i]);
		for (; every_us > 0 && us > 2 * every_us - 1; us -= every_us)
			add(out, us - every_us, h->bucket[i]);
	}
}

uint64_t
fleet_hist_at(const struct fleet_hist *h, double share)
{
	double exact = share * (double)h->count;
	uint64_t wanted = (uint64_t)exact, seen = 0;

	if ((double)wanted < exact)
		wanted++;
	if (wanted == 0)
		wanted = 1;
	for (unsigned i = 0; i < FLEET_HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= wanted)
			return value_of(i) < h->max ? value_of(i) : h->max;
	}
	return h->max;
}

double
fleet_hist_mean(const struct fleet_hist *h)
{
	return h->count > 0 ? (double)h->sum / (double)h->count : 0;
}
