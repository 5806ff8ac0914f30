/* An HTTP/2 server (RFC 9113, over nghttp2) for a stand-in: one loop in one thread, TLS with a client certificate
 * demanded, small requests, each answered at once by one function. It can misbehave as a busy service does: send
 * GOAWAY, or drop a connection with answers on it.
 *
 * Bounds: H2_CONNECTIONS, the concurrent streams of its SETTINGS, H2_HEADERS fields of 8 KB in all, H2_BODY octets. */
#ifndef APPLE_H2_H
#define APPLE_H2_H

#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define H2_CONNECTIONS 256
#define H2_HEADERS 32
#define H2_HEADERS_OCTETS 8192
#define H2_BODY 4096 /* more is cut off, and said */

struct h2_header {
	const char *name, *value;
};

struct h2_request { /* all of it lasts until the answer is given */
	struct arena *arena;
	const char *method, *path;
	const struct h2_header *headers;
	int n_headers;
	struct bytes body;
	bool body_too_large;
	const char *peer; /* UID of the client certificate's subject; NULL: it has none */
};

enum h2_then { /* what follows the answer */
	H2_GO_ON,
	H2_GOAWAY, /* no more streams on this connection; those that are open are answered */
	H2_DROP, /* the connection ends as if a cable was cut: this answer is lost, and those still on their way */
};

#define H2_REPLY_HEADERS 4
struct h2_reply {
	int status;
	struct h2_header headers[H2_REPLY_HEADERS]; /* names in lower case */
	int n_headers;
	struct bytes body;
	enum h2_then then;
	void *mark; /* what `lost` is told if this answer perhaps never left; NULL: nobody */
};

struct h2_settings {
	const char *address; /* ADDR:PORT */
	const char *cert_file, *key_file; /* PEM */
	const char *client_ca; /* PEM */
	int streams; /* SETTINGS_MAX_CONCURRENT_STREAMS */
	void (*answer)(void *arg, const struct h2_request *r, struct h2_reply *out);
	void (*lost)(void *arg, void *mark);
	void *arg;
};

struct h2_stats {
	int64_t connections; /* so far */
	int64_t live, most_live; /* that requests may come by: now, and at one time */
	int64_t goaways, drops;
};

struct h2;

/* Starts a thread. RC_BAD_INPUT: a file. RC_CONFLICT: the address is taken. */
enum rc h2_start(const struct h2_settings *s, struct h2 **out, struct err *e);
void h2_stop(struct h2 *h); /* NULL is fine */

int h2_port(const struct h2 *h);
void h2_stats(struct h2 *h, struct h2_stats *out);

const char *h2_header(const struct h2_request *r, const char *name); /* in lower case; NULL: absent */

#endif
