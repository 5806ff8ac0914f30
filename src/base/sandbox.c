#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"

/* A build for tests. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *const names[] = { "posternd", "listener", "keys", "hasher", "opener" };

/* ---- System calls ---- */

#define S (1u << SANDBOX_SERVER)
#define L (1u << SANDBOX_LISTENER)
#define K (1u << SANDBOX_KEYS)
#define H (1u << SANDBOX_HASHER)
#define O (1u << SANDBOX_OPENER)
#define ALL (S | L | K | H | O)

/* What is not here is refused with EPERM: execve, ptrace, process_vm_*, mount, bpf, io_uring, kexec, other users, ... Those
 * that some architectures lack stand under #ifdef. */
static const struct allowed {
	int number;
	unsigned roles;
} calls[] = {
	/* memory, threads, time, signals */
	{ __NR_brk, ALL },
	{ __NR_munmap, ALL },
	{ __NR_mremap, ALL },
	{ __NR_madvise, ALL },
	{ __NR_futex, ALL },
	{ __NR_set_robust_list, ALL },
	{ __NR_sched_yield, ALL },
	{ __NR_sched_getaffinity, ALL },
	{ __NR_exit, ALL },
	{ __NR_exit_group, ALL },
	{ __NR_restart_syscall, ALL },
	{ __NR_rt_sigaction, ALL },
	{ __NR_rt_sigprocmask, ALL },
	{ __NR_rt_sigreturn, ALL },
	{ __NR_sigaltstack, ALL },
	{ __NR_tgkill, ALL },
	{ __NR_getpid, ALL },
	{ __NR_getppid, ALL },
	{ __NR_gettid, ALL },
	{ __NR_clock_gettime, ALL },
	{ __NR_clock_getres, ALL },
	{ __NR_clock_nanosleep, ALL },
	{ __NR_nanosleep, ALL },
	{ __NR_gettimeofday, ALL },
	{ __NR_getrandom, ALL },
	{ __NR_sysinfo, ALL },
	{ __NR_prctl, S },
	/* what is open already */
	{ __NR_read, ALL },
	{ __NR_write, ALL },
	{ __NR_writev, ALL },
	{ __NR_readv, S | L | K },
	{ __NR_close, ALL },
	{ __NR_fstat, ALL },
	{ __NR_lseek, ALL },
	{ __NR_recvfrom, ALL },
	{ __NR_recvmsg, ALL },
	{ __NR_fcntl, S | L | K | O },
	/* files */
	{ __NR_openat, S | L | K | O },
	{ __NR_newfstatat, ALL },
	{ __NR_statx, S | L | K | O },
	{ __NR_fsync, S | K },
	{ __NR_fdatasync, S | K },
	{ __NR_linkat, K },
	{ __NR_unlinkat, S | K },
	{ __NR_renameat, S | K },
	{ __NR_renameat2, S | K },
	{ __NR_pread64, S | L },
	{ __NR_pwrite64, S },
	{ __NR_pwritev, S },
	{ __NR_preadv, S },
	{ __NR_ftruncate, S },
	{ __NR_fallocate, S },
	{ __NR_flock, S },
	{ __NR_msync, S },
	{ __NR_fadvise64, S },
	{ __NR_faccessat, S | L },
	{ __NR_faccessat2, S | L },
	{ __NR_readlinkat, S | L },
	{ __NR_getcwd, S },
	{ __NR_getdents64, S | L },
	{ __NR_fchmod, S },
	{ __NR_fchmodat, S },
	{ __NR_umask, S },
	{ __NR_statfs, S },
	{ __NR_fstatfs, S },
	{ __NR_dup, S },
	{ __NR_dup3, S },
	{ __NR_pipe2, S | L },
	{ __NR_close_range, S },
	/* network */
	{ __NR_bind, S }, /* to a port of no matter, as resolvers do; nobody can listen anew */
	{ __NR_listen, L }, /* to what is bound already */
	{ __NR_accept, S | L },
	{ __NR_accept4, S | L },
	{ __NR_connect, S },
	{ __NR_shutdown, S | L },
	{ __NR_getsockname, S | L },
	{ __NR_getpeername, S | L },
	{ __NR_setsockopt, S | L },
	{ __NR_getsockopt, S | L },
	{ __NR_sendmmsg, S },
	{ __NR_recvmmsg, S },
	{ __NR_ppoll, S | L },
	{ __NR_pselect6, S },
	{ __NR_epoll_create1, S | L },
	{ __NR_epoll_ctl, S | L },
	{ __NR_epoll_pwait, S | L },
	{ __NR_eventfd2, S | L },
	{ __NR_timerfd_create, S },
	{ __NR_timerfd_settime, S },
	{ __NR_timerfd_gettime, S },
	/* itself and its children */
	{ __NR_rt_sigtimedwait, S },
	{ __NR_rt_sigpending, S },
	{ __NR_signalfd4, S },
	{ __NR_wait4, S },
	{ __NR_waitid, S },
	{ __NR_getuid, S | L },
	{ __NR_geteuid, S | L },
	{ __NR_getgid, S | L },
	{ __NR_getegid, S | L },
	{ __NR_getrusage, S },
	{ __NR_getrlimit, S },
	{ __NR_times, S },
	{ __NR_uname, S | L },
	{ __NR_getpriority, S },
	{ __NR_setpriority, S },
	{ __NR_sched_getparam, S },
	{ __NR_sched_getscheduler, S },
	{ __NR_sched_get_priority_max, S },
	{ __NR_sched_get_priority_min, S },
	{ __NR_membarrier, S },
	{ __NR_get_robust_list, S },
	{ __NR_mincore, S },
	{ __NR_mlock, S },
	{ __NR_munlock, S },
#if SANITIZED
	/* A sanitizer's runtime looks at its own program, and at its own threads for what they leak. */
	{ __NR_ptrace, S },
	{ __NR_readlinkat, K | H | O },
	{ __NR_prctl, L | K | H | O },
	{ __NR_openat, H },
#ifdef __NR_open
	{ __NR_readlink, K | H | O },
	{ __NR_getdents, S },
#endif
#endif
	/* to make it narrower still, in a child */
	{ __NR_seccomp, S },
	{ __NR_landlock_create_ruleset, S },
	{ __NR_landlock_add_rule, S },
	{ __NR_landlock_restrict_self, S },
#ifdef __NR_rseq
	{ __NR_rseq, ALL },
#endif
#ifdef __NR_epoll_pwait2
	{ __NR_epoll_pwait2, S | L },
#endif
#ifdef __NR_open /* x86_64: the older forms, which libraries go on using */
	{ __NR_open, S | L | K | O },
	{ __NR_stat, S | L | K | O },
	{ __NR_lstat, S | L | K | O },
	{ __NR_access, S | L },
	{ __NR_readlink, S | L },
	{ __NR_unlink, S },
	{ __NR_rename, S },
	{ __NR_chmod, S },
	{ __NR_poll, S | L },
	{ __NR_select, S },
	{ __NR_epoll_create, S | L },
	{ __NR_epoll_wait, S | L },
	{ __NR_eventfd, S | L },
	{ __NR_pipe, S },
	{ __NR_dup2, S },
	{ __NR_time, ALL },
	{ __NR_arch_prctl, ALL },
	{ __NR_getpgrp, S },
#endif
};

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

