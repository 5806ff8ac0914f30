/* Where requests arrive from an event loop: each is checked, gets its route, and goes in line for the workers; replies go
 * back. A thread for each loop reads; whoever of the workers has a reply sends it, together with those that others
 * make meanwhile. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/addr.h"
#include "http/channel.h"
#include "http/mem.h"
#include "http/reply.h"
#include "http/route.h"
#include "http/work.h"

#define NUDGE_MS 1 /* a quick job that has waited so long gets another worker */
#define ARENA_LEAST (1024 * 1024) /* bytes of a call's arena; or 16 times the route's largest body */
#define SEND_S 60 /* a loop that takes no reply for so long is no loop of ours */
#define TOGETHER 32 /* requests that are read, and replies that are sent, before anything else is done */
#define REPLIES_MAX ((size_t)64 << 20) /* octets of replies that wait for a loop that does not read them */

struct http_intake {
	struct http_server *server;
	unsigned doors;
	struct http_frames frames;
	struct http_jobs post[HTTP_CLASSES]; /* read in this turn */
	pthread_t thread;
	bool started;
	atomic_bool lost;

	pthread_mutex_t lock; /* over what follows */
	struct http_jobs out;
	size_t out_n; /* octets of those */
	bool sending; /* by a worker, until `out` is empty */
};

void
http_job_free(struct http_job *j)
{
	arena_free(j->arena);
	if (j->payload != NULL)
		atomic_fetch_sub(&j->from->server->held, j->payload_n);
	http_payload_free(j->payload, j->payload_n);
	http_payload_free(j->out, j->out_n);
	free(j);
}

/* ---- replies ---- */

static bool
send_all(int fd, struct iovec *v, size_t n)
{
	while (n > 0) {
		struct msghdr m = { .msg_iov = v, .msg_iovlen = n };
		ssize_t k = sendmsg(fd, &m, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return false;
		for (; n > 0 && (size_t)k >= v->iov_len; v++, n--)
			k -= (ssize_t)v->iov_len;
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + k;
			v->iov_len -= (size_t)k;
		}
	}
	return true;
}

static bool
send_replies(struct http_intake *in, struct http_job **list, int n)
{
	struct http_frame frames[TOGETHER];
	struct iovec v[2 * TOGETHER];

	for (int i = 0; i < n; i++) {
		frames[i] = (struct http_frame){ .id = list[i]->id, .n = (uint32_t)list[i]->out_n };
		frames[i].flags = (list[i]->close ? HTTP_FRAME_CLOSE : 0) | (list[i]->refused ? HTTP_FRAME_REFUSED : 0);
		v[2 * i] = (struct iovec){ &frames[i], sizeof frames[i] };
		v[2 * i + 1] = (struct iovec){ list[i]->out, list[i]->out_n };
	}
	return send_all(in->frames.fd, v, 2 * (size_t)n);
}

/* in->lock is held, and given back for the time of sending. */
static void
send_in_line(struct http_intake *in)
{
	struct http_job *list[TOGETHER];
	int n;

	do {
		for (n = 0; n < TOGETHER && (list[n] = STAILQ_FIRST(&in->out)) != NULL; n++)
			STAILQ_REMOVE_HEAD(&in->out, link);
		for (int i = 0; i < n; i++)
			in->out_n -= list[i]->out_n;
		pthread_mutex_unlock(&in->lock);
		if (n > 0 && !atomic_load(&in->lost) && !send_replies(in, list, n)) {
			atomic_store(&in->lost, true);
			http_intake_shut(in);
		}
		for (int i = 0; i < n; i++)
			http_job_free(list[i]);
		pthread_mutex_lock(&in->lock);
	} while (n > 0);
}

void
http_intake_give(struct http_job *j)
{
	struct http_intake *in = j->from;

	pthread_mutex_lock(&in->lock);
	if (in->out_n > REPLIES_MAX) {
		atomic_store(&in->lost, true);
		http_intake_shut(in);
	}
	STAILQ_INSERT_TAIL(&in->out, j, link);
	in->out_n += j->out_n;
	if (!in->sending) {
		in->sending = true;
		send_in_line(in);
		in->sending = false;
	}
	pthread_mutex_unlock(&in->lock);
}

static void
refuse(struct http_job *j, int status)
{
	struct http_server *s = j->from->server;
	struct http_reply r;

	http_reply_refusal(&r, status, &j->req, s->set.problems);
	j->refused = true;
	j->close = j->close || atomic_load(&s->draining);
	j->out = http_reply_render(&r, j->head, j->close, clock_now(), &j->out_n);
	http_intake_give(j);
}

/* ---- requests ---- */

/* What the loop has decided already is decided once more: it may have been taken over. 0, or a status. */
static int
find(struct http_job *j)
{
	struct http_server *s = j->from->server;
	struct http_request *r = &j->req;
	struct http_found found;
	size_t max, held = atomic_fetch_add(&s->held, j->payload_n) + j->payload_n;
	int status = http_route_find(&s->routes, j->arena, r->door, r->method, r->path, r->segment, &found);

	if (status != 0)
		return status;
	if (r->body.n > (max = found.route->max_body))
		return 413;
	if (held > s->held_max)
		return 503;
	j->route = found.route;
	j->room = found.room;
	r->route = found.number;
	arena_limit(j->arena, arena_used(j->arena) + (max > ARENA_LEAST / 16 ? max * 16 : ARENA_LEAST));
	return 0;
}

