/* Declarations of Enrollment SSO (protocol 4.5): a device that took them from the document turns declarative management on
 * by itself once it is enrolled, and drops what is not served under the same Identifiers. So they are kept as what devices
 * of the systems that know them are given (desired/item.h), in the unit that keeps the document. Room-private. */
#ifndef ESSO_PRESTAGE_H
#define ESSO_PRESTAGE_H

#include "base/call.h"
#include "base/bytes.h"

/* In place of those of before; a document without any takes them away. Inside a unit. `document` passed the linter. */
enum rc esso_prestage(struct call *c, const char *organization_id, struct bytes document);

#endif
