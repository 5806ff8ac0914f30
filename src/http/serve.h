/* What the parts of the server share: the server, its loops, its jobs. For src/http only.
 *
 * A loop and its connections belong to one thread. What crosses threads is a job: the loop gives it to
 * a class of workers, a worker gives it back with its reply rendered. */
#ifndef HTTP_SERVE_H
#define HTTP_SERVE_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "http/addr.h"
#include "http/proxy.h"
#include "http/route.h"
#include "http/server.h"
#include "http/tls.h"

struct http_conn;
struct http_loop;

/* ---- jobs ---- */

/* One request on its way to a worker and back. It owns copies of everything. */
struct http_job {
	STAILQ_ENTRY(http_job) link;
	struct http_loop *loop;
	struct http_conn *conn; /* for the loop only */
	const struct http_route *route;
	void *room;
	struct arena *arena; /* freed by the worker */
	struct http_request req;
	char *body; /* from malloc; body_n of body_size octets, which the budget counts */
	size_t body_n, body_size;
	bool head, close; /* of the reply: no body, end of connection */
	int64_t queued_us; /* monotonic: when it was complete */
	char *out; /* the reply's octets, from malloc */
	size_t out_n;
};
STAILQ_HEAD(http_jobs, http_job);

void http_job_free(struct http_server *s, struct http_job *j);

/* ---- workers (work.c) ---- */

struct http_work;
struct http_work *http_work_start(struct http_server *s);

/* Queue all of `jobs` for `class`; those over the bound stay in `jobs`. True: some wait although a
 * worker sleeps; call http_work_nudge in a moment. */
bool http_work_post(struct http_work *w, enum http_class class, struct http_jobs *jobs);
bool http_work_nudge(struct http_work *w, enum http_class class);
void http_work_stats(struct http_work *w, enum http_class class, struct http_stats *out); /* its row of each array */

/* Stop: what still waits goes back to its loop without a reply; a handler that runs is waited for. NULL
 * is fine. */
void http_work_stop(struct http_work *w);
void http_work_free(struct http_work *w);

/* ---- loops (loop.c) ---- */

TAILQ_HEAD(http_conns, http_conn);

struct http_listen { /* one row of the table of listeners, and its socket */
	struct http_server *server;
	int number;
	enum http_door door;
	char *address;
	int fd, port;
	bool unlink_path; /* a Unix socket of ours */
	struct http_tls *tls;
	int max_connections, max_per_address;
	atomic_int open;
};

struct http_loop {
	struct http_server *server;
	struct event_base *base;
	int wake_fd;
	struct event wake, nudge, rest; /* `rest`: accept again after running out of descriptors */
	struct event *accepts; /* one per listener */
	pthread_t thread;
	bool started;
	struct http_conns conns;
	struct http_conns dead; /* ended in this turn, to be freed at its end */
	struct http_jobs post[HTTP_CLASSES]; /* made in this turn */
	bool accepting, draining;
	int cut; /* requests ended by force */

	pthread_mutex_t lock; /* over what follows */
	struct http_jobs done;
	bool asleep, drain, stop;
};

bool http_loop_open(struct http_loop *l, struct http_server *s); /* false: no descriptors or memory */
bool http_loop_start(struct http_loop *l); /* false: no thread */
void http_loop_close(struct http_loop *l); /* the thread has ended; jobs are back */
void http_loop_tell(struct http_loop *l, bool drain, bool stop);
void http_loop_give(struct http_loop *l, struct http_job *j); /* from a worker */

/* ---- connections (conn.c) ---- */

void http_conn_open(struct http_loop *l, struct http_listen *from, int fd, const struct http_addr *peer);
void http_conn_reply(struct http_job *j); /* the job came back; frees it */
void http_conn_refuse(struct http_job *j); /* its queue is full; frees it */
void http_conn_drain(struct http_conn *c); /* end it if it is idle, hurry it if not */
int http_conn_cut(struct http_conn *c); /* end it now; 1 if a request was under way */
struct http_conn *http_conn_next(struct http_conn *c); /* in its loop's list */
void http_conn_bury(struct http_loop *l); /* free what died in this turn */

/* ---- sockets (listen.c) ---- */

enum rc http_listen_open(struct http_listen *l, const struct http_listener *from, struct err *e);
void http_listen_shut(struct http_listen *l); /* no loop looks at it any more: peers are refused */
void http_listen_close(struct http_listen *l);

/* ---- the server ---- */

struct http_server {
	struct http_settings set; /* defaults filled in; strings and lists are not kept */
	char *secret;
	struct http_proxy_rules proxy;
	struct http_trust *trust;
	struct http_routes routes; /* of the two lists below */
	const struct http_route **tables;
	void **rooms;
	struct http_hooks hooks;
	struct http_counts *counts;
	struct http_work *work;
	struct http_listen *listen;
	int n_listen;
	struct http_loop *loop;
	int n_loops;
	atomic_bool draining;
	atomic_int drained; /* loops that have stopped accepting; the last one shuts the listeners */
	pthread_mutex_t lock; /* with `quiet`: signalled when the last connection of a drain ends */
	pthread_cond_t quiet;
	atomic_int connections, in_flight;
	atomic_size_t body_bytes;
	atomic_llong requests, refused;
	atomic_llong cap_told; /* when a refused connection was last logged, clock_mono_ms */
};

#endif
