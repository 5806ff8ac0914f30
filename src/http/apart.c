#include "http/apart.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "http/mem.h"
#include "http/parse.h"

/* Who takes longer has ended, or was taken over. Four orders of the second kind are within the service manager's minute. */
#define START_S 60
#define ANSWER_S 10
#define END_LOOK_MS 5
#define CUT_MAX 1000000 /* requests that it may say it cut */
#define END_MS 3000 /* for a process to end, once its sockets are closed */

/* ---- there ---- */

static void
on_lost(void)
{
	_exit(1); /* the server has ended; whoever started it starts both */
}

static bool
tell(int control, const struct http_order_answer *a)
{
	return send(control, a, sizeof *a, MSG_NOSIGNAL) == (ssize_t)sizeof *a;
}

/* Passwords may be in the environment (the address of a database). */
static void
forget_environment(void)
{
	extern char **environ;

	for (char **p = environ; p != NULL && *p != NULL; p++)
		explicit_bzero(*p, strlen(*p));
	environ = NULL;
}

struct there {
	int control, channel[HTTP_LOOPS_MAX];
};

static void
keep_own(const struct there *t, int n_channels, const struct http_listener *l, int n)
{
	int keep[1 + HTTP_LOOPS_MAX + HTTP_APART_LISTENERS], k = 0;

	keep[k++] = t->control;
	for (int i = 0; i < n_channels; i++)
		keep[k++] = t->channel[i];
	for (int i = 0; i < n; i++) {
		if (l[i].fd >= 0)
			keep[k++] = l[i].fd;
	}
	descriptors_keep(keep, k);
}

/* What this process was made with: nothing of it is its own but the descriptors. */
struct task {
	const struct http_settings *set;
	const struct http_listener *l;
	int n;
	const struct http_route *const *tables;
	int n_tables;
	const struct http_apart_rules *rules;
	struct http_gauge *gauge;
	struct there at;
	struct http_front *front;
};

/* Everything that needs settings; after that it has none, and of files the certificates and their keys. */
static void
bind_all(struct task *t, struct http_order_answer *a)
{
	a->rc = (int)http_front_new(t->set, t->l, t->n, t->tables, t->n_tables, t->gauge, &t->front, &a->e);
	if (a->rc == RC_OK)
		a->rc = (int)sandbox_enter(SANDBOX_LISTENER, t->rules->mode, t->rules->paths, &a->e);
	for (int i = 0; a->rc == RC_OK && i < t->n; i++)
		a->port[i] = t->front->listen[i].port;
	arena_free(t->rules->forget);
	forget_environment();
	if (t->front != NULL)
		t->front->lost = on_lost;
}

/* False: it is over. */
static bool
obey(struct task *t, const struct http_order *o)
{
	struct http_order_answer a = { .kind = o->kind, .rc = RC_OK };
	struct http_front *f = t->front;

	if ((o->kind == HTTP_BIND) != (f == NULL))
		return false; /* first that, then the others */
	switch (o->kind) {
	case HTTP_BIND:
		bind_all(t, &a);
		return tell(t->at.control, &a) && a.rc == RC_OK;
	case HTTP_GO:
		http_front_tickets(f, &o->tickets);
		a.rc = (int)http_front_start(f, t->at.channel, &a.e);
		return tell(t->at.control, &a);
	case HTTP_TICKETS:
		http_front_tickets(f, &o->tickets);
		return true;
	case HTTP_PREPARE:
		a.rc = (int)http_front_prepare(f, &a.e);
		return tell(t->at.control, &a);
	case HTTP_COMMIT:
		http_front_commit(f);
		log_setup(o->level, o->format);
		return tell(t->at.control, &a);
	case HTTP_DRAIN:
		http_front_drain(f);
		return true;
	case HTTP_FINISH:
		a.cut = http_front_finish(f);
		(void)tell(t->at.control, &a);
		return false;
	}
	return false;
}

static _Noreturn void
run(struct task *t, pid_t starter)
{
	struct http_order o;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "listener");
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != starter)
		_exit(1);
	keep_own(&t->at, t->set->loops, t->l, t->n);
	while (recv(t->at.control, &o, sizeof o, 0) == (ssize_t)sizeof o && obey(t, &o))
		explicit_bzero(&o, sizeof o);
	_exit(0);
}

/* ---- here ---- */

