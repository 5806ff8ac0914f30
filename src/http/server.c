#include "http/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http/mem.h"
#include "http/serve.h"

#define LOOPS_MAX 4

static int
or_default(int value, int otherwise)
{
	return value > 0 ? value : otherwise;
}

static void
fill_settings(struct http_settings *s)
{
	static const int workers[HTTP_CLASSES] = { [HTTP_QUICK] = 16, [HTTP_HEAVY] = 4, [HTTP_OUTWARD] = 4 };
	int cores = (int)sysconf(_SC_NPROCESSORS_ONLN);

	s->loops = or_default(s->loops, cores < 1 ? 1 : cores > LOOPS_MAX ? LOOPS_MAX : cores);
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
	s->trusted_proxies = NULL;
	s->proxy_secret = NULL;
}

static struct http_server *
server_new(const struct http_settings *settings, const struct http_hooks *hooks)
{
	struct http_server *s = http_need(calloc(1, sizeof *s));
	pthread_condattr_t monotonic;

	s->set = *settings;
	fill_settings(&s->set);
	if (hooks != NULL)
		s->hooks = *hooks;
	if (settings->proxy_secret != NULL)
		s->secret = http_need(strdup(settings->proxy_secret));
	s->counts = http_counts_new();
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s->quiet, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return s;
}

/* The lists are the caller's and may be gone after the start; the tables stay. */
static void
keep_routes(struct http_server *s, const struct http_route *const *tables, void *const *rooms, int n)
{
	size_t size = (size_t)(n > 0 ? n : 1);

	s->tables = http_need(calloc(size, sizeof *s->tables));
	s->rooms = http_need(calloc(size, sizeof *s->rooms));
	for (int i = 0; i < n; i++) {
		s->tables[i] = tables[i];
		s->rooms[i] = rooms != NULL ? rooms[i] : NULL;
	}
	s->routes = (struct http_routes){ .tables = s->tables, .rooms = s->rooms, .n = n };
}

static void
server_free(struct http_server *s)
{
	for (int i = 0; i < s->n_loops; i++)
		http_loop_close(&s->loop[i]);
	http_work_free(s->work);
	for (int i = 0; i < s->n_listen; i++)
		http_listen_close(&s->listen[i]);
	http_trust_free(s->trust);
	http_counts_free(s->counts);
	if (s->secret != NULL)
		explicit_bzero(s->secret, strlen(s->secret));
	free(s->secret);
	free(s->tables);
	free(s->rooms);
	free(s->listen);
	free(s->loop);
	pthread_cond_destroy(&s->quiet);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static enum rc
bind_all(struct http_server *s, const struct http_listener *l, int n, struct err *e)
{
	enum rc rc = RC_OK;

	s->listen = http_need(calloc((size_t)(n > 0 ? n : 1), sizeof *s->listen));
	for (int i = 0; i < n && rc == RC_OK; i++) {
		s->listen[i] = (struct http_listen){ .server = s, .number = i, .fd = -1 };
		s->n_listen = i + 1;
		rc = http_listen_open(&s->listen[i], &l[i], e);
	}
	return rc;
}

static void
stop_threads(struct http_server *s)
{
	for (int i = 0; i < s->n_loops; i++) {
		if (!s->loop[i].started)
			continue;
		http_loop_tell(&s->loop[i], true, true);
		pthread_join(s->loop[i].thread, NULL);
	}
	http_work_stop(s->work);
}

/* Threads inherit the mask of the one that starts them; all signals are the program's. */
static enum rc
start_threads(struct http_server *s, struct err *e)
{
	sigset_t all, before;
	bool good = true;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	s->work = http_work_start(s);
	s->loop = http_need(calloc((size_t)s->set.loops, sizeof *s->loop));
	for (int i = 0; i < s->set.loops && good && s->work != NULL; i++) {
		s->n_loops = i + 1;
		good = http_loop_open(&s->loop[i], s);
	}
	for (int i = 0; i < s->n_loops && good; i++)
		good = http_loop_start(&s->loop[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (s->work == NULL || !good)
		return fail(e, RC_UNAVAILABLE, "start threads: %s", strerror(errno));
	return RC_OK;
}

enum rc
http_server_start(const struct http_settings *settings, const struct http_listener *l, int n_listeners,
    const struct http_route *const *tables, void *const *rooms, int n_tables, const struct http_hooks *hooks,
    struct http_server **out, struct err *e)
{
	struct http_server *s = server_new(settings, hooks);
	enum rc rc;

	*out = NULL;
	keep_routes(s, tables, rooms, n_tables);
	if ((rc = http_trust_new(settings->trusted_proxies, &s->trust, e)) != RC_OK ||
	    (rc = bind_all(s, l, n_listeners, e)) != RC_OK)
		goto out;
	s->proxy = (struct http_proxy_rules){ .trust = s->trust, .secret = s->secret, .lab = settings->lab };
	if (settings->tickets != NULL)
		http_server_tickets(s, settings->tickets);
	if ((rc = start_threads(s, e)) != RC_OK)
		stop_threads(s);
out:
	if (rc != RC_OK)
		server_free(s);
	else
		*out = s;
	return rc;
}

int
http_server_port(const struct http_server *s, int i)
{
	return i >= 0 && i < s->n_listen ? s->listen[i].port : 0;
}

void
http_server_tickets(struct http_server *s, const struct http_tickets *t)
{
	for (int i = 0; i < s->n_listen; i++) {
		if (s->listen[i].tls != NULL)
			http_tls_tickets(s->listen[i].tls, t);
	}
}

enum rc
http_server_reload(struct http_server *s, struct err *e)
{
	enum rc rc;

	for (int i = 0; i < s->n_listen; i++) {
		if (s->listen[i].tls != NULL && (rc = http_tls_prepare(s->listen[i].tls, e)) != RC_OK)
			return rc;
	}
	for (int i = 0; i < s->n_listen; i++) {
		if (s->listen[i].tls != NULL)
			http_tls_commit(s->listen[i].tls);
	}
	return RC_OK;
}

static void
wait_quiet(struct http_server *s)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += s->set.drain_ms / 1000;
	until.tv_nsec += s->set.drain_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&s->lock);
	while (atomic_load(&s->connections) > 0 && rc == 0)
		rc = pthread_cond_timedwait(&s->quiet, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
}

int
http_server_stop(struct http_server *s)
{
	int cut = 0;

	if (s == NULL)
		return 0;
	atomic_store(&s->draining, true);
	for (int i = 0; i < s->n_loops; i++)
		http_loop_tell(&s->loop[i], true, false);
	wait_quiet(s);
	stop_threads(s);
	for (int i = 0; i < s->n_loops; i++)
		cut += s->loop[i].cut;
	server_free(s);
	return cut;
}

void
http_server_stats(struct http_server *s, struct http_stats *out)
{
	out->connections = atomic_load(&s->connections);
	out->in_flight = atomic_load(&s->in_flight);
	for (int k = 0; k < HTTP_CLASSES; k++)
		http_work_stats(s->work, (enum http_class)k, out);
	out->draining = atomic_load(&s->draining);
	out->body_bytes = atomic_load(&s->body_bytes);
	out->requests = atomic_load(&s->requests);
	out->refused = atomic_load(&s->refused);
}
