/* The Enrollment SSO documents of an organization: kept, served, removed (protocol 4.5). */
#ifndef ESSO_ESSO_H
#define ESSO_ESSO_H

#include "base/call.h"
#include "esso/document.h"
#include "http/server.h"

struct esso_document {
	struct bytes text; /* JSON */
	int64_t set_at;
};

/* Keep a document, in place of the one before; the declarations of the standard one are given to enrolled devices, too.
 * RC_BAD_INPUT: it breaks a rule; the sentence names the first, and how many there are.
 * RC_NOT_FOUND: no such organization. */
enum rc esso_set(struct call *c, const char *organization_id, enum esso_kind kind, struct bytes document);

/* RC_NOT_FOUND: it has none of this kind. */
enum rc esso_get(struct call *c, const char *organization_id, enum esso_kind kind, struct esso_document *out);
enum rc esso_remove(struct call *c, const char *organization_id, enum esso_kind kind);

/* GET /esso/ORG and /esso/ORG/developer, for everybody; needs no room. Ends with a row whose method is NULL. */
extern const struct http_route esso_routes[];

#endif
