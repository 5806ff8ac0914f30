/* The server and the client against each other in one process, and a storm for the sanitizers: what no
 * single request shows is whether jobs, connections and loops keep apart. */
#include "http/server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/tap.h"
#include "http/client.h"

#define STORM_THREADS 6
#define STORM_REQUESTS 150 /* each */

struct room {
	atomic_int done;
	int64_t now;
	_Atomic(struct call *) sleeper;
};

/* ---- handlers ---- */

static void
hello(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)room;
	http_answer(out, 200, "text/plain",
	    bytes_str(arena_printf(c->arena, "%s %s %s %lld %lld", r->method, r->segment[0],
		r->body.p != NULL ? "body" : "-", (long long)r->peer_uid, (long long)c->now)));
}

static void
redirect(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *to = http_query(c, r, "to", false);

	(void)room;
	http_answer(out, 302, NULL, (struct bytes){ 0 });
	http_set(out, "Location", to);
	http_set(out, "Set-Cookie", "a=b");
}

static void
cookie(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *said = http_header(r, "cookie");

	(void)c, (void)room;
	http_answer(out, 200, "TEXT/Plain; charset=utf-8", bytes_str(said != NULL ? said : "none"));
}

static void
form(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *a = http_query(c, r, "a b", true), *q = http_query(c, r, "q", false);

	(void)room;
	http_answer(out, 200, "text/plain", bytes_str(arena_printf(c->arena, "%s|%s", a ? a : "-", q ? q : "-")));
}

static void
sized(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	size_t n = (size_t)strtoul(r->segment[0], NULL, 10);
	char *p = arena_alloc(c->arena, n + 1);

	(void)room;
	memset(p, 'x', n);
	http_answer(out, 200, "text/plain", bytes_of(p, n));
}

static void
silent(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)c, (void)r, (void)out, (void)room;
}

static void
failing(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)r, (void)room;
	http_fail(out, fail(&c->err, RC_UNAVAILABLE, "secret of the operator"));
}

static void
slow(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)r, (void)room;
	nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	http_answer(out, 200, NULL, arena_copy(c->arena, r->body));
}

/* Two calls of one worker: the first waits for the second, which wakes it and is answered, too. */
static void
pair(struct call *c, const struct http_request *r, struct http_reply *out, void *room_)
{
	struct room *room = room_;

	if (strcmp(r->segment[0], "first") == 0) {
		atomic_store(&room->sleeper, c);
		c->host->sleep(c);
	} else if (strcmp(r->segment[0], "second") == 0) {
		c->host->wake(atomic_load(&room->sleeper));
	} else if (strcmp(r->segment[0], "polite") == 0) { /* until somebody went first */
		while (!c->host->yield(c))
			nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	} else { /* woken before it sleeps */
		c->host->wake(c);
		c->host->sleep(c);
	}
	http_answer(out, 200, "text/plain", bytes_str(r->segment[0]));
}

/* clang-format off */
static const struct http_route routes[] = {
	{ "GET",  "/hello/{}",  HTTP_QUICK,   0,          ~0u, hello },
	{ "PUT",  "/hello/{}",  HTTP_QUICK,   100,        ~0u, hello },
	{ "GET",  "/redirect",  HTTP_QUICK,   0,          0,   redirect },
	{ "GET",  "/cookie",    HTTP_QUICK,   0,          0,   cookie },
	{ "POST", "/form",      HTTP_QUICK,   1000,       0,   form },
	{ "GET",  "/sized/{}",  HTTP_QUICK,   0,          0,   sized },
	{ "GET",  "/silent",    HTTP_QUICK,   0,          0,   silent },
	{ "GET",  "/failing",   HTTP_QUICK,   0,          0,   failing },
	{ "POST", "/slow",      HTTP_HEAVY,   200 * 1024, 0,   slow },
	{ "GET",  "/pair/{}",   HTTP_QUICK,   0,          0,   pair },
	{ 0 },
};
/* clang-format on */

static void
begin(struct call *c, void *ctx)
{
	struct room *room = ctx;

	c->now = room->now;
}

static void
count(struct call *c, const struct http_request *r, const struct http_reply *out, int64_t us, void *ctx)
{
	struct room *room = ctx;

	(void)c, (void)r, (void)out;
	if (us >= 0)
		atomic_fetch_add(&room->done, 1);
}

/* ---- helpers ---- */

static enum rc
start(const struct http_settings *set, const struct http_listener *l, int n, struct room *room,
    struct http_server **out, struct err *e)
{
	static const struct http_route *const tables[] = { routes };
	void *const rooms[] = { room };
	const struct http_hooks hooks = { .begin = begin, .done = count, .ctx = room };

