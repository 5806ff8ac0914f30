/* One TLS handshake, to see what a server does: nothing is refused for being weak or untrusted, and
 * everything is told. For who judges servers (room check); requests go through http/client.h. */
#ifndef HTTP_TLS_PROBE_H
#define HTTP_TLS_PROBE_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct http_tls_probe;

/* Trust the system's CAs, and those of a PEM file beside them (NULL: none). RC_BAD_INPUT: it can't be used. */
enum rc http_tls_probe_open(const char *ca_file, struct http_tls_probe **out, struct err *e);
void http_tls_probe_close(struct http_tls_probe *p); /* NULL is fine */

enum http_tls_version { HTTP_TLS_1_0 = 10, HTTP_TLS_1_1, HTTP_TLS_1_2, HTTP_TLS_1_3 };

struct http_tls_offer {
	const char *name; /* what the certificate must be for; also sent as SNI, unless an address */
	enum http_tls_version least, most;
	const char *suites; /* OpenSSL's list, for TLS 1.2 and below; NULL: every one there is */
	bool ask; /* which program serves: by a HEAD of "/" */
	int timeout_ms; /* of the handshake as a whole, and of the answer to HEAD */
};

enum http_tls_doubt { /* about the certificate; several can be true */
	HTTP_TLS_EXPIRED = 1,
	HTTP_TLS_NOT_YET = 2,
	HTTP_TLS_SELF_SIGNED = 4, /* the server's certificate is its own issuer */
	HTTP_TLS_NO_ISSUER = 8, /* an issuer was not sent, and is not known */
	HTTP_TLS_UNKNOWN_ROOT = 16, /* the chain is whole, and its root is not trusted */
	HTTP_TLS_WRONG_NAME = 32,
	HTTP_TLS_OTHER = 64, /* `doubt_text` says what */
};

struct http_tls_seen {
	bool agreed; /* the handshake came to its end */
	const char *why; /* it did not: in a few words */
	bool no_tls; /* ... and what came back was no TLS at all */
	enum http_tls_version version;
	const char *suite;
	bool extended_master_secret; /* RFC 7627; always in TLS 1.3 */
	/* DER; the server's own first, and as far towards a root as it could be followed: with what was sent, and
	 * with what is trusted. What was sent beside it, in vain, is not here. */
	const struct bytes *chain;
	int n_chain;
	int n_sent; /* certificates in all */
	unsigned doubts; /* HTTP_TLS_ bits; 0: trusted, in time, and for this name */
	const char *doubt_text;
	const char *server; /* what the Server field of the answer to HEAD says; NULL: nothing, or nobody asked */
};

/* Shake hands over a connected, non-blocking socket that stays the caller's. */
void http_tls_probe_shake(
    struct http_tls_probe *p, struct arena *a, int fd, const struct http_tls_offer *offer, struct http_tls_seen *out);

#endif
