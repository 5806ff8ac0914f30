/* How long things took: counts in fixed classes, added to by any thread without a lock. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

#define HISTOGRAM_CLASSES 16 /* the last one has no bound */

struct histogram { /* all zero: empty */
	atomic_llong count[HISTOGRAM_CLASSES];
	atomic_llong sum_us;
};

/* Upper bounds of all classes but the last, in microseconds. */
extern const int32_t histogram_bounds_us[HISTOGRAM_CLASSES - 1];

void histogram_add(struct histogram *h, int64_t us);

/* One more of something, counted by many threads; nobody orders anything by it. */
static inline void
count_up(atomic_llong *n, int64_t by)
{
	atomic_fetch_add_explicit(n, by, memory_order_relaxed);
}
static inline int64_t
counted(const atomic_llong *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

#endif
