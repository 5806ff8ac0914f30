/* What a reverse proxy says about the client behind it, and whom to believe.
 *
 * `Client-Cert` (RFC 9440) counts only on the plain listener, from a trusted address, beside the shared
 * secret in Postern-Proxy-Secret; everywhere else it is removed, so that nothing behind this door can
 * be tempted. The address is the last hop of X-Forwarded-For (or, without one, Forwarded, RFC 7239) that
 * is not itself a trusted proxy. Pure. */
#ifndef HTTP_PROXY_H
#define HTTP_PROXY_H

#include "base/arena.h"
#include "http/addr.h"
#include "http/server.h"

struct http_proxy_rules {
	const struct http_trust *trust;
	const char *secret; /* NULL: see `lab` */
	bool lab; /* loopback needs no secret */
};

/* Read and remove the proxy's fields of `r`, whose door, headers, peer and `secure` are set; `from` is
 * the address of the connection. Fills client_certificate, certificate_from_proxy, peer, secure.
 * 0, or 400: a Client-Cert that would count is malformed. */
int http_proxy_apply(
    struct arena *a, const struct http_proxy_rules *rules, const struct http_addr *from, struct http_request *r);

#endif
