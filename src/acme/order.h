/* Orders: rows, each with its one authorization and that one's one challenge. Room-private. */
#ifndef ACME_ORDER_H
#define ACME_ORDER_H

#include "base/call.h"
#include "ca/ca.h"
#include "enroll/failure.h"

struct order {
	const char *id, *organization_id, *enrollment_id;
	const char *identifier; /* the ClientIdentifier */
	struct bytes challenge_hash, account; /* SHA-256 of the identifier, and of the account's key */
	const char *token;
	const char *state; /* "pending", "ready", "valid", "invalid" */
	const char *problem; /* invalid: the code of the catalogue */
	struct bytes key; /* attested, as x509_raw_key */
	struct bytes certificate;
	int64_t expires_at;
};

/* RC_NOT_FOUND: not this organization's. */
enum rc order_get(struct call *c, const char *organization_id, const char *id, struct order *out);

/* Fill o->id and token, and write it. RC_TOO_LARGE: ACME_ORDERS_MAX were opened for its identifier. */
enum rc order_add(struct call *c, struct order *o);

/* An order that waits becomes ready with the key of the attestation, or invalid by `code`; with its event. Which device
 * was attested is kept under ADDE alone. A unit by itself. RC_CONFLICT: it does not wait any more. */
struct attestation;
enum rc order_attested(
    struct call *c, struct order *o, enum enroll_code code, const struct attestation *at, const char *details);

/* The certificate was issued; inside the unit of ca_issue_read. */
enum rc order_issued(struct call *c, const char *id, struct bytes certificate);

#endif
