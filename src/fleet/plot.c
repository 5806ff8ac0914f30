#include "fleet/plot.h"

#include <math.h>
#include <string.h>

#define WIDTH 860
#define LEFT 80 /* of the panels: room for numbers */
#define PANEL_W 740
#define PANEL_H 190
#define GAP 85 /* between panels: a title and numbers */
#define TOP 95
#define NINES 4.0 /* the percentile axis ends at 99.99 % */
#define STEPS 120 /* points of a percentile line */

struct panel {
	int y; /* of its upper edge */
	double low, high; /* of the vertical axis */
	bool log;
};

/* ---- axes ---- */

static double
x_of(double share)
{
	return LEFT + PANEL_W * share;
}

static double
y_of(const struct panel *p, double v)
{
	double at = p->log ? (log10(v > p->low ? v : p->low) - log10(p->low)) / (log10(p->high) - log10(p->low))
			   : (v - p->low) / (p->high - p->low);

	return p->y + PANEL_H * (1 - (at < 0 ? 0 : at > 1 ? 1 : at));
}

static void
frame(struct buf *b, const struct panel *p, const char *title, const char *unit)
{
	buf_printf(b, "<text x=\"%d\" y=\"%d\" class=\"head\">%s</text>\n", LEFT, p->y - 14, title);
	buf_printf(b,
	    "<text x=\"18\" y=\"%d\" class=\"tick\" transform=\"rotate(-90 18 %d)\" text-anchor=\"middle\">%s</text>\n",
	    p->y + PANEL_H / 2, p->y + PANEL_H / 2, unit);
	buf_printf(
	    b, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" class=\"frame\"/>\n", LEFT, p->y, PANEL_W, PANEL_H);
}

static void
y_tick(struct buf *b, const struct panel *p, double v)
{
	double y = y_of(p, v);

	buf_printf(b,
	    "<path d=\"M%d %.1fh%d\" class=\"grid\"/><text x=\"%d\" y=\"%.1f\" class=\"tick\" "
	    "text-anchor=\"end\">%g</text>\n",
	    LEFT, y, PANEL_W, LEFT - 8, y + 4, v);
}

static void
x_tick(struct buf *b, const struct panel *p, double share, const char *label)
{
	buf_printf(b,
	    "<path d=\"M%.1f %dv%d\" class=\"grid\"/><text x=\"%.1f\" y=\"%d\" class=\"tick\" "
	    "text-anchor=\"middle\">%s</text>\n",
	    x_of(share), p->y, PANEL_H, x_of(share), p->y + PANEL_H + 18, label);
}

static void
y_ticks(struct buf *b, const struct panel *p)
{
	double step;

	if (p->log) {
		for (int i = (int)lround(log10(p->low)); i <= (int)lround(log10(p->high)); i++)
			y_tick(b, p, pow(10, i));
		return;
	}
	step = pow(10, floor(log10(p->high)));
	step = p->high / step < 2.5 ? step / 2 : step;
	for (int i = 0; i <= (int)(p->high / step); i++)
		y_tick(b, p, i * step);
}

/* Whole decades that hold both. */
static void
decades(struct panel *p, double least, double most)
{
	p->log = true;
	p->low = pow(10, floor(log10(least > 0.001 ? least : 0.001)));
	p->high = pow(10, ceil(log10(most > p->low ? most * 1.0001 : p->low * 10)));
}

static void
legend(struct buf *b, const struct panel *p, int place, const char *class, const char *name)
{
	int x = LEFT + PANEL_W - 110 - 130 * place;

	buf_printf(b, "<path d=\"M%d %dh24\" class=\"%s\"/><text x=\"%d\" y=\"%d\" class=\"tick\">%s</text>\n", x,
	    p->y - 18, class, x + 30, p->y - 14, name);
}

/* ---- duration by percentile ---- */

static void
percentile_line(struct buf *b, const struct panel *p, const struct fleet_hist *h, const char *class)
{
	buf_printf(b, "<path class=\"%s\" d=\"", class);
	for (int i = 0; i <= STEPS; i++) {
		double nines = NINES * i / STEPS;

		buf_printf(b, "%s%.1f %.1f", i == 0 ? "M" : "L", x_of(nines / NINES),
		    y_of(p, (double)fleet_hist_at(h, 1 - pow(10, -nines)) / 1000));
	}
	buf_str(b, "\"/>\n");
}

static void
percentiles(struct buf *b, const struct fleet_plot *plot)
{
	static const struct {
		const char *label;
		double share;
	} ticks[] = { { "0 %", 0 }, { "50 %", 0.5 }, { "90 %", 0.9 }, { "99 %", 0.99 }, { "99.9 %", 0.999 },
		{ "99.99 %", 0.9999 } };
	const struct fleet_hist *most = plot->corrected != NULL ? plot->corrected : plot->all;
	struct panel p = { .y = TOP };

	decades(&p, (double)fleet_hist_at(plot->all, 0.01) / 1000, (double)fleet_hist_at(most, 0.9999) / 1000);
	frame(b, &p, "Duration by percentile", "ms");
	y_ticks(b, &p);
	for (size_t i = 0; i < sizeof ticks / sizeof ticks[0]; i++)
		x_tick(b, &p, -log10(1 - ticks[i].share) / NINES, ticks[i].label);
	if (plot->corrected != NULL) {
		percentile_line(b, &p, plot->corrected, "b");
		legend(b, &p, 0, "b", "corrected");
	}
	percentile_line(b, &p, plot->all, "a");
	legend(b, &p, 1, "a", plot->corrected != NULL ? "as measured" : "all");
}

