/* First question of the gate: which identity certificate is this, and is its key really there? */
#ifndef GATE_IDENTITY_H
#define GATE_IDENTITY_H

#include "enroll/failure.h"
#include "gate/gate.h"
#include "gate/row.h"

/* By Mdm-Signature over the raw body where there is one, else by the client certificate that a TLS
 * handshake or a trusted proxy vouched for. Either proves possession of the key.
 * *out is all that is stored about the caller.
 * RC_FORBIDDEN with *code: nothing proven, a bad signature, or a certificate that was not issued here. */
enum rc gate_identity(struct call *c, const struct gate_request *in, struct gate_row *out, enum enroll_code *code);

#endif