#define NEW_SPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

struct program {
	struct sock_filter code[sizeof calls / sizeof calls[0] * 2 + 64];
	unsigned short n;
};

static void
put(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	p->code[p->n++] = (struct sock_filter)BPF_JUMP(code, k, jt, jf);
}

static void
put_return(struct program *p, uint32_t what)
{
	put(p, BPF_RET | BPF_K, 0, 0, what);
}

/* The lower half of an argument: those that are looked at are ints to the kernel. */
static void
put_argument(struct program *p, int i)
{
	put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)i));
}

/* Leaves the other calls alone: skips what `body` puts if the number is another. */
static void
put_call(struct program *p, int number, void (*body)(struct program *p, unsigned role), unsigned role)
{
	unsigned short at = p->n;

	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, (uint32_t)number);
	body(p, role);
	p->code[at].jf = (uint8_t)(p->n - at - 1);
}

#define ALLOW SECCOMP_RET_ALLOW
#define REFUSE(e) (SECCOMP_RET_ERRNO | (e))

static void
on_socket(struct program *p, unsigned role)
{
	static const uint32_t families[] = { AF_UNIX, AF_INET, AF_INET6,
		AF_NETLINK /* getaddrinfo asks for addresses */ };

	put_argument(p, 0);
	for (size_t i = 0; role == S && i < sizeof families / sizeof families[0]; i++) {
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, families[i]);
		put_return(p, ALLOW);
	}
	put_return(p, REFUSE(EPERM));
}

