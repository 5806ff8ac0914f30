#include "keys/process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/descriptors.h"
#include "base/log.h"
#include "keys/serve.h"

#define CHANNELS_MIN 4
#define CHANNELS_MAX 16
#define FIRST_READ 4096 /* octets: most requests and replies */
#define ARENA_MAX (96u << 20) /* octets: what the largest request needs, and some */

struct keys_process {
	pid_t pid;
	atomic_bool ended;
	pthread_mutex_t lock;
	pthread_cond_t left; /* a channel is free again */
	int fd[CHANNELS_MAX]; /* the first n_free are free; those in use are their borrowers' */
	int n, n_free;
};

/* ---- One message each way, on either side ---- */

static bool
send_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* `b` begins with room for the length (begin_message). */
static bool
send_message(int fd, struct buf *b)
{
	uint32_t n = (uint32_t)(b->n - sizeof n);

	memcpy(b->p, &n, sizeof n);
	return send_all(fd, (const uint8_t *)b->p, b->n);
}

static void
begin_message(struct buf *b)
{
	const uint32_t none = 0;

	buf_add(b, &none, sizeof none);
}

static ssize_t
receive(int fd, uint8_t *p, size_t n)
{
	ssize_t got;

	do
		got = recv(fd, p, n, 0);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Sides take turns, so nothing follows a message: the first read may ask for more than there is. False: the other
 * side is gone, or talks nonsense. */
static bool
receive_message(int fd, struct bytes *out)
{
	size_t have = 0, whole = FIRST_READ;
	uint8_t *p = malloc(whole), *larger;
	uint32_t n = 0;

	if (p == NULL)
		abort();
	for (;;) {
		ssize_t got = receive(fd, p + have, whole - have);

		if (got <= 0)
			break;
		have += (size_t)got;
		if (have < sizeof n)
			continue;
		memcpy(&n, p, sizeof n);
		if (n > KEYS_MESSAGE_MAX || have > n + sizeof n)
			break;
		if (have == n + sizeof n) {
			memmove(p, p + sizeof n, n);
			*out = bytes_of(p, n);
			return true;
		}
		if (whole < n + sizeof n) {
			/* Not realloc, which leaves what it moves. */
			if ((larger = malloc(n + sizeof n)) == NULL)
				abort();
			memcpy(larger, p, have);
			explicit_bzero(p, have);
			free(p);
			p = larger;
			whole = n + sizeof n;
		}
	}
	explicit_bzero(p, have);
	free(p);
	return false;
}

static void
wipe(struct bytes b)
{
	explicit_bzero((void *)(uintptr_t)b.p, b.n);
	free((void *)(uintptr_t)b.p);
}

/* ---- The process ---- */

struct channel {
	struct vault *v;
	int fd;
	pthread_t thread;
};

/* A request that takes too much memory is refused, and the thread goes on. */
static void
serve_one(struct channel *ch, struct bytes request, struct buf *reply)
{
	struct arena *a = arena_new(ARENA_MAX);

	if (ARENA_GUARD(a))
		keys_serve_failed(RC_TOO_LARGE, "a request to the keys that is too large", reply);
	else
		keys_serve(ch->v, a, request, true, reply);
	arena_free(a);
}

static void *
serve_channel(void *arg)
{
	struct channel *ch = arg;
	struct bytes request;
	struct buf body, reply;
	bool good = true;

	while (good && receive_message(ch->fd, &request)) {
		buf_init(&body, KEYS_MESSAGE_MAX);
		buf_init(&reply, KEYS_MESSAGE_MAX + 8);
		serve_one(ch, request, &body);
		begin_message(&reply);
		buf_add(&reply, body.p, body.n);
		good = send_message(ch->fd, &reply);
		buf_free(&body);
		buf_free(&reply);
		wipe(request);
	}
	/* Who asks has ended, and closed all of them. */
	_exit(0);
}

/* Of everything that was open: standard streams, the folder and its ends of the pairs. Others' sockets above all, whose
 * closing would not be noticed if they were open here, too. */
static void
close_others(int dir, const struct channel *all, int n)
{
	int keep[CHANNELS_MAX + 1] = { dir };

	for (int i = 0; i < n; i++)
		keep[i + 1] = all[i].fd;
	descriptors_keep(keep, n + 1);
}

static _Noreturn void
run(struct vault *v, const char *dir, enum sandbox_mode mode, struct channel *all, int n, pid_t starter)
{
	const struct sandbox_path paths[] = { { dir, SANDBOX_READ | SANDBOX_WRITE }, { NULL, 0 } };
	struct buf hello;
	struct err e = { 0 };
	sigset_t signals;
	enum rc rc;

	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	prctl(PR_SET_NAME, "keys");
	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_others(vault_dir(v), all, n);
	rc = getppid() != starter ? RC_UNAVAILABLE : sandbox_enter(SANDBOX_KEYS, mode, paths, &e);
	buf_init(&hello, ERR_TEXT_MAX + 64);
	begin_message(&hello);
	message_int(&hello, rc);
	message_text(&hello, e.text);
	if (!send_message(all[0].fd, &hello) || rc != RC_OK)
		_exit(1);
	buf_free(&hello);
	for (int i = 1; i < n; i++) {
		all[i].v = v;
		if (pthread_create(&all[i].thread, NULL, serve_channel, &all[i]) != 0)
			_exit(1);
	}
	all[0].v = v;
	serve_channel(&all[0]);
	_exit(0);
}

/* ---- Its starter ---- */

static int
how_many(void)
{
	long n = 2 * sysconf(_SC_NPROCESSORS_ONLN);

	return n < CHANNELS_MIN ? CHANNELS_MIN : n > CHANNELS_MAX ? CHANNELS_MAX : (int)n;
}

static enum rc
hear_hello(struct keys_process *p, struct err *e)
{
	struct bytes hello;
	struct reading r;
	const char *text;
	enum rc rc;

	if (!receive_message(p->fd[0], &hello))
		return fail(e, RC_UNAVAILABLE, "the process for keys did not start");
	r = (struct reading){ hello, false };
	rc = (enum rc)reading_int_to(&r, RC_INTERNAL);
	text = reading_text(&r);
	if (r.bad || text == NULL)
		rc = fail(e, RC_UNAVAILABLE, "the process for keys talks nonsense");
	else if (rc != RC_OK)
		fail(e, rc, "%s", text);
	wipe(hello);
	return rc;
}

enum rc
keys_process_start(struct vault *v, const char *dir, enum sandbox_mode mode, struct keys_process **out, struct err *e)
{
	struct keys_process *p = calloc(1, sizeof *p);
	struct channel there[CHANNELS_MAX] = { 0 };
	int n = how_many(), pair[2];
	pid_t self = getpid();
	enum rc rc;

	if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0 || pthread_cond_init(&p->left, NULL) != 0)
		abort();
	p->pid = -1;
	while (p->n < n && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
		p->fd[p->n] = pair[0];
		there[p->n++] = (struct channel){ .fd = pair[1] };
	}
	p->n_free = p->n;
	if (p->n == n)
		p->pid = fork();
	if (p->pid == 0)
		run(v, dir, mode, there, n, self);
	for (int i = 0; i < p->n; i++)
		close(there[i].fd);
	rc = p->pid > 0 ? hear_hello(p, e) : fail(e, RC_UNAVAILABLE, "no process for keys: %s", strerror(errno));
	if (rc != RC_OK) {
		keys_process_stop(p);
		return rc;
	}
	*out = p;
	return RC_OK;
}

