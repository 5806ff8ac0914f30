#include "fmt/uri.h"
#include "fuzz.h"

FUZZ(a, in)
{
	const char *text = arena_strndup(a, (const char *)in.p, in.n);
	struct uri u;
	struct err e;

	if (uri_parse(a, text, &u, &e) == RC_OK)
		MUST(*u.host != '\0' && u.path[0] == '/' && u.port > 0 && u.port < 65536);
}