	return http_server_start(set, l, n, tables, rooms, 1, &hooks, out, e);
}

struct peer {
	struct http_client *client;
	struct arena *arena;
	int port;
	struct http_client_answer answer;
	struct err e;
};

static enum rc
ask(struct peer *p, const char *method, const char *path, const char *body, const char *const *headers)
{
	struct http_client_request r = { .method = method,
		.url = arena_printf(p->arena, "http://127.0.0.1:%d%s", p->port, path),
		.headers = headers,
		.body = bytes_str(body) };

	return http_client_send(p->client, p->arena, &r, &p->answer, &p->e);
}

static const char *
text(const struct peer *p)
{
	return arena_strndup(p->arena, (const char *)p->answer.body.p, p->answer.body.n);
}

/* ---- what one request shows ---- */

static void
requests(struct peer *p, struct room *room)
{
	static const char *const type[] = { "Content-Type: application/x-www-form-urlencoded", NULL };
	static const char *const other[] = { "Content-Type: application/pkcs7-signature", NULL };

	ok(ask(p, "GET", "/hello/a%20b", NULL, NULL) == RC_OK && p->answer.status == 200, "a request is answered");
	is_str(text(p), "GET a b - -1 4711", "the handler gets method, decoded segment and the time of `begin`");
	ok(http_client_header(&p->answer, "date") != NULL && http_client_header(&p->answer, "server") == NULL,
	    "an answer has a Date and says nothing of the server");
	ok(ask(p, "HEAD", "/hello/x", NULL, NULL) == RC_OK && p->answer.status == 200 && p->answer.body.n == 0,
	    "HEAD is served by the handler of GET, without a body (RFC 9110 9.3.2)");
	is_str(http_client_header(&p->answer, "Content-Length"), "16", "and with the length that GET would have");
	ok(ask(p, "PUT", "/hello/x", "123", NULL) == RC_OK && strstr(text(p), "PUT x body") != NULL, "a body arrives");
	ok(ask(p, "PUT", "/hello/x", "", NULL) == RC_OK && p->answer.status == 200, "so does an empty one");
	ok(ask(p, "GET", "/silent", NULL, NULL) == RC_OK && p->answer.status == 500,
	    "a handler that says nothing is a 500");
	ok(ask(p, "GET", "/failing", NULL, NULL) == RC_OK && p->answer.status == 503, "rc has one status");
	ok(strstr(text(p), "secret") == NULL, "a peer gets the fixed text of a status, never the operator's sentence");
	ask(p, "POST", "/form?q=1%2B+&a+b=query", "a+b=c+d%21&a+b=e", type);
	is_str(text(p), "c d!|1++", "a form's items come from its body, a query keeps its plus (S-03)");
	ask(p, "POST", "/form?q=x", "a+b=c", other);
	is_str(text(p), "-|x", "a body of another type is never read as a form (S-07)");
	ok(atomic_load(&room->done) >= 8, "`done` runs after each handler");
}

static void
client(struct peer *p)
{
	struct http_client_request r = { .method = "GET" };

	ask(p, "GET", "/redirect?to=/cookie", NULL, NULL);
	ok(p->answer.status == 302 && strstr(p->answer.location, "/cookie") != NULL &&
		strncmp(p->answer.location, "http://127.0.0.1:", 17) == 0,
	    "Location comes absolute");
	r.url = arena_printf(p->arena, "http://127.0.0.1:%d/redirect?to=/cookie", p->port);
	r.follow = true;
	ok(http_client_send(p->client, p->arena, &r, &p->answer, &p->e) == RC_OK && p->answer.status == 200 &&
		strstr(p->answer.url, "/cookie") != NULL,
	    "a redirect is followed where asked");
	is_str(text(p), "a=b", "cookies are kept");
	is_str(p->answer.type, "text/plain", "the media type comes in lower case, without parameters");
	r.url = arena_printf(p->arena, "http://127.0.0.1:%d/redirect?to=other-scheme://done?x=y", p->port);
	ok(http_client_send(p->client, p->arena, &r, &p->answer, &p->e) == RC_OK && p->answer.status == 302,
	    "a redirect to another scheme ends it");
	is_str(p->answer.location, "other-scheme://done?x=y", "and is told");
	r.url = arena_printf(p->arena, "http://127.0.0.1:%d/sized/5000", p->port);
	r.max_body = 4999;
	ok(http_client_send(p->client, p->arena, &r, &p->answer, &p->e) == RC_TOO_LARGE,
	    "an answer over the limit ends");
	r.max_body = 5000;
	ok(http_client_send(p->client, p->arena, &r, &p->answer, &p->e) == RC_OK && p->answer.body.n == 5000,
	    "one at the limit does not");
	r.url = "ftp://127.0.0.1/?secret";
	ok(http_client_send(p->client, p->arena, &r, &p->answer, &p->e) == RC_BAD_INPUT, "another scheme is refused");
	ok(strstr(p->e.text, "secret") == NULL, "an error names no query");
	r.url = "http://127.0.0.1:1/";
	ok(http_client_send(p->client, p->arena, &r, &p->answer, &p->e) == RC_UNAVAILABLE, "nobody there");
}

