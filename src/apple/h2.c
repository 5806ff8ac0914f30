#include "apple/h2.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "crypto/x509.h"
#include "http/mem.h"
#include "http/front.h"
#include "http/front.h"

#define IDLE_S 600
#define HEADER_TABLE 4096
#define LINGER_S 2 /* after a drop, for what was written before it */

struct stream {
	LIST_ENTRY(stream) link;
	struct arena *arena; /* of its request; given back with the answer, but for what the answer needs */
	int32_t id;
	const char *method, *path;
	struct h2_header headers[H2_HEADERS];
	int n_headers;
	size_t octets; /* of the fields */
	struct buf body;
	struct bytes answer; /* in the arena */
	size_t sent; /* octets of it */
};

struct conn {
	LIST_ENTRY(conn) link;
	struct h2 *h2;
	struct bufferevent *bev;
	nghttp2_session *session; /* NULL until the handshake is over */
	LIST_HEAD(, stream) streams;
	struct arena *arena;
	const char *peer;
	void **marks; /* of the answers that were handed on since nothing was left to write */
	int n_marks, size_marks;
	enum h2_then then;
	bool live; /* requests may come */
	bool over; /* nothing is read or written any more */
};

struct h2 {
	struct h2_settings set;
	struct http_tls *tls;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *end;
	struct http_listen listen;
	int end_fd;
	LIST_HEAD(, conn) conns;
	pthread_t thread;
	bool started;
	atomic_llong connections, open, live, most_live, goaways, drops;
};

/* ---- streams ---- */

static struct stream *
stream_new(struct conn *c, int32_t id)
{
	struct arena *a = arena_new(0);
	struct stream *s = arena_alloc(a, sizeof *s);

	s->arena = a;
	s->id = id;
	buf_init(&s->body, H2_BODY);
	LIST_INSERT_HEAD(&c->streams, s, link);
	return s;
}

static void
stream_free(struct stream *s)
{
	LIST_REMOVE(s, link);
	buf_free(&s->body);
	arena_free(s->arena);
}

const char *
h2_header(const struct h2_request *r, const char *name)
{
	for (int i = 0; i < r->n_headers; i++) {
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

/* ---- answers ---- */

static void
mark(struct conn *c, void *what)
{
	if (what == NULL)
		return;
	if (c->n_marks == c->size_marks) {
		c->size_marks = c->size_marks > 0 ? 2 * c->size_marks : 64;
		c->marks = http_need(realloc(c->marks, (size_t)c->size_marks * sizeof *c->marks));
	}
	c->marks[c->n_marks++] = what;
}

static ssize_t
on_answer_body(nghttp2_session *session, int32_t id, uint8_t *out, size_t size, uint32_t *flags,
    nghttp2_data_source *source, void *arg)
{
	struct stream *s = source->ptr;
	size_t n = s->answer.n - s->sent < size ? s->answer.n - s->sent : size;

	(void)session, (void)id, (void)arg;
	if (n > 0)
		memcpy(out, s->answer.p + s->sent, n);
	s->sent += n;
	if (s->sent == s->answer.n)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_nv
field(const char *name, const char *value)
{
	return (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name), strlen(value),
		NGHTTP2_NV_FLAG_NONE };
}

static void
reply(struct conn *c, struct stream *s, const struct h2_reply *r)
{
	nghttp2_data_provider body = { .source = { .ptr = s }, .read_callback = on_answer_body };
	nghttp2_nv nv[1 + H2_REPLY_HEADERS];
	char status[16];
	size_t n = 0;

	snprintf(status, sizeof status, "%d", r->status);
	nv[n++] = field(":status", status);
	for (int i = 0; i < r->n_headers && i < H2_REPLY_HEADERS; i++)
		nv[n++] = field(r->headers[i].name, r->headers[i].value);
	s->answer = r->body;
	nghttp2_submit_response(c->session, s->id, nv, n, r->body.n > 0 ? &body : NULL);
}

static void
answer(struct conn *c, struct stream *s)
{
	const struct h2_request request = { .arena = s->arena,
		.method = s->method != NULL ? s->method : "",
		.path = s->path != NULL ? s->path : "",
		.headers = s->headers,
		.n_headers = s->n_headers,
		.body = buf_bytes(&s->body),
		.body_too_large = !buf_ok(&s->body),
		.peer = c->peer };
	struct h2_reply out = { .status = 500 };

	c->h2->set.answer(c->h2->set.arg, &request, &out);
	mark(c, out.mark);
	if (out.then > c->then)
		c->then = out.then;
	if (c->then == H2_DROP)
		return;
	reply(c, s, &out);
	if (out.then == H2_GOAWAY) {
		atomic_fetch_add(&c->h2->goaways, 1);
		nghttp2_submit_goaway(c->session, NGHTTP2_FLAG_NONE,
		    nghttp2_session_get_last_proc_stream_id(c->session), NGHTTP2_NO_ERROR, NULL, 0);
	}
}

/* ---- what nghttp2 reads ---- */

static int
on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct conn *c = arg;

	if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream_new(c, frame->hd.stream_id));
	return 0;
}

