/* Everything that the gate has to know of a caller. With a pass it is one row, and a poll that finds nothing to
 * do reads no other (enroll/pass.h); without, one statement asks all five tables. */
#ifndef GATE_ROW_H
#define GATE_ROW_H

#include "ca/ca.h"
#include "enroll/enrollment.h"
#include "enroll/grant.h"

struct gate_row {
	bool passed; /* let in by its pass: the bearer is good, and nothing else of it was read */
	struct ca_certificate certificate; /* without the certificate itself; with a pass the key alone */
	struct enrollment enrollment; /* of the certificate; id NULL: gone */
	struct grant_bearer bearer; /* of the token that came along; grant.id NULL: unknown */
	const char *queued; /* as enroll_caller.queued */
};

/* By the certificate's fingerprint and the bearer token (NULL: none came along). RC_NOT_FOUND: the
 * certificate was not issued here. */
enum rc gate_row_read(struct call *c, struct bytes fingerprint, const char *bearer, struct gate_row *out);

extern const char gate_row_pass_statement[]; /* the one of a poll, for the test of its plan */

#endif
