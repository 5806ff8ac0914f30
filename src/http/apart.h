/* Listeners in a process of their own: it has their sockets, their TLS keys and what peers send, and nothing of the server but
 * channels to it (channel.h). Made by http_apart_start (server.h). For src/http only.
 *
 * A pair of sockets tells it what to do, one order after another. */
#ifndef HTTP_APART_H
#define HTTP_APART_H

#include <sys/types.h>

#include "base/log.h"
#include "http/front.h"
#include "http/server.h"

#define HTTP_APART_LISTENERS 24

enum http_order_kind { HTTP_BIND, HTTP_GO, HTTP_TICKETS, HTTP_PREPARE, HTTP_COMMIT, HTTP_DRAIN, HTTP_FINISH };

struct http_order {
	enum http_order_kind kind;
	struct http_tickets tickets; /* of GO and TICKETS */
	enum log_level level; /* of COMMIT */
	enum log_format format;
};

/* To all but TICKETS and DRAIN. */
struct http_order_answer {
	enum http_order_kind kind; /* of the order */
	int rc;
	struct err e;
	int port[HTTP_APART_LISTENERS]; /* of BIND */
	int cut; /* of FINISH */
};

struct http_apart {
	pid_t pid; /* -1: it has ended */
	int control;
	int channel[HTTP_LOOPS_MAX]; /* the server's ends */
	int n_channels;
	int first_intake; /* of the server's, one for each channel */
	unsigned doors; /* bits 1 << HTTP_DOOR_... */
	struct http_gauge *gauge;
	int drain_ms;
	int port[HTTP_APART_LISTENERS];
	int n_listeners;
};

/* Accept, from now on. `t` may be NULL. RC_UNAVAILABLE: it has no threads, or has ended. */
enum rc http_apart_go(struct http_apart *a, const struct http_tickets *t, struct err *e);

/* As those of a front (front.h). */
void http_apart_tickets(struct http_apart *a, const struct http_tickets *t);
enum rc http_apart_prepare(struct http_apart *a, struct err *e);
void http_apart_commit(struct http_apart *a); /* with how this process logs now */
void http_apart_drain(struct http_apart *a);
int http_apart_finish(struct http_apart *a);

bool http_apart_alive(struct http_apart *a);

#endif
