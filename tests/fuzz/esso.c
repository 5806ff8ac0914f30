/* What the server's linter lets pass is what a device takes (protocol 4.5): two readers that share no rule. */
#include "device/esso_document.h"
#include "esso/document.h"
#include "fuzz.h"

FUZZ(a, in)
{
	for (enum esso_kind kind = ESSO_STANDARD; kind <= ESSO_DEVELOPER; kind++) {
		const struct esso_report *r = esso_check(a, in, kind);

		for (int declarative = 0; declarative < 2; declarative++) {
			struct device_esso out;
			struct err e = { 0 };
			enum rc rc = device_esso_read(a, in, kind == ESSO_DEVELOPER, declarative, &out, &e);

			if (r->n == 0 && (declarative || r->has_profile))
				MUST(rc == RC_OK);
		}
	}
}
