/* A run as a picture (SVG): duration by percentile, and rate and durations over time. Readable on light and on
 * dark ground, without script. Pure. */
#ifndef FLEET_PLOT_H
#define FLEET_PLOT_H

#include "base/buf.h"
#include "fleet/run.h"

struct fleet_plot {
	const char *title, *subtitle;
	const struct fleet_hist *all, *corrected; /* corrected NULL: it is not drawn */
	const struct fleet_second *series; /* NULL: only percentiles are drawn */
	int n_series;
};

void fleet_plot_svg(struct buf *b, const struct fleet_plot *p);

#endif
