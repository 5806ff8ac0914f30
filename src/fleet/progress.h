/* How far long work is: a bar on a terminal, nothing elsewhere. */
#ifndef FLEET_PROGRESS_H
#define FLEET_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct fleet_progress {
	const char *what; /* "certificates" */
	uint64_t total;
	int64_t began_ms, shown_ms;
	bool terminal;
};

void fleet_progress_begin(struct fleet_progress *p, const char *what, uint64_t total);
void fleet_progress_at(struct fleet_progress *p, uint64_t done); /* cheap: writes ten times a second at most */
void fleet_progress_end(struct fleet_progress *p); /* takes the bar away */

#endif
