#include "http/multi_conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/mem.h"

#define STREAMS 90 /* at once: servers allow 100 or more, and as many are in doubt when a connection breaks */
#define CONNECT_MS 15000 /* with the handshake */
#define PING_MS 2000
#define REST_MS 5000 /* without traffic, before it is asked whether it still is there */
#define PIECE 16384 /* octets: a record of TLS */
#define WHY_MAX 200

struct multi_conn {
	const struct multi_target *target;
	int fd;
	struct http_tls_stream *tls;
	nghttp2_session *session;
	struct multi_streams streams;
	int n_streams;
	uint8_t in[PIECE];
	struct buf out;
	size_t out_sent;
	int64_t heard_at; /* monotonic milliseconds */
	bool leaving; /* the server takes no more */
	bool ponged;
	bool over;
	char why[WHY_MAX];
};

static void
end_conn(struct multi_conn *c, const char *why)
{
	if (!c->over)
		snprintf(c->why, sizeof c->why, "%s", why);
	c->over = true;
}

static void
end_stream(struct multi_conn *c, struct multi_stream *s, enum multi_end how, const char *why)
{
	TAILQ_REMOVE(&c->streams, s, link);
	c->n_streams--;
	c->target->ended(c->target->arg, s, how, why);
}

/* ---- what nghttp2 calls ---- */

static int
on_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t n_name, const uint8_t *value,
    size_t n_value, uint8_t flags, void *arg)
{
	struct multi_stream *s = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags, (void)arg;
	if (s != NULL && n_name == 7 && memcmp(name, ":status", 7) == 0 && n_value == 3)
		s->status = (value[0] - '0') * 100 + (value[1] - '0') * 10 + (value[2] - '0');
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *p, size_t n, void *arg)
{
	struct multi_stream *s = nghttp2_session_get_stream_user_data(session, id);

	(void)flags, (void)arg;
	if (s != NULL)
		buf_add(&s->body, p, n);
	return 0;
}

static int
on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct multi_conn *c = arg;

	(void)session;
	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->leaving = true;
	if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0)
		c->ponged = true;
	return 0;
}

static int
on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct multi_stream *s = frame->hd.type == NGHTTP2_HEADERS
				     ? nghttp2_session_get_stream_user_data(session, frame->hd.stream_id)
				     : NULL;

	(void)arg;
	if (s != NULL)
		s->sent = true;
	return 0;
}

/* nghttp2 says REFUSED_STREAM, too, of what lies beyond a GOAWAY. */
static int
on_stream_end(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	struct multi_stream *s = nghttp2_session_get_stream_user_data(session, id);
	struct multi_conn *c = arg;

	if (s == NULL)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	if (code == NGHTTP2_REFUSED_STREAM)
		end_stream(c, s, MULTI_AGAIN, NULL);
	else if (s->status == 0 || (code != NGHTTP2_NO_ERROR))
		end_stream(c, s, MULTI_LOST, nghttp2_http2_strerror(code));
	else if (!buf_ok(&s->body))
		end_stream(c, s, MULTI_LOST, "the answer is too large");
	else
		end_stream(c, s, MULTI_ANSWERED, NULL);
	return 0;
}

static ssize_t
on_upload(nghttp2_session *session, int32_t id, uint8_t *out, size_t size, uint32_t *flags, nghttp2_data_source *source,
    void *arg)
{
	struct multi_stream *s = source->ptr;
	size_t n = s->upload.n < size ? s->upload.n : size;

	(void)session, (void)id, (void)arg;
	if (n > 0)
		memcpy(out, s->upload.p, n);
	s->upload.p += n;
	s->upload.n -= n;
	if (s->upload.n == 0)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static nghttp2_session *
session_new(struct multi_conn *c)
{
	const nghttp2_settings_entry settings[] = { { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 } };
	nghttp2_session_callbacks *on;
	nghttp2_session *session;

	if (nghttp2_session_callbacks_new(&on) != 0)
		abort();
	nghttp2_session_callbacks_set_on_header_callback(on, on_field);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(on, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(on, on_frame);
	nghttp2_session_callbacks_set_on_frame_send_callback(on, on_sent);
	nghttp2_session_callbacks_set_on_stream_close_callback(on, on_stream_end);
	if (nghttp2_session_client_new(&session, on, c) != 0)
		abort();
	nghttp2_session_callbacks_del(on);
	nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 1);
	return session;
}

/* ---- octets ---- */

static void
write_all(struct multi_conn *c)
{
	const uint8_t *p;
	ssize_t n = 0;

	while (!c->over) {
		while (c->out.n < PIECE && (n = nghttp2_session_mem_send(c->session, &p)) > 0)
			buf_add(&c->out, p, (size_t)n);
		if (n < 0)
			end_conn(c, nghttp2_strerror((int)n));
		if (c->out.n == 0)
			return;
		n = http_tls_stream_write(c->tls, c->out.p + c->out_sent, c->out.n - c->out_sent);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			end_conn(c, http_tls_stream_why(c->tls));
			return;
		}
		if ((c->out_sent += (size_t)n) == c->out.n) {
			buf_reset(&c->out);
			c->out_sent = 0;
		}
	}
}

static void
read_all(struct multi_conn *c)
{
	while (!c->over) {
		ssize_t n = http_tls_stream_read(c->tls, c->in, sizeof c->in);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			end_conn(c, n == 0 ? "the server ended the connection" : http_tls_stream_why(c->tls));
			return;
		}
		c->heard_at = clock_mono_ms();
		if ((n = nghttp2_session_mem_recv(c->session, c->in, (size_t)n)) < 0)
			end_conn(c, nghttp2_strerror((int)n));
	}
}

