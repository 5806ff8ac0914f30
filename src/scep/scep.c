#include "scep/scep.h"

#include <stdbool.h>

#include "ca/ca.h"
#include "crypto/cms.h"
#include "crypto/hash.h"
#include "crypto/x509.h"
#include "enroll/enrollment.h"
#include "keys/keys.h"

const char *
scep_capabilities(void)
{
	return "Renewal\nSHA-1\nSHA-256\nAES\nDES3\nSCEPStandard\nPOSTPKIOperation\n";
}

static const char *
ca_key(struct call *c, const char *organization_id)
{
	return arena_printf(c->arena, "ca-%s", organization_id);
}

enum rc
scep_ca_certificate(struct call *c, const char *organization_id, struct bytes *der)
{
	struct bytes *certificates;
	enum rc rc;
	int n;

	rc = keys_certificates(c->keys, c->arena, ca_key(c, organization_id), &certificates, &n, &c->err);
	if (rc == RC_BAD_INPUT || (rc == RC_OK && n == 0))
		return RC_NOT_FOUND;
	if (rc == RC_OK)
		*der = certificates[0];
	return rc;
}

/* The row of the catalogue and the failInfo for what the CA said. */
static const struct {
	enum rc rc;
	enum enroll_code code;
	enum scep_fail fail;
} refusals[] = {
	{ RC_BAD_INPUT, EV_scep_malformed, SCEP_BAD_REQUEST },
	{ RC_TOO_LARGE, EV_scep_malformed, SCEP_BAD_REQUEST },
	{ RC_NOT_FOUND, EV_scep_challenge_unknown, SCEP_BAD_REQUEST },
	{ RC_FORBIDDEN, EV_scep_challenge_spent, SCEP_BAD_REQUEST },
};

/* CertRep to the requester, with the algorithms that it used (protocol 6.1). */
static enum rc
reply(struct call *c, const char *organization_id, const struct scep_message *in, struct scep_message *m,
    struct bytes *out)
{
	m->type = SCEP_CERT_REP;
	m->transaction_id = in->transaction_id;
	m->recipient_nonce = in->sender_nonce;
	m->sender_nonce = bytes_of(arena_alloc(c->arena, 16), 16);
	crypto_random((void *)(uintptr_t)m->sender_nonce.p, 16);
	m->known = in->known;
	m->digest = in->digest;
	m->cipher = in->cipher;
	return keys_scep_build(c->keys, c->arena, ca_key(c, organization_id), m, in->signer, out, &c->err);
}

static enum rc
refuse(
    struct call *c, const char *organization_id, const struct scep_message *in, enum scep_fail why, struct bytes *out)
{
	struct scep_message m = { .status = SCEP_FAILURE, .fail = why };

	return reply(c, organization_id, in, &m, out);
}

/* The message is signed by the key that asks (RFC 8894 2.3), or for a renewal by one that has a certificate. */
static bool
signed_by_requester(struct call *c, const struct scep_message *in, const struct x509_csr *csr)
{
	struct ca_certificate known;

	if (in->type == SCEP_RENEWAL_REQ && ca_find(c, crypto_sha256(c->arena, in->signer), &known) == RC_OK)
		return true;
	if (bytes_eq(in->signer_spki, csr->spki))
		return true;
	fail(&c->err, RC_BAD_INPUT, "the message is signed by another key than the request's");
	return false;
}

static enum rc
tell_issued(struct call *c, const char *enrollment_id, struct bytes certificate, void *arg)
{
	(void)certificate;
	(void)arg;
	return enrollment_event(c, enrollment_id, EV_certificate_issued, NULL);
}

static enum rc
issue(struct call *c, const char *organization_id, const struct scep_message *in, struct bytes *out)
{
	struct scep_message m = { .status = SCEP_SUCCESS };
	struct x509_csr csr = { 0 };
	struct bytes bag[2];
	const char *enrollment_id = NULL, *why;
	enum rc rc;

	rc = x509_csr_parse(c->arena, in->content, &csr, &c->err);
	if (rc == RC_FORBIDDEN) {
		why = arena_strdup(c->arena, c->err.text);
		rc = enrollment_event(c, NULL, EV_scep_algorithm, why);
		return rc == RC_OK ? refuse(c, organization_id, in, SCEP_BAD_ALG, out) : rc;
	}
	if (rc == RC_OK && !signed_by_requester(c, in, &csr)) {
		why = arena_strdup(c->arena, c->err.text);
		rc = enrollment_event(c, NULL, EV_scep_malformed, why);
		return rc == RC_OK ? refuse(c, organization_id, in, SCEP_BAD_MESSAGE_CHECK, out) : rc;
	}
	if (rc == RC_OK)
		rc = ca_issue_read(c,
		    &(struct ca_request){ .organization_id = organization_id,
			.door = "scep",
			.challenge_hash = crypto_sha256_text(c->arena, csr.challenge != NULL ? csr.challenge : ""),
			.same = in->content,
			.csr = &csr,
			.also = tell_issued },
		    &bag[0], &enrollment_id);
	for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
		if (refusals[i].rc != rc)
			continue;
		why = arena_strdup(c->arena, c->err.text);
		rc = enrollment_event(c, enrollment_id, refusals[i].code, why);
		return rc == RC_OK ? refuse(c, organization_id, in, refusals[i].fail, out) : rc;
	}
	if (rc != RC_OK || (rc = scep_ca_certificate(c, organization_id, &bag[1])) != RC_OK ||
	    (rc = cms_bag(c->arena, bag, 2, &m.content, &c->err)) != RC_OK)
		return rc;
	return reply(c, organization_id, in, &m, out);
}

enum rc
scep_operation(struct call *c, const char *organization_id, struct bytes message, struct bytes *out)
{
	struct scep_message in;
	enum rc rc;

	rc = keys_scep_open(c->keys, c->arena, ca_key(c, organization_id), message, &in, &c->err);
	if (rc == RC_BAD_INPUT || rc == RC_FORBIDDEN) {
		const char *why = arena_strdup(c->arena, c->err.text);
		enum rc written =
		    enrollment_event(c, NULL, rc == RC_FORBIDDEN ? EV_scep_algorithm : EV_scep_malformed, why);

		return written == RC_OK ? RC_BAD_INPUT : written;
	}
	if (rc != RC_OK)
		return rc;
	if (in.type != SCEP_PKCS_REQ && in.type != SCEP_RENEWAL_REQ)
		return refuse(c, organization_id, &in, SCEP_BAD_REQUEST, out);
	return issue(c, organization_id, &in, out);
}
