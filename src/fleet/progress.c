#include "fleet/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define WIDTH 30 /* of the bar, in characters */
#define EVERY_MS 100

void
fleet_progress_begin(struct fleet_progress *p, const char *what, uint64_t total)
{
	const char *term = getenv("TERM");

	*p = (struct fleet_progress){ .what = what, .total = total, .began_ms = clock_mono_ms() };
	p->terminal = isatty(STDERR_FILENO) && (term == NULL || strcmp(term, "dumb") != 0);
}

void
fleet_progress_at(struct fleet_progress *p, uint64_t done)
{
	int64_t now = p->terminal ? clock_mono_ms() : 0, spent = now - p->began_ms;
	uint64_t filled = p->total > 0 ? done * WIDTH / p->total : WIDTH;
	char bar[WIDTH + 1];
	long long left;

	if (!p->terminal || (now - p->shown_ms < EVERY_MS && done < p->total))
		return;
	p->shown_ms = now;
	memset(bar, '.', WIDTH);
	memset(bar, '#', filled < WIDTH ? filled : WIDTH);
	bar[WIDTH] = '\0';
	left = done > 0 ? (long long)((double)spent * (double)(p->total - done) / (double)done / 1000) : 0;
	fprintf(stderr, "\r[%s] %3llu %%  %llu of %llu %s, %lld:%02lld left \033[K", bar,
	    (unsigned long long)(p->total > 0 ? done * 100 / p->total : 100), (unsigned long long)done,
	    (unsigned long long)p->total, p->what, left / 60, left % 60);
	fflush(stderr);
}

void
fleet_progress_end(struct fleet_progress *p)
{
	if (p->terminal)
		fputs("\r\033[K", stderr);
	p->terminal = false;
}
