/* Connections: one epoll, non-blocking sockets, HTTP/1.1 kept alive. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "fleet/engine.h"
#include "http/tls_client.h"

#define EVENTS 512 /* looked at in one turn */
#define ANSWER_US 60000000 /* no answer for so long: given up */
#define STALL_US 20000000 /* how long a stalled connection is held, if the server does not end it */

enum rc
fleet_net_begin(struct fleet_engine *g, struct err *e)
{
	enum rc rc;

	g->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (g->epoll < 0)
		return fail(e, RC_UNAVAILABLE, "epoll: %s", strerror(errno));
	if (g->plan->tls && (rc = http_tls_client_open(g->plan->ca_file, &g->tls, e)) != RC_OK)
		return rc;
	if (g->tls != NULL && g->plan->scenario == FLEET_SCENARIO_HANDSHAKE)
		http_tls_client_resume(g->tls, false);
	g->n_conns = g->plan->connections + (g->plan->fault[FLEET_FAULT_STALLED] > 0 ? FLEET_STALLED_MAX : 0);
	g->conns = calloc((size_t)g->n_conns, sizeof *g->conns);
	if (g->conns == NULL)
		abort();
	for (int i = g->n_conns - 1; i >= 0; i--) {
		g->conns[i].fd = -1;
		g->conns[i].next = g->closed;
		g->closed = &g->conns[i];
	}
	return RC_OK;
}

void
fleet_net_end(struct fleet_engine *g)
{
	for (int i = 0; i < g->n_conns; i++) {
		if (g->conns[i].state != FLEET_CONN_CLOSED)
			fleet_net_close(g, &g->conns[i]);
		free(g->conns[i].in);
	}
	free(g->conns);
	http_tls_client_close(g->tls);
	if (g->epoll > 0)
		close(g->epoll);
}

void
fleet_net_close(struct fleet_engine *g, struct fleet_conn *c)
{
	http_tls_stream_free(c->tls);
	c->tls = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = FLEET_CONN_CLOSED;
	c->in_n = c->out_n = c->out_sent = 0;
	g->n_stalled -= c->stalled;
	c->stalled = c->wants_write = false;
	c->next = g->closed;
	g->closed = c;
	g->n_open--;
}

static void
watch(struct fleet_engine *g, struct fleet_conn *c, bool write, int op)
{
	struct epoll_event ev = { .events = EPOLLIN | (write ? (uint32_t)EPOLLOUT : 0), .data.ptr = c };

	if (op == EPOLL_CTL_MOD && c->wants_write == write)
		return;
	c->wants_write = write;
	(void)epoll_ctl(g->epoll, op, c->fd, &ev);
}

static void
enter(struct fleet_engine *g, struct fleet_conn *c, enum fleet_conn_state state)
{
	c->state = state;
	c->since_us = g->now_us;
}

void
fleet_net_open(struct fleet_engine *g, struct fleet_conn *c)
{
	const struct fleet_plan *p = g->plan;
	int one = 1;

	g->n_open++;
	g->result->connects++;
	if (c->session != NULL)
		c->session->sent_us = g->now_us;
	enter(g, c, FLEET_CONN_OPENING);
	c->fd = socket(p->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0 ||
	    (connect(c->fd, (const struct sockaddr *)&p->address, p->address_size) != 0 && errno != EINPROGRESS)) {
		fleet_session_lost(g, c, FLEET_ERROR_CONNECT);
		return;
	}
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	watch(g, c, true, EPOLL_CTL_ADD);
}

/* ---- reading and writing ---- */

static void
flush(struct fleet_engine *g, struct fleet_conn *c)
{
	while (c->out_sent < c->out_n) {
		ssize_t n = c->tls != NULL ? http_tls_stream_write(c->tls, c->out + c->out_sent, c->out_n - c->out_sent)
					   : send(c->fd, c->out + c->out_sent, c->out_n - c->out_sent, MSG_NOSIGNAL);

		if (n <= 0) {
			if (n < 0 && (errno == EAGAIN || errno == EINTR))
				break;
			fleet_session_lost(g, c, FLEET_ERROR_LOST);
			return;
		}
		c->out_sent += (size_t)n;
		g->result->bytes_out += (uint64_t)n;
	}
	watch(g, c, c->out_sent < c->out_n, EPOLL_CTL_MOD);
}

void
fleet_net_send(struct fleet_engine *g, struct fleet_conn *c)
{
	c->out_sent = 0;
	enter(g, c, FLEET_CONN_BUSY);
	flush(g, c);
}

static bool
make_room(struct fleet_conn *c)
{
	size_t more = c->in_room == 0 ? FLEET_IN_ROOM : c->in_room * 2;
	char *p;

	if (c->in_room - c->in_n >= FLEET_IN_ROOM / 4)
		return true;
	if (more > FLEET_ANSWER_MAX * 2 || (p = realloc(c->in, more)) == NULL)
		return false;
	c->in = p;
	c->in_room = more;
	return true;
}

