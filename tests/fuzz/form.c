#include <string.h>

#include "fmt/uri.h"
#include "fuzz.h"

FUZZ(a, in)
{
	struct uri_items items;
	struct err e;

	enum rc rc = uri_items_parse(a, in, true, 32, &items, &e);
	MUST(items.n <= 32);
	for (int i = 0; rc == RC_OK && i < items.n; i++) {
		const char *encoded = uri_encode(a, items.item[i].value);

		MUST(strcmp(uri_decode(a, bytes_str(encoded), true), items.item[i].value) == 0);
	}
}
