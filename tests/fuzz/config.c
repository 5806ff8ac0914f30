#include "config/config.h"
#include "fuzz.h"

FUZZ(a, in)
{
	const char *text = arena_strndup(a, (const char *)in.p, in.n), *equals = strchr(text, '=');
	struct conf conf;
	struct err e;

	if (equals == NULL)
		return;
	conf_defaults(a, "/data", &conf);
	conf_set(a, &conf, arena_strndup(a, text, (size_t)(equals - text)), equals + 1, "fuzz", &e);
}
