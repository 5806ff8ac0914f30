#include <string.h>

#include "fmt/uri.h"
#include "fuzz.h"

FUZZ(a, in)
{
	struct uri_target t, again;
	struct uri_items items;
	struct err e;

	if (uri_target_parse(a, in, &t, &e) != RC_OK)
		return;
	MUST(t.path[0] == '/' && strstr(t.path, "//") == NULL && strstr(t.path, "/../") == NULL);
	/* Parsed once is parsed for good: the path alone is a target, and decoding it opens no new segment. */
	MUST(uri_target_parse(a, bytes_str(t.path), &again, &e) == RC_OK && again.query == NULL);
	const char *decoded = uri_decode(a, bytes_str(t.path), false);
	for (const char *p = t.path, *q = decoded; q != NULL && *p != '\0'; p++, q++) {
		MUST((*p == '/') == (*q == '/'));
		p += *p == '%' ? 2 : 0;
	}
	if (t.query != NULL)
		uri_items_parse(a, bytes_str(t.query), false, 16, &items, &e);
}