/* libevent makes itself one for signals. Datagrams of one would reach any socket that has a path. */
static void
on_socketpair(struct program *p, unsigned role)
{
	if (role != L) {
		put_return(p, role == S ? ALLOW : REFUSE(EPERM));
		return;
	}
	put_argument(p, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AF_UNIX);
	put_return(p, REFUSE(EPERM));
	put_argument(p, 1);
	put(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, 0xf); /* the type without its flags */
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SOCK_STREAM);
	put_return(p, REFUSE(EPERM));
	put_return(p, ALLOW);
}

/* Fast Open connects, which Landlock does not see; and nobody needs urgent data. */
static void
put_send(struct program *p, unsigned role, int flags)
{
	if (role == L) {
		put_argument(p, flags);
		put(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, MSG_FASTOPEN | MSG_OOB);
		put_return(p, REFUSE(EPERM));
	}
	put_return(p, ALLOW);
}

static void
on_sendto(struct program *p, unsigned role)
{
	put_send(p, role, 3);
}

static void
on_sendmsg(struct program *p, unsigned role)
{
	put_send(p, role, 2);
}

/* Threads; and forks for the server, which starts a hasher anew. */
static void
on_clone(struct program *p, unsigned role)
{
	put_argument(p, 0);
	put(p, BPF_JMP | BPF_JSET | BPF_K, 0, 1, NEW_SPACES);
	put_return(p, REFUSE(EPERM));
	put(p, BPF_JMP | BPF_JSET | BPF_K, 1, 0, role == S ? ~0U : (role & (K | L) ? CLONE_THREAD : 0));
	put_return(p, REFUSE(EPERM));
	put_return(p, ALLOW);
}

/* Its flags are in memory, which no filter sees; libc then takes clone. */
static void
on_clone3(struct program *p, unsigned role)
{
	(void)role;
	put_return(p, REFUSE(ENOSYS));
}

/* No code but what was loaded at the start. The server loads resolvers later. */
static void
on_map(struct program *p, unsigned role)
{
	put_argument(p, 2);
	put(p, BPF_JMP | BPF_JSET | BPF_K, 0, role == S ? 0 : 1, PROT_EXEC);
	put_return(p, role == S ? ALLOW : REFUSE(EPERM));
	put_return(p, ALLOW);
}

/* No typing at the terminal that a server was started from. libevent asks how much there is to read. */
static void
on_ioctl(struct program *p, unsigned role)
{
	put_argument(p, 1);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, TIOCSTI);
	put_return(p, REFUSE(EPERM));
	if (role == L) {
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, FIONREAD);
		put_return(p, ALLOW);
	}
	put_return(p, role == S ? ALLOW : REFUSE(EPERM));
}

/* Its own limits can be read, and changed for nobody else. */
static void
on_prlimit(struct program *p, unsigned role)
{
	(void)role;
	put_argument(p, 0);
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
	put_return(p, ALLOW);
	put_return(p, REFUSE(EPERM));
}

static void
write_program(struct program *p, unsigned role)
{
	p->n = 0;
	put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, arch));
	put(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, ARCHITECTURE);
	put_return(p, SECCOMP_RET_KILL_PROCESS);
	put(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr));
	/* First those that are gone through each time; what is always allowed the kernel has noted. */
	put_call(p, __NR_mmap, on_map, role);
	put_call(p, __NR_mprotect, on_map, role);
	put_call(p, __NR_sendto, on_sendto, role);
	put_call(p, __NR_sendmsg, on_sendmsg, role);
	put_call(p, __NR_socket, on_socket, role);
	put_call(p, __NR_socketpair, on_socketpair, role);
	put_call(p, __NR_clone, on_clone, role);
	put_call(p, __NR_clone3, on_clone3, role);
	put_call(p, __NR_ioctl, on_ioctl, role);
	put_call(p, __NR_prlimit64, on_prlimit, role);
	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		if ((calls[i].roles & role) == 0)
			continue;
		put(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)calls[i].number);
		put_return(p, ALLOW);
	}
	put_return(p, REFUSE(EPERM));
}

