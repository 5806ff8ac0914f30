/* What the fleet's devices send, put together from patterns: a request costs a few copies.
 *
 * The bodies are those of src/device, said in the fewest words that a device uses. */
#ifndef FLEET_WIRE_H
#define FLEET_WIRE_H

#include "fleet/state.h"

#define FLEET_REQUEST_MAX 8192 /* octets of one request */

enum fleet_message {
	FLEET_IDLE,
	FLEET_ACKNOWLEDGED,
	FLEET_NOT_NOW,
	FLEET_AUTHENTICATE,
	FLEET_TOKEN_UPDATE,
	FLEET_SYNC, /* DeclarativeManagement, endpoint tokens */
	FLEET_RENEWAL, /* the refresh token, at the token endpoint */
	FLEET_NOTHING, /* GET of a path that nobody serves; no proof, no body */
	FLEET_MESSAGES
};

enum fleet_proof { FLEET_PROOF_SIGNATURE, FLEET_PROOF_PROXY };

struct fleet_wire_plan {
	const struct fleet *fleet;
	enum fleet_proof proof;
	const char *proxy_secret; /* of the header Postern-Proxy-Secret; NULL: none */
	const char *proxy_header; /* name of the field with the certificate (RFC 9440): "Client-Cert" */
};

struct fleet_wire; /* patterns; not changed by use */

enum rc fleet_wire_new(const struct fleet_wire_plan *plan, struct fleet_wire **out, struct err *e);
void fleet_wire_free(struct fleet_wire *w); /* NULL is fine */

const char *fleet_message_name(enum fleet_message m); /* "Idle" */

/* The body that device `n` sends; `uuid` is that of the command, for the answers to one. Octets written;
 * at most FLEET_BODY_MAX. */
#define FLEET_BODY_MAX 2048
size_t fleet_wire_body(
    const struct fleet_wire *w, enum fleet_message m, uint64_t n, const char *uuid, char to[FLEET_BODY_MAX]);

struct fleet_request {
	enum fleet_message message;
	uint64_t device;
	const char *uuid; /* of the command; NULL: none */
	const char *access; /* access token; NULL: none is sent */
	struct bytes signature; /* CMS of the body; absent with a proxy */
};

/* The whole request, ready to be sent; octets written. */
size_t fleet_wire_request(const struct fleet_wire *w, const struct fleet_request *r, char to[FLEET_REQUEST_MAX]);

#endif
