#include "base/histogram.h"

#include "base/tap.h"

int
main(void)
{
	static struct histogram h;
	int64_t n = 0;

	histogram_add(&h, 0);
	histogram_add(&h, 100);
	histogram_add(&h, 101);
	histogram_add(&h, 5000000);
	histogram_add(&h, INT64_C(4000000000));
	ok(counted(&h.count[0]) == 2, "a time that equals a bound belongs below it, as `le` says");
	ok(counted(&h.count[1]) == 1, "one more is in the next class");
	ok(counted(&h.count[HISTOGRAM_CLASSES - 2]) == 1 && counted(&h.count[HISTOGRAM_CLASSES - 1]) == 1,
	    "what is longer than every bound is in the last class");
	for (int i = 0; i < HISTOGRAM_CLASSES; i++)
		n += counted(&h.count[i]);
	ok(n == 5, "everything is counted once");
	ok(counted(&h.sum_us) == INT64_C(4005000201), "the sum is exact");
	return done();
}
