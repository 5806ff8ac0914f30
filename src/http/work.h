/* Requests on their way from a channel to a worker and back. For src/http only. */
#ifndef HTTP_WORK_H
#define HTTP_WORK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "http/route.h"
#include "http/server.h"

struct http_intake;

/* One request, with copies of everything. */
struct http_job {
	STAILQ_ENTRY(http_job) link;
	struct http_intake *from;
	uint64_t id; /* there */
	const struct http_route *route;
	void *room;
	struct arena *arena; /* freed by the worker, as the payload is */
	struct http_request req;
	char *payload; /* from malloc, what req points into */
	size_t payload_n;
	bool head, close; /* of the reply: no body, end of connection */
	bool refused; /* the reply is the server's own */
	int64_t complete_us; /* monotonic */
	char *out; /* the reply's octets, from malloc */
	size_t out_n;
};
STAILQ_HEAD(http_jobs, http_job);

void http_job_free(struct http_job *j);

/* ---- workers (work.c) ---- */

struct http_work;
struct http_work *http_work_start(struct http_server *s);

/* Queue all of `jobs` for `class`; those over the bound stay in `jobs`. True: some wait although a
 * worker sleeps; call http_work_nudge in a moment. */
bool http_work_post(struct http_work *w, enum http_class class, struct http_jobs *jobs);
bool http_work_nudge(struct http_work *w, enum http_class class);
void http_work_stats(struct http_work *w, enum http_class class, struct http_stats *out); /* its row of each array */

/* Stop: what still waits is dropped; a handler that runs is waited for. NULL is fine. */
void http_work_stop(struct http_work *w);
void http_work_free(struct http_work *w);

/* ---- one end of a channel (intake.c) ---- */

/* Requests that come on `fd`, for doors of the set `doors` (bits 1 << HTTP_DOOR_...) alone. */
struct http_intake *http_intake_new(struct http_server *s, int fd, unsigned doors);
bool http_intake_start(struct http_intake *in); /* its thread; false: there is none */
bool http_intake_lost(const struct http_intake *in); /* the other end closed, or talks nonsense */
void http_intake_give(struct http_job *j); /* from a worker: send its reply, and free it */
void http_intake_shut(struct http_intake *in); /* no more is read or sent */
void http_intake_stop(struct http_intake *in); /* its workers have ended */
void http_intake_free(struct http_intake *in);

/* ---- the server ---- */

struct http_front;
struct http_apart;

struct http_server {
	struct http_settings set; /* defaults filled in; strings and lists are not kept */
	struct http_routes routes; /* of the two lists below */
	const struct http_route **tables;
	void **rooms;
	struct http_hooks hooks;
	struct http_work *work;
	struct http_front *front; /* listeners of this process */
	struct http_gauge *gauge; /* of that */
	struct http_apart **apart; /* listeners of others */
	int n_apart;
	struct http_intake **intake; /* one for each loop, here and there */
	int n_intakes;
	size_t payload_max; /* octets of a request with the largest body that any route takes */
	atomic_bool draining;
	atomic_size_t held; /* octets of requests that wait or are worked on; held_max of them at most */
	size_t held_max;
};

#endif
