/* The rows of the event catalogue (webhook/webhook.h, docs/events.md). Add rows, rename none: receivers know them.
 *
 * X(name, type, when, members of `data` beside those that all have) */
#ifndef WEBHOOK_EVENT_TABLE_H
#define WEBHOOK_EVENT_TABLE_H

/* clang-format off */
#define WEBHOOK_EVENTS(X) \
X(attempt_failed, "attempt.failed", \
  "A step of an attempt to enroll was refused or failed; `code` is in the table of failure codes", "") \
X(enrolled, "enrollment.enrolled", "A device is enrolled", "") \
X(reauth, "enrollment.sign-in-ended", \
  "The sign-in of an enrolled device ended or was not accepted; the device asks its person to sign in again", "") \
X(signed_in_again, "enrollment.signed-in-again", "The person signed in again, and the enrollment goes on", "") \
X(eviction_ordered, "enrollment.eviction-ordered", "An administrator ended the enrollment; the device is told when it comes", "") \
X(evicted, "enrollment.evicted", "An evicted device was told to leave, or did not come back to be told", "") \
X(unenrolled, "enrollment.unenrolled", "The device left by itself", "") \
X(replaced, "enrollment.replaced", "The same device enrolled again; this enrollment ended", "") \
X(certificate_issued, "certificate.issued", "A device got an identity certificate", "") \
X(certificate_renewed, "certificate.renewed", "A device used its renewed identity certificate for the first time", "") \
X(command_answered, "command.answered", "A device answered a command", "command, request_type, status") \
X(ending, "calendar.ending", \
  "A certificate or a token of the organization ends in 30, 14, 7 or 1 days or less: `kind` is tls, push, ca, profile, maid," \
  " licence-token or server-token", "kind, ends_at, days, todo") \
X(test, "webhook.test", "postern webhook test was called; not part of any order, and tried once", "")
/* clang-format on */

#endif
