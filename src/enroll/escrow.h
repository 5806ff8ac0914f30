/* Secrets that a device gives into keeping and that open it: the UnlockToken of an iPhone (TokenUpdate), the bootstrap
 * token of a Mac (SetBootstrapToken). At rest they are sealed; they go back to the device that they came from, and
 * nobody is shown them. The end of the enrollment takes them away (enroll/end.c). */
#ifndef ENROLL_ESCROW_H
#define ENROLL_ESCROW_H

#include <stdbool.h>

#include "base/call.h"

#define ESCROW_MAX 16384 /* octets of one */

enum escrow { ESCROW_UNLOCK, ESCROW_BOOTSTRAP, ESCROWS };

/* Keep it in place of the one before; n 0: forget that one. Nothing happens to an enrollment that ended. */
enum rc escrow_put(struct call *c, const char *enrollment_id, enum escrow which, struct bytes token);

/* *token n 0: none is held. RC_BAD_INPUT: it was not sealed with this server's key. */
enum rc escrow_get(struct call *c, const char *enrollment_id, enum escrow which, struct bytes *token);

enum rc escrow_held(struct call *c, const char *enrollment_id, bool held[ESCROWS]);

#endif
