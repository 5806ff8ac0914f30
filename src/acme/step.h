/* One request on its way through the room. Room-private. */
#ifndef ACME_STEP_H
#define ACME_STEP_H

#include "acme/acme.h"
#include "acme/order.h"
#include "crypto/flat_jws.h"
#include "enroll/failure.h"
#include "fmt/json.h"

/* Problem types (RFC 8555 6.7, and the one of draft-ietf-acme-device-attest). */
enum acme_problem {
	PROBLEM_MALFORMED,
	PROBLEM_NOT_FOUND,
	PROBLEM_NONCE,
	PROBLEM_ALGORITHM,
	PROBLEM_KEY,
	PROBLEM_ACCOUNT,
	PROBLEM_UNAUTHORIZED,
	PROBLEM_RATE,
	PROBLEM_IDENTIFIER_TYPE,
	PROBLEM_IDENTIFIER,
	PROBLEM_ATTESTATION,
	PROBLEM_NOT_READY,
	PROBLEM_CSR,
};

struct step {
	enum acme_resource what;
	const struct acme_request *in;
	struct acme_answer *out;
	struct flat_jws jws;
	struct bytes key, account; /* the account's, as x509_raw_key; SHA-256 of it */
	const json_t *payload; /* NULL: POST-as-GET */
	const char *identifier; /* of a new order */
	struct ca_challenge challenge; /* its row */
	struct order order;
	const char *enrollment_id; /* whom events are told of; NULL: nobody's */
};

/* Who asks, and may they: signature, account, order, nonce. RC_OK with s->out->status set: refused. */
enum rc step_read(struct call *c, struct step *s);

/* Refuse with a problem document, without an event or with one. Returns RC_OK, or what the store said. */
enum rc step_problem(struct call *c, struct step *s, enum acme_problem p, const char *detail);
enum rc step_refuse(struct call *c, struct step *s, enum enroll_code code, const char *details);

/* The problem of an authorization that failed, to be put into its document. */
json_t *step_problem_of(const char *failure_code);

/* https://HOST/acme/ORG/WORD[/ID]; id NULL: without */
const char *step_url(struct call *c, const char *organization_id, const char *word, const char *id);

void step_answer(struct call *c, struct step *s, int status, json_t *document);

#endif