/* NULL, or what is missing. */
static const char *
filter_calls(unsigned role)
{
	static const char *const missing = "the kernel filters no system calls (seccomp)";
	struct program p;
	struct sock_fprog program;

	if (ARCHITECTURE == 0)
		return "system calls are not filtered on this architecture";
	write_program(&p, role);
	program = (struct sock_fprog){ .len = p.n, .filter = p.code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ? NULL : missing;
}

/* ---- Files ---- */

/* As the kernel has it since its sixth form; Debian 12's header has the first member. */
struct ruleset {
	uint64_t files, network, scopes;
};
#define FILES_1 ((1ULL << 13) - 1) /* execute ... make symbolic links */
#define FILES_REFER (1ULL << 13) /* second form */
#define FILES_TRUNCATE (1ULL << 14) /* third */
#define FILES_IOCTL (1ULL << 15) /* fifth */
#define NETWORK_TCP 3ULL /* fourth: bind, connect */
#define SCOPE_ABSTRACT 1ULL /* sixth: sockets without a path, */
#define SCOPE_SIGNAL 2ULL /* signals */
#define OF_A_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FILES_TRUNCATE)

static uint64_t
rights(unsigned access)
{
	uint64_t r = 0;

	if (access & SANDBOX_READ)
		r |= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	if (access & SANDBOX_WRITE)
		r |= LANDLOCK_ACCESS_FS_WRITE_FILE | FILES_TRUNCATE | LANDLOCK_ACCESS_FS_MAKE_REG |
		     LANDLOCK_ACCESS_FS_REMOVE_FILE;
	if (access & SANDBOX_SOCKETS)
		r |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
	return r;
}

static bool
allow(int ruleset, const struct sandbox_path *path, uint64_t handled)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights(path->access) & handled };
	struct stat st;
	bool good;

	if ((rule.parent_fd = open(path->path, O_PATH | O_CLOEXEC)) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
	if (fstat(rule.parent_fd, &st) == 0 && !S_ISDIR(st.st_mode))
		rule.allowed_access &= OF_A_FILE;
	good = rule.allowed_access == 0 ||
	       syscall(__NR_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
	close(rule.parent_fd);
	return good;
}

static bool
allow_all(int ruleset, const struct sandbox_path *paths, uint64_t handled)
{
	bool good = true;

	for (; good && paths != NULL && paths->path != NULL; paths++)
		good = allow(ruleset, paths, handled);
	return good;
}

/* Of itself, its libraries, and what it maps: names for its report. */
static const struct sandbox_path for_sanitizers[] = { { "/proc/self", SANDBOX_READ },
	{ "/proc/self/exe", SANDBOX_READ }, { "/usr/lib", SANDBOX_READ }, { NULL, 0 } };

static const char *
limit_files(unsigned role, const struct sandbox_path *paths)
{
	long form = syscall(__NR_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct ruleset r = { .files = FILES_1 };
	bool good;
	int fd;

	if (form < 1)
		return "the kernel does not limit files (Landlock)";
	r.files |= (form >= 2 ? FILES_REFER : 0) | (form >= 3 ? FILES_TRUNCATE : 0) | (form >= 5 ? FILES_IOCTL : 0);
	if (form >= 4 && role != S)
		r.network = NETWORK_TCP;
	if (form >= 6)
		r.scopes = role == S ? SCOPE_SIGNAL : SCOPE_SIGNAL | SCOPE_ABSTRACT;
	if ((fd = (int)syscall(__NR_landlock_create_ruleset, &r, sizeof r, 0)) < 0)
		return "the kernel does not limit files (Landlock)";
	good = allow_all(fd, paths, r.files) && (!SANITIZED || allow_all(fd, for_sanitizers, r.files)) &&
	       syscall(__NR_landlock_restrict_self, fd, 0) == 0;
	close(fd);
	return good ? NULL : "files could not be limited (Landlock)";
}

/* ---- Both ---- */

static enum rc
lack(const char *what, enum sandbox_role role, enum sandbox_mode mode, struct err *e)
{
	if (what == NULL)
		return RC_OK;
	if (mode == SANDBOX_REQUIRE)
		return fail(e, RC_UNAVAILABLE, "sandbox = require, but %s (process %s)", what, names[role]);
	log_warn("not fully sandboxed", "process", names[role], "why", what);
	return RC_OK;
}

enum rc
sandbox_enter(enum sandbox_role role, enum sandbox_mode mode, const struct sandbox_path *paths, struct err *e)
{
	enum rc rc;

	if (mode == SANDBOX_OFF)
		return lack("sandbox = off", role, SANDBOX_ON, e);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return lack("the kernel knows no processes without new privileges", role, mode, e);
	if ((rc = lack(limit_files(1u << role, paths), role, mode, e)) == RC_OK)
		rc = lack(filter_calls(1u << role), role, mode, e);
	return rc;
}
