/* TLS for listeners: TLS 1.2 and 1.3, ECDHE with AES-GCM only, one context per listener.
 *
 * A client certificate proves possession of its key and nothing more: unless `client_ca` is set chains are not looked
 * at, since identities are found by fingerprint on every request, also on a resumed session. */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/err.h"

struct http_tls; /* context of one listener */
struct bufferevent;
struct event_base;

struct http_tls_settings {
	const char *cert_file, *key_file; /* PEM chain and key */
	bool ask; /* for a client certificate; sessions don't resume between those that ask and the others */
	const char *client_ca; /* PEM: the certificate is demanded, and must be from it; NULL: any is taken, or none */
	bool h2; /* HTTP/2 (RFC 9113) is spoken, and not HTTP/1.1 */
};

/* Read chain and key. RC_BAD_INPUT: a file is missing or does not fit, *e says which. */
enum rc http_tls_open(const struct http_tls_settings *s, struct http_tls **out, struct err *e);
void http_tls_close(struct http_tls *t); /* NULL is fine */

/* Read the files again in two steps, so that several listeners change together or not at all. */
enum rc http_tls_prepare(struct http_tls *t, struct err *e);
void http_tls_commit(struct http_tls *t);

/* As http_server_tickets. */
struct http_tickets;
void http_tls_tickets(struct http_tls *t, const struct http_tickets *from);

/* A connection's bufferevent over `fd`, in accept state; NULL: close the fd. */
struct bufferevent *http_tls_accept(struct http_tls *t, struct event_base *base, int fd);

/* After the handshake. False: TLS 1.2 without Extended Master Secret (RFC 7627), which OpenSSL 3.0 can't
 * be told to refuse; close the connection. */
bool http_tls_accepted(struct bufferevent *b);

/* HTTP/2 was agreed on. */
bool http_tls_agreed_h2(struct bufferevent *b);

/* DER of the client's certificate, from malloc; absent if it showed none. */
struct bytes http_tls_certificate(struct bufferevent *b);

/* Say goodbye (close_notify) before the socket goes. */
void http_tls_goodbye(struct bufferevent *b);

#endif
