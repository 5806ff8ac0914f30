/* Renewal of identity certificates before they end (protocol 5.6): who is due is told, a few at a time. */
#ifndef COMMAND_RENEWAL_H
#define COMMAND_RENEWAL_H

#include <stdbool.h>

#include "base/call.h"
#include "enroll/enrollment.h"

/* Queue the renewal of one, with its event; `by` goes into it. RC_CONFLICT: it is not enrolled. */
enum rc renewal_order(struct call *c, const struct enrollment *e, const char *by, const char **uuid);

/* A look at who is due. *more is not set: the caller's pause is the pace. Who was told and has not renewed after a day is
 * told again. Several servers may look at once. */
enum rc renewal_look(struct call *c, bool *more);

#endif
