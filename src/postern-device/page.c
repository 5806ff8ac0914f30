#include "postern-device/page.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "fmt/json.h"
#include "http/server.h"

#define OUTPUT_MAX (4 * 1024 * 1024) /* octets of one command */
#define BODY_MAX 4096
#define ARGUMENTS_MAX 64
#define NONCE "{{nonce}}" /* where the page has it */

const char page_more[] = "Prints the page's address, which has a secret in it, and `ready`; SIGTERM ends it. Only this "
			 "machine can reach it. What\n"
			 "is tapped runs this program's own commands. What stands behind -- goes to `enroll`, as with\n"
			 "  postern-device page --state DIR -- --family iPad --cacert ca.pem";

extern const char embed_device_page[];
extern char **environ;

struct page {
	const char *token; /* of the address: who does not have it is answered 404 */
	const char *state;
	const char *const *extra; /* for `enroll` */
};

/* ---- who asks ---- */

/* A page of another site can make a browser ask here, also under a name of its own that leads here: such a name is not one
 * of these, and the token is not known to it. */
static bool
is_ours(const struct http_request *r, const struct page *p)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "[::1]", "::1" };

	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
		if (r->host != NULL && strcmp(r->host, hosts[i]) == 0)
			return crypto_equal(r->segment[0], p->token);
	return false;
}

/* What acts is asked by the page itself. */
static bool
is_same_origin(struct call *c, const struct http_request *r)
{
	const char *origin = http_header(r, "Origin"), *host = http_header(r, "Host");

	return origin != NULL && host != NULL && strcmp(origin, arena_printf(c->arena, "http://%s", host)) == 0;
}

/* ---- the commands ---- */

struct ran {
	int status; /* -1: it could not be run, or ended otherwise */
	json_t *lines; /* its JSON; c->arena */
	const char *words; /* its other lines */
};

