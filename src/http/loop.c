/* An event loop: accepts, runs its connections, gives jobs to workers and takes replies back.
 *
 * Nothing enters a loop from outside but through its eventfd. All jobs of a turn are posted together,
 * and the eventfd is written at most once for each time that the loop sleeps. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/mem.h"
#include "http/serve.h"

#define ACCEPTS 16 /* connections per turn, so that several loops share a burst */
#define REST_MS 100 /* without descriptors */
#define TELL_MS 60000 /* between two log lines about refused connections */
#define NUDGE_MS 1 /* a quick job that has waited so long gets another worker */

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
	for (int i = 0; i < l->server->n_listen && l->accepting != on; i++) {
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
tell_cap(struct http_server *s, const struct http_addr *peer, const char *setting)
{
	long long last = atomic_load(&s->cap_told), now = clock_mono_ms();
	char address[HTTP_ADDR_TEXT];

	if ((last != 0 && now - last < TELL_MS) || !atomic_compare_exchange_strong(&s->cap_told, &last, now))
		return;
	http_addr_text(peer, address);
	log_warn("connections are refused", "over", setting, "address", address);
}

/* Whether one more connection fits under the caps; if so it is counted. */
static bool
admitted(struct http_listen *from, const struct http_addr *peer)
{
	struct http_server *s = from->server;
	const char *setting = "connections";

	if (atomic_fetch_add(&from->open, 1) >= from->max_connections)
		goto no;
	setting = "connections_per_address";
	if (peer->known && !http_trust_has(s->trust, peer) && !http_counts_take(s->counts, peer, from->max_per_address))
		goto no;
	return true;
no:
	atomic_fetch_sub(&from->open, 1);
	atomic_fetch_add(&s->refused, 1);
	tell_cap(s, peer, setting);
	return false;
}

static void
on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop *l = arg;
	struct http_listen *from = NULL;
	struct sockaddr_storage ss;

	(void)what;
	for (int i = 0; i < l->server->n_listen; i++) {
		if (l->server->listen[i].fd == fd)
			from = &l->server->listen[i];
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

/* ---- jobs ---- */

static void
post_all(struct http_loop *l)
{
	for (int k = 0; k < HTTP_CLASSES; k++) {
		struct http_job *j;

		if (STAILQ_EMPTY(&l->post[k]))
			continue;
		if (http_work_post(l->server->work, (enum http_class)k, &l->post[k]) &&
		    !event_pending(&l->nudge, EV_TIMEOUT, NULL))
			after_ms(&l->nudge, NUDGE_MS);
		while ((j = STAILQ_FIRST(&l->post[k])) != NULL) {
			STAILQ_REMOVE_HEAD(&l->post[k], link);
			http_conn_refuse(j);
		}
	}
}

static void
on_nudge(evutil_socket_t fd, short what, void *arg)
{
	struct http_loop *l = arg;
	bool again = false;

	(void)fd, (void)what;
	for (int k = 0; k < HTTP_CLASSES; k++)
		again = http_work_nudge(l->server->work, (enum http_class)k) || again;
	if (again)
		after_ms(&l->nudge, NUDGE_MS);
}

void
http_loop_give(struct http_loop *l, struct http_job *j)
{
	static const uint64_t one = 1;
	bool wake;

	pthread_mutex_lock(&l->lock);
	STAILQ_INSERT_TAIL(&l->done, j, link);
	wake = l->asleep;
	l->asleep = false;
	pthread_mutex_unlock(&l->lock);
	if (wake && write(l->wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
		log_error("a loop can't be woken", "reason", strerror(errno));
}

void
http_loop_tell(struct http_loop *l, bool drain, bool stop)
{
	static const uint64_t one = 1;

	pthread_mutex_lock(&l->lock);
	l->drain = l->drain || drain;
	l->stop = l->stop || stop;
	l->asleep = false;
	pthread_mutex_unlock(&l->lock);
	if (write(l->wake_fd, &one, sizeof one) != (ssize_t)sizeof one)
		log_error("a loop can't be woken", "reason", strerror(errno));
}

/* ---- turns ---- */

static void
start_draining(struct http_loop *l)
{
	struct http_server *s = l->server;
	struct http_conn *c, *next;

	l->draining = true;
	accepting(l, false);
	event_del(&l->rest);
	if (atomic_fetch_add(&s->drained, 1) + 1 == s->n_loops) {
		for (int i = 0; i < s->n_listen; i++)
			http_listen_shut(&s->listen[i]);
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
	struct http_jobs done;
	struct http_job *j;
	bool stop = false, drain, idle;

	while (!stop) {
		STAILQ_INIT(&done);
		pthread_mutex_lock(&l->lock);
		STAILQ_CONCAT(&done, &l->done);
		stop = l->stop;
		drain = l->drain && !l->draining;
		idle = STAILQ_EMPTY(&done) && !stop && !drain;
		l->asleep = idle;
		pthread_mutex_unlock(&l->lock);

		if (drain)
			start_draining(l);
		while ((j = STAILQ_FIRST(&done)) != NULL) {
			STAILQ_REMOVE_HEAD(&done, link);
			http_conn_reply(j);
		}
		if (idle)
			event_base_loop(l->base, EVLOOP_ONCE);
		if (!stop)
			post_all(l);
		http_conn_bury(l);
	}
	cut_all(l);
	return NULL;
}

/* ---- start and stop ---- */

bool
http_loop_open(struct http_loop *l, struct http_server *s)
{
	struct event_config *config = event_config_new();

	*l = (struct http_loop){ .server = s, .wake_fd = -1 };
	pthread_mutex_init(&l->lock, NULL);
	TAILQ_INIT(&l->conns);
	TAILQ_INIT(&l->dead);
	STAILQ_INIT(&l->done);
	for (int k = 0; k < HTTP_CLASSES; k++)
		STAILQ_INIT(&l->post[k]);
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
	evtimer_assign(&l->nudge, l->base, on_nudge, l);
	evtimer_assign(&l->rest, l->base, on_rest, l);
	l->accepts = http_need(calloc((size_t)s->n_listen, sizeof *l->accepts));
	for (int i = 0; i < s->n_listen; i++)
		event_assign(&l->accepts[i], l->base, s->listen[i].fd, EV_READ | EV_PERSIST, on_accept, l);
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
	struct http_job *j;

	if (l->server == NULL)
		return;
	while ((j = STAILQ_FIRST(&l->done)) != NULL) {
		STAILQ_REMOVE_HEAD(&l->done, link);
		http_conn_reply(j);
	}
	for (int k = 0; k < HTTP_CLASSES; k++) {
		while ((j = STAILQ_FIRST(&l->post[k])) != NULL) {
			STAILQ_REMOVE_HEAD(&l->post[k], link);
			http_conn_refuse(j);
		}
	}
	http_conn_bury(l);
	free(l->accepts);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_mutex_destroy(&l->lock);
}
