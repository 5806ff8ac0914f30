/* The histogram's promises: precision, percentiles, and the correction for what a closed loop leaves out. */
#include "fleet/hist.h"

#include <stdlib.h>

#include "base/tap.h"

static void
is_precise(void)
{
	static struct fleet_hist h;
	double worst = 0;

	for (uint64_t v = 1; v < FLEET_HIST_MAX; v += v / 50 + 1) {
		memset(&h, 0, sizeof h);
		fleet_hist_add(&h, v);
		fleet_hist_add(&h, FLEET_HIST_MAX); /* so that the largest does not cap the answer */
		double off = (double)fleet_hist_at(&h, 0.5) / (double)v - 1;

		worst = off > worst ? off : worst;
		if (off < 0)
			worst = 1;
	}
	ok(worst <= 1.0 / 128, "a value read back is never less, and at most 0.8 %% more (%.3f %%)", worst * 100);
	fleet_hist_add(&h, UINT64_MAX);
	ok(fleet_hist_at(&h, 1) == UINT64_MAX || fleet_hist_at(&h, 1) == FLEET_HIST_MAX,
	    "longer than 71 minutes counts as that");
}

static void
has_percentiles(void)
{
	static struct fleet_hist h;

	ok(fleet_hist_at(&h, 0.99) == 0 && fleet_hist_mean(&h) <= 0, "an empty one answers 0");
	for (uint64_t v = 1; v <= 100; v++)
		fleet_hist_add(&h, v);
	ok(fleet_hist_at(&h, 0.5) == 50, "the median of 1 to 100 is 50");
	ok(fleet_hist_at(&h, 0.99) == 99 && fleet_hist_at(&h, 1) == 100, "its 99th percentile is 99, its largest 100");
	ok(fleet_hist_mean(&h) > 50.4 && fleet_hist_mean(&h) < 50.6, "its mean is 50.5");
}

/* 99 answers after 1 ms and one after a second, one every 10 ms: during that second 99 more would have asked. */
static void
corrects(void)
{
	static struct fleet_hist h, one, all;

	for (int i = 0; i < 99; i++) {
		fleet_hist_add(&h, 1000);
		fleet_hist_add_corrected(&one, 1000, 10000);
	}
	fleet_hist_add(&h, 1000000);
	fleet_hist_add_corrected(&one, 1000000, 10000);
	fleet_hist_corrected(&h, 10000, &all);
	ok(fleet_hist_at(&h, 0.99) < 1010, "uncorrected, the 99th percentile does not see the stall");
	ok(one.count == 199 && all.count == 199, "corrected, those who would have waited are counted: %llu, %llu",
	    (unsigned long long)one.count, (unsigned long long)all.count);
	ok(fleet_hist_at(&one, 0.99) > 970000, "and the 99th percentile is %llu us",
	    (unsigned long long)fleet_hist_at(&one, 0.99));
	ok(fleet_hist_at(&all, 0.99) > 970000, "both ways agree");
	fleet_hist_corrected(&h, 0, &all);
	ok(all.count == h.count, "without an interval nothing is added");
}

int
main(void)
{
	is_precise();
	has_percentiles();
	corrects();
	return done();
}
