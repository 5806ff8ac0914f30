#include <string.h>

#include "assignment/token.h"
#include "fuzz.h"

FUZZ(a, in)
{
	struct assignment_token t;
	struct err e;

	if (assignment_token_parse(a, in, &t, &e) != RC_OK)
		return;
	MUST(t.secrets.consumer_key != NULL && t.secrets.consumer_secret != NULL && t.secrets.access_token != NULL &&
	     t.secrets.access_secret != NULL);
	MUST(strlen(t.secrets.consumer_key) <= in.n);
}
