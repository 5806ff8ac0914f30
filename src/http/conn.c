/* One connection: handshake, header, body, the request on its way to a worker, reply, and again.
 *
 * Each state has one function that takes what it can from the input and says whether to go on; run() calls
 * them until one has to wait. Nothing is freed inside a callback: an ended connection waits in the loop's
 * `dead` list for the end of the turn, and one whose request is on its way for that one's return. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/front.h"
#include "http/mem.h"
#include "http/parse.h"
#include "http/reply.h"

#define INPUT_MAX (HTTP_HEAD_MAX + 4096) /* octets that wait unread on a connection; more than a header may have */
#define LINGER_MS 10000 /* for a peer that is still sending to read why it need not */
#define HURRY_MS 1000 /* when the server stops: for a header that is under way, or the first one of a connection */
#define BODY_SLOWEST 1 /* ms that an octet of body may take on average: 1 kB/s */
#define SMALL_BODY 65536 /* larger ones share three quarters of the budget, so that polls find room */

enum state { HANDSHAKE, HEAD, BODY, BUSY, REPLY, LINGER, GONE };

struct http_conn {
	TAILQ_ENTRY(http_conn) link;
	struct http_loop *loop;
	struct http_listen *from;
	struct bufferevent *bev;
	enum state state;
	bool out; /* the request is on its way */
	bool first; /* no request yet: handshake and header share one deadline */
	bool heading; /* a header is under way */
	bool eof; /* the peer sends no more */
	bool asked; /* the peer asked for the end; it sends no more, so no need to linger */
	bool ending; /* after this reply */
	bool counted; /* against its address */
	bool said_goodbye;
	bool paused; /* reading is off: the input is full */
	struct event timer;
	int64_t deadline, fires; /* clock_mono_ms; fires is 0 when the timer is not set */
	struct http_addr addr;
	char peer[HTTP_ADDR_TEXT];
	int64_t uid;
	struct bytes certificate; /* from malloc */
	struct http_scan scan;
	struct http_ask *ask;
	/* of the body */
	bool chunked;
	uint64_t left, max; /* octets to come; most that the route takes */
	struct http_chunks chunks;
};

static void run(struct http_conn *c);

/* ---- deadlines ---- */

/* One timer, moved only when it would fire too late; firing early it sets itself again. */
static void
set_timer(struct http_conn *c, int64_t now)
{
	int64_t ms = c->deadline > now ? c->deadline - now : 0;
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(&c->timer, &tv);
	c->fires = c->deadline;
}

static void
set_deadline(struct http_conn *c, int64_t at)
{
	c->deadline = at;
	if (at != INT64_MAX && (c->fires == 0 || at < c->fires))
		set_timer(c, clock_mono_ms());
}

/* ---- the end ---- */

static void
goodbye(struct http_conn *c)
{
	if (c->from->tls != NULL && !c->said_goodbye)
		http_tls_goodbye(c->bev);
	c->said_goodbye = true;
}

static void
end(struct http_conn *c)
{
	struct http_front *f = c->loop->front;

	if (c->state == GONE)
		return;
	goodbye(c);
	event_del(&c->timer);
	bufferevent_setcb(c->bev, NULL, NULL, NULL, NULL);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	if (c->counted)
		http_counts_give(f->counts, &c->addr);
	atomic_fetch_sub(&c->from->open, 1);
	TAILQ_REMOVE(&c->loop->conns, c, link);
	TAILQ_INSERT_TAIL(&c->loop->dead, c, link);
	c->state = GONE;
}

static void
conn_free(struct http_conn *c)
{
	free((void *)(uintptr_t)c->certificate.p);
	free(c);
}

void
http_conn_bury(struct http_loop *l)
{
	struct http_front *f = l->front;
	struct http_conn *c;

	while ((c = TAILQ_FIRST(&l->dead)) != NULL) {
		TAILQ_REMOVE(&l->dead, c, link);
		bufferevent_free(c->bev);
		c->bev = NULL;
		if (atomic_fetch_sub(&f->gauge->connections, 1) == 1 && atomic_load(&f->draining)) {
			pthread_mutex_lock(&f->lock);
			pthread_cond_broadcast(&f->quiet);
			pthread_mutex_unlock(&f->lock);
		}
		if (c->out)
			continue; /* http_conn_reply frees it, or http_conn_forget */
		http_ask_free(f, c->ask);
		conn_free(c);
	}
}

