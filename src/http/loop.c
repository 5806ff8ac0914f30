/* An event loop: accepts, runs its connections, sends requests to the workers and takes replies back.
 *
 * Nothing enters a loop from outside but its channel and an eventfd. All requests of a turn are sent together. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/front.h"
#include "http/mem.h"

#define ACCEPTS 16 /* connections per turn, so that several loops share a burst */
#define REST_MS 100 /* without descriptors */
#define TELL_MS 60000 /* between two log lines about refused connections */
#define UNSENT_MAX ((size_t)1 << 32) /* octets of requests; their bodies are within the budget */
#define UNSENT_KEPT ((size_t)1 << 20) /* ... whose memory is kept once they are sent */

static void
after_ms(struct event *ev, int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(ev, &tv);
}

/* ---- accepting ---- */

static void
accepting(struct http_loop *l, bool on)
{
	for (int i = 0; i < l->front->n_listen && l->accepting != on; i++) {
		if (on)
			event_add(&l->accepts[i], NULL);
		else
			event_del(&l->accepts[i]);
	}
	l->accepting = on;
}

static void
on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop *l = arg;

	(void)fd, (void)what;
	if (!l->draining)
		accepting(l, true);
}

/* A peer that is cut off without a word must leave one for the operator, but not one for each. */
static void
tell_cap(struct http_front *f, const struct http_addr *peer, const char *setting)
{
	long long last = atomic_load(&f->cap_told), now = clock_mono_ms();
	char address[HTTP_ADDR_TEXT];

	if ((last != 0 && now - last < TELL_MS) || !atomic_compare_exchange_strong(&f->cap_told, &last, now))
		return;
	http_addr_text(peer, address);
	log_warn("connections are refused", "over", setting, "address", address);
}