static void
be_patient(struct http_apart *a, int seconds)
{
	const struct timeval most = { .tv_sec = seconds };

	setsockopt(a->control, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
}

/* What it says is not believed further than its form. */
static enum rc
hear(struct http_apart *a, enum http_order_kind kind, struct http_order_answer *out, struct err *e)
{
	ssize_t n;

	do
		n = recv(a->control, out, sizeof *out, 0);
	while ((n < 0 && errno == EINTR) || (n == (ssize_t)sizeof *out && out->kind != kind)); /* one that came late */
	if (n != (ssize_t)sizeof *out || out->rc < RC_OK || out->rc > RC_INTERNAL)
		return fail(e, RC_UNAVAILABLE, "the process that listens has ended");
	out->e.text[ERR_TEXT_MAX - 1] = '\0';
	if (!http_value_ok(out->e.text, out->e.text + strlen(out->e.text)))
		out->e.text[0] = '\0';
	return out->rc == RC_OK ? RC_OK : fail(e, (enum rc)out->rc, "%s", out->e.text);
}

static bool
order(struct http_apart *a, const struct http_order *o)
{
	return send(a->control, o, sizeof *o, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof *o;
}

/* Give it, and hear what became of it. */
static enum rc
ask(struct http_apart *a, const struct http_order *o, struct http_order_answer *out, struct err *e)
{
	return order(a, o) ? hear(a, o->kind, out, e) : fail(e, RC_UNAVAILABLE, "the process that listens has ended");
}

static void
close_all(int *fd, int n)
{
	for (int i = 0; i < n; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}

/* False: no descriptors; what was made is closed later. */
static bool
make_pairs(struct http_apart *a, struct there *t, int n)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	a->control = pair[0];
	t->control = pair[1];
	be_patient(a, START_S);
	for (a->n_channels = 0; a->n_channels < n; a->n_channels++) {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
			return false;
		a->channel[a->n_channels] = pair[0];
		t->channel[a->n_channels] = pair[1];
	}
	return true;
}

enum rc
http_apart_start(const struct http_settings *settings, const struct http_listener *l, int n,
    const struct http_route *const *tables, int n_tables, const struct http_apart_rules *rules, struct http_apart **out,
    struct err *e)
{
	struct http_settings set = *settings;
	struct task t = { &set, l, n, tables, n_tables, rules, .at = { .control = -1 } };
	struct http_apart *a;
	pid_t self = getpid();

	*out = NULL;
	if (n > HTTP_APART_LISTENERS)
		return fail(e, RC_TOO_LARGE, "%d listeners: %d at most", n, HTTP_APART_LISTENERS);
	http_fill_settings(&set);
	a = http_need(calloc(1, sizeof *a));
	a->pid = a->control = -1;
	a->drain_ms = set.drain_ms;
	a->n_listeners = n;
	a->gauge = t.gauge = http_gauge_new();
	for (int i = 0; i < n; i++)
		a->doors |= 1u << l[i].door;
	if (make_pairs(a, &t.at, set.loops))
		a->pid = fork();
	if (a->pid == 0)
		run(&t, self);
	(void)madvise(a->gauge, sizeof *a->gauge, MADV_DONTFORK); /* it is this process's and that one's */
	close_all(&t.at.control, 1);
	close_all(t.at.channel, a->n_channels);
	if (a->pid < 0) {
		http_apart_stop(a);
		return fail(e, RC_UNAVAILABLE, "no process to listen: %s", strerror(errno));
	}
	for (int i = 0; i < n; i++) {
		if (l[i].fd >= 0)
			close(l[i].fd);
	}
	*out = a;
	return RC_OK;
}

enum rc
http_apart_bind(struct http_apart *a, struct err *e)
{
	const struct http_order o = { .kind = HTTP_BIND };
	struct http_order_answer answer = { 0 };
	enum rc rc = ask(a, &o, &answer, e);

	for (int i = 0; rc == RC_OK && i < a->n_listeners; i++)
		a->port[i] = answer.port[i];
	return rc;
}

int
http_apart_port(const struct http_apart *a, int i)
{
	return i >= 0 && i < a->n_listeners ? a->port[i] : 0;
}

enum rc
http_apart_go(struct http_apart *a, const struct http_tickets *t, struct err *e)
{
	struct http_order o = { .kind = HTTP_GO };
	struct http_order_answer answer;
	enum rc rc;

	if (t != NULL)
		o.tickets = *t;
	rc = ask(a, &o, &answer, e);
	explicit_bzero(&o, sizeof o);
	be_patient(a, ANSWER_S);
	return rc;
}

void
http_apart_tickets(struct http_apart *a, const struct http_tickets *t)
{
	struct http_order o = { .kind = HTTP_TICKETS, .tickets = *t };

	(void)order(a, &o); /* that it has ended is found by http_apart_alive */
	explicit_bzero(&o, sizeof o);
}

enum rc
http_apart_prepare(struct http_apart *a, struct err *e)
{
	const struct http_order o = { .kind = HTTP_PREPARE };
	struct http_order_answer answer;

	return ask(a, &o, &answer, e);
}

void
http_apart_commit(struct http_apart *a)
{
	struct http_order o = { .kind = HTTP_COMMIT };
	struct http_order_answer answer;

	log_current(&o.level, &o.format);
	(void)ask(a, &o, &answer, NULL);
}

void
http_apart_drain(struct http_apart *a)
{
	const struct http_order o = { .kind = HTTP_DRAIN };

	(void)order(a, &o);
}

int
http_apart_finish(struct http_apart *a)
{
	const struct http_order o = { .kind = HTTP_FINISH };
	struct http_order_answer answer = { 0 };

	be_patient(a, a->drain_ms / 1000 + ANSWER_S);
	return ask(a, &o, &answer, NULL) == RC_OK && answer.cut > 0 && answer.cut < CUT_MAX ? answer.cut : 0;
}

bool
http_apart_alive(struct http_apart *a)
{
	if (a->pid > 0 && waitpid(a->pid, NULL, WNOHANG) != 0)
		a->pid = -1;
	return a->pid > 0;
}

void
http_apart_stop(struct http_apart *a)
{
	if (a == NULL)
		return;
	close_all(&a->control, 1);
	close_all(a->channel, a->n_channels);
	/* One that was taken over may not want to: it ends with this process (PR_SET_PDEATHSIG). */
	for (int ms = 0; http_apart_alive(a) && ms < END_MS; ms += END_LOOK_MS)
		poll(NULL, 0, END_LOOK_MS);
	http_gauge_free(a->gauge);
	free(a);
}
