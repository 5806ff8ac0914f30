/* Many small requests to one server at once, over few HTTP/2 connections whose streams they share (RFC 9113, over
 * nghttp2). One struct per thread; its connections stay open between batches. */
#ifndef HTTP_MULTI_H
#define HTTP_MULTI_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct http_multi;

struct http_multi_settings {
	const char *url; /* https://HOST[:PORT], without a path */
	const char *ca_file; /* PEM that is trusted; NULL: the system's pool */
	const struct bytes *certificates; /* DER: the client's, then its chain; NULL: none is shown */
	int n_certificates;
	struct bytes key; /* of the first; PKCS#8 DER */
	const char *user_agent;
	int connections; /* open at once, at most HTTP_MULTI_CONNECTIONS */
	int timeout_ms; /* of one request: the connection that has no answer for so long is given up */
};

struct http_multi_request {
	const char *path; /* from '/' on */
	struct bytes body;
};

#define HTTP_MULTI_CONNECTIONS 8
#define HTTP_MULTI_BODY 4096 /* octets of an answer's body; more ends it */

struct http_multi_answer {
	int status; /* 0: none came, and the request may or may not have reached the server */
	const char *why; /* a sentence, where none came */
	struct bytes body;
};

/* RC_BAD_INPUT: the URL, or a file. */
enum rc http_multi_open(const struct http_multi_settings *s, struct http_multi **out, struct err *e);
void http_multi_close(struct http_multi *m); /* NULL is fine */

/* POST them all with the same `headers` ("name: value" with the name in lower case, NULL-terminated), and return when
 * each has its answer, which lies in `a`. What the server says that it did not look at (GOAWAY, REFUSED_STREAM: RFC
 * 9113 8.7), and what never left, is sent again on another connection; nothing else is. */
void http_multi_post(struct http_multi *m, struct arena *a, const char *const *headers,
    const struct http_multi_request *requests, int n, struct http_multi_answer *answers);

#endif
