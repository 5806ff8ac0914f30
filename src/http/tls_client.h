/* TLS for who drives many connections by itself: a context, and a stream over each non-blocking socket.
 * (http/client.h is for everybody else.) Sessions are resumed where the server gave a ticket. */
#ifndef HTTP_TLS_CLIENT_H
#define HTTP_TLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/err.h"

struct http_tls_client;
struct http_tls_stream;

enum http_tls_shake { HTTP_TLS_DONE, HTTP_TLS_WANTS_READ, HTTP_TLS_WANTS_WRITE, HTTP_TLS_FAILED };

/* Trust the CAs of a PEM file alone; NULL: the system's. RC_BAD_INPUT: the file can't be used. */
enum rc http_tls_client_open(const char *ca_file, struct http_tls_client **out, struct err *e);
void http_tls_client_close(struct http_tls_client *t); /* NULL is fine */

/* Show a certificate where one is asked for: its DER and its chain's, and its key (PKCS#8 DER). RC_BAD_INPUT: they are
 * none, or don't belong together. */
enum rc http_tls_client_identify(
    struct http_tls_client *t, const struct bytes *certificates, int n, struct bytes key, struct err *e);

/* Offer HTTP/2 (RFC 9113 3.2) and nothing else. */
void http_tls_client_h2(struct http_tls_client *t);

/* Whether new connections take up an earlier session (they do). Without it each is a full handshake. */
void http_tls_client_resume(struct http_tls_client *t, bool resume);

/* `fd` stays the caller's; `name` is what the certificate must be for. NULL: no memory. */
struct http_tls_stream *http_tls_stream_new(struct http_tls_client *t, int fd, const char *name);
void http_tls_stream_free(struct http_tls_stream *s); /* NULL is fine */

enum http_tls_shake http_tls_stream_shake(struct http_tls_stream *s);
bool http_tls_stream_agreed_h2(const struct http_tls_stream *s);
const char *http_tls_stream_why(const struct http_tls_stream *s); /* it failed, in a few words */

/* As read and write: octets, 0 at the end, -1 with errno (EAGAIN: later). */
ssize_t http_tls_stream_read(struct http_tls_stream *s, void *p, size_t n);
ssize_t http_tls_stream_write(struct http_tls_stream *s, const void *p, size_t n);

#endif