/* A request whose fields are more than there is room for is refused as a stream, not as a connection. */
static int
on_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t n_name, const uint8_t *value,
    size_t n_value, uint8_t flags, void *arg)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	char *key, *text;

	(void)flags, (void)arg;
	if (s == NULL || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	if ((s->octets += n_name + n_value) > H2_HEADERS_OCTETS || s->n_headers == H2_HEADERS)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	key = arena_strndup(s->arena, (const char *)name, n_name);
	text = arena_strndup(s->arena, (const char *)value, n_value);
	if (strcmp(key, ":method") == 0)
		s->method = text;
	else if (strcmp(key, ":path") == 0)
		s->path = text;
	else if (key[0] != ':')
		s->headers[s->n_headers++] = (struct h2_header){ key, text };
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags, (void)arg;
	if (s != NULL)
		buf_add(&s->body, p, n);
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct conn *c = arg;
	struct stream *s;

	if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
		return 0;
	s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
	if (s != NULL && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && c->then != H2_DROP)
		answer(c, s);
	return 0;
}

static int
on_stream_end(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)code, (void)arg;
	if (s != NULL)
		stream_free(s);
	return 0;
}

static nghttp2_session *
session_new(struct conn *c)
{
	const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
							(uint32_t)c->h2->set.streams },
		{ NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, HEADER_TABLE },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, H2_HEADERS_OCTETS } };
	nghttp2_session_callbacks *on;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&on) != 0)
		abort();
	nghttp2_session_callbacks_set_on_begin_headers_callback(on, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(on, on_field);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(on, on_stream_end);
	if (nghttp2_session_server_new(&session, on, c) != 0)
		abort();
	nghttp2_session_callbacks_del(on);
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof settings / sizeof settings[0]);
	return session;
}

/* ---- connections ---- */

static void
lose(struct conn *c)
{
	for (int i = 0; i < c->n_marks; i++)
		c->h2->set.lost(c->h2->set.arg, c->marks[i]);
	c->n_marks = 0;
}

static void
come_alive(struct conn *c, bool live)
{
	struct h2 *h = c->h2;
	long long n;

	if (live == c->live)
		return;
	c->live = live;
	n = atomic_fetch_add(&h->live, live ? 1 : -1) + 1;
	if (live && n > atomic_load(&h->most_live))
		atomic_store(&h->most_live, n);
}

static void
conn_close(struct conn *c)
{
	struct h2 *h = c->h2;
	struct stream *s;

	lose(c);
	come_alive(c, false);
	while ((s = LIST_FIRST(&c->streams)) != NULL)
		stream_free(s);
	nghttp2_session_del(c->session);
	bufferevent_free(c->bev);
	free(c->marks);
	arena_free(c->arena);
	LIST_REMOVE(c, link);
	free(c);
	atomic_fetch_sub(&h->open, 1);
}

/* Nothing more goes out, but what was written before reaches the peer: a socket that is closed while the peer still
 * sends is reset, and what lies in the peer's buffer is lost with it. */
static void
drop(struct conn *c)
{
	const struct timeval linger = { .tv_sec = LINGER_S };

	atomic_fetch_add(&c->h2->drops, 1);
	c->over = true;
	come_alive(c, false);
	bufferevent_disable(c->bev, EV_WRITE);
	shutdown(bufferevent_getfd(c->bev), SHUT_WR);
	bufferevent_set_timeouts(c->bev, &linger, NULL);
	lose(c);
}

/* All that is ready in one piece: TLS makes a record of each. False: the connection is closed. */
static bool
flush(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev), *piece = evbuffer_new();
	const uint8_t *p;
	ssize_t n;

	http_need(piece);
	while ((n = nghttp2_session_mem_send(c->session, &p)) > 0)
		evbuffer_add(piece, p, (size_t)n);
	evbuffer_add_buffer(out, piece);
	evbuffer_free(piece);
	if (n < 0 || (evbuffer_get_length(out) == 0 && !nghttp2_session_want_read(c->session) &&
			 !nghttp2_session_want_write(c->session))) {
		http_tls_goodbye(c->bev);
		conn_close(c);
		return false;
	}
	return true;
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct conn *c = arg;
	size_t n = evbuffer_get_length(in);
	ssize_t took = 0;

	if (c->session != NULL && !c->over && n > 0)
		took = nghttp2_session_mem_recv(c->session, evbuffer_pullup(in, -1), n);
	evbuffer_drain(in, n);
	if (c->session == NULL || c->over)
		return;
	if (took < 0)
		nghttp2_session_terminate_session(c->session, NGHTTP2_PROTOCOL_ERROR);
	if (c->then == H2_DROP)
		drop(c);
	else
		flush(c);
}