static void
large_replies(struct peer *p)
{
	bool good = true;

	for (int n = 1; n <= 900000; n = n * 3 + 1) {
		char path[32];

		snprintf(path, sizeof path, "/sized/%d", n);
		good = good && ask(p, "GET", path, NULL, NULL) == RC_OK && p->answer.body.n == (size_t)n;
	}
	ok(good, "replies larger than a socket takes at once arrive whole");
	ok(ask(p, "GET", "/sized/2000000", NULL, NULL) == RC_OK && p->answer.status == 413,
	    "a call over its memory ceiling ends with 413");
}

/* ---- starting ---- */

static void
starts(void)
{
	struct http_settings set = { .loops = 1 };
	struct http_listener plain = { .door = HTTP_DOOR_PLAIN, .address = "127.0.0.1:0", .fd = -1 }, two[2];
	static const char *const bad[] = { "127.0.0.1", "localhost:0", "127.0.0.1:x", "[::1:80", "127.0.0.1:99999",
		":1" };
	struct http_server *s, *t;
	struct room room = { 0 };
	char taken[32];
	struct err e;

	ok(http_server_stop(NULL) == 0, "stopping nothing is fine");
	ok(start(&set, &plain, 1, &room, &s, &e) == RC_OK, "a server starts");
	snprintf(taken, sizeof taken, "127.0.0.1:%d", http_server_port(s, 0));
	plain.address = taken;
	ok(start(&set, &plain, 1, &room, &t, &e) == RC_CONFLICT && t == NULL, "a taken address is a conflict");
	ok(http_server_stop(s) == 0, "it stops");
	ok(start(&set, &plain, 1, &room, &s, &e) == RC_OK && http_server_stop(s) == 0,
	    "its address is free again at once");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		plain.address = bad[i];
		ok(start(&set, &plain, 1, &room, &t, &e) == RC_BAD_INPUT, "`%s` is no address to listen on", bad[i]);
	}
	two[0] = (struct http_listener){ .door = HTTP_DOOR_PLAIN, .address = taken, .fd = -1 };
	two[1] = (struct http_listener){ .door = HTTP_DOOR_TLS, .address = "127.0.0.1:0", .fd = -1 };
	ok(start(&set, two, 2, &room, &t, &e) == RC_BAD_INPUT, "a TLS listener needs a certificate");
	two[1].cert_file = "/nonexistent/cert.pem";
	two[1].key_file = "/nonexistent/key.pem";
	ok(start(&set, two, 2, &room, &t, &e) == RC_BAD_INPUT && strstr(e.text, "/nonexistent/cert.pem") != NULL,
	    "one that is there, and the error names it");
	ok(start(&set, two, 1, &room, &s, &e) == RC_OK && http_server_stop(s) == 0,
	    "a failed start leaves nothing behind");
	set.trusted_proxies = (const char *const[]){ "nobody", NULL };
	ok(start(&set, two, 1, &room, &t, &e) == RC_BAD_INPUT, "a trusted proxy is an address");
}

/* A socket file without a listener, as a killed process leaves it. */
static void
leave_socket(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof sun.sun_path, "%s", path);
	if (bind(fd, (struct sockaddr *)(void *)&sun, sizeof sun) != 0 || listen(fd, 1) != 0)
		puts("# no stale socket could be made");
	close(fd);
}

