#include "http/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/apart.h"
#include "http/channel.h"
#include "http/front.h"
#include "http/mem.h"
#include "http/parse.h"
#include "http/work.h"

#define COUNT_MAX ((int64_t)1 << 48) /* of what is shown */

static int
or_default(int value, int otherwise)
{
	return value > 0 ? value : otherwise;
}

void
http_fill_settings(struct http_settings *s)
{
	static const int workers[HTTP_CLASSES] = { [HTTP_QUICK] = 16, [HTTP_HEAVY] = 4, [HTTP_OUTWARD] = 4 };
	int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);

	s->loops = or_default(s->loops, cores < 1 ? 1 : cores);
	if (s->loops > HTTP_LOOPS_MAX)
		s->loops = HTTP_LOOPS_MAX;
	for (int k = 0; k < HTTP_CLASSES; k++) {
		s->workers[k] = or_default(s->workers[k], workers[k]);
		s->queue[k] = or_default(s->queue[k], 1024);
	}
	if (s->body_budget == 0)
		s->body_budget = 32 * 1024 * 1024;
	s->header_ms = or_default(s->header_ms, 10 * 1000);
	s->body_ms = or_default(s->body_ms, 30 * 1000);
	s->idle_ms = or_default(s->idle_ms, 60 * 1000);
	s->drain_ms = or_default(s->drain_ms, 20 * 1000);
}

/* The lists are the caller's and may be gone after the start; the tables stay. */
static void
keep_routes(struct http_server *s, const struct http_route *const *tables, void *const *rooms, int n)
{
	size_t size = (size_t)(n > 0 ? n : 1), most = 0;

	s->tables = http_need(calloc(size, sizeof *s->tables));
	s->rooms = http_need(calloc(size, sizeof *s->rooms));
	for (int i = 0; i < n; i++) {
		s->tables[i] = tables[i];
		s->rooms[i] = rooms != NULL ? rooms[i] : NULL;
		for (const struct http_route *r = tables[i]; r->path != NULL; r++)
			most = r->max_body > most ? r->max_body : most;
	}
	s->routes = (struct http_routes){ .tables = s->tables, .rooms = s->rooms, .n = n };
	s->payload_max = most + HTTP_CHANNEL_HEAD_MAX;
}

static void
server_free(struct http_server *s)
{
	for (int i = 0; i < s->n_intakes; i++)
		http_intake_shut(s->intake[i]); /* nobody waits to send a reply that nobody reads */
	http_work_stop(s->work);
	for (int i = 0; i < s->n_intakes; i++)
		http_intake_stop(s->intake[i]);
	http_front_free(s->front);
	for (int i = 0; i < s->n_apart; i++)
		http_apart_stop(s->apart[i]);
	for (int i = 0; i < s->n_intakes; i++)
		http_intake_free(s->intake[i]);
	http_work_free(s->work);
	http_gauge_free(s->gauge);
	free(s->intake);
	free(s->apart);
	free(s->tables);
	free(s->rooms);
	free(s);
}

static void
add_intake(struct http_server *s, int fd, unsigned doors)
{
	s->intake = http_need(realloc(s->intake, ((size_t)s->n_intakes + 1) * sizeof *s->intake));
	s->intake[s->n_intakes++] = http_intake_new(s, fd, doors);
}

static void
take_apart(struct http_server *s, struct http_apart *const *apart, int n)
{
	s->apart = http_need(calloc((size_t)(n > 0 ? n : 1), sizeof(struct http_apart *)));
	for (int i = 0; i < n; i++) {
		struct http_apart *a = s->apart[s->n_apart++] = apart[i];

		a->first_intake = s->n_intakes;
		for (int k = 0; k < a->n_channels; k++) {
			add_intake(s, a->channel[k], a->doors);
			a->channel[k] = -1;
		}
	}
}