/* Nothing is left to write: every answer so far is with the kernel. */
static void
on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (c->over)
		return;
	c->n_marks = 0;
	if (c->session != NULL)
		flush(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;
	struct x509_info who;
	struct bytes der;

	if ((what & BEV_EVENT_CONNECTED) == 0) {
		conn_close(c);
		return;
	}
	der = http_tls_certificate(bev);
	if (!http_tls_accepted(bev) || !http_tls_agreed_h2(bev) || x509_parse(c->arena, der, &who, NULL) != RC_OK) {
		free((void *)(uintptr_t)der.p);
		conn_close(c);
		return;
	}
	free((void *)(uintptr_t)der.p);
	c->peer = who.uid;
	c->session = session_new(c);
	come_alive(c, true);
	flush(c);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int n_peer, void *arg)
{
	const struct timeval idle = { .tv_sec = IDLE_S };
	struct h2 *h = arg;
	struct bufferevent *bev;
	struct conn *c;
	int on = 1;

	(void)l, (void)peer, (void)n_peer;
	if (atomic_load(&h->open) >= H2_CONNECTIONS || (bev = http_tls_accept(h->tls, h->base, fd)) == NULL) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	c = http_need(calloc(1, sizeof *c));
	c->h2 = h;
	c->bev = bev;
	c->arena = arena_new(0);
	LIST_INIT(&c->streams);
	LIST_INSERT_HEAD(&h->conns, c, link);
	atomic_fetch_add(&h->connections, 1);
	atomic_fetch_add(&h->open, 1);
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(bev, &idle, &idle);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

/* ---- the server ---- */

static void
on_end(evutil_socket_t fd, short what, void *arg)
{
	struct h2 *h = arg;

	(void)fd, (void)what;
	event_base_loopbreak(h->base);
}

static void *
run(void *arg)
{
	struct h2 *h = arg;

	event_base_dispatch(h->base);
	return NULL;
}

static enum rc
listen_on(struct h2 *h, struct err *e)
{
	const struct http_listener from = { .door = HTTP_DOOR_PLAIN, .address = h->set.address, .fd = -1 };
	enum rc rc = http_listen_open(&h->listen, &from, e);

	if (rc == RC_OK)
		rc = http_listen_begin(&h->listen, e);
	if (rc == RC_OK)
		h->listener =
		    http_need(evconnlistener_new(h->base, on_accept, h, LEV_OPT_CLOSE_ON_EXEC, 0, h->listen.fd));
	return rc;
}

enum rc
h2_start(const struct h2_settings *s, struct h2 **out, struct err *e)
{
	const struct http_tls_settings tls = {
		.cert_file = s->cert_file, .key_file = s->key_file, .client_ca = s->client_ca, .h2 = true
	};
	struct h2 *h = http_need(calloc(1, sizeof *h));
	enum rc rc;

	*out = NULL;
	h->set = *s;
	h->listen.fd = -1;
	LIST_INIT(&h->conns);
	h->base = http_need(event_base_new());
	if ((h->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		abort();
	h->end = http_need(event_new(h->base, h->end_fd, EV_READ, on_end, h));
	event_add(h->end, NULL);
	if ((rc = http_tls_open(&tls, &h->tls, e)) != RC_OK || (rc = listen_on(h, e)) != RC_OK) {
		h2_stop(h);
		return rc;
	}
	if (pthread_create(&h->thread, NULL, run, h) != 0)
		abort();
	h->started = true;
	*out = h;
	return RC_OK;
}

void
h2_stop(struct h2 *h)
{
	struct conn *c, *next;
	uint64_t one = 1;

	if (h == NULL)
		return;
	if (h->started && write(h->end_fd, &one, sizeof one) == sizeof one)
		pthread_join(h->thread, NULL);
	for (c = LIST_FIRST(&h->conns); c != NULL; c = next) {
		next = LIST_NEXT(c, link);
		conn_close(c);
	}
	if (h->listener != NULL)
		evconnlistener_free(h->listener);
	http_listen_close(&h->listen);
	event_free(h->end);
	event_base_free(h->base);
	close(h->end_fd);
	http_tls_close(h->tls);
	free(h);
}

int
h2_port(const struct h2 *h)
{
	return h->listen.port;
}

void
h2_stats(struct h2 *h, struct h2_stats *out)
{
	*out = (struct h2_stats){ atomic_load(&h->connections), atomic_load(&h->live), atomic_load(&h->most_live),
		atomic_load(&h->goaways), atomic_load(&h->drops) };
}
