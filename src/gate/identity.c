#include "gate/identity.h"

#include <string.h>

#include "crypto/cms.h"
#include "crypto/hash.h"
#include "fmt/base64.h"

#define SIGNATURE_MAX (16 * 1024) /* octets of base64; real ones are about 3 kB */

/* Whatever is unusual about the message takes the library's way, and must come to the same verdict. */
static enum rc
verify_slowly(
    struct call *c, const struct gate_request *in, struct bytes cms, struct gate_row *out, enum enroll_code *code)
{
	struct cms_signed s;
	enum rc rc;

	if ((rc = cms_verify(c->arena, cms, in->body, &s, &c->err)) != RC_OK)
		return rc == RC_BAD_INPUT ? RC_FORBIDDEN : rc;
	*code = EV_identity_unknown;
	rc = gate_row_read(c, crypto_sha256(c->arena, s.signer), in->bearer, out);
	return rc == RC_NOT_FOUND ? RC_FORBIDDEN : rc;
}

static enum rc
by_signature(struct call *c, const struct gate_request *in, struct gate_row *out, enum enroll_code *code)
{
	struct bytes cms = { NULL, 0 }, fingerprint;
	enum rc rc;

	*code = EV_identity_signature;
	if (strlen(in->signature) <= SIGNATURE_MAX)
		cms = base64_decode(c->arena, bytes_str(in->signature), true);
	if (cms.p == NULL)
		return fail(&c->err, RC_FORBIDDEN, "Mdm-Signature is not base64, or over %d octets", SIGNATURE_MAX);
	if (cms_signer_fingerprint(c->arena, cms, &fingerprint, &c->err) != RC_OK)
		return verify_slowly(c, in, cms, out, code);
	if ((rc = gate_row_read(c, fingerprint, in->bearer, out)) != RC_OK) {
		*code = EV_identity_unknown;
		return rc == RC_NOT_FOUND ? RC_FORBIDDEN : rc;
	}
	rc = cms_verify_raw(c->arena, cms, in->body, out->certificate.raw_key, &c->err);
	if (rc == RC_NOT_FOUND)
		return verify_slowly(c, in, cms, out, code);
	return rc == RC_BAD_INPUT ? RC_FORBIDDEN : rc;
}

enum rc
gate_identity(struct call *c, const struct gate_request *in, struct gate_row *out, enum enroll_code *code)
{
	enum rc rc;

	if (in->signature != NULL)
		return by_signature(c, in, out, code);
	*code = EV_identity_missing;
	if (in->client_certificate.p == NULL)
		return fail(&c->err, RC_FORBIDDEN, "no Mdm-Signature and no client certificate");
	*code = EV_identity_unknown;
	rc = gate_row_read(c, crypto_sha256(c->arena, in->client_certificate), in->bearer, out);
	return rc == RC_NOT_FOUND ? RC_FORBIDDEN : rc;
}
