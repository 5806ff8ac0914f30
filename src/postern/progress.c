/* A progress bar on a terminal's stderr; nothing anywhere else. */
#include <stdio.h>
#include <unistd.h>

#include "postern/cli.h"

#define BAR 30 /* characters */

void
cli_progress(const struct cli *k, const char *doing, int64_t done, int64_t total, const char *unit)
{
	int filled = total > 0 && done < total ? (int)(done * BAR / total) : BAR;

	if (!isatty(STDERR_FILENO) || k->json)
		return;
	fprintf(stderr, "\r%s [%.*s%*s] %3d %%, %lld %s ", doing, filled, "##############################",
	    BAR - filled, "", total > 0 && done < total ? (int)(done * 100 / total) : 100, (long long)done, unit);
	fflush(stderr);
}

void
cli_progress_end(const struct cli *k)
{
	if (isatty(STDERR_FILENO) && !k->json)
		fprintf(stderr, "\r%*s\r", BAR + 50, "");
}
