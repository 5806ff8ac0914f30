#include "crypto/hasher.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PASSES 2
#define MEMORY (19u * 1024 * 1024)
#define NICE 19 /* measured beside 200 passwords, p99 of polls: 10 gives 2 to 6 ms, 19 gives 0.7, as without */

void
hasher_compute(const struct hasher_work *w, struct hasher_result *out)
{
	*out = (struct hasher_result){ .r = -1 };
	if (sodium_init() < 0)
		return;
	if (w->text[0] != '\0')
		out->r = crypto_pwhash_str_verify(w->text, w->password, w->n);
	else
		out->r =
		    crypto_pwhash_str_alg(out->text, w->password, w->n, PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13);
}

/* Signals are for the process that started this one, which closes the socket when it ends. */
static void
serve(int fd, enum sandbox_mode mode)
{
	struct hasher_result result;
	struct hasher_work work;
	struct err e;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "argon2id");
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	if (sodium_init() < 0 || sandbox_enter(SANDBOX_HASHER, mode, NULL, &e) != RC_OK)
		_exit(1);
	while (recv(fd, &work, sizeof work, 0) == (ssize_t)sizeof work && work.n <= sizeof work.password) {
		hasher_compute(&work, &result);
		explicit_bzero(&work, sizeof work);
		if (send(fd, &result, sizeof result, MSG_NOSIGNAL) != (ssize_t)sizeof result)
			break;
	}
	_exit(0);
}

int
hasher_start(struct hasher *h, enum sandbox_mode mode)
{
	int pair[2];

	*h = (struct hasher){ .pid = -1, .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	h->pid = fork();
	if (h->pid == 0) {
		/* It keeps nothing of what its starter has open: no listener, no database, and not the
		 * other end, whose closing is how it learns that nobody is left to ask. */
		if (dup2(pair[1], 3) == 3 && close_range(4, ~0U, 0) == 0)
			serve(3, mode);
		_exit(1);
	}
	close(pair[1]);
	if (h->pid < 0) {
		close(pair[0]);
		return -1;
	}
	h->fd = pair[0];
	return 0;
}

int
hasher_ask(struct hasher *h, const struct hasher_work *w, struct hasher_result *out)
{
	ssize_t n = -1;

	if (send(h->fd, w, sizeof *w, MSG_NOSIGNAL) == (ssize_t)sizeof *w) {
		do
			n = recv(h->fd, out, sizeof *out, 0);
		while (n < 0 && errno == EINTR);
	}
	if (n == (ssize_t)sizeof *out)
		return 0;
	hasher_stop(h);
	return -1;
}

void
hasher_stop(struct hasher *h)
{
	if (h->fd < 0)
		return;
	close(h->fd);
	h->fd = -1;
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