static void
unix_socket(void)
{
	char folder[] = "/tmp/postern-http-XXXXXX", path[64], want[64];
	struct http_settings set = { .loops = 1 };
	struct http_listener l = { .door = HTTP_DOOR_UNIX, .fd = -1 };
	struct http_client_settings cs = { .unix_socket = path };
	struct room room = { .now = 1 };
	struct http_server *s, *t;
	struct peer p = { .arena = arena_new(0), .port = 80 };
	struct stat st;
	struct err e;

	if (!ok(mkdtemp(folder) != NULL, "a folder"))
		return;
	snprintf(path, sizeof path, "%s/admin.sock", folder);
	l.address = path;
	leave_socket(path);
	ok(start(&set, &l, 1, &room, &s, &e) == RC_OK, "a stale socket is replaced");
	ok(stat(path, &st) == 0 && (st.st_mode & 07777) == 0660, "its mode is 0660");
	ok(start(&set, &l, 1, &room, &t, &e) == RC_CONFLICT, "one that answers is not");
	http_client_open(&cs, &p.client, &e);
	snprintf(want, sizeof want, "GET x - %lld 1", (long long)getuid());
	ask(&p, "GET", "/hello/x", NULL, NULL);
	is_str(text(&p), want, "a handler gets the uid of the peer by SO_PEERCRED");
	ask(&p, "GET", "/cookie", NULL, NULL);
	ok(p.answer.status == 404, "a route with doors 0 is not on the Unix socket");
	http_client_close(p.client);
	ok(http_server_stop(s) == 0 && stat(path, &st) != 0, "stopping takes the socket away");
	rmdir(folder);
	arena_free(p.arena);
}

/* ---- the storm ---- */

struct storm {
	int port;
	atomic_int seed, bad;
};

/* Half of the peers are rude: they leave in the middle. */
static void
rude(int port, unsigned n)
{
	static const char message[] = "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nabcd"
				      "GET /sized/300000 HTTP/1.1\r\nHost: a\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n";
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char got[4096];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0, 10000 }, sizeof(struct timeval));
	if (connect(fd, (struct sockaddr *)(void *)&to, sizeof to) == 0) {
		ssize_t k = send(fd, message, n % sizeof message, MSG_NOSIGNAL);

		if (k > 0 && n % 3 == 0)
			k = recv(fd, got, sizeof got, n % 2 == 0 ? 0 : MSG_DONTWAIT);
		if (n % 5 == 0)
			setsockopt(
			    fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger)); /* RST */
	}
	close(fd);
}

static void *
storm_thread(void *arg)
{
	struct storm *storm = arg;
	struct peer p = { .port = storm->port };
	unsigned seed = (unsigned)atomic_fetch_add(&storm->seed, 7919);

	http_client_open(&(struct http_client_settings){ .timeout_ms = 20000 }, &p.client, &p.e);
	for (int i = 0; i < STORM_REQUESTS; i++) {
		char path[64], body[16];

		p.arena = arena_new(0);
		seed = seed * 1103515245 + 12345;
		snprintf(body, sizeof body, "%u", seed);
		switch (seed >> 16 & 3) {
		case 0:
			rude(storm->port, (seed >> 18) % 110 + 1);
			break;
		case 1:
			if (ask(&p, "POST", "/slow", body, NULL) != RC_OK ||
			    (p.answer.status != 503 && strcmp(text(&p), body) != 0))
				atomic_fetch_add(&storm->bad, 1);
			break;
		default:
			snprintf(path, sizeof path, "/hello/%s", body);
			if (ask(&p, "GET", path, NULL, NULL) != RC_OK || strstr(text(&p), body) == NULL)
				atomic_fetch_add(&storm->bad, 1);
		}
		arena_free(p.arena);
	}
	http_client_close(p.client);
	return NULL;
}

static void
storm(void)
{
	struct http_settings set = { .loops = 2, .queue = { [HTTP_HEAVY] = 3 }, .workers = { 4, 2, 1 } };
	struct http_listener l = { .door = HTTP_DOOR_PLAIN, .address = "127.0.0.1:0", .fd = -1 };
	struct storm weather = { 0 };
	struct room room = { .now = 1 };
	pthread_t thread[STORM_THREADS];
	struct http_server *s;
	struct http_stats stats;
	struct err e;

	ok(start(&set, &l, 1, &room, &s, &e) == RC_OK, "a server for the storm");
	weather.port = http_server_port(s, 0);
	for (int i = 0; i < STORM_THREADS; i++)
		pthread_create(&thread[i], NULL, storm_thread, &weather);
	for (int i = 0; i < 20; i++) {
		nanosleep(&(struct timespec){ 0, 5000000 }, NULL);
		http_server_stats(s, &stats);
	}
	for (int i = 0; i < STORM_THREADS; i++)
		pthread_join(thread[i], NULL);
	ok(atomic_load(&weather.bad) == 0, "in a storm with peers that leave, each gets its own answer (%d did not)",
	    atomic_load(&weather.bad));
	http_server_stats(s, &stats);
	for (int i = 0; i < 6000 && (stats.in_flight > 0 || stats.body_bytes > 0); i++) {
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
		http_server_stats(s, &stats);
	}
	ok(stats.in_flight == 0 && stats.body_bytes == 0, "nothing is left of it");
	http_server_stop(s);
	ok(true, "it stops");
}