static enum rc
spawn(const char *const *argv, const int in[2], const int out[2], pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int failed;

	/* The signals that this program waits for are held back in its threads; not in what it runs. */
	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
	failed = posix_spawn(pid, "/proc/self/exe", &actions, &attributes, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return failed == 0 ? RC_OK : RC_UNAVAILABLE;
}

static void
read_lines(struct call *c, int fd, struct ran *ran)
{
	char chunk[1024], *rest, *line;
	struct buf b;
	ssize_t n;

	buf_init(&b, OUTPUT_MAX);
	while ((n = read(fd, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
		buf_add(&b, chunk, n > 0 ? (size_t)n : 0);
	rest = buf_finish(&b, c->arena);
	ran->lines = json_keep(c->arena, json_array());
	ran->words = "";
	while ((line = strsep(&rest, "\n")) != NULL) {
		json_t *object;

		if (*line == '{' && json_parse(c->arena, bytes_str(line), &object, NULL) == RC_OK)
			json_array_append(ran->lines, object);
		else if (*line != '\0')
			ran->words =
			    arena_printf(c->arena, "%s%s%s", ran->words, *ran->words != '\0' ? "\n" : "", line);
	}
}

/* Run this program with these arguments; `input`, if any, is what its standard input holds. */
static void
run(struct call *c, const char *const *argv, const char *input, struct ran *ran)
{
	int in[2], out[2], status;
	pid_t pid;
	bool started;

	*ran = (struct ran){ .status = -1, .lines = json_keep(c->arena, json_array()), .words = "it could not be run" };
	if (pipe2(in, O_CLOEXEC) != 0)
		return;
	if (pipe2(out, O_CLOEXEC) != 0) {
		close(in[0]);
		close(in[1]);
		return;
	}
	started = spawn(argv, in, out, &pid) == RC_OK;
	close(in[0]);
	close(out[1]);
	/* Shorter than a pipe holds, so this does not wait. */
	if (started && input != NULL && write(in[1], input, strlen(input)) < 0)
		log_warn("postern-device: the password went nowhere");
	close(in[1]);
	if (started) {
		read_lines(c, out[0], ran);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		ran->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	close(out[0]);
}

static void
ask(struct call *c, const struct page *p, const char *command, struct ran *ran)
{
	const char *const argv[] = { "postern-device", command, "--state", p->state, "--json", NULL };

	run(c, argv, NULL, ran);
}

/* ---- answers ---- */

static void
guard(struct http_reply *out, const char *policy)
{
	http_set(out, "Content-Security-Policy", policy);
	http_set(out, "Cache-Control", "no-store");
	http_set(out, "Referrer-Policy", "no-referrer");
	http_set(out, "X-Content-Type-Options", "nosniff");
	http_set(out, "Cross-Origin-Resource-Policy", "same-origin");
}

static void
answer_json(struct call *c, struct http_reply *out, const json_t *o)
{
	http_answer(out, 200, "application/json", json_text(c->arena, o, 0));
	guard(out, "default-src 'none'");
}

static void
get_page(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const char *nonce = crypto_token(c->arena), *rest = embed_device_page, *at;
	struct buf b;

	if (!is_ours(r, room)) {
		http_fail(out, RC_NOT_FOUND);
		return;
	}
	buf_init(&b, OUTPUT_MAX);
	for (; (at = strstr(rest, NONCE)) != NULL; rest = at + strlen(NONCE)) {
		buf_add(&b, rest, (size_t)(at - rest));
		buf_str(&b, nonce);
	}
	buf_str(&b, rest);
	http_answer(out, 200, "text/html; charset=utf-8", bytes_str(buf_finish(&b, c->arena)));
	guard(out,
	    arena_printf(c->arena,
		"default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; connect-src 'self'; img-src data:; "
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		nonce, nonce));
}

static void
get_state(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct page *p = room;
	json_t *state, *visible;
	struct ran ran;

	if (!is_ours(r, p)) {
		http_fail(out, RC_NOT_FOUND);
		return;
	}
	ask(c, p, "status", &ran);
	if ((state = json_array_get(ran.lines, 0)) == NULL)
		state = json_keep(c->arena, json_pack("{s:s}", "state", "never"));
	ask(c, p, "visible", &ran);
	if ((visible = json_array_get(ran.lines, 0)) != NULL)
		json_object_set(state, "visible", visible);
	answer_json(c, out, state);
}

static const struct action {
	const char *name;
	bool identifier, password; /* what it needs of the person */
} actions[] = {
	{ "enroll", true, true },
	{ "reauth", false, true },
	{ "poll", false, false },
	{ "unenroll", false, false },
};

static const struct action *
find_action(const char *name)
{
	for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
		if (strcmp(actions[i].name, name) == 0)
			return &actions[i];
	return NULL;
}

static void
post_action(struct call *c, const struct http_request *r, struct http_reply *out, void *room)
{
	const struct page *p = room;
	const struct action *action = find_action(r->segment[1]);
	const char *argv[ARGUMENTS_MAX], *identifier, *password;
	struct ran ran;
	json_t *body;
	int n = 0;

	if (!is_ours(r, p) || action == NULL) {
		http_fail(out, RC_NOT_FOUND);
		return;
	}
	if (!is_same_origin(c, r)) {
		http_fail(out, RC_FORBIDDEN);
		return;
	}
	if (json_parse(c->arena, r->body, &body, NULL) != RC_OK) {
		http_fail(out, RC_BAD_INPUT);
		return;
	}
	identifier = json_get_text(body, "identifier");
	password = json_get_text(body, "password");
	if ((action->identifier && identifier == NULL) || (action->password && password == NULL)) {
		http_fail(out, RC_BAD_INPUT);
		return;
	}
	argv[n++] = "postern-device";
	argv[n++] = action->name;
	argv[n++] = "--state";
	argv[n++] = p->state;
	argv[n++] = "--json";
	if (action->password)
		argv[n++] = "--password-stdin";
	for (int i = 0; action->identifier && p->extra[i] != NULL && n < ARGUMENTS_MAX - 3; i++)
		argv[n++] = p->extra[i];
	if (action->identifier) {
		argv[n++] = "--";
		argv[n++] = identifier;
	}
	argv[n] = NULL;
	run(c, argv, action->password ? arena_printf(c->arena, "%s\n", password) : NULL, &ran);
	answer_json(c, out,
	    json_keep(c->arena,
		json_pack("{s:b, s:O, s:s}", "done", ran.status == 0, "steps", ran.lines, "words", ran.words)));
}

/* ---- the program ---- */

static const struct http_route routes[] = {
	/* method  path        class         max body   doors handler */
	{ "GET", "/{}", HTTP_QUICK, 0, 0, get_page },
	{ "GET", "/{}/state", HTTP_OUTWARD, 0, 0, get_state },
	{ "POST", "/{}/{}", HTTP_OUTWARD, BODY_MAX, 0, post_action },
	{ 0 },
};

static bool
is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0;
}

static void
begin(struct call *c, void *ctx)
{
	(void)ctx;
	c->now = clock_now();
}

int
page_command(const struct argv *v, void *ctx)
{
	static const struct http_route *const tables[] = { routes };
	const struct http_settings settings = { .loops = 1, .workers = { 2, 1, 4 }, .drain_ms = 1000 };
	const struct http_hooks hooks = { .begin = begin };
	const struct http_listener listener = { .door = HTTP_DOOR_PLAIN, .address = argv_text(v, "listen"), .fd = -1 };
	struct page page = { .state = argv_text(v, "state"), .extra = v->arguments };
	void *const rooms[] = { &page };
	struct http_server *http = NULL;
	struct err e = { 0 };
	sigset_t signals;
	int sig, host;

	(void)ctx;
	if (!is_loopback(listener.address)) {
		fprintf(stderr, "postern-device: --listen %s is not on this machine's loopback\n", listener.address);
		return ARGV_USAGE;
	}
	log_setup(LOG_WARN_, LOG_LOGFMT);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	page.token = crypto_token(v->arena);
	if (http_server_start(&settings, &listener, 1, tables, rooms, 1, &hooks, &http, &e) != RC_OK) {
		fprintf(stderr, "postern-device: %s\n", e.text);
		return 1;
	}
	host = (int)(strrchr(listener.address, ':') - listener.address);
	printf("page http://%.*s:%d/%s\nready\n", host, listener.address, http_server_port(http, 0), page.token);
	fflush(stdout);
	sigwait(&signals, &sig);
	http_server_stop(http);
	return 0;
}
