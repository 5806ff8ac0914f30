#include <openssl/err.h>

#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "fuzz.h"

/* Mdm-Signature: where the quick way has a verdict, the other way has the same. */
FUZZ(a, in)
{
	const struct bytes body = bytes_str("<plist><dict/></plist>");
	struct bytes fingerprint, raw, *all;
	struct x509_info info;
	struct cms_signed s;
	struct err e;
	int n;
	bool good = cms_verify(a, in, body, &s, &e) == RC_OK;

	MUST(ERR_peek_error() == 0);
	if (cms_signer_fingerprint(a, in, &fingerprint, &e) != RC_OK)
		return;
	if (cms_bag_open(a, in, &all, &n, &e) != RC_OK || n != 1 || x509_parse(a, all[0], &info, &e) != RC_OK ||
	    x509_raw_key(a, info.spki, &raw, &e) != RC_OK)
		return; /* not a certificate that we could have issued, so there is no such row */
	MUST(!good || bytes_eq(fingerprint, crypto_sha256(a, s.signer)));
	switch (cms_verify_raw(a, in, body, raw, &e)) {
	case RC_OK:
		MUST(good);
		break;
	case RC_FORBIDDEN:
		MUST(!good);
		break;
	default:
		break;
	}
}