void
multi_conn_work(struct multi_conn *c)
{
	const struct multi_stream *oldest;

	read_all(c);
	write_all(c);
	oldest = TAILQ_FIRST(&c->streams);
	if (oldest == NULL && c->leaving)
		end_conn(c, "the server takes no more");
	if (oldest != NULL && clock_mono_ms() - oldest->begun_at > c->target->timeout_ms)
		end_conn(c, "no answer in time");
}

/* ---- connecting ---- */

static bool
wait_until(int fd, short what, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = what };
	int64_t left = deadline - clock_mono_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

static int
connect_to(const struct addrinfo *to, int64_t deadline)
{
	int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to->ai_protocol), error = 0,
	    on = 1;
	socklen_t n = sizeof error;

	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return fd;
	if (errno == EINPROGRESS && wait_until(fd, POLLOUT, deadline) &&
	    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0)
		return fd;
	error = error != 0 ? error : errno;
	close(fd);
	errno = error;
	return -1;
}

static enum rc
connect_any(struct multi_conn *c, int64_t deadline, struct err *e)
{
	const struct multi_target *t = c->target;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL, *a;
	int why = getaddrinfo(t->host, t->port, &hints, &found);

	if (why != 0)
		return fail(e, RC_UNAVAILABLE, "%s: %s", t->host, gai_strerror(why));
	errno = ETIMEDOUT;
	for (a = found; a != NULL && c->fd < 0; a = a->ai_next)
		c->fd = connect_to(a, deadline);
	freeaddrinfo(found);
	return c->fd >= 0 ? RC_OK : fail(e, RC_UNAVAILABLE, "%s port %s: %s", t->host, t->port, strerror(errno));
}

static enum rc
shake(struct multi_conn *c, int64_t deadline, struct err *e)
{
	enum http_tls_shake is;

	if ((c->tls = http_tls_stream_new(c->target->tls, c->fd, c->target->host)) == NULL)
		return fail(e, RC_INTERNAL, "TLS can't be begun");
	while ((is = http_tls_stream_shake(c->tls)) != HTTP_TLS_DONE) {
		if (is == HTTP_TLS_FAILED)
			return fail(e, RC_UNAVAILABLE, "%s: %s", c->target->host, http_tls_stream_why(c->tls));
		if (!wait_until(c->fd, is == HTTP_TLS_WANTS_READ ? POLLIN : POLLOUT, deadline))
			return fail(e, RC_UNAVAILABLE, "%s: no TLS handshake in time", c->target->host);
	}
	return http_tls_stream_agreed_h2(c->tls) ? RC_OK
						 : fail(e, RC_UNAVAILABLE, "%s does not speak HTTP/2", c->target->host);
}

enum rc
multi_conn_open(const struct multi_target *t, struct multi_conn **out, struct err *e)
{
	struct multi_conn *c = http_need(calloc(1, sizeof *c));
	int64_t deadline = clock_mono_ms() + CONNECT_MS;
	enum rc rc;

	*out = NULL;
	c->target = t;
	c->fd = -1;
	c->heard_at = clock_mono_ms();
	TAILQ_INIT(&c->streams);
	buf_init(&c->out, 4 * PIECE);
	if ((rc = connect_any(c, deadline, e)) != RC_OK || (rc = shake(c, deadline, e)) != RC_OK) {
		multi_conn_close(c, NULL);
		return rc;
	}
	c->session = session_new(c);
	*out = c;
	return RC_OK;
}

void
multi_conn_close(struct multi_conn *c, const char *why)
{
	struct multi_stream *s;

	while ((s = TAILQ_FIRST(&c->streams)) != NULL)
		end_stream(c, s, s->sent ? MULTI_LOST : MULTI_AGAIN, why);
	nghttp2_session_del(c->session);
	http_tls_stream_free(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	buf_free(&c->out);
	free(c);
}

bool
multi_conn_alive(struct multi_conn *c)
{
	int64_t deadline = clock_mono_ms() + PING_MS;

	multi_conn_work(c);
	if (c->over || c->leaving || clock_mono_ms() - c->heard_at < REST_MS)
		return !c->over && !c->leaving;
	c->ponged = false;
	nghttp2_submit_ping(c->session, NGHTTP2_FLAG_NONE, NULL);
	multi_conn_work(c);
	while (!c->over && !c->ponged && wait_until(c->fd, POLLIN, deadline))
		multi_conn_work(c);
	return !c->over && !c->leaving && c->ponged;
}

/* ---- requests ---- */

int
multi_conn_room(const struct multi_conn *c)
{
	uint32_t most;

	if (c->over)
		return -1;
	most = nghttp2_session_get_remote_settings(c->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	if (most > STREAMS)
		most = STREAMS;
	return c->leaving || c->n_streams >= (int)most ? 0 : (int)most - c->n_streams;
}

void
multi_conn_begin(struct multi_conn *c, struct multi_stream *s, const nghttp2_nv *fields, size_t n)
{
	nghttp2_data_provider upload = { .source = { .ptr = s }, .read_callback = on_upload };

	s->begun_at = clock_mono_ms();
	s->sent = false;
	s->status = 0;
	buf_reset(&s->body);
	TAILQ_INSERT_TAIL(&c->streams, s, link);
	c->n_streams++;
	/* Out of stream numbers, or of memory: it was not sent, and goes over another connection. */
	if (nghttp2_submit_request(c->session, NULL, fields, n, s->upload.n > 0 ? &upload : NULL, s) < 0)
		end_conn(c, "no more streams");
}

int
multi_conn_fd(const struct multi_conn *c)
{
	return c->fd;
}

bool
multi_conn_wants_write(const struct multi_conn *c)
{
	return c->out.n > 0;
}

const char *
multi_conn_why(const struct multi_conn *c)
{
	return c->why;
}