/* False: nonsense. */
static bool
take(struct http_intake *in, const struct http_frame *frame, char *payload)
{
	struct http_job *j = http_need(calloc(1, sizeof *j));
	int64_t now = clock_mono_us();
	int status;

	j->from = in;
	j->id = frame->id;
	j->close = (frame->flags & HTTP_FRAME_CLOSE) != 0;
	j->arena = arena_new(0);
	if (!http_channel_get(j->arena, payload, frame->n, &j->req, &j->complete_us) || j->req.door > HTTP_DOOR_ADMIN ||
	    (in->doors & 1u << j->req.door) == 0 || !(j->req.peer[0] == '\0' || http_addr_parse(j->req.peer).known)) {
		http_payload_free(payload, frame->n);
		http_job_free(j);
		return false;
	}
	j->payload = payload;
	j->payload_n = frame->n;
	j->head = strcmp(j->req.method, "HEAD") == 0;
	if (j->complete_us > now || j->complete_us < 0)
		j->complete_us = now;
	if (j->req.door != HTTP_DOOR_UNIX)
		j->req.peer_uid = -1;
	if ((status = find(j)) != 0)
		refuse(j, status);
	else
		STAILQ_INSERT_TAIL(&in->post[j->route->class], j, link);
	return true;
}

/* True: some wait although a worker sleeps. */
static bool
post_all(struct http_intake *in)
{
	bool waiting = false;

	for (int k = 0; k < HTTP_CLASSES; k++) {
		struct http_job *j;

		if (STAILQ_EMPTY(&in->post[k]))
			continue;
		waiting = http_work_post(in->server->work, (enum http_class)k, &in->post[k]) || waiting;
		while ((j = STAILQ_FIRST(&in->post[k])) != NULL) {
			STAILQ_REMOVE_HEAD(&in->post[k], link);
			refuse(j, 503);
		}
	}
	return waiting;
}

static bool
nudge_all(struct http_intake *in)
{
	bool again = false;

	for (int k = 0; k < HTTP_CLASSES; k++)
		again = http_work_nudge(in->server->work, (enum http_class)k) || again;
	return again;
}

/* False: nothing has come for a moment. */
static bool
comes_soon(const struct http_intake *in)
{
	struct pollfd p = { .fd = in->frames.fd, .events = POLLIN };

	return poll(&p, 1, NUDGE_MS) != 0;
}

/* What came until now, TOGETHER at most, goes in line. */
static enum http_frames_state
take_some(struct http_intake *in, bool *good)
{
	enum http_frames_state state = HTTP_FRAMES_NEXT;
	struct http_frame frame;
	char *payload;

	in->frames.blocks = true; /* for the first of them */
	for (int i = 0; i < TOGETHER && state == HTTP_FRAMES_NEXT && *good; i++) {
		if ((state = http_frames_read(&in->frames, &frame, &payload)) == HTTP_FRAMES_NEXT)
			*good = take(in, &frame, payload);
		in->frames.blocks = false;
	}
	return state;
}

static void *
run(void *arg)
{
	struct http_intake *in = arg;
	enum http_frames_state state = HTTP_FRAMES_WAIT;
	int64_t since = 0; /* when a job was first left to workers that are awake, clock_mono_ms; 0: none is */
	bool good = true;

	while (good && state != HTTP_FRAMES_END) {
		if (since != 0 && (clock_mono_ms() - since >= NUDGE_MS || !comes_soon(in)))
			since = nudge_all(in) ? clock_mono_ms() : 0;
		if (since != 0 && !comes_soon(in))
			continue;
		state = take_some(in, &good);
		if (post_all(in) && since == 0)
			since = clock_mono_ms();
	}
	if (!good)
		log_error("a process that listens talks nonsense");
	atomic_store(&in->lost, true);
	http_intake_shut(in);
	return NULL;
}

/* ---- start and stop ---- */

struct http_intake *
http_intake_new(struct http_server *s, int fd, unsigned doors)
{
	struct http_intake *in = http_need(calloc(1, sizeof *in));
	const struct timeval most = { .tv_sec = SEND_S };

	in->server = s;
	in->doors = doors;
	in->frames = (struct http_frames){ .fd = fd, .max = s->payload_max };
	STAILQ_INIT(&in->out);
	for (int k = 0; k < HTTP_CLASSES; k++)
		STAILQ_INIT(&in->post[k]);
	pthread_mutex_init(&in->lock, NULL);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
	return in;
}

bool
http_intake_start(struct http_intake *in)
{
	return in->started = pthread_create(&in->thread, NULL, run, in) == 0;
}

bool
http_intake_lost(const struct http_intake *in)
{
	return atomic_load(&in->lost);
}

void
http_intake_shut(struct http_intake *in)
{
	shutdown(in->frames.fd, SHUT_RDWR);
}

void
http_intake_stop(struct http_intake *in)
{
	http_intake_shut(in);
	if (in->started)
		pthread_join(in->thread, NULL);
	in->started = false;
}

void
http_intake_free(struct http_intake *in)
{
	close(in->frames.fd);
	http_frames_free(&in->frames);
	pthread_mutex_destroy(&in->lock);
	free(in);
}