/* ---- replies ---- */

static void
on_sent(const void *p, size_t n, void *arg)
{
	(void)arg;
	explicit_bzero((void *)(uintptr_t)p, n);
	free((void *)(uintptr_t)p);
}

/* Send `n` octets from malloc. A socket takes most replies at once, which saves two turns of epoll. */
static void
send_octets(struct http_conn *c, char *p, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	size_t sent = 0;

	if (c->from->tls == NULL && evbuffer_get_length(out) == 0) {
		ssize_t k = send(bufferevent_getfd(c->bev), p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k < 0 && errno != EAGAIN && errno != EINTR) {
			on_sent(p, n, NULL);
			end(c);
			return;
		}
		sent = k > 0 ? (size_t)k : 0;
	}
	if (sent == n) {
		on_sent(p, n, NULL);
		return;
	}
	if (sent > 0) {
		evbuffer_add(out, p + sent, n - sent);
		on_sent(p, n, NULL);
	} else {
		evbuffer_add_reference(out, p, n, on_sent, NULL);
	}
}

static void
send_reply(struct http_conn *c, char *p, size_t n, bool close)
{
	c->state = REPLY;
	c->ending = c->ending || close || c->loop->draining;
	set_deadline(c, clock_mono_ms() + c->loop->front->set.body_ms + (int64_t)n * BODY_SLOWEST);
	send_octets(c, p, n);
}

/* A fixed answer instead of a handler's. `close` also where the framing of what follows is in doubt. */
static void
refuse(struct http_conn *c, int status, const char *allow, bool close)
{
	struct http_front *f = c->loop->front;
	struct http_reply r;
	bool head = c->ask != NULL && c->ask->head;
	char *p;
	size_t n;

	atomic_fetch_add(&f->gauge->refused, 1);
	if (c->ask != NULL)
		http_reply_refusal(&r, status, &c->ask->req, f->set.problems);
	else
		http_reply_fixed(&r, status);
	if (allow != NULL)
		http_set(&r, "Allow", allow);
	if (close)
		c->asked = false; /* it may still be sending, whatever it asked for */
	close = close || c->asked || c->loop->draining;
	p = http_reply_render(&r, head, close, clock_now(), &n);
	http_ask_free(f, c->ask); /* `allow` was in its arena */
	c->ask = NULL;
	send_reply(c, p, n, close);
}

static void
read_on(struct http_conn *c)
{
	if (c->paused)
		bufferevent_enable(c->bev, EV_READ);
	c->paused = false;
}

/* After a reply, or instead of one. True: the next request may begin. */
static bool
reply_sent(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);

	if (evbuffer_get_length(bufferevent_get_output(c->bev)) > 0)
		return false; /* one request at a time also bounds the replies that wait */
	if (c->ending && (c->eof || c->asked)) {
		end(c);
		return false;
	}
	if (c->ending) {
		/* Closing with unread input resets the connection, and the reply with it. */
		goodbye(c);
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
		evbuffer_drain(in, evbuffer_get_length(in));
		c->state = LINGER;
		read_on(c);
		set_deadline(c, clock_mono_ms() + LINGER_MS);
		return false;
	}
	c->state = HEAD;
	c->scan = (struct http_scan){ 0 };
	read_on(c);
	set_deadline(c, clock_mono_ms() + c->loop->front->set.idle_ms);
	return true;
}

/* ---- bodies ---- */

/* Room for `n` more octets of body, paid from the budget. 0, or 503. */
static int
body_room(struct http_conn *c, size_t n)
{
	struct http_front *f = c->loop->front;
	struct http_ask *a = c->ask;
	size_t need = a->body_n + n, most = c->chunked ? (size_t)c->max : a->body_n + (size_t)c->left, size, extra,
	       budget;
	char *p;

	if (need <= a->body_size)
		return 0;
	size = a->body_size * 2 > 4096 ? a->body_size * 2 : 4096;
	if (size > most)
		size = most;
	if (size < need)
		size = need;
	extra = size - a->body_size;
	budget = size > SMALL_BODY ? f->set.body_budget / 4 * 3 : f->set.body_budget;
	if (atomic_fetch_add(&f->gauge->body_bytes, extra) + extra > budget) {
		atomic_fetch_sub(&f->gauge->body_bytes, extra);
		return 503;
	}
	p = http_need(malloc(size));
	if (a->body != NULL) {
		memcpy(p, a->body, a->body_n);
		explicit_bzero(a->body, a->body_n);
		free(a->body);
	}
	a->body = p;
	a->body_size = size;
	return 0;
}

