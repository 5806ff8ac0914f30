/* The side of the server that peers see: listeners, event loops, connections. For src/http only.
 *
 * A loop and its connections belong to one thread. Requests that are whole go out on the loop's channel, and come back as
 * octets to be sent. Nothing here knows of handlers: the front may be in a process of its own (apart.h). */
#ifndef HTTP_FRONT_H
#define HTTP_FRONT_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "http/addr.h"
#include "http/channel.h"
#include "http/proxy.h"
#include "http/route.h"
#include "http/server.h"
#include "http/tls.h"

#define HTTP_LOOPS_MAX 4

struct http_conn;
struct http_loop;
struct http_front;

/* What is counted here and read by the server: in memory that both processes have, where there are two. */
struct http_gauge {
	atomic_int connections, in_flight;
	atomic_size_t body_bytes;
	atomic_llong requests, refused;
};
struct http_gauge *http_gauge_new(void); /* shared with what is forked from here */
void http_gauge_free(struct http_gauge *g); /* NULL is fine */

/* ---- a request on its way ---- */

struct http_ask {
	TAILQ_ENTRY(http_ask) link; /* in the loop's `post`, then in its `out` */
	struct http_conn *conn;
	struct arena *arena;
	struct http_request req;
	char *body; /* from malloc; body_n of body_size octets, which the budget counts until the reply */
	size_t body_n, body_size;
	bool head, close; /* of the reply: no body, end of connection */
	int64_t complete_us; /* monotonic */
};
TAILQ_HEAD(http_asks, http_ask);

void http_ask_free(struct http_front *f, struct http_ask *a); /* NULL is fine */

/* ---- loops (loop.c) ---- */

TAILQ_HEAD(http_conns, http_conn);

struct http_listen { /* one row of the table of listeners, and its socket */
	struct http_front *front;
	enum http_door door;
	char *address;
	int fd, port;
	bool bound; /* ours, and nobody can connect yet */
	bool unlink_path; /* a Unix socket of ours */
	struct http_tls *tls;
	int max_connections, max_per_address;
	atomic_int open;
};

struct http_loop {
	struct http_front *front;
	struct event_base *base;
	int wake_fd;
	struct event wake, rest; /* `rest`: accept again after running out of descriptors */
	struct event *accepts; /* one per listener */
	int channel; /* of requests and replies; the loop's to close */
	struct event readable, writable; /* ... it is */
	struct http_frames frames; /* replies */
	struct buf unsent; /* requests, of which `sent` octets are sent */
	size_t sent;
	pthread_t thread;
	bool started;
	struct http_conns conns;
	struct http_conns dead; /* ended in this turn, to be freed at its end */
	struct http_asks post; /* made in this turn */
	struct http_asks out; /* sent, not answered */
	bool accepting, draining;
	int cut; /* requests ended by force */
	atomic_bool drain, stop;
};

bool http_loop_open(struct http_loop *l, struct http_front *f, int channel); /* false: no descriptors or memory */
bool http_loop_start(struct http_loop *l); /* false: no thread */
void http_loop_close(struct http_loop *l); /* the thread has ended */
void http_loop_tell(struct http_loop *l, bool stop); /* drain; or stop */

/* ---- connections (conn.c) ---- */

void http_conn_open(struct http_loop *l, struct http_listen *from, int fd, const struct http_addr *peer);
void http_conn_reply(struct http_ask *a, char *octets, size_t n, bool close); /* takes the octets; frees `a` */
void http_conn_drain(struct http_conn *c); /* end it if it is idle, hurry it if not */
int http_conn_cut(struct http_conn *c); /* end it now; 1 if a request was under way */
struct http_conn *http_conn_next(struct http_conn *c); /* in its loop's list */
void http_conn_bury(struct http_loop *l); /* free what died in this turn */
void http_conn_forget(struct http_ask *a); /* no reply will come any more; the connection was buried */

/* ---- sockets (listen.c) ---- */

enum rc http_listen_open(struct http_listen *l, const struct http_listener *from, struct err *e);
enum rc http_listen_begin(struct http_listen *l, struct err *e); /* let peers connect */
void http_listen_shut(struct http_listen *l); /* no loop looks at it any more: peers are refused */
void http_listen_close(struct http_listen *l);

/* ---- all of them (front.c) ---- */

struct http_front {
	struct http_settings set; /* defaults filled in; strings and lists are not kept */
	char *secret;
	struct http_proxy_rules proxy;
	struct http_trust *trust;
	struct http_routes routes; /* of the list below */
	const struct http_route **tables;
	struct http_counts *counts;
	struct http_listen *listen;
	int n_listen;
	struct http_loop *loop;
	int n_loops;
	struct http_gauge *gauge; /* the maker's */
	atomic_bool draining;
	struct timespec until; /* when it ends, CLOCK_MONOTONIC */
	atomic_int drained; /* loops that have stopped accepting; the last one shuts the listeners */
	pthread_mutex_t lock; /* with `quiet`: signalled when the last connection of a drain ends */
	pthread_cond_t quiet;
	atomic_llong cap_told; /* when a refused connection was last logged, clock_mono_ms */
	void (*lost)(void); /* the server at the other end of the channels has ended; NULL: it can't */
};

/* Bind the listeners. Errors are those of http_server_start. `set` has its defaults filled in. */
enum rc http_front_new(const struct http_settings *set, const struct http_listener *l, int n_listeners,
    const struct http_route *const *tables, int n_tables, struct http_gauge *gauge, struct http_front **out,
    struct err *e);

/* Start set.loops loops, each with one of `channels`, which belong to the front from now on. */
enum rc http_front_start(struct http_front *f, const int *channels, struct err *e);

void http_front_tickets(struct http_front *f, const struct http_tickets *t);
enum rc http_front_prepare(struct http_front *f, struct err *e); /* read certificates and keys again, */
void http_front_commit(struct http_front *f); /* and use them */
void http_front_drain(struct http_front *f); /* stop accepting */
int http_front_finish(struct http_front *f); /* after that: wait for what is in flight, set.drain_ms from then at
					       * most, and end loops; requests cut off */
void http_front_free(struct http_front *f); /* NULL is fine */

#endif
