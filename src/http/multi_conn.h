/* One HTTP/2 connection of http/multi.h: socket, TLS, nghttp2, and the requests that are on it. */
#ifndef HTTP_MULTI_CONN_H
#define HTTP_MULTI_CONN_H

#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/buf.h"
#include "http/multi.h"
#include "http/tls_client.h"

struct multi_conn;

/* A request on its way. */
struct multi_stream {
	TAILQ_ENTRY(multi_stream) link; /* of its connection, oldest first */
	int index; /* among the requests */
	struct bytes upload;
	int64_t begun_at; /* monotonic milliseconds */
	bool sent; /* its header left, so the server may have looked at it */
	int status;
	struct buf body;
};
TAILQ_HEAD(multi_streams, multi_stream);

enum multi_end {
	MULTI_ANSWERED,
	MULTI_AGAIN, /* the server did not look at it */
	MULTI_LOST, /* nobody knows */
};

struct multi_target {
	struct http_tls_client *tls;
	const char *host, *port;
	int timeout_ms;
	/* A stream is over; `why` with MULTI_LOST. It is the caller's again. */
	void (*ended)(void *arg, struct multi_stream *s, enum multi_end how, const char *why);
	void *arg;
};

/* Connects, and waits until TLS is agreed on. RC_UNAVAILABLE: the sentence says why. `t` outlives it. */
enum rc multi_conn_open(const struct multi_target *t, struct multi_conn **out, struct err *e);

/* What is on it is lost, or was never sent. */
void multi_conn_close(struct multi_conn *c, const char *why);

/* Whether it took no harm while nobody used it: asks the server (PING). */
bool multi_conn_alive(struct multi_conn *c);

/* How many more requests it takes now; below 0: it is over, and is to be closed. */
int multi_conn_room(const struct multi_conn *c);

/* `fields` and the upload stay where they are until the stream has ended. */
void multi_conn_begin(struct multi_conn *c, struct multi_stream *s, const nghttp2_nv *fields, size_t n);

/* Write what there is to write and read what there is to read. */
void multi_conn_work(struct multi_conn *c);

int multi_conn_fd(const struct multi_conn *c);
bool multi_conn_wants_write(const struct multi_conn *c);
const char *multi_conn_why(const struct multi_conn *c); /* it is over */

#endif