static int
body_add(struct http_conn *c, const void *p, size_t n)
{
	int status = body_room(c, n);

	if (status == 0 && n > 0) {
		memcpy(c->ask->body + c->ask->body_n, p, n);
		c->ask->body_n += n;
	}
	return status;
}

/* The request is complete. */
static void
dispatch(struct http_conn *c)
{
	struct http_ask *a = c->ask;

	a->req.body = bytes_of(a->body, a->body_n);
	a->complete_us = clock_mono_us();
	c->state = BUSY;
	c->out = true;
	set_deadline(c, INT64_MAX);
	atomic_fetch_add(&c->loop->front->gauge->in_flight, 1);
	atomic_fetch_add(&c->loop->front->gauge->requests, 1);
	TAILQ_INSERT_TAIL(&c->loop->post, a, link);
}

/* Take one run of octets. 0: go on; 1: the body is complete; else a status. */
static int
body_octets(struct http_conn *c, const char *p, size_t n, size_t *used)
{
	struct bytes data;
	int status, added;

	if (!c->chunked) {
		*used = n < c->left ? n : (size_t)c->left;
		if ((status = body_add(c, p, *used)) != 0)
			return status;
		c->left -= *used;
		return c->left == 0 ? 1 : 0;
	}
	status = http_chunks_feed(&c->chunks, p, n, c->max, used, &data);
	if (status <= 1 && (added = body_add(c, data.p, data.n)) != 0)
		return added;
	return status;
}

/* Octets that came move the deadline, but never beyond a whole allowance from now: who sent a megabyte at
 * once can't rest on it. */
static void
earn(struct http_conn *c, size_t n)
{
	int64_t most = clock_mono_ms() + c->loop->front->set.body_ms, at = c->deadline + (int64_t)n * BODY_SLOWEST;

	set_deadline(c, at < most ? at : most);
}

static bool
read_body(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	struct evbuffer_iovec v;
	size_t used, before = c->ask->body_n;
	int status = 0;

	while (status == 0 && evbuffer_peek(in, -1, NULL, &v, 1) > 0 && v.iov_len > 0) {
		status = body_octets(c, v.iov_base, v.iov_len, &used);
		evbuffer_drain(in, used);
	}
	if (status > 1) {
		refuse(c, status, NULL, true);
		return true;
	}
	if (status == 1) {
		dispatch(c);
		return false;
	}
	if (c->eof) {
		end(c); /* half a request is no request */
		return false;
	}
	earn(c, c->ask->body_n - before);
	return false;
}

/* ---- headers ---- */

static void
fill_request(struct http_conn *c, struct http_ask *a, const struct http_head *h, const struct uri_target *t)
{
	struct http_request *r = &a->req;

	*r = (struct http_request){ .method = h->method,
		.path = t->path,
		.query = t->query,
		.host = t->host != NULL ? t->host : h->host,
		.headers = h->fields,
		.n_headers = h->n_fields,
		.door = c->from->door,
		.peer = arena_strdup(a->arena, c->peer),
		.secure = c->from->tls != NULL,
		.peer_uid = c->uid };
	if (c->certificate.p != NULL)
		r->client_certificate = arena_copy(a->arena, c->certificate);
	if (r->host == NULL)
		r->host = "";
}

/* Read the block of `n` octets into c->ask. 0, or a status after which the connection ends. */
static int
take_head(struct http_conn *c, size_t n, struct http_head *h)
{
	struct http_front *f = c->loop->front;
	struct http_ask *a = c->ask = http_need(calloc(1, sizeof *a));
	struct uri_target target;
	char *text;
	int status;

	a->arena = arena_new(0);
	a->conn = c;
	text = arena_alloc(a->arena, n + 1);
	evbuffer_remove(bufferevent_get_input(c->bev), text, n);
	status = http_head_parse(a->arena, text, n, h);
	a->head = h->method != NULL && strcmp(h->method, "HEAD") == 0;
	if (status != 0)
		return status;
	if (uri_target_parse(a->arena, h->target, &target, NULL) != RC_OK)
		return 400;
	fill_request(c, a, h, &target);
	c->asked = h->close;
	return http_proxy_apply(a->arena, &f->proxy, &c->addr, &a->req);
}