void
keys_process_stop(struct keys_process *p)
{
	if (p == NULL)
		return;
	for (int i = 0; i < p->n; i++)
		close(p->fd[i]);
	if (p->pid > 0) {
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	pthread_cond_destroy(&p->left);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

bool
keys_process_alive(struct keys_process *p)
{
	if (p->pid > 0 && waitpid(p->pid, NULL, WNOHANG) != 0) {
		p->pid = -1;
		atomic_store(&p->ended, true);
	}
	return !atomic_load(&p->ended);
}

static int
borrow(struct keys_process *p)
{
	int fd;

	pthread_mutex_lock(&p->lock);
	while (p->n_free == 0)
		pthread_cond_wait(&p->left, &p->lock);
	fd = p->fd[--p->n_free];
	pthread_mutex_unlock(&p->lock);
	return fd;
}

static void
give_back(struct keys_process *p, int fd)
{
	pthread_mutex_lock(&p->lock);
	p->fd[p->n_free++] = fd;
	pthread_cond_signal(&p->left);
	pthread_mutex_unlock(&p->lock);
}

enum rc
keys_process_ask(struct keys_process *p, struct bytes request, struct bytes *reply, struct err *e)
{
	int fd = borrow(p);
	struct buf b;
	bool good = !atomic_load(&p->ended);

	if (good) {
		buf_init(&b, KEYS_MESSAGE_MAX + 8);
		begin_message(&b);
		buf_add(&b, request.p, request.n);
		good = send_message(fd, &b) && receive_message(fd, reply);
		buf_free(&b);
	}
	/* What comes late to a request that failed would be taken for the answer to the next. */
	if (!good)
		atomic_store(&p->ended, true);
	give_back(p, fd);
	return good ? RC_OK : fail(e, RC_UNAVAILABLE, "the process that has the keys has ended");
}
