/* Listeners in a process of their own, and what a server takes from one that was taken over: a process of this test
 * that has a listener's sockets, and says what it likes. */
#include "http/apart.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/tap.h"
#include "http/channel.h"
#include "http/client.h"

#define PATIENCE_MS 20000

/* ---- the server ---- */

static void
hello(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	(void)room;
	http_answer(out, 200, "text/plain",
	    bytes_str(arena_printf(c->arena, "%s %s from %s door %d uid %lld body %zu", r->method, r->segment[0],
		r->peer, (int)r->door, (long long)r->peer_uid, r->body.n)));
}

static const struct http_route routes[] = {
	{ "PUT", "/hello/{}", HTTP_QUICK, 1000, 1u << HTTP_DOOR_PLAIN, hello },
	{ "GET", "/rights/{}", HTTP_QUICK, 0, 1u << HTTP_DOOR_UNIX | 1u << HTTP_DOOR_ADMIN, hello },
	{ 0 },
};
static const struct http_route *const tables[] = { routes };

static struct http_server *
serve(struct http_apart *a)
{
	struct http_apart *const apart[] = { a };
	const struct http_settings set = { .loops = 1, .apart = apart, .n_apart = 1 };
	struct http_server *s = NULL;
	struct err e = { 0 };

	if (http_server_start(&set, NULL, 0, tables, NULL, 1, NULL, &s, &e) != RC_OK)
		printf("# %s\n", e.text);
	return s;
}

/* ---- one that is what it should be ---- */

static void
honest(void)
{
	const struct http_settings set = { .loops = 2 };
	const struct http_listener l = { .door = HTTP_DOOR_PLAIN, .address = "127.0.0.1:0", .fd = -1 };
	const struct http_apart_rules rules = { .mode = SANDBOX_OFF };
	struct arena *arena = arena_new(0);
	struct http_client *client;
	struct http_client_answer answer;
	struct http_apart *a;
	struct http_server *s;
	struct http_client_request r = { .method = "PUT", .body = bytes_str("12345") };
	struct http_stats stats;
	struct err e;

	ok(http_apart_start(&set, &l, 1, tables, 1, &rules, &a, &e) == RC_OK && http_apart_bind(a, &e) == RC_OK &&
		http_apart_port(a, 0) > 0,
	    "a process of its own has the listener");
	ok((s = serve(a)) != NULL && http_server_alive(s), "a server takes it over");
	ok(http_client_open(&(struct http_client_settings){ 0 }, &client, &e) == RC_OK, "a client");
	r.url = arena_printf(arena, "http://127.0.0.1:%d/hello/me", http_apart_port(a, 0));
	ok(http_client_send(client, arena, &r, &answer, &e) == RC_OK && answer.status == 200, "requests are answered");
	is_str(arena_strndup(arena, (const char *)answer.body.p, answer.body.n),
	    "PUT me from 127.0.0.1 door 1 uid -1 body 5", "with what the handler got");
	r.url = arena_printf(arena, "http://127.0.0.1:%d/rights/me", http_apart_port(a, 0));
	ok(http_client_send(client, arena, &r, &answer, &e) == RC_OK && answer.status == 404,
	    "a route of another door is not there");
	http_server_stats(s, &stats);
	ok(stats.requests == 1 && stats.refused == 1 && stats.in_flight == 0, "both are counted");
	http_client_close(client);
	kill(a->pid, SIGKILL);
	for (int i = 0; i < 200 && http_server_alive(s); i++)
		poll(NULL, 0, 50);
	ok(!http_server_alive(s), "that it ended is noticed");
	ok(http_server_stop(s) == 0, "and the server stops all the same");
	arena_free(arena);
}

/* ---- one that was taken over ---- */

struct taken {
	struct http_apart *apart;
	struct http_server *server;
	int fd; /* the channel */
	struct http_frames frames;
};

/* A process that answers every order as a listener does. The frames are written by the test itself. */
static void
take_over(struct taken *t)
{
	int control[2], channel[2];

	*t = (struct taken){ .apart = calloc(1, sizeof *t->apart) };
	if (t->apart == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, control) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, channel) != 0)
		abort();
	*t->apart = (struct http_apart){ .control = control[0], .channel = { channel[0] }, .n_channels = 1 };
	t->apart->doors = 1u << HTTP_DOOR_PLAIN;
	t->apart->gauge = http_gauge_new();
	t->fd = channel[1];
	t->frames = (struct http_frames){ .fd = t->fd, .max = 100000 };
	if ((t->apart->pid = fork()) == 0) {
		struct http_order_answer answer = { .rc = RC_OK };
		struct http_order order;

		close(control[0]);
		while (recv(control[1], &order, sizeof order, 0) > 0) {
			answer.kind = order.kind;
			if (order.kind != HTTP_TICKETS && order.kind != HTTP_DRAIN)
				(void)send(control[1], &answer, sizeof answer, MSG_NOSIGNAL);
		}
		_exit(0);
	}
	close(control[1]);
	t->server = serve(t->apart);
}

