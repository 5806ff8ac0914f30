/* A process that was taken over, as far as its sandbox lets it: it enters one the way the daemon's processes do, through the
 * same function, and then tries what an intruder would. One line for each: what, and "done" or the errno.
 *
 *	acts posternd|listener|keys|hasher|opener DIR PID     PID: of the process that has the keys
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/config.h"
#include "posternd/confine.h"

#define KEY_FILES_MAX 64

static const char *dir;
static pid_t keys;
static struct arena *arena;
static const char *key_file; /* one of DIR/keys, found before */
static int listening; /* a socket that was opened before */

static const char *
below(const char *name)
{
	return arena_printf(arena, "%s/%s", dir, name);
}

static bool
opens(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* ---- Acts: true, or false and errno ---- */

static bool
read_key(void)
{
	return opens(key_file, O_RDONLY);
}

static bool
read_seal(void)
{
	return opens(below("keys/seal.secret"), O_RDONLY);
}

static bool
list_keys(void)
{
	DIR *d = opendir(below("keys"));

	if (d != NULL)
		closedir(d);
	return d != NULL;
}

static bool
replace_key(void)
{
	return opens(key_file, O_WRONLY);
}

static bool
make_key(void)
{
	const char *path = below("keys/made-by-acts.key");
	bool made = opens(path, O_WRONLY | O_CREAT | O_EXCL);

	if (made)
		unlinkat(AT_FDCWD, path, 0);
	return made;
}

static bool
remove_key(void)
{
	return unlinkat(AT_FDCWD, below("keys/to-be-removed.key"), 0) == 0;
}

static bool
move_key(void)
{
	bool moved = renameat(AT_FDCWD, key_file, AT_FDCWD, below("taken")) == 0;

	return moved && renameat(AT_FDCWD, below("taken"), AT_FDCWD, key_file) == 0;
}

static bool
read_settings(void)
{
	return opens(below(CONF_FILE), O_RDONLY);
}

static bool
write_settings(void)
{
	return opens(below(CONF_FILE), O_WRONLY);
}

static bool
open_store(void)
{
	return opens(below("postern.db"), O_RDWR);
}

/* Of a server beside this one. */
static bool
open_other_store(void)
{
	return opens(below("../data.other/postern.db"), O_RDONLY);
}

static bool
read_tls(void)
{
	return opens(below("tls/server.key"), O_RDONLY);
}

static bool
write_tls(void)
{
	return opens(below("tls/server.key"), O_WRONLY);
}

static bool
make_program(void)
{
	return opens("/tmp/made-by-acts", O_WRONLY | O_CREAT);
}

static bool
make_beside(void)
{
	return opens(below("made-by-acts"), O_WRONLY | O_CREAT);
}

static bool
remove_beside(void)
{
	return unlinkat(AT_FDCWD, below("to-be-removed"), 0) == 0;
}

static bool
run_program(void)
{
	char *argv[] = { "true", NULL };
	pid_t pid = fork();
	int status = 0;

	if (pid < 0)
		return false;
	if (pid == 0) {
		execv("/bin/true", argv);
		_exit(errno);
	}
	if (waitpid(pid, &status, 0) != pid)
		return false;
	errno = WEXITSTATUS(status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
become_program(void)
{
	char *argv[] = { "/nonexistent", NULL };

	/* ENOENT would be the kernel's answer to who may. */
	return execv("/nonexistent", argv) == 0 || errno == ENOENT;
}

static bool
trace(void)
{
	return ptrace(PTRACE_ATTACH, keys, NULL, NULL) == 0;
}

static bool
read_memory(void)
{
	char octets[16];
	struct iovec to = { octets, sizeof octets }, from = { (void *)&dir, sizeof octets };

	/* EFAULT: it may, and nothing is there. */
	return process_vm_readv(keys, &to, 1, &from, 1, 0) > 0 || errno == EFAULT;
}

static bool
open_memory(void)
{
	return opens(arena_printf(arena, "/proc/%d/mem", (int)keys), O_RDONLY);
}

static bool
signal_keys(void)
{
	return kill(keys, 0) == 0;
}

static bool
take_descriptors(void)
{
	long fd = syscall(__NR_pidfd_open, keys, 0);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static bool
other_user(void)
{
	return setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1) == 0;
}

static bool
kernel_code(void)
{
	uint32_t map[16] = { 2 /* BPF_MAP_TYPE_ARRAY */, 4, 4, 1 };
	long fd = syscall(__NR_bpf, 0 /* BPF_MAP_CREATE */, map, sizeof map);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static bool
connect_out(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	if (s < 0)
		return false;
	good = connect(s, (struct sockaddr *)&to, sizeof to) == 0 || errno == ECONNREFUSED;
	close(s);
	return good;
}

static bool
listen_for_others(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	if (s < 0)
		return false;
	good = bind(s, (struct sockaddr *)&at, sizeof at) == 0 && listen(s, 1) == 0;
	close(s);
	return good;
}

/* A socket that was there before is one that Landlock does not ask about again. */
static bool
connect_by_sending(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct msghdr m = { .msg_name = &to, .msg_namelen = sizeof to };

	if (shutdown(listening, SHUT_RDWR) != 0)
		return false;
	if (sendto(listening, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof to) == 1 ||
	    errno == ECONNREFUSED || errno == EINPROGRESS)
		return true;
	return sendmsg(listening, &m, MSG_FASTOPEN | MSG_NOSIGNAL) >= 0 || errno == ECONNREFUSED ||
	       errno == EINPROGRESS;
}

static bool
send_datagrams(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	close(pair[0]);
	close(pair[1]);
	return true;
}

static bool
outlive(void)
{
	return prctl(PR_SET_PDEATHSIG, 0) == 0;
}

static bool
ask_the_socket(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	if (s < 0)
		return false;
	snprintf(to.sun_path, sizeof to.sun_path, "%s", below("admin.sock"));
	good = connect(s, (struct sockaddr *)&to, sizeof to) == 0;
	close(s);
	return good;
}

static bool
raw_socket(void)
{
	int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (s >= 0)
		close(s);
	return s >= 0;
}

static bool
own_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0;
}

static bool
own_users(void)
{
	pid_t pid = (pid_t)syscall(__NR_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool
mount_over(void)
{
	return mount("none", "/mnt", "tmpfs", 0, NULL) == 0;
}

static bool
ring(void)
{
	struct io_uring_params p = { 0 };
	long fd = syscall(__NR_io_uring_setup, 1, &p);

	if (fd >= 0)
		close((int)fd);
	return fd >= 0;
}

static bool
fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static bool
make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p != MAP_FAILED)
		munmap(p, 4096);
	return p != MAP_FAILED;
}

static const struct {
	const char *name;
	bool (*act)(void);
} acts[] = {
	{ "read a key", read_key },
	{ "read the seal", read_seal },
	{ "list the keys", list_keys },
	{ "write over a key", replace_key },
	{ "make a key file", make_key },
	{ "remove a key", remove_key },
	{ "move a key", move_key },
	{ "read the settings", read_settings },
	{ "write the settings", write_settings },
	{ "open the store", open_store },
	{ "open the store of another server", open_other_store },
	{ "read the TLS key", read_tls },
	{ "write the TLS key", write_tls },
	{ "make a file in DIR", make_beside },
	{ "remove a file in DIR", remove_beside },
	{ "make a file elsewhere", make_program },
	{ "run a program", run_program },
	{ "become a program", become_program },
	{ "trace the process of the keys", trace },
	{ "read its memory", read_memory },
	{ "open its memory", open_memory },
	{ "take its descriptors", take_descriptors },
	{ "signal it", signal_keys },
	{ "connect out", connect_out },
	{ "connect out by a socket that listened", connect_by_sending },
	{ "send datagrams", send_datagrams },
	{ "outlive the others", outlive },
	{ "ask the administration's socket", ask_the_socket },
	{ "listen", listen_for_others },
	{ "listen to the wire", raw_socket },
	{ "be another user", other_user },
	{ "put code into the kernel", kernel_code },
	{ "have its own mounts", own_mounts },
	{ "have its own users", own_users },
	{ "mount", mount_over },
	{ "use io_uring", ring },
	{ "fork", fork_once },
	{ "make code", make_code },
};

static bool
find_key(void)
{
	DIR *d = opendir(below("keys"));
	struct dirent *f;

	for (int i = 0; d != NULL && key_file == NULL && i < KEY_FILES_MAX && (f = readdir(d)) != NULL; i++) {
		if (strncmp(f->d_name, "ca-", 3) == 0 && strstr(f->d_name, ".key") != NULL)
			key_file = below(arena_printf(arena, "keys/%s", f->d_name));
	}
	if (d != NULL)
		closedir(d);
	return key_file != NULL && opens(below("keys/to-be-removed.key"), O_WRONLY | O_CREAT) &&
	       opens(below("to-be-removed"), O_WRONLY | O_CREAT);
}

/* As each process does it: posternd/confine.c, http/apart.c, keys/process.c, crypto/hasher.c, posternd/opener.c. */
static enum rc
enter(const char *role, struct err *e)
{
	const struct sandbox_path folder[] = { { below("keys"), SANDBOX_READ | SANDBOX_WRITE }, { NULL, 0 } };
	const struct sandbox_path all[] = { { "/", SANDBOX_READ }, { NULL, 0 } };
	struct http_listener tls;
	struct conf conf;
	enum rc rc;

	if (strcmp(role, "keys") == 0)
		return sandbox_enter(SANDBOX_KEYS, SANDBOX_REQUIRE, folder, e);
	if (strcmp(role, "hasher") == 0)
		return sandbox_enter(SANDBOX_HASHER, SANDBOX_REQUIRE, NULL, e);
	if (strcmp(role, "opener") == 0)
		return sandbox_enter(SANDBOX_OPENER, SANDBOX_REQUIRE, all, e);
	if ((rc = conf_load(arena, dir, &conf, e)) != RC_OK)
		return rc;
	conf.sandbox = SANDBOX_REQUIRE;
	tls = (struct http_listener){
		.door = HTTP_DOOR_TLS, .cert_file = conf.tls_certificate, .key_file = conf.tls_key
	};
	if (strcmp(role, "listener") == 0)
		return sandbox_enter(
		    SANDBOX_LISTENER, SANDBOX_REQUIRE, confine_listener_paths(arena, &conf, &tls, 1), e);
	return confine(arena, &conf, e);
}

int
main(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc != 4)
		return 2;
	arena = arena_new(0);
	dir = argv[2];
	keys = (pid_t)strtol(argv[3], NULL, 10);
	if ((listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 || listen(listening, 1) != 0)
		return 2;
	if (!find_key()) {
		fprintf(stderr, "%s: no key there\n", dir);
		return 2;
	}
	if (strcmp(argv[1], "free") != 0 && enter(argv[1], &e) != RC_OK) {
		fprintf(stderr, "%s\n", e.text);
		return 3;
	}
	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
		bool done = acts[i].act();

		printf("%s: %s\n", acts[i].name, done ? "done" : strerrorname_np(errno));
	}
	fflush(stdout);
	_exit(0);
}
