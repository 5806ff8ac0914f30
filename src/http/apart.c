#include "http/apart.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "http/mem.h"

#define ANSWER_S 30 /* who takes longer has ended, or was taken over */

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

/* False: it is over. */
static bool
obey(struct http_front *f, int control, const int *channel, const struct http_order *o)
{
	struct http_order_answer a = { .rc = RC_OK };

	switch (o->kind) {
	case HTTP_GO:
		http_front_tickets(f, &o->tickets);
		a.rc = (int)http_front_start(f, channel, &a.e);
		return tell(control, &a);
	case HTTP_TICKETS:
		http_front_tickets(f, &o->tickets);
		return true;
	case HTTP_PREPARE:
		a.rc = (int)http_front_prepare(f, &a.e);
		return tell(control, &a);
	case HTTP_COMMIT:
		http_front_commit(f);
		log_setup(o->level, o->format);
		return tell(control, &a);
	case HTTP_DRAIN:
		http_front_drain(f);
		return true;
	case HTTP_FINISH:
		a.cut = http_front_finish(f);
		(void)tell(control, &a);
		return false;
	}
	return false;
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

static _Noreturn void
run(const struct http_settings *set, const struct http_listener *l, int n, const struct http_route *const *tables,
    int n_tables, const struct http_apart_rules *rules, struct http_gauge *gauge, const struct there *t, pid_t starter)
{
	struct http_order_answer hello = { .rc = RC_OK };
	struct http_front *f = NULL;
	struct http_order o;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "listener");
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != starter)
		_exit(1);
	keep_own(t, set->loops, l, n);
	hello.rc = (int)http_front_new(set, l, n, tables, n_tables, gauge, &f, &hello.e);
	if (hello.rc == RC_OK)
		hello.rc = (int)sandbox_enter(SANDBOX_LISTENER, rules->mode, rules->paths, &hello.e);
	for (int i = 0; hello.rc == RC_OK && i < n; i++)
		hello.port[i] = f->listen[i].port;
	arena_free(rules->forget);
	forget_environment();
	if (!tell(t->control, &hello) || hello.rc != RC_OK)
		_exit(1);
	f->lost = on_lost;
	while (recv(t->control, &o, sizeof o, 0) == (ssize_t)sizeof o && obey(f, t->control, t->channel, &o))
		explicit_bzero(&o, sizeof o);
	_exit(0);
}

/* ---- here ---- */

/* What it says is not believed further than its form. */
static enum rc
hear(struct http_apart *a, struct http_order_answer *out, struct err *e)
{
	ssize_t n;

	do
		n = recv(a->control, out, sizeof *out, 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof *out || out->rc < RC_OK || out->rc > RC_INTERNAL)
		return fail(e, RC_UNAVAILABLE, "the process that listens has ended");
	out->e.text[ERR_TEXT_MAX - 1] = '\0';
	return out->rc == RC_OK ? RC_OK : fail(e, (enum rc)out->rc, "%s", out->e.text);
}

static bool
order(struct http_apart *a, const struct http_order *o)
{
	return send(a->control, o, sizeof *o, MSG_NOSIGNAL) == (ssize_t)sizeof *o;
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
	const struct timeval most = { .tv_sec = ANSWER_S };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	a->control = pair[0];
	t->control = pair[1];
	setsockopt(a->control, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
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
	struct http_apart *a = http_need(calloc(1, sizeof *a));
	struct there t = { .control = -1 };
	struct http_settings set = *settings;
	struct http_order_answer hello;
	pid_t self = getpid();
	enum rc rc;

	*out = NULL;
	if (n > HTTP_APART_LISTENERS) {
		free(a);
		return fail(e, RC_TOO_LARGE, "%d listeners: %d at most", n, HTTP_APART_LISTENERS);
	}
	http_fill_settings(&set);
	a->pid = a->control = -1;
	a->drain_ms = set.drain_ms;
	a->n_listeners = n;
	a->gauge = http_gauge_new();
	for (int i = 0; i < n; i++)
		a->doors |= 1u << l[i].door;
	if (make_pairs(a, &t, set.loops))
		a->pid = fork();
	if (a->pid == 0)
		run(&set, l, n, tables, n_tables, rules, a->gauge, &t, self);
	close_all(&t.control, 1);
	close_all(t.channel, a->n_channels);
	rc = a->pid > 0 ? hear(a, &hello, e) : fail(e, RC_UNAVAILABLE, "no process to listen: %s", strerror(errno));
	if (rc != RC_OK) {
		http_apart_stop(a);
		return rc;
	}
	for (int i = 0; i < n; i++)
		a->port[i] = hello.port[i];
	for (int i = 0; i < n; i++) {
		if (l[i].fd >= 0)
			close(l[i].fd);
	}
	*out = a;
	return RC_OK;
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
	bool sent;

	if (t != NULL)
		o.tickets = *t;
	sent = order(a, &o);
	explicit_bzero(&o, sizeof o);
	return sent ? hear(a, &answer, e) : fail(e, RC_UNAVAILABLE, "the process that listens has ended");
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

	return order(a, &o) ? hear(a, &answer, e) : fail(e, RC_UNAVAILABLE, "the process that listens has ended");
}

void
http_apart_commit(struct http_apart *a)
{
	struct http_order o = { .kind = HTTP_COMMIT };
	struct http_order_answer done;

	log_current(&o.level, &o.format);
	(void)(order(a, &o) && hear(a, &done, NULL) == RC_OK);
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
	const struct timeval most = { .tv_sec = a->drain_ms / 1000 + ANSWER_S };
	struct http_order_answer answer = { 0 };

	setsockopt(a->control, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
	return order(a, &o) && hear(a, &answer, NULL) == RC_OK && answer.cut > 0 ? answer.cut : 0;
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
	while (a->pid > 0 && waitpid(a->pid, NULL, 0) < 0 && errno == EINTR)
		;
	http_gauge_free(a->gauge);
	free(a);
}