static void
let_go(struct taken *t)
{
	http_server_stop(t->server);
	http_frames_free(&t->frames);
	close(t->fd);
}

/* The reply, in `arena`; NULL: the server has hung up. */
static const char *
say(struct taken *t, struct arena *arena, const void *octets, size_t n)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	enum http_frames_state state;
	struct http_frame frame;
	const char *text;
	char *payload;

	if (send(t->fd, octets, n, MSG_NOSIGNAL) != (ssize_t)n)
		return NULL;
	while ((state = http_frames_read(&t->frames, &frame, &payload)) == HTTP_FRAMES_WAIT) {
		if (poll(&p, 1, PATIENCE_MS) <= 0)
			return "no answer";
	}
	if (state == HTTP_FRAMES_END)
		return NULL;
	text = arena_strndup(arena, payload, frame.n);
	http_payload_free(payload, frame.n);
	return text;
}

static const char *
ask(struct taken *t, struct arena *arena, const struct http_request *r)
{
	struct buf b;
	const char *text;

	buf_init(&b, 1 << 20);
	http_channel_put(&b, 7, r, false, 0);
	text = say(t, arena, b.p, b.n);
	buf_free(&b);
	return text;
}

static const struct http_request plain = { .method = "PUT",
	.path = "/hello/x",
	.host = "a.example",
	.peer = "192.0.2.1",
	.door = HTTP_DOOR_PLAIN,
	.peer_uid = 0 };

static void
what_is_answered(void)
{
	static const char big[1001];
	struct arena *arena = arena_new(0);
	struct http_request r = plain;
	struct taken t;
	const char *said;

	take_over(&t);
	said = ask(&t, arena, &r);
	ok(said != NULL && strstr(said, "PUT x from 192.0.2.1 door 1 uid -1 body 0") != NULL,
	    "who listens can't be a local user: the uid of a peer is the server's own to find");
	r.path = "/rights/x";
	r.method = "GET";
	said = ask(&t, arena, &r);
	ok(said != NULL && strncmp(said, "HTTP/1.1 404 ", 13) == 0, "a route of another door is not there for it");
	r = plain;
	r.body = bytes_of(big, sizeof big);
	said = ask(&t, arena, &r);
	ok(said != NULL && strncmp(said, "HTTP/1.1 413 ", 13) == 0,
	    "a body over the route's limit is refused once more");
	r = plain;
	r.method = "DELETE";
	said = ask(&t, arena, &r);
	ok(said != NULL && strncmp(said, "HTTP/1.1 405 ", 13) == 0, "a method that the route has not, too");
	ok(http_server_alive(t.server), "and it goes on");
	let_go(&t);
	arena_free(arena);
}

/* A listener of ours never says it: the server hangs up, and ends. */
static void
nonsense(const char *what, const struct http_request *r, void (*spoil)(struct buf *))
{
	struct arena *arena = arena_new(0);
	struct taken t;
	const char *said;
	struct buf b;

	take_over(&t);
	buf_init(&b, 1 << 20);
	http_channel_put(&b, 7, r, false, 0);
	if (spoil != NULL)
		spoil(&b);
	said = say(&t, arena, b.p, b.n);
	ok(said == NULL && !http_server_alive(t.server), "%s ends the talk", what);
	if (said != NULL)
		printf("# %s\n", said);
	buf_free(&b);
	let_go(&t);
	arena_free(arena);
}

static void
too_long(struct buf *b)
{
	struct http_frame f;

	memcpy(&f, b->p, sizeof f);
	f.n = 1u << 30;
	memcpy(b->p, &f, sizeof f);
}

/* The last NUL of the texts. */
static void
unterminated(struct buf *b)
{
	b->p[b->n - 1] = 'x';
}

static void
what_ends_it(void)
{
	static const struct http_header split = { "A", "b\r\nC: d" }, unnamed = { "a b", "c" };
	struct http_request r = plain;

	r.door = HTTP_DOOR_ADMIN;
	r.path = "/rights/x";
	r.method = "GET";
	nonsense("the door of administrators", &r, NULL);
	r.door = HTTP_DOOR_UNIX;
	nonsense("the Unix socket's door", &r, NULL);
	r.door = (enum http_door)200;
	nonsense("a door that there is not", &r, NULL);
	r = plain;
	r.peer = "somebody";
	nonsense("a peer without an address", &r, NULL);
	r = plain;
	r.path = "hello";
	nonsense("a path that is none", &r, NULL);
	r = plain;
	r.headers = &split;
	r.n_headers = 1;
	nonsense("a field's value of two lines", &r, NULL);
	r.headers = &unnamed;
	nonsense("a field's name that is none", &r, NULL);
	nonsense("a frame over the largest", &plain, too_long);
	nonsense("text without an end", &plain, unterminated);
}

int
main(void)
{
	honest();
	what_is_answered();
	what_ends_it();
	return done();
}
