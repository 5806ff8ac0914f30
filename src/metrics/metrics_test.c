#include "metrics/metrics.h"

#include <string.h>

#include "base/tap.h"
#include "metrics/count.h"
#include "metrics/text.h"

static const struct http_route first[] = { { .method = "GET", .path = "/a" },
	{ .method = "PUT", .path = "/mdm/{}/command" }, { 0 } };
static const struct http_route second[] = { { .method = "GET", .path = "/b" }, { 0 } };

static void
counting(void)
{
	const struct http_route *const tables[] = { first, second };
	struct metrics *m = metrics_new(tables, 2);
	struct http_reply fine = { .status = 200 }, odd = { .status = 299 };

	metrics_request(m, &(struct http_request){ .path = "/mdm/eliza/command", .route = 1 }, &fine, 90);
	metrics_request(m, &(struct http_request){ .path = "/b", .route = 2 }, &odd, 90);
	metrics_request(m, &(struct http_request){ .path = "/b", .route = 3 }, &fine, 90);
	metrics_request(m, &(struct http_request){ .path = "/b", .route = -1 }, &fine, 90);
	is_str(m->route[1].route->path, "/mdm/{}/command",
	    "a request is counted under its route's pattern, never its path");
	ok(counted(&m->route[1].result[0]) == 1 && counted(&m->route[1].times.count[0]) == 1,
	    "with its status and its time");
	ok(counted(&m->route[2].result[COUNT_RESULTS - 1]) == 1, "a status that is not in the table is `other`");
	is_str(count_result(COUNT_RESULTS - 1), "other", "which the page calls so");
	ok(m->n == 3, "rows of all tables have one number each, and no other number is counted");
	metrics_free(m);
}

static void
format(void)
{
	static struct histogram h;
	const struct label labels[] = { { "a", "x\"\\\ny" }, { "b", NULL }, { "c", "" }, { NULL, NULL } };
	struct buf b;

	buf_init(&b, 4096);
	text_value(&b, "n", "", labels, -3);
	is_str(b.p, "n{a=\"x\\\"\\\\\\ny\",c=\"\"} -3\n",
	    "a label's backslash, quote and line feed are escaped; one without a value is left out");
	buf_reset(&b);
	text_value(&b, "n", "", NULL, 7);
	is_str(b.p, "n 7\n", "without labels there are no braces");
	buf_reset(&b);
	histogram_add(&h, 90);
	histogram_add(&h, 200);
	histogram_add(&h, 9000000);
	text_histogram(&b, "t", NULL, &h);
	ok(strncmp(b.p, "t_bucket{le=\"0.0001\"} 1\nt_bucket{le=\"0.00025\"} 2\nt_bucket{le=\"0.0005\"} 2\n", 70) == 0,
	    "classes of a histogram add up, in seconds");
	ok(strstr(b.p, "t_bucket{le=\"5\"} 2\nt_bucket{le=\"+Inf\"} 3\nt_sum 9.000290\nt_count 3\n") != NULL,
	    "the last class has all, and the sum is in seconds");
	buf_free(&b);
}

int
main(void)
{
	counting();
	format();
	return done();
}
