#include "http/front.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "base/log.h"
#include "http/mem.h"

struct http_gauge *
http_gauge_new(void)
{
	struct http_gauge *g =
	    mmap(NULL, sizeof *g, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0); /* zeroed */

	return http_need(g != MAP_FAILED ? g : NULL);
}

void
http_gauge_free(struct http_gauge *g)
{
	if (g != NULL)
		munmap(g, sizeof *g);
}

static struct http_front *
front_new(const struct http_settings *set, struct http_gauge *gauge)
{
	struct http_front *f = http_need(calloc(1, sizeof *f));
	pthread_condattr_t monotonic;

	f->set = *set;
	f->gauge = gauge;
	if (set->proxy_secret != NULL)
		f->secret = http_need(strdup(set->proxy_secret));
	f->set.proxy_secret = NULL;
	f->set.trusted_proxies = NULL;
	f->set.tickets = NULL;
	f->counts = http_counts_new();
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&f->quiet, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return f;
}

static enum rc
bind_all(struct http_front *f, const struct http_listener *l, int n, struct err *e)
{
	enum rc rc = RC_OK;

	f->listen = http_need(calloc((size_t)(n > 0 ? n : 1), sizeof *f->listen));
	for (int i = 0; i < n && rc == RC_OK; i++) {
		f->listen[i] = (struct http_listen){ .front = f, .fd = -1 };
		f->n_listen = i + 1;
		rc = http_listen_open(&f->listen[i], &l[i], e);
	}
	return rc;
}

/* What the library has to say comes as a line of the log. */
static void
on_library(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_line(severity == EVENT_LOG_ERR ? LOG_ERROR_ : LOG_WARN_, "events", "error", text, NULL);
}

enum rc
http_front_new(const struct http_settings *set, const struct http_listener *l, int n_listeners,
    const struct http_route *const *tables, int n_tables, struct http_gauge *gauge, struct http_front **out,
    struct err *e)
{
	struct http_front *f = front_new(set, gauge);
	enum rc rc;

	*out = NULL;
	event_set_log_callback(on_library);
	f->tables = http_need(calloc((size_t)(n_tables > 0 ? n_tables : 1), sizeof *f->tables));
	for (int i = 0; i < n_tables; i++)
		f->tables[i] = tables[i];
	f->routes = (struct http_routes){ .tables = f->tables, .n = n_tables };
	if ((rc = http_trust_new(set->trusted_proxies, &f->trust, e)) != RC_OK ||
	    (rc = bind_all(f, l, n_listeners, e)) != RC_OK) {
		http_front_free(f);
		return rc;
	}
	f->proxy = (struct http_proxy_rules){ .trust = f->trust, .secret = f->secret, .lab = set->lab };
	*out = f;
	return RC_OK;
}

static void
stop_loops(struct http_front *f)
{
	for (int i = 0; i < f->n_loops; i++) {
		if (!f->loop[i].started)
			continue;
		http_loop_tell(&f->loop[i], true);
		pthread_join(f->loop[i].thread, NULL);
		f->loop[i].started = false;
	}
}

/* Threads inherit the mask of the one that starts them; all signals are the program's. */
enum rc
http_front_start(struct http_front *f, const int *channels, struct err *e)
{
	sigset_t all, before;
	bool good = true;
	enum rc rc = RC_OK;

	for (int i = 0; i < f->n_listen && rc == RC_OK; i++)
		rc = http_listen_begin(&f->listen[i], e);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	f->loop = http_need(calloc((size_t)f->set.loops, sizeof *f->loop));
	for (int i = 0; i < f->set.loops; i++) {
		f->n_loops = i + 1;
		good = http_loop_open(&f->loop[i], f, channels[i]) && good;
	}
	for (int i = 0; i < f->n_loops && good && rc == RC_OK; i++)
		good = http_loop_start(&f->loop[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!good)
		rc = fail(e, RC_UNAVAILABLE, "start threads: %s", strerror(errno));
	if (rc != RC_OK)
		stop_loops(f);
	return rc;
}

void
http_front_tickets(struct http_front *f, const struct http_tickets *t)
{
	for (int i = 0; i < f->n_listen; i++) {
		if (f->listen[i].tls != NULL)
			http_tls_tickets(f->listen[i].tls, t);
	}
}

enum rc
http_front_prepare(struct http_front *f, struct err *e)
{
	enum rc rc = RC_OK;

	for (int i = 0; i < f->n_listen && rc == RC_OK; i++) {
		if (f->listen[i].tls != NULL)
			rc = http_tls_prepare(f->listen[i].tls, e);
	}
	return rc;
}

void
http_front_commit(struct http_front *f)
{
	for (int i = 0; i < f->n_listen; i++) {
		if (f->listen[i].tls != NULL)
			http_tls_commit(f->listen[i].tls);
	}
}

void
http_front_drain(struct http_front *f)
{
	clock_gettime(CLOCK_MONOTONIC, &f->until);
	f->until.tv_sec += f->set.drain_ms / 1000;
	f->until.tv_nsec += f->set.drain_ms % 1000 * 1000000L;
	if (f->until.tv_nsec >= 1000000000L) {
		f->until.tv_sec++;
		f->until.tv_nsec -= 1000000000L;
	}
	atomic_store(&f->draining, true);
	for (int i = 0; i < f->n_loops; i++)
		http_loop_tell(&f->loop[i], false);
}

static void
wait_quiet(struct http_front *f)
{
	int rc = 0;

	pthread_mutex_lock(&f->lock);
	while (atomic_load(&f->gauge->connections) > 0 && rc == 0)
		rc = pthread_cond_timedwait(&f->quiet, &f->lock, &f->until);
	pthread_mutex_unlock(&f->lock);
}

int
http_front_finish(struct http_front *f)
{
	int cut = 0;

	wait_quiet(f);
	stop_loops(f);
	for (int i = 0; i < f->n_loops; i++)
		cut += f->loop[i].cut;
	return cut;
}

void
http_front_free(struct http_front *f)
{
	if (f == NULL)
		return;
	stop_loops(f);
	for (int i = 0; i < f->n_loops; i++)
		http_loop_close(&f->loop[i]);
	for (int i = 0; i < f->n_listen; i++)
		http_listen_close(&f->listen[i]);
	http_trust_free(f->trust);
	http_counts_free(f->counts);
	if (f->secret != NULL)
		explicit_bzero(f->secret, strlen(f->secret));
	free(f->secret);
	free(f->tables);
	free(f->listen);
	free(f->loop);
	pthread_cond_destroy(&f->quiet);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