struct first {
	const char *path;
	int port;
	bool good;
};

static void *
ask_first(void *arg)
{
	struct first *f = arg;
	struct peer p = { .arena = arena_new(0), .port = f->port };
	struct http_client_settings cs = { 0 };

	f->good = http_client_open(&cs, &p.client, &p.e) == RC_OK && ask(&p, "GET", f->path, NULL, NULL) == RC_OK &&
		  p.answer.status == 200;
	http_client_close(p.client);
	arena_free(p.arena);
	return NULL;
}

/* With one worker, nobody would wake the first. */
static void
one_worker(void)
{
	struct http_settings set = { .loops = 1, .workers = { 1, 1, 1 } };
	struct http_listener l = { .door = HTTP_DOOR_PLAIN, .address = "127.0.0.1:0", .fd = -1 };
	struct http_client_settings cs = { 0 };
	struct room room = { .now = 1 };
	struct peer p = { .arena = arena_new(0) };
	struct first first = { .path = "/pair/first" }, polite = { .path = "/pair/polite" };
	struct http_server *s;
	pthread_t thread;

	if (!ok(start(&set, &l, 1, &room, &s, &p.e) == RC_OK && http_client_open(&cs, &p.client, &p.e) == RC_OK,
		"a server with one worker"))
		return;
	first.port = polite.port = p.port = http_server_port(s, 0);
	pthread_create(&thread, NULL, ask_first, &first);
	while (atomic_load(&room.sleeper) == NULL)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	ok(ask(&p, "GET", "/hello/x", NULL, NULL) == RC_OK && p.answer.status == 200,
	    "while a call waits for another, its worker runs others");
	ok(ask(&p, "GET", "/pair/second", NULL, NULL) == RC_OK && p.answer.status == 200,
	    "... also the one that wakes it");
	pthread_join(thread, NULL);
	ok(first.good, "... and then its own");
	ok(ask(&p, "GET", "/pair/both", NULL, NULL) == RC_OK && p.answer.status == 200,
	    "a call that was woken before it slept goes on");
	pthread_create(&thread, NULL, ask_first, &polite);
	nanosleep(&(struct timespec){ 0, 20000000 }, NULL);
	ok(ask(&p, "GET", "/hello/x", NULL, NULL) == RC_OK && p.answer.status == 200,
	    "one that yields lets another go first");
	pthread_join(thread, NULL);
	ok(polite.good, "... and goes on behind it");
	http_client_close(p.client);
	arena_free(p.arena);
	ok(http_server_stop(s) == 0, "it stops");
}

/* A stop while requests run: each is finished or counted. */
static void
stop_in_storm(void)
{
	struct http_settings set = { .loops = 2, .drain_ms = 30 };
	struct http_listener l = { .door = HTTP_DOOR_PLAIN, .address = "127.0.0.1:0", .fd = -1 };
	bool good = true;

	for (int round = 0; round < 5; round++) {
		struct room room = { .now = 1 };
		struct http_server *s;
		struct err e;

		good = good && start(&set, &l, 1, &room, &s, &e) == RC_OK;
		for (unsigned i = 0; i < 40; i++)
			rude(http_server_port(s, 0), 60 + i);
		http_server_stop(s);
	}
	ok(good, "a server stops in the middle of requests, whose peers may be gone");
}

int
main(void)
{
	struct http_settings set = { .loops = 2 };
	struct http_listener l = { .door = HTTP_DOOR_PLAIN, .address = "127.0.0.1:0", .fd = -1 };
	struct http_client_settings cs = { .cookies = true };
	struct room room = { .now = 4711 };
	struct peer p = { .arena = arena_new(0) };
	struct http_server *s;
	struct err e;

	starts();
	if (!ok(start(&set, &l, 1, &room, &s, &e) == RC_OK && http_client_open(&cs, &p.client, &e) == RC_OK,
		"a server and a client"))
		return done();
	p.port = http_server_port(s, 0);
	requests(&p, &room);
	client(&p);
	large_replies(&p);
	ok(http_server_stop(s) == 0, "idle connections don't hold a stop up");
	http_client_close(p.client);
	arena_free(p.arena);
	unix_socket();
	one_worker();
	storm();
	stop_in_storm();
	return done();
}
