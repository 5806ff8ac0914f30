#include "fmt/json.h"
#include "fuzz.h"

FUZZ(a, in)
{
	json_t *root, *again;
	struct err e;

	if (json_parse(a, in, &root, &e) != RC_OK)
		return;
	struct bytes text = json_text(a, root, 0);
	MUST(json_parse(a, text, &again, &e) == RC_OK && json_equal(root, again));
}
