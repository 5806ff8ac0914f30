#include "fmt/plist.h"
#include "fuzz.h"

FUZZ(a, in)
{
	plist_t root, again;
	struct err e;

	if (plist_parse(a, in, &root, &e) != RC_OK)
		return;
	/* What was taken can be written, and what we write we take, unless it grew over a limit. */
	struct bytes xml = plist_xml(a, root);
	enum rc rc = plist_parse(a, xml, &again, &e);
	MUST(rc == RC_OK || rc == RC_TOO_LARGE);
	MUST(rc != RC_OK || bytes_eq(xml, plist_xml(a, again)));
}
