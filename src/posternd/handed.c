#include "posternd/handed.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

void
handed_read(struct arena *a, struct handed *out)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	*out = (struct handed){ .first = SD_LISTEN_FDS_START };
	if (n <= 0)
		return;
	out->n = n;
	out->name = arena_array(a, (size_t)n, sizeof *out->name);
	out->taken = arena_array(a, (size_t)n, sizeof *out->taken);
	for (int i = 0; i < n; i++) {
		out->name[i] = arena_strdup(a, names[i]);
		free(names[i]);
	}
	free(names);
}

int
handed_take(struct handed *h, const char *name)
{
	for (int i = 0; i < h->n; i++) {
		if (!h->taken[i] && strcmp(h->name[i], name) == 0) {
			h->taken[i] = true;
			return h->first + i;
		}
	}
	return -1;
}

enum rc
handed_check(const struct handed *h, struct err *e)
{
	for (int i = 0; i < h->n; i++) {
		if (!h->taken[i])
			return fail(e, RC_BAD_INPUT,
			    "the service manager handed over a socket '%.60s': FileDescriptorName= is unix, tls, mtls, "
			    "plain, metrics or admin",
			    h->name[i]);
	}
	return RC_OK;
}
