#include <openssl/err.h>

#include "crypto/x509.h"
#include "fuzz.h"

/* The request inside a SCEP message, from whoever has a challenge. */
FUZZ(a, in)
{
	struct x509_csr csr;
	struct bytes raw;
	struct err e;

	enum rc rc = x509_csr_parse(a, in, &csr, &e);

	MUST(ERR_peek_error() == 0);
	if (rc != RC_OK)
		return;
	MUST(csr.key_bits >= 256 && csr.key_bits <= 4096 && csr.spki.p != NULL);
	MUST(x509_raw_key(a, csr.spki, &raw, &e) == RC_OK);
}
