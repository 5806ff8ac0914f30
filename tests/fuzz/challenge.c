#include <string.h>

#include "fmt/challenge.h"
#include "fuzz.h"

FUZZ(a, in)
{
	const char *text = arena_strndup(a, (const char *)in.p, in.n);
	struct challenge c, again;
	struct err e;
	char *written;

	if (challenge_parse(a, text, &c, &e) != RC_OK)
		return;
	if (challenge_write(a, c.parameter, c.n, &written, &e) != RC_OK)
		return; /* taken loosely, written strictly */
	MUST(challenge_parse(a, written, &again, &e) == RC_OK && again.n == c.n);
	for (int i = 0; i < c.n; i++)
		MUST(strcmp(again.parameter[i].value, c.parameter[i].value) == 0);
}
