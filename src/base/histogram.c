#include "base/histogram.h"

/* From a poll that is one read to a provider that hangs: about as many classes for each power of ten. */
const int32_t histogram_bounds_us[HISTOGRAM_CLASSES - 1] = { 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000,
	100000, 250000, 500000, 1000000, 2500000, 5000000 };

void
histogram_add(struct histogram *h, int64_t us)
{
	int i = 0;

	while (i < HISTOGRAM_CLASSES - 1 && us > histogram_bounds_us[i])
		i++;
	count_up(&h->count[i], 1);
	count_up(&h->sum_us, us);
}
