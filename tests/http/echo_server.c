/* A server for the flow tests: tells each peer what request it was understood to send, and remembers
 * all requests, so that a test can see one that nobody sent.
 *
 *	http_echo_server [key=value ...]
 * keys: trusted, secret, lab, header_ms, body_ms, idle_ms, drain_ms, budget, loops, workers, queue,
 * unix, cert, key, per_address, max. Prints "plain PORT", "tls PORT", "mtls PORT", then "ready"; an r
 * on its standard input reads certificates again, its end ends the server, which says how many requests
 * were cut off. A request with ?hold=1 is answered when SIGUSR1 comes (all of them are: a test
 * sees what is under way instead of guessing how long it takes). */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "fmt/base64.h"
#include "http/server.h"

#define SEEN_MAX (1024 * 1024) /* bytes of remembered request lines */

struct seen {
	pthread_mutex_t lock;
	struct buf lines;
	struct http_server *server;
};

static sem_t gate; /* where held requests wait; a signal handler can reach nothing else */

static void
open_gate(int signal)
{
	(void)signal;
	sem_post(&gate);
}

/* Wait for the signal, and pass it on: whoever comes later finds the gate open. */
static void
hold(void)
{
	while (sem_wait(&gate) != 0)
		;
	sem_post(&gate);
}

static void
text(struct call *c, struct http_reply *out, int status, struct buf *b)
{
	size_t n = b->n;
	char *p = buf_finish(b, c->arena);

	http_answer(out, status, "text/plain", bytes_of(p, n));
}

static void
echo(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct seen *seen = room;
	const char *status = http_query(c, r, "status", false), *nap = http_query(c, r, "sleep_ms", false);
	struct buf b;

	pthread_mutex_lock(&seen->lock);
	buf_printf(
	    &seen->lines, "%s %s%s\n", r->method, r->path, r->client_certificate.p != NULL ? " certificate" : "");
	pthread_mutex_unlock(&seen->lock);
	if (nap != NULL) {
		long ms = strtol(nap, NULL, 10);

		nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
	}
	if (http_query(c, r, "hold", false) != NULL)
		hold();
	buf_init(&b, 8 * 1024 * 1024);
	buf_printf(&b, "method=%s\npath=%s\nquery=%s\nhost=%s\nsegment=%s\npeer=%s\nsecure=%d\nproxied=%d\nuid=%lld\n",
	    r->method, r->path, r->query != NULL ? r->query : "", r->host, r->segment[0] != NULL ? r->segment[0] : "",
	    r->peer, r->secure, r->certificate_from_proxy, (long long)r->peer_uid);
	buf_printf(&b, "certificate=%s\n", base64_encode(c->arena, r->client_certificate));
	for (int i = 0; i < r->n_headers; i++)
		buf_printf(&b, "header=%s: %s\n", r->headers[i].name, r->headers[i].value);
	buf_printf(&b, "length=%zu\nbody=", r->body.n);
	buf_add(&b, r->body.p, r->body.n < 4096 ? r->body.n : 4096);
	text(c, out, status != NULL ? (int)strtol(status, NULL, 10) : 200, &b);
}

static void
list_seen(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct seen *seen = room;
	struct buf b;

	(void)r;
	buf_init(&b, SEEN_MAX);
	pthread_mutex_lock(&seen->lock);
	buf_add(&b, seen->lines.p, seen->lines.n);
	buf_reset(&seen->lines);
	pthread_mutex_unlock(&seen->lock);
	text(c, out, 200, &b);
}

static void
stats(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	struct seen *seen = room;
	struct http_stats s;
	struct buf b;

	(void)r;
	http_server_stats(seen->server, &s);
	buf_init(&b, 4096);
	buf_printf(&b, "connections=%d\nin_flight=%d\nbody_bytes=%zu\nrequests=%lld\nrefused=%lld\n", s.connections,
	    s.in_flight, s.body_bytes, (long long)s.requests, (long long)s.refused);
	buf_printf(
	    &b, "quick=%d\nheavy=%d\noutward=%d\n", s.queued[HTTP_QUICK], s.queued[HTTP_HEAVY], s.queued[HTTP_OUTWARD]);
	text(c, out, 200, &b);
}

/* Asks for memory without end: the ceiling of the call has to stop it. */
static void
greedy(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)r, (void)room;
	for (;;)
		arena_alloc(c->arena, 10000);
	http_answer(out, 200, NULL, (struct bytes){ 0 });
}

