#include "crypto/cms.h"
#include "crypto/x509.h"
#include "fmt/plist.h"
#include "fuzz.h"

/* The enrollment request: CMS, its certificates, MachineInfo inside. */
FUZZ(a, in)
{
	struct cms_signed s;
	struct x509_info info;
	struct bytes raw, fingerprint;
	plist_t root;
	struct err e;

	cms_signer_fingerprint(a, in, &fingerprint, &e);
	if (cms_verify(a, in, bytes_of(NULL, 0), &s, &e) != RC_OK)
		return;
	MUST(s.signer.p != NULL && s.n_others <= 16);
	if (x509_parse(a, s.signer, &info, &e) == RC_OK)
		x509_raw_key(a, info.spki, &raw, &e);
	plist_parse(a, s.content, &root, &e);
}
