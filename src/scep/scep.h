/* SCEP as devices use it (RFC 8894, protocol 6.1): one door to the enrollment CA. */
#ifndef SCEP_SCEP_H
#define SCEP_SCEP_H

#include "base/call.h"
#include "http/server.h"

/* "text/plain", one capability a line. */
const char *scep_capabilities(void);

/* The CA's certificate (DER), which is also who requests are enciphered to.
 * RC_NOT_FOUND: no such organization. */
enum rc scep_ca_certificate(struct call *c, const char *organization_id, struct bytes *der);

/* Answer a PKIOperation message with a CertRep. A refusal that can be put into one (a failInfo) is RC_OK;
 * RC_BAD_INPUT: the message can't be read at all. */
enum rc scep_operation(struct call *c, const char *organization_id, struct bytes message, struct bytes *reply);

/* GET and POST /scep/ORG; needs no room. Ends with a row whose method is NULL. */
extern const struct http_route scep_routes[];

#endif
