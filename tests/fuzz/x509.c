#include "crypto/x509.h"
#include "fuzz.h"

FUZZ(a, in)
{
	struct x509_info info;
	struct x509_csr csr;
	struct bytes raw, *list;
	struct err e;
	int n;

	if (x509_parse(a, in, &info, &e) == RC_OK)
		x509_raw_key(a, info.spki, &raw, &e);
	if (x509_csr_parse(a, in, &csr, &e) == RC_OK)
		MUST(!csr.is_rsa || (csr.key_bits >= 2048 && csr.key_bits <= 4096));
	x509_from_pem(a, in, &list, &n, &e);
}
