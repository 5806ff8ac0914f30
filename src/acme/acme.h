/* ACME as devices use it (RFC 8555, device-attest-01; protocol 6.2): the other door to the enrollment CA, for keys that
 * the device's hardware attests.
 *
 * Accounts are nobody's: a key, sealed into the account's URL, so that strangers leave no rows. What stands behind an
 * order is its one identifier, the ClientIdentifier of an enrollment's profile, a one-time challenge like SCEP's. */
#ifndef ACME_ACME_H
#define ACME_ACME_H

#include "base/call.h"
#include "http/server.h"

#define ACME_BODY_MAX (64 * 1024) /* octets; an attestation has 2 to 6 kB */
#define ACME_ORDER_LIFE_S 900
#define ACME_ORDERS_MAX 8 /* with one ClientIdentifier: a device that fails begins anew */

/* In the order of the table in acme.c. */
enum acme_resource {
	ACME_NEW_ACCOUNT,
	ACME_ACCOUNT,
	ACME_NEW_ORDER,
	ACME_ORDER,
	ACME_AUTHORIZATION,
	ACME_CHALLENGE,
	ACME_FINALIZE,
	ACME_CERTIFICATE,
};

struct acme_request {
	const char *organization_id, *id; /* of the path; id NULL: it has none */
	const char *url; /* that was asked, as the peer must have signed it */
	const char *address; /* of the client */
	struct bytes body;
};

struct acme_answer {
	int status;
	const char *type;
	struct bytes body;
	const char *location; /* NULL: none */
	const char *up; /* Link: rel="up"; NULL: none */
	const char *nonce; /* Replay-Nonce */
};

/* The directory of an organization. RC_NOT_FOUND: there is none of that id. */
enum rc acme_directory(struct call *c, const char *organization_id, struct bytes *document);
enum rc acme_nonce(struct call *c, const char *organization_id, const char **nonce);

/* A signed request. RC_OK: *out is the answer, a problem document (RFC 7807) perhaps, and every trace of it is durable. */
enum rc acme_post(struct call *c, enum acme_resource what, const struct acme_request *in, struct acme_answer *out);

/* Under /acme/ORG; needs no room. Ends with a row whose method is NULL. */
extern const struct http_route acme_routes[];

#endif
