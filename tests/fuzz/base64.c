#include <string.h>

#include "fmt/base64.h"
#include "fuzz.h"

FUZZ(a, in)
{
	struct bytes b = base64_decode(a, in, false), loose = base64_decode(a, in, true), url = base64url_decode(a, in);

	/* Strict base64 has one spelling; the lenient reader agrees with the strict one. */
	if (b.p != NULL)
		MUST(bytes_eq(bytes_str(base64_encode(a, b)), in) && bytes_eq(b, loose));
	if (url.p != NULL)
		MUST(bytes_eq(bytes_str(base64url_encode(a, url)), in));
}
