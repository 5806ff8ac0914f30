#include <string.h>

#include "fleet/answer.h"
#include "fuzz.h"

static bool
within(struct bytes part, struct bytes whole)
{
	return part.p == NULL || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* What a server sends: nothing is read past its end, and more is needed only where nothing was changed. */
FUZZ(a, in)
{
	char *p = (char *)arena_copy(a, in).p, *rest = (char *)arena_copy(a, in).p;
	struct fleet_answer out;
	struct bytes all = bytes_of(p, in.n);
	enum fleet_reading r = fleet_answer_read(p, in.n, false, &out);

	MUST(r == FLEET_ANSWER_DONE || memcmp(p, in.p, in.n) == 0);
	if (r == FLEET_ANSWER_DONE) {
		MUST(out.n <= in.n && out.status >= 0 && out.status <= 999);
		MUST(within(out.body, all) && within(out.challenge, all));
		MUST(within(fleet_answer_plist_text(out.body, "CommandUUID"), out.body));
		MUST(within(fleet_answer_json_text(out.body, "access_token"), out.body));
		MUST(within(fleet_answer_parameter(out.challenge, "token-url"), out.challenge));
	}
	fleet_answer_read(rest, in.n, true, &out);
}
