#include "posternd/opener.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One octet asks; the answer is errno, with the descriptor where that is 0. */
union control {
	struct cmsghdr head; /* for its alignment */
	char space[CMSG_SPACE(sizeof(int))];
};

static bool
answer(int to, int fd, int why)
{
	struct iovec part = { .iov_base = &why, .iov_len = sizeof why };
	union control control = { 0 };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = control.space;
		m.msg_controllen = sizeof control.space;
		control.head = (struct cmsghdr){
			.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)
		};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof fd);
	}
	return sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)sizeof why;
}

static _Noreturn void
serve(int to, const char *path, enum sandbox_mode mode)
{
	const struct sandbox_path paths[] = { { "/", SANDBOX_READ }, { NULL, 0 } };
	sigset_t all;
	struct err e;
	char asked;
	bool good;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "opener");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	good = sandbox_enter(SANDBOX_OPENER, mode, paths, &e) == RC_OK && answer(to, -1, 0);
	while (good && recv(to, &asked, 1, 0) == 1) {
		int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

		good = answer(to, fd, fd >= 0 ? 0 : errno);
		if (fd >= 0)
			close(fd);
	}
	_exit(good ? 0 : 1);
}

/* Its answer; -1 and errno: it has none. */
static int
receive(int from)
{
	int why = EPIPE, fd = -1;
	struct iovec part = { .iov_base = &why, .iov_len = sizeof why };
	union control control = { 0 };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space
	};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(from, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	c = n == (ssize_t)sizeof why ? CMSG_FIRSTHDR(&m) : NULL;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
	errno = why;
	return fd;
}

enum rc
opener_start(const char *path, enum sandbox_mode mode, struct opener *out, struct err *e)
{
	int pair[2];

	*out = (struct opener){ .pid = -1, .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return fail(e, RC_UNAVAILABLE, "no socket for the opener: %s", strerror(errno));
	out->fd = pair[0];
	if ((out->pid = fork()) == 0) {
		/* As crypto/hasher.c: nothing of what its starter has open. */
		if (dup2(pair[1], 3) == 3 && close_range(4, ~0U, 0) == 0)
			serve(3, path, mode);
		_exit(1);
	}
	close(pair[1]);
	if (out->pid > 0 && (receive(out->fd), errno == 0))
		return RC_OK;
	opener_stop(out);
	return fail(e, RC_UNAVAILABLE, "the opener did not start");
}

void
opener_stop(struct opener *o)
{
	if (o->fd < 0)
		return;
	close(o->fd);
	o->fd = -1;
	while (o->pid > 0 && waitpid(o->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

FILE *
opener_open(struct opener *o)
{
	char asked = 'o';
	int fd = -1;

	if (send(o->fd, &asked, 1, MSG_NOSIGNAL) == 1)
		fd = receive(o->fd);
	return fd >= 0 ? fdopen(fd, "r") : NULL;
}
