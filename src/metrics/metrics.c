#include "metrics/metrics.h"

#include <stdlib.h>

#include "metrics/count.h"

/* What handlers answer with, the usual ones first. */
static const struct {
	int status;
	const char *text;
} results[] = {
	/* clang-format off */
	{ 200, "200" }, { 204, "204" }, { 401, "401" }, { 403, "403" }, { 404, "404" }, { 201, "201" }, { 202, "202" },
	{ 302, "302" }, { 303, "303" }, { 304, "304" }, { 307, "307" }, { 308, "308" }, { 400, "400" }, { 405, "405" },
	{ 409, "409" }, { 410, "410" }, { 412, "412" }, { 413, "413" }, { 415, "415" }, { 422, "422" }, { 429, "429" },
	{ 500, "500" }, { 502, "502" }, { 503, "503" },
	/* clang-format on */
};
#define N_RESULTS (sizeof results / sizeof results[0])
_Static_assert(N_RESULTS + 1 == COUNT_RESULTS, "one more for any other");

const char *
count_result(int i)
{
	return (size_t)i < N_RESULTS ? results[i].text : "other";
}

static void *
need(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

struct metrics *
metrics_new(const struct http_route *const *tables, int n_tables)
{
	struct metrics *m = need(calloc(1, sizeof *m));

	for (int t = 0; t < n_tables; t++) {
		for (const struct http_route *row = tables[t]; row->path != NULL; row++)
			m->n++;
	}
	m->route = need(calloc((size_t)(m->n > 0 ? m->n : 1), sizeof *m->route));
	for (int t = 0, i = 0; t < n_tables; t++) {
		for (const struct http_route *row = tables[t]; row->path != NULL; row++)
			m->route[i++].route = row;
	}
	pthread_mutex_init(&m->lock, NULL);
	return m;
}

void
metrics_free(struct metrics *m)
{
	if (m == NULL)
		return;
	pthread_mutex_destroy(&m->lock);
	free(m->rows);
	free(m->route);
	free(m);
}

void
metrics_request(struct metrics *m, const struct http_request *r, const struct http_reply *out, int64_t us)
{
	size_t i = 0;

	if (r->route < 0 || r->route >= m->n)
		return;
	while (i < N_RESULTS && results[i].status != out->status)
		i++;
	count_up(&m->route[r->route].result[i], 1);
	histogram_add(&m->route[r->route].times, us);
}

const char *
metrics_route(const struct metrics *m, const struct http_request *r)
{
	return r->route >= 0 && r->route < m->n ? m->route[r->route].route->path : "";
}
