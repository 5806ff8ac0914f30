/* The picture is well-formed, labelled, and draws what it is given. */
#include "fleet/plot.h"

#include <stdlib.h>

#include "base/tap.h"

/* Every element that opens closes. Good enough for what plot.c writes: no comments, no CDATA. */
static int
depth_of(const char *p)
{
	int depth = 0;

	while ((p = strchr(p, '<')) != NULL) {
		const char *end = strchr(p, '>');

		if (end == NULL)
			return -1;
		depth += p[1] == '/' ? -1 : end[-1] == '/' ? 0 : 1;
		p = end;
	}
	return depth;
}

static int
times(const char *text, const char *what)
{
	int n = 0;

	for (const char *p = text; (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

int
main(void)
{
	static struct fleet_hist h, none;
	struct fleet_second series[3] = { { 100, 0, 1000, 2000, 3000 }, { 0 }, { 120, 1, 900, 4000, 5000 } };
	struct fleet_plot p = {
		.title = "poll <&>", .subtitle = "s", .all = &h, .corrected = &h, .series = series, .n_series = 3
	};
	struct buf b;

	for (uint64_t i = 1; i < 5000; i++)
		fleet_hist_add(&h, i);
	buf_init(&b, 1 << 20);
	fleet_plot_svg(&b, &p);
	ok(buf_ok(&b) && strncmp(b.p, "<svg ", 5) == 0 && depth_of(b.p) == 0, "a picture is one well-formed element");
	ok(strstr(b.p, "poll &lt;&amp;>") != NULL, "its title is text, whatever it holds");
	ok(times(b.p, "class=\"frame\"") == 3, "it has three panels");
	ok(strstr(b.p, ">ms<") != NULL && strstr(b.p, ">requests/s<") != NULL && strstr(b.p, ">99.9 %<") != NULL,
	    "axes have units");
	ok(strstr(b.p, "prefers-color-scheme:dark") != NULL, "it is readable on dark ground, too");
	ok(strstr(b.p, "nan") == NULL && strstr(b.p, "inf") == NULL, "every number is one");
	buf_reset(&b);
	p.series = NULL;
	p.corrected = NULL;
	p.all = &none;
	fleet_plot_svg(&b, &p);
	ok(buf_ok(&b) && depth_of(b.p) == 0 && times(b.p, "class=\"frame\"") == 1 && strstr(b.p, "nan") == NULL,
	    "without a series, and without anything measured, it is well-formed too");
	buf_free(&b);
	return done();
}
