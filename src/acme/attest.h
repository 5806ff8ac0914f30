/* What a device says of a key that its hardware made (draft-ietf-acme-device-attest, WebAuthn 6.5.4; Apple's "Managed
 * Device Attestation"). Pure. */
#ifndef ACME_ATTEST_H
#define ACME_ATTEST_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define ATTEST_CHAIN_MAX 8

struct attestation {
	struct bytes chain[ATTEST_CHAIN_MAX]; /* DER, the leaf first */
	int n;
	struct bytes key; /* the attested key, as x509_raw_key */
	const char *serial_number, *udid; /* NULL: not said, as always under User Enrollment */
};

/* Read an attestation object: {"fmt": "apple", "attStmt": {"x5c": [leaf, ...]}}, and what its leaf says. RC_NOT_FOUND:
 * it attests nothing (fmt "none", or without a certificate). RC_BAD_INPUT: it can't be read. */
enum rc attest_read(struct arena *a, struct bytes object, struct attestation *out, struct err *e);

/* Was it made for this challenge? Apple's freshness code is SHA-256 of the token alone (protocol 6.2). */
bool attest_is_fresh(struct arena *a, const struct attestation *at, const char *token);

#endif