/* ---- over time ---- */

typedef double reading(const struct fleet_second *s);

static double
read_rate(const struct fleet_second *s)
{
	return s->requests;
}

static double
read_p50(const struct fleet_second *s)
{
	return s->p50_us / 1000.0;
}

static double
read_p99(const struct fleet_second *s)
{
	return s->p99_us / 1000.0;
}

static void
time_line(struct buf *b, const struct panel *p, const struct fleet_plot *plot, reading *read, const char *class)
{
	int n = plot->n_series;

	buf_printf(b, "<path class=\"%s\" d=\"", class);
	for (int i = 0; i < n; i++)
		buf_printf(b, "%s%.1f %.1f", i == 0 ? "M" : "L", x_of(n > 1 ? (double)i / (n - 1) : 0),
		    y_of(p, read(&plot->series[i])));
	buf_str(b, "\"/>\n");
}

static void
seconds_axis(struct buf *b, const struct panel *p, int n)
{
	int step = n <= 12 ? 1 : n <= 60 ? 5 : n <= 300 ? 30 : n <= 1800 ? 120 : 600;
	char label[32];

	for (int i = 0; i < n; i += step) {
		snprintf(label, sizeof label, "%d s", i + 1);
		x_tick(b, p, n > 1 ? (double)i / (n - 1) : 0, label);
	}
}

static double
largest(const struct fleet_plot *plot, reading *read)
{
	double most = 0;

	for (int i = 0; i < plot->n_series; i++)
		most = read(&plot->series[i]) > most ? read(&plot->series[i]) : most;
	return most;
}

static double
smallest(const struct fleet_plot *plot, reading *read)
{
	double least = INFINITY;

	for (int i = 0; i < plot->n_series; i++) /* a second without any has no duration */
		if (plot->series[i].requests > 0 && read(&plot->series[i]) < least)
			least = read(&plot->series[i]);
	return isinf(least) ? 1 : least;
}

static void
over_time(struct buf *b, const struct fleet_plot *plot)
{
	struct panel rate = { .y = TOP + PANEL_H + GAP, .high = largest(plot, read_rate) * 1.1 + 1 };
	struct panel duration = { .y = TOP + 2 * (PANEL_H + GAP) };

	frame(b, &rate, "Requests over time", "requests/s");
	y_ticks(b, &rate);
	seconds_axis(b, &rate, plot->n_series);
	time_line(b, &rate, plot, read_rate, "a");
	decades(&duration, smallest(plot, read_p50), largest(plot, read_p99));
	frame(b, &duration, "Duration over time", "ms");
	y_ticks(b, &duration);
	seconds_axis(b, &duration, plot->n_series);
	time_line(b, &duration, plot, read_p99, "b");
	time_line(b, &duration, plot, read_p50, "a");
	legend(b, &duration, 1, "a", "p50");
	legend(b, &duration, 0, "b", "p99");
}

/* ---- all ---- */

/* Text of the plan may come from a file name: no markup from it. */
static void
escaped(struct buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '<' || *s == '&')
			buf_str(b, *s == '<' ? "&lt;" : "&amp;");
		else
			buf_char(b, *s);
	}
}

void
fleet_plot_svg(struct buf *b, const struct fleet_plot *p)
{
	int height = TOP + (p->series != NULL && p->n_series > 0 ? 3 : 1) * (PANEL_H + GAP) - 40;

	buf_printf(b,
	    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\""
	    " font-family=\"system-ui, sans-serif\">\n",
	    WIDTH, height, WIDTH, height);
	buf_str(b, "<style>:root{color-scheme:light dark}\n"
		   ".ground{fill:#fff}text{fill:#222}.title{font-size:18px;font-weight:600}.head{font-size:14px;font-"
		   "weight:600}"
		   ".tick{font-size:12px}.frame{fill:none;stroke:#888}.grid{stroke:#8884;fill:none}"
		   ".a,.b{fill:none;stroke-width:2;stroke-linejoin:round}.a{stroke:#0062a8}.b{stroke:#b34700;stroke-"
		   "dasharray:6 3}\n"
		   "@media(prefers-color-scheme:dark){.ground{fill:#16181c}text{fill:#e4e4e4}.a{stroke:#6bb8ff}.b{"
		   "stroke:#ff9f5a}}"
		   "</style>\n");
	buf_printf(b, "<title>");
	escaped(b, p->title);
	buf_printf(b,
	    "</title>\n<rect width=\"100%%\" height=\"100%%\" class=\"ground\"/>\n<text x=\"%d\" y=\"32\" "
	    "class=\"title\">",
	    LEFT);
	escaped(b, p->title);
	buf_printf(b, "</text>\n<text x=\"%d\" y=\"54\" class=\"tick\">", LEFT);
	escaped(b, p->subtitle);
	buf_str(b, "</text>\n");
	percentiles(b, p);
	if (p->series != NULL && p->n_series > 0)
		over_time(b, p);
	buf_str(b, "</svg>\n");
}
