#include "fmt/sf.h"
#include "fuzz.h"

FUZZ(a, in)
{
	const char *text = arena_strndup(a, (const char *)in.p, in.n);
	struct bytes der, again;
	struct err e;

	if (sf_bytes(a, text, &der, &e) != RC_OK)
		return;
	MUST(sf_bytes(a, sf_bytes_write(a, der), &again, &e) == RC_OK && bytes_eq(der, again));
}