/* Signals are blocked meanwhile: threads inherit that, signals are the program's. */
static bool
start_workers(struct http_server *s)
{
	sigset_t all, before;
	bool good;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	good = (s->work = http_work_start(s)) != NULL;
	for (int i = 0; i < s->n_intakes && good; i++)
		good = http_intake_start(s->intake[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return good;
}

/* The listeners of this process: `there` gets the loops' ends of the channels. */
static enum rc
open_front(struct http_server *s, const struct http_settings *set, const struct http_listener *l, int n, int *there,
    struct err *e)
{
	unsigned doors = 0;
	int pair[2];
	enum rc rc;

	s->gauge = http_gauge_new();
	if ((rc = http_front_new(set, l, n, s->routes.tables, s->routes.n, s->gauge, &s->front, e)) != RC_OK)
		return rc;
	for (int i = 0; i < n; i++)
		doors |= 1u << l[i].door;
	for (int i = 0; i < set->loops; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
			rc = fail(e, RC_UNAVAILABLE, "sockets of loops: %s", strerror(errno));
			while (i-- > 0)
				close(there[i]);
			return rc;
		}
		there[i] = pair[1];
		add_intake(s, pair[0], doors);
	}
	return RC_OK;
}

enum rc
http_server_start(const struct http_settings *settings, const struct http_listener *l, int n_listeners,
    const struct http_route *const *tables, void *const *rooms, int n_tables, const struct http_hooks *hooks,
    struct http_server **out, struct err *e)
{
	struct http_server *s = http_need(calloc(1, sizeof *s));
	int there[HTTP_LOOPS_MAX] = { -1, -1, -1, -1 };
	enum rc rc = RC_OK;

	*out = NULL;
	s->set = *settings;
	http_fill_settings(&s->set);
	if (hooks != NULL)
		s->hooks = *hooks;
	keep_routes(s, tables, rooms, n_tables);
	take_apart(s, settings->apart, settings->n_apart);
	/* Each front keeps to a budget for bodies; heads are few octets, and the lines before the workers bound them. */
	s->held_max = s->set.body_budget * (size_t)(s->n_apart + 1);
	for (int k = 0; k < HTTP_CLASSES; k++)
		s->held_max += (size_t)s->set.queue[k] * HTTP_HEAD_MAX;
	if (n_listeners > 0)
		rc = open_front(s, &s->set, l, n_listeners, there, e);
	if (rc == RC_OK && !start_workers(s)) {
		rc = fail(e, RC_UNAVAILABLE, "start threads: %s", strerror(errno));
		for (int i = 0; i < s->set.loops && s->front != NULL; i++)
			close(there[i]);
	}
	if (rc == RC_OK && s->front != NULL) {
		if (settings->tickets != NULL)
			http_front_tickets(s->front, settings->tickets);
		rc = http_front_start(s->front, there, e);
	}
	for (int i = 0; i < s->n_apart && rc == RC_OK; i++)
		rc = http_apart_go(s->apart[i], settings->tickets, e);
	s->set.trusted_proxies = NULL;
	s->set.proxy_secret = NULL;
	s->set.tickets = NULL;
	s->set.apart = NULL;
	if (rc != RC_OK)
		server_free(s);
	else
		*out = s;
	return rc;
}

int
http_server_port(const struct http_server *s, int i)
{
	return s->front != NULL && i >= 0 && i < s->front->n_listen ? s->front->listen[i].port : 0;
}

void
http_server_tickets(struct http_server *s, const struct http_tickets *t)
{
	if (s->front != NULL)
		http_front_tickets(s->front, t);
	for (int i = 0; i < s->n_apart; i++)
		http_apart_tickets(s->apart[i], t);
}

enum rc
http_server_prepare(struct http_server *s, struct err *e)
{
	enum rc rc = s->front != NULL ? http_front_prepare(s->front, e) : RC_OK;

	for (int i = 0; i < s->n_apart && rc == RC_OK; i++)
		rc = http_apart_prepare(s->apart[i], e);
	return rc;
}

void
http_server_commit(struct http_server *s)
{
	if (s->front != NULL)
		http_front_commit(s->front);
	for (int i = 0; i < s->n_apart; i++)
		http_apart_commit(s->apart[i]);
}

/* It is there, and has not talked nonsense. */
static bool
is_well(struct http_server *s, struct http_apart *a)
{
	bool well = http_apart_alive(a);

	for (int i = 0; i < a->n_channels; i++)
		well = well && !http_intake_lost(s->intake[a->first_intake + i]);
	return well;
}

bool
http_server_alive(struct http_server *s)
{
	for (int i = 0; i < s->n_apart; i++) {
		if (!is_well(s, s->apart[i]))
			return false;
	}
	return true;
}

int
http_server_stop(struct http_server *s)
{
	int cut = 0;

	if (s == NULL)
		return 0;
	atomic_store(&s->draining, true);
	for (int i = 0; i < s->n_apart; i++) {
		if (is_well(s, s->apart[i]))
			http_apart_drain(s->apart[i]);
	}
	if (s->front != NULL) {
		http_front_drain(s->front);
		cut += http_front_finish(s->front);
	}
	for (int i = 0; i < s->n_apart; i++) {
		if (is_well(s, s->apart[i]))
			cut += http_apart_finish(s->apart[i]);
	}
	server_free(s);
	return cut;
}

/* Whatever a process that was taken over has written there. */
static int64_t
bounded(int64_t n)
{
	return n < 0 ? 0 : n < COUNT_MAX ? n : COUNT_MAX;
}

static void
add_gauge(struct http_stats *out, struct http_gauge *g)
{
	out->connections += (int)(bounded(atomic_load(&g->connections)) & 0xffffff);
	out->in_flight += (int)(bounded(atomic_load(&g->in_flight)) & 0xffffff);
	out->body_bytes += (size_t)bounded((int64_t)atomic_load(&g->body_bytes));
	out->requests += bounded(atomic_load(&g->requests));
	out->refused += bounded(atomic_load(&g->refused));
}

void
http_server_stats(struct http_server *s, struct http_stats *out)
{
	*out = (struct http_stats){ .draining = atomic_load(&s->draining) };
	if (s->front != NULL)
		add_gauge(out, s->gauge);
	for (int i = 0; i < s->n_apart; i++)
		add_gauge(out, s->apart[i]->gauge);
	for (int k = 0; k < HTTP_CLASSES; k++)
		http_work_stats(s->work, (enum http_class)k, out);
}