/* One read; *ended: the peer has, or sends without end. False: nothing came. */
static bool
fetch_once(struct fleet_engine *g, struct fleet_conn *c, bool *ended)
{
	ssize_t n;

	*ended = !make_room(c);
	if (*ended)
		return true;
	n = c->tls != NULL ? http_tls_stream_read(c->tls, c->in + c->in_n, c->in_room - c->in_n)
			   : recv(c->fd, c->in + c->in_n, c->in_room - c->in_n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	*ended = n <= 0;
	if (n > 0) {
		c->in_n += (size_t)n;
		g->result->bytes_in += (uint64_t)n;
	}
	return true;
}

/* What is in the socket; of TLS all, since epoll does not see what the library holds. */
static bool
fetch(struct fleet_engine *g, struct fleet_conn *c, bool *ended)
{
	bool some = false;

	while (!*ended && fetch_once(g, c, ended)) {
		some = true;
		if (c->tls == NULL)
			break;
	}
	return some;
}

static void
on_read(struct fleet_engine *g, struct fleet_conn *c)
{
	struct fleet_answer a;
	bool ended = false;

	if (!fetch(g, c, &ended))
		return;
	if (c->state == FLEET_CONN_IDLE) { /* the server ends it, or says what nobody asked for */
		struct fleet_conn **p = &g->idle;

		while (*p != NULL && *p != c)
			p = &(*p)->next;
		if (*p == c)
			*p = c->next;
		fleet_net_close(g, c);
		return;
	}
	if (c->stalled) {
		if (ended)
			fleet_net_close(g, c);
		return;
	}
	switch (fleet_answer_read(c->in, c->in_n, ended, &a)) {
	case FLEET_ANSWER_DONE:
		a.close = a.close || ended;
		if (a.n != c->in_n)
			fleet_session_lost(g, c, FLEET_ERROR_MALFORMED);
		else
			fleet_session_answer(g, c, &a);
		return;
	case FLEET_ANSWER_BAD:
		fleet_session_lost(g, c, FLEET_ERROR_MALFORMED);
		return;
	default:
		if (ended)
			fleet_session_lost(g, c, FLEET_ERROR_LOST);
	}
}

static void
opened(struct fleet_engine *g, struct fleet_conn *c)
{
	watch(g, c, false, EPOLL_CTL_MOD);
	if (g->plan->scenario == FLEET_SCENARIO_HANDSHAKE) {
		fleet_session_shaken(g, c);
		return;
	}
	enter(g, c, FLEET_CONN_IDLE);
	fleet_session_say(g, c);
}

static void
shake(struct fleet_engine *g, struct fleet_conn *c)
{
	switch (http_tls_stream_shake(c->tls)) {
	case HTTP_TLS_DONE:
		opened(g, c);
		break;
	case HTTP_TLS_WANTS_READ:
		watch(g, c, false, EPOLL_CTL_MOD);
		break;
	case HTTP_TLS_WANTS_WRITE:
		watch(g, c, true, EPOLL_CTL_MOD);
		break;
	default:
		fleet_session_lost(g, c, FLEET_ERROR_CONNECT);
	}
}

static void
on_connected(struct fleet_engine *g, struct fleet_conn *c)
{
	socklen_t size = sizeof(int);
	int no = 0;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &no, &size) != 0 || no != 0) {
		fleet_session_lost(g, c, FLEET_ERROR_CONNECT);
		return;
	}
	if (g->tls == NULL) {
		opened(g, c);
		return;
	}
	if ((c->tls = http_tls_stream_new(g->tls, c->fd, g->plan->server_name)) == NULL) {
		fleet_session_lost(g, c, FLEET_ERROR_CONNECT);
		return;
	}
	enter(g, c, FLEET_CONN_SHAKING);
	shake(g, c);
}

static void
on_event(struct fleet_engine *g, struct fleet_conn *c, uint32_t events)
{
	if (c->state == FLEET_CONN_CLOSED)
		return;
	if (c->state == FLEET_CONN_OPENING) {
		on_connected(g, c);
	} else if (c->state == FLEET_CONN_SHAKING) {
		shake(g, c);
	} else {
		if ((events & EPOLLOUT) && c->out_sent < c->out_n)
			flush(g, c);
		if (c->state != FLEET_CONN_CLOSED && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
			on_read(g, c);
	}
}

void
fleet_net_wait(struct fleet_engine *g, int64_t until_us)
{
	struct epoll_event events[EVENTS];
	int64_t left = until_us - g->now_us;
	struct timespec wait;
	int n;

	left = left > 0 ? left : 0;
	wait = (struct timespec){ left / 1000000, left % 1000000 * 1000 };
	n = epoll_pwait2(g->epoll, events, EVENTS, &wait, NULL);
	g->now_us = clock_mono_us();
	for (int i = 0; i < n; i++, g->now_us = clock_mono_us())
		on_event(g, events[i].data.ptr, events[i].events);
}

void
fleet_net_expire(struct fleet_engine *g)
{
	for (int i = 0; i < g->n_conns; i++) {
		struct fleet_conn *c = &g->conns[i];
		int64_t waited = g->now_us - c->since_us;

		if (c->state == FLEET_CONN_CLOSED || c->state == FLEET_CONN_IDLE)
			continue;
		if (c->stalled && waited > STALL_US)
			fleet_net_close(g, c);
		else if (!c->stalled && waited > ANSWER_US)
			fleet_session_lost(g, c, FLEET_ERROR_TIMEOUT);
	}
}
