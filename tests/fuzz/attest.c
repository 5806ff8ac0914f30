#include "acme/attest.h"
#include "crypto/start.h"
#include "fmt/cbor.h"
#include "fuzz.h"

/* An attestation object. What is read lies inside the input, and nobody's is fresh. */
FUZZ(a, in)
{
	struct bytes rest = in;
	struct attestation at;
	struct cbor_item it;
	struct err e;

	crypto_start();
	while (cbor_next(&rest, &it)) {
		MUST(it.value.p >= in.p && it.value.p + it.value.n <= in.p + in.n);
		MUST(rest.n < in.n);
	}
	if (attest_read(a, in, &at, &e) == RC_OK) {
		MUST(at.n > 0 && at.n <= ATTEST_CHAIN_MAX && at.key.n > 0);
		MUST(!attest_is_fresh(a, &at, "a token that nobody made an attestation for"));
	}
}
