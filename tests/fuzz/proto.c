#include "fuzz.h"
#include "migration/proto.h"

/* A message of Protocol Buffers. Every field takes octets away, so reading ends. */
FUZZ(a, in)
{
	struct bytes rest = in;
	struct proto_field f;
	size_t before = in.n;

	while (proto_next(&rest, &f, NULL) == RC_OK) {
		MUST(rest.n < before && f.number > 0 && f.number <= 0x1fffffff);
		MUST(f.octets.p == NULL || (f.octets.p >= in.p && f.octets.p + f.octets.n == rest.p));
		before = rest.n;
		(void)proto_text(a, &f);
	}
}