/* Whether one more connection fits under the caps; if so it is counted. */
static bool
admitted(struct http_listen *from, const struct http_addr *peer)
{
	struct http_front *f = from->front;
	const char *setting = "connections";

	if (atomic_fetch_add(&from->open, 1) >= from->max_connections)
		goto no;
	setting = "connections_per_address";
	if (peer->known && !http_trust_has(f->trust, peer) && !http_counts_take(f->counts, peer, from->max_per_address))
		goto no;
	return true;
no:
	atomic_fetch_sub(&from->open, 1);
	atomic_fetch_add(&f->gauge->refused, 1);
	tell_cap(f, peer, setting);
	return false;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop *l = arg;
	struct http_listen *from = NULL;
	struct sockaddr_storage ss;

	(void)what;
	for (int i = 0; i < l->front->n_listen; i++) {
		if (l->front->listen[i].fd == fd)
			from = &l->front->listen[i];
	}
	if (from == NULL) /* not a listener of this server's */
		return;
	for (int i = 0; i < ACCEPTS; i++) {
		socklen_t n = sizeof ss;
		int got = accept4(fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct http_addr peer;

		if (got < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
			log_warn("no more connections for a moment", "reason", strerror(errno));
			accepting(l, false);
			after_ms(&l->rest, REST_MS);
			return;
		}
		if (got < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (got < 0)
			return;
		peer = http_addr_of((struct sockaddr *)&ss);
		if (admitted(from, &peer))
			http_conn_open(l, from, got, &peer);
		else
			close(got);
	}
}

/* ---- the channel ---- */

void
http_ask_free(struct http_front *f, struct http_ask *a)
{
	if (a == NULL)
		return;
	arena_free(a->arena);
	http_payload_free(a->body, a->body_n);
	atomic_fetch_sub(&f->gauge->body_bytes, a->body_size);
	free(a);
}

/* The server at the other end has ended. */
static void
lose(struct http_loop *l)
{
	event_del(&l->readable);
	event_del(&l->writable);
	if (l->front->lost != NULL)
		l->front->lost();
}

/* A peer's words are not kept for long after they were passed on, nor does the buffer grow while it never gets empty. */
static void
forget_sent(struct http_loop *l)
{
	size_t left = l->unsent.n - l->sent;

	if (l->sent < left || l->sent == 0)
		return; /* what moves is less than what was sent */
	memcpy(l->unsent.p, l->unsent.p + l->sent, left);
	explicit_bzero(l->unsent.p + left, l->sent);
	l->unsent.n = left;
	l->sent = 0;
}

static void
send_unsent(struct http_loop *l)
{
	while (l->sent < l->unsent.n) {
		ssize_t n = send(l->channel, l->unsent.p + l->sent, l->unsent.n - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			forget_sent(l);
			event_add(&l->writable, NULL);
			return;
		}
		if (n < 0) {
			lose(l);
			return;
		}
		l->sent += (size_t)n;
	}
	explicit_bzero(l->unsent.p, l->unsent.n); /* tokens and passwords */
	l->sent = 0;
	if (l->unsent.size > UNSENT_KEPT)
		buf_free(&l->unsent);
	else
		buf_reset(&l->unsent);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	send_unsent(arg);
}

/* What this turn made. Of a body only its count in the budget is kept until the reply. */
static void
send_posted(struct http_loop *l)
{
	struct http_ask *a;
	bool waits = l->unsent.n > 0;

	if (TAILQ_EMPTY(&l->post))
		return;
	while ((a = TAILQ_FIRST(&l->post)) != NULL) {
		TAILQ_REMOVE(&l->post, a, link);
		TAILQ_INSERT_TAIL(&l->out, a, link);
		http_channel_put(&l->unsent, (uint64_t)(uintptr_t)a, &a->req, a->close, a->complete_us);
		if (!buf_ok(&l->unsent))
			http_need(NULL); /* the server reads no more */
		http_payload_free(a->body, a->body_n);
		a->body = NULL;
		a->body_n = 0;
		arena_free(a->arena);
		a->arena = NULL;
	}
	if (!waits)
		send_unsent(l);
}

/* The other side is believed: it is the one with the store. */
static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop *l = arg;
	enum http_frames_state state;
	struct http_frame frame;
	struct http_ask *a;
	char *payload;

	(void)fd, (void)what;
	while ((state = http_frames_read(&l->frames, &frame, &payload)) == HTTP_FRAMES_NEXT) {
		a = (struct http_ask *)(uintptr_t)frame.id;
		TAILQ_REMOVE(&l->out, a, link);
		if (frame.flags & HTTP_FRAME_REFUSED)
			atomic_fetch_add(&l->front->gauge->refused, 1);
		http_conn_reply(a, payload, frame.n, (frame.flags & HTTP_FRAME_CLOSE) != 0);
	}
	if (state == HTTP_FRAMES_END)
		lose(l);
}

void
http_loop_tell(struct http_loop *l, bool stop)
{
	static const uint64_t one = 1;

	atomic_store(&l->drain, true);
	if (stop)
		atomic_store(&l->stop, true);
	if (write(l->wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
		log_error("a loop can't be woken", "reason", strerror(errno));
}

/* ---- turns ---- */

static void
start_draining(struct http_loop *l)
{
	struct http_front *f = l->front;
	struct http_conn *c, *next;

	l->draining = true;
	accepting(l, false);
	event_del(&l->rest);
	if (atomic_fetch_add(&f->drained, 1) + 1 == f->n_loops) {
		for (int i = 0; i < f->n_listen; i++)
			http_listen_shut(&f->listen[i]);
	}
	for (c = TAILQ_FIRST(&l->conns); c != NULL; c = next) {
		next = http_conn_next(c);
		http_conn_drain(c);
	}
}

static void
cut_all(struct http_loop *l)
{
	struct http_conn *c;

	accepting(l, false);
	while ((c = TAILQ_FIRST(&l->conns)) != NULL)
		l->cut += http_conn_cut(c);
	http_conn_bury(l);
	event_base_loop(l->base, EVLOOP_NONBLOCK); /* libevent closes the sockets in a turn of its own */
}

/* The eventfd is edge-triggered and never read: a wake-up is the edge itself. */
static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
}

static void *
turn(void *arg)
{
	struct http_loop *l = arg;
	bool drain = false;

	while (!atomic_load(&l->stop)) {
		/* A word that comes now has written the eventfd, so that the wait ends at once. */
		if (atomic_load(&l->drain) && !drain) {
			drain = true;
			start_draining(l);
		} else {
			event_base_loop(l->base, EVLOOP_ONCE);
		}
		send_posted(l);
		http_conn_bury(l);
	}
	cut_all(l);
	return NULL;
}

/* ---- start and stop ---- */

bool
http_loop_open(struct http_loop *l, struct http_front *f, int channel)
{
	struct event_config *config = event_config_new();

	*l = (struct http_loop){
		.front = f, .wake_fd = -1, .channel = channel, .frames = { .fd = channel, .max = UINT32_MAX }
	};
	buf_init(&l->unsent, UNSENT_MAX);
	TAILQ_INIT(&l->conns);
	TAILQ_INIT(&l->dead);
	TAILQ_INIT(&l->post);
	TAILQ_INIT(&l->out);
	if (config != NULL) {
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
		event_config_require_features(config, EV_FEATURE_ET);
		l->base = event_base_new_with_config(config);
		event_config_free(config);
	}
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->base == NULL || l->wake_fd < 0)
		return false;
	event_assign(&l->wake, l->base, l->wake_fd, EV_READ | EV_PERSIST | EV_ET, on_wake, l);
	event_add(&l->wake, NULL);
	event_assign(&l->readable, l->base, channel, EV_READ | EV_PERSIST, on_readable, l);
	event_add(&l->readable, NULL);
	event_assign(&l->writable, l->base, channel, EV_WRITE, on_writable, l);
	evtimer_assign(&l->rest, l->base, on_rest, l);
	l->accepts = http_need(calloc((size_t)f->n_listen, sizeof *l->accepts));
	for (int i = 0; i < f->n_listen; i++)
		event_assign(&l->accepts[i], l->base, f->listen[i].fd, EV_READ | EV_PERSIST, on_accept, l);
	accepting(l, true);
	return true;
}

bool
http_loop_start(struct http_loop *l)
{
	l->started = pthread_create(&l->thread, NULL, turn, l) == 0;
	return l->started;
}

void
http_loop_close(struct http_loop *l)
{
	struct http_ask *a;

	http_conn_bury(l);
	while ((a = TAILQ_FIRST(&l->post)) != NULL) {
		TAILQ_REMOVE(&l->post, a, link);
		http_conn_forget(a);
	}
	while ((a = TAILQ_FIRST(&l->out)) != NULL) {
		TAILQ_REMOVE(&l->out, a, link);
		http_conn_forget(a);
	}
	free(l->accepts);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	close(l->channel);
	http_frames_free(&l->frames);
	buf_free(&l->unsent);
}