/* clang-format off */
static const struct http_route routes[] = {
	/* method  path         class         max body       doors  handler */
	{ "GET",   "/echo/{}",  HTTP_QUICK,   64 * 1024,     ~0u,   echo },
	{ "PUT",   "/echo/{}",  HTTP_QUICK,   64 * 1024,     ~0u,   echo },
	{ "POST",  "/echo/{}",  HTTP_QUICK,   64 * 1024,     ~0u,   echo },
	{ "GET",   "/none",     HTTP_QUICK,   0,             ~0u,   echo },
	{ "PUT",   "/large",    HTTP_QUICK,   4096 * 1024,   ~0u,   echo },
	{ "POST",  "/heavy",    HTTP_HEAVY,   64 * 1024,     ~0u,   echo },
	{ "POST",  "/outward",  HTTP_OUTWARD, 64 * 1024,     ~0u,   echo },
	{ "GET",   "/seen",     HTTP_OUTWARD, 0,             ~0u,   list_seen },
	{ "GET",   "/stats",    HTTP_QUICK,   0,             ~0u,   stats },
	{ "GET",   "/greedy",   HTTP_QUICK,   0,             ~0u,   greedy },
	{ 0 },
};
/* clang-format on */

static void
begin(struct call *c, void *ctx)
{
	(void)ctx;
	c->now = clock_now();
}

static const char *
value(char **argv, const char *key)
{
	size_t n = strlen(key);

	for (; *argv != NULL; argv++) {
		if (strncmp(*argv, key, n) == 0 && (*argv)[n] == '=')
			return *argv + n + 1;
	}
	return NULL;
}

static int
number(char **argv, const char *key)
{
	const char *v = value(argv, key);

	return v != NULL ? (int)strtol(v, NULL, 10) : 0;
}

int
main(int argc, char **argv)
{
	static const char *const names[] = { "unix", "plain", "tls", "mtls" }; /* doors */
	const char *trusted[] = { value(argv, "trusted"), NULL };
	struct http_settings set = { .loops = number(argv, "loops"),
		.body_budget = (size_t)number(argv, "budget"),
		.header_ms = number(argv, "header_ms"),
		.body_ms = number(argv, "body_ms"),
		.idle_ms = number(argv, "idle_ms"),
		.drain_ms = number(argv, "drain_ms"),
		.trusted_proxies = trusted,
		.proxy_secret = value(argv, "secret"),
		.lab = number(argv, "lab") != 0 };
	struct http_listener l[4] = { { .door = HTTP_DOOR_PLAIN,
	    .address = "127.0.0.1:0",
	    .fd = -1,
	    .max_per_address = number(argv, "per_address"),
	    .max_connections = number(argv, "max") } };
	const struct http_route *const tables[] = { routes };
	struct seen seen = { .lock = PTHREAD_MUTEX_INITIALIZER };
	void *const rooms[] = { &seen };
	const struct http_hooks hooks = { .begin = begin };
	const struct sigaction on_gate = { .sa_handler = open_gate, .sa_flags = SA_RESTART };
	const struct http_apart_rules rules = { .mode = SANDBOX_OFF };
	struct http_listener own = { .door = HTTP_DOOR_UNIX, .address = value(argv, "unix"), .fd = -1 };
	struct http_apart *apart;
	struct err e = { 0 };
	int n = 1, cut;
	char c;

	(void)argc;
	sem_init(&gate, 0, 0);
	sigaction(SIGUSR1, &on_gate, NULL);
	for (int k = 0; k < HTTP_CLASSES; k++) {
		set.workers[k] = number(argv, "workers");
		set.queue[k] = number(argv, "queue");
	}
	for (int door = HTTP_DOOR_TLS; door <= HTTP_DOOR_MTLS && value(argv, "cert") != NULL; door++) {
		l[n++] = (struct http_listener){ .door = (enum http_door)door,
			.address = "127.0.0.1:0",
			.fd = -1,
			.cert_file = value(argv, "cert"),
			.key_file = value(argv, "key") };
	}
	/* As the daemon has it: peers of TCP in a process apart, the Unix socket here. */
	buf_init(&seen.lines, SEEN_MAX);
	if (http_apart_start(&set, l, n, tables, 1, &rules, &apart, &e) != RC_OK ||
	    http_apart_bind(apart, &e) != RC_OK) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	for (int i = 0; i < n; i++)
		printf("%s %d\n", names[l[i].door], http_apart_port(apart, i));
	set.apart = &apart;
	set.n_apart = 1;
	if (http_server_start(&set, &own, own.address != NULL ? 1 : 0, tables, rooms, 1, &hooks, &seen.server, &e) !=
	    RC_OK) {
		fprintf(stderr, "%s\n", e.text);
		return 1;
	}
	if (own.address != NULL)
		puts("unix 0");
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0) {
		if (c == 'r') {
			bool good = http_server_prepare(seen.server, &e) == RC_OK;

			if (good)
				http_server_commit(seen.server);
			puts(good ? "reloaded" : e.text);
			fflush(stdout);
		}
	}
	cut = http_server_stop(seen.server);
	printf("cut %d\n", cut);
	buf_free(&seen.lines);
	return 0;
}
