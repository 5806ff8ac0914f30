/* Which steps webhooks are told of (webhook/webhook.h), and what of them. Inside a unit. */
#ifndef ENROLL_TELL_H
#define ENROLL_TELL_H

#include "base/call.h"
#include "enroll/enrollment.h"
#include "enroll/failure.h"

/* A step of an attempt that was written. */
enum rc tell_step(struct call *c, const char *attempt_id, enum enroll_code code);
/* A command that was answered. */
enum rc
tell_answer(struct call *c, const struct enrollment *e, const char *uuid, const char *request_type, const char *status);

#endif