/* What is decided at the end of a header, in this order: route, method, largest body, room for it. */
static int
admit(struct http_conn *c, const struct http_head *h, struct http_found *found)
{
	struct http_front *f = c->loop->front;
	struct http_ask *a = c->ask;
	size_t max, announced = h->chunked ? 1 : (size_t)h->length, budget = f->set.body_budget;
	int status;

	status =
	    http_route_find(&f->routes, a->arena, c->from->door, a->req.method, a->req.path, a->req.segment, found);
	if (status != 0)
		return status;
	max = found->route->max_body;
	if (announced > max)
		return 413;
	if (announced > SMALL_BODY)
		budget = budget / 4 * 3;
	if (announced > 0 && atomic_load(&f->gauge->body_bytes) + announced > budget)
		return 503;
	a->close = h->close;
	c->chunked = h->chunked;
	c->max = max;
	c->left = h->chunked ? 0 : (uint64_t)h->length;
	return 0;
}

static void
expect_body(struct http_conn *c, const struct http_head *h)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

	c->state = BODY;
	c->chunks = (struct http_chunks){ 0 };
	set_deadline(c, clock_mono_ms() + c->loop->front->set.body_ms);
	if (h->expect && evbuffer_get_length(bufferevent_get_input(c->bev)) == 0)
		send_octets(c, http_need(strdup(go_on)), sizeof go_on - 1);
}

/* Find the end of the header in what came. 0, 1 or a status, as http_scan_feed. */
static int
scan(struct http_conn *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev);
	size_t n = evbuffer_get_length(in), used;
	int status = 0;

	while (status == 0 && c->scan.n < n) {
		struct evbuffer_ptr at;
		struct evbuffer_iovec v;

		if (evbuffer_ptr_set(in, &at, c->scan.n, EVBUFFER_PTR_SET) != 0 ||
		    evbuffer_peek(in, -1, &at, &v, 1) < 1)
			break;
		status = http_scan_feed(&c->scan, v.iov_base, v.iov_len, &used);
	}
	return status;
}

static bool
wait_head(struct http_conn *c)
{
	bool begun = c->scan.n > 0;

	if (c->eof || (c->loop->draining && !begun && !c->first)) {
		end(c);
		return false;
	}
	/* Absolute from its first octet; the deadline of a first request began with the connection. */
	if (begun && !c->first && !c->heading) {
		c->heading = true;
		set_deadline(c, clock_mono_ms() + c->loop->front->set.header_ms);
	}
	return false;
}

static bool
read_head(struct http_conn *c)
{
	struct http_found found = { 0 };
	struct http_head h;
	bool body;
	int status = scan(c);

	if (status == 0)
		return wait_head(c);
	c->first = c->heading = false;
	if (status != 1) {
		refuse(c, status, NULL, true);
		return true;
	}
	if ((status = take_head(c, c->scan.n, &h)) != 0) {
		refuse(c, status, NULL, true);
		return true;
	}
	body = h.chunked || h.length > 0;
	if ((status = admit(c, &h, &found)) != 0) {
		refuse(c, status, found.allow, body);
		return true;
	}
	if (body)
		expect_body(c, &h);
	else
		dispatch(c);
	return body;
}

/* ---- events ---- */

static void
run(struct http_conn *c)
{
	bool more = true;

	while (more) {
		switch (c->state) {
		case HEAD:
			more = read_head(c);
			break;
		case BODY:
			more = read_body(c);
			break;
		case REPLY:
			more = reply_sent(c);
			break;
		default:
			more = false;
		}
	}
}

static void
on_read(struct bufferevent *b, void *arg)
{
	struct http_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(b);

	if (c->state == LINGER)
		evbuffer_drain(in, evbuffer_get_length(in));
	else
		run(c);
	/* libevent calls again without end for as long as the input is at its high watermark. */
	if (c->state != GONE && evbuffer_get_length(in) >= INPUT_MAX) {
		c->paused = true;
		bufferevent_disable(b, EV_READ);
	}
}

