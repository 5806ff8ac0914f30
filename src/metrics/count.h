/* What is counted of requests. Room-private. */
#ifndef METRICS_COUNT_H
#define METRICS_COUNT_H

#include <pthread.h>

#include "base/histogram.h"
#include "metrics/metrics.h"

#define COUNT_RESULTS 25 /* metrics.c has the status codes; the last one is any other */

struct count_route {
	const struct http_route *route;
	atomic_llong result[COUNT_RESULTS];
	struct histogram times;
};

struct metrics {
	struct count_route *route; /* one for each row of the tables */
	int n;
	pthread_mutex_t lock; /* over what follows */
	char *rows; /* what the database knew, as text; NULL: nothing yet */
	int64_t rows_at; /* monotonic milliseconds */
};

/* "200"; "other" for the last. */
const char *count_result(int i);

#endif