static void
on_write(struct bufferevent *b, void *arg)
{
	(void)b;
	run(arg);
}

static void
on_event(struct bufferevent *b, short what, void *arg)
{
	struct http_conn *c = arg;

	(void)b;
	if ((what & BEV_EVENT_CONNECTED) != 0) {
		if (!http_tls_accepted(c->bev)) {
			end(c);
			return;
		}
		if (c->from->door == HTTP_DOOR_MTLS)
			c->certificate = http_tls_certificate(c->bev);
		c->state = HEAD;
		run(c);
		return;
	}
	if ((what & BEV_EVENT_EOF) == 0 || c->state == HANDSHAKE || c->state == LINGER) {
		end(c);
		return;
	}
	c->eof = true; /* a peer may close its side and still wait for the answer */
	run(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_conn *c = arg;
	int64_t now = clock_mono_ms();

	(void)fd, (void)what;
	c->fires = 0;
	if (c->deadline == INT64_MAX)
		return;
	if (now < c->deadline) {
		set_timer(c, now);
		return;
	}
	if (c->state == BODY || (c->state == HEAD && c->scan.n > 0)) {
		refuse(c, 408, NULL, true);
		run(c);
	} else {
		end(c);
	}
}

/* ---- for the loop ---- */

static int64_t
uid_of(int fd)
{
	struct ucred cred;
	socklen_t n = sizeof cred;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0 ? (int64_t)cred.uid : -1;
}

void
http_conn_open(struct http_loop *l, struct http_listen *from, int fd, const struct http_addr *peer)
{
	struct http_front *f = l->front;
	struct http_conn *c = http_need(calloc(1, sizeof *c));
	int one = 1;

	c->loop = l;
	c->from = from;
	c->addr = *peer;
	c->counted = peer->known && !http_trust_has(f->trust, peer);
	http_addr_text(peer, c->peer);
	c->uid = from->door == HTTP_DOOR_UNIX ? uid_of(fd) : -1;
	c->first = true;
	c->state = from->tls != NULL ? HANDSHAKE : HEAD;
	if (from->tls != NULL)
		c->bev = http_tls_accept(from->tls, l->base, fd);
	else
		c->bev = bufferevent_socket_new(l->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) { /* never in clear where TLS was promised */
		close(fd);
		if (c->counted)
			http_counts_give(f->counts, peer);
		atomic_fetch_sub(&from->open, 1);
		free(c);
		return;
	}
	if (from->door != HTTP_DOOR_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	evtimer_assign(&c->timer, l->base, on_timer, c);
	atomic_fetch_add(&f->gauge->connections, 1);
	TAILQ_INSERT_TAIL(&l->conns, c, link);
	set_deadline(c, clock_mono_ms() + f->set.header_ms);
	bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

void
http_conn_reply(struct http_ask *a, char *octets, size_t n, bool close)
{
	struct http_conn *c = a->conn;
	struct http_front *f = c->loop->front;

	atomic_fetch_sub(&f->gauge->in_flight, 1);
	c->out = false;
	c->ask = NULL;
	http_ask_free(f, a);
	if (c->state != GONE) {
		send_reply(c, octets, n, close);
		run(c);
		return;
	}
	http_payload_free(octets, n);
	if (c->bev == NULL)
		conn_free(c);
}

void
http_conn_forget(struct http_ask *a)
{
	struct http_front *f = a->conn->loop->front;

	atomic_fetch_sub(&f->gauge->in_flight, 1);
	conn_free(a->conn);
	http_ask_free(f, a);
}

struct http_conn *
http_conn_next(struct http_conn *c)
{
	return TAILQ_NEXT(c, link);
}

void
http_conn_drain(struct http_conn *c)
{
	int64_t soon = clock_mono_ms() + HURRY_MS;

	/* A connection that was just made is answered once: its peer could not know, and would have to try again. */
	if (c->state == LINGER || (c->state == HEAD && c->scan.n == 0 && !c->first))
		end(c);
	else if ((c->state == HANDSHAKE || c->state == HEAD) && c->deadline > soon)
		set_deadline(c, soon);
}

int
http_conn_cut(struct http_conn *c)
{
	int under_way = c->state == BODY || c->state == BUSY || c->state == REPLY;

	end(c);
	return under_way;
}
