/* Listening sockets: TCP by numeric address, Unix by path, or taken over from the service manager. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/mem.h"
#include "http/front.h"

#define BACKLOG 1024
#define MAX_CONNECTIONS 20000
#define MAX_PER_ADDRESS 2048 /* a school behind one address: 200 devices open four each at once */

/* "127.0.0.1:8443" or "[::1]:8443" */
static bool
split(const char *address, char host[HTTP_ADDR_TEXT], char port[8])
{
	const char *colon = strrchr(address, ':'), *from = address, *end = colon;

	if (colon == NULL)
		return false;
	if (*from == '[') {
		from++;
		if (--end < from || *end != ']')
			return false;
	}
	if ((size_t)(end - from) >= HTTP_ADDR_TEXT || strlen(colon + 1) >= 8 || colon[1] == '\0' ||
	    colon[1 + strspn(colon + 1, "0123456789")] != '\0' || strtol(colon + 1, NULL, 10) > 65535)
		return false;
	memcpy(host, from, (size_t)(end - from));
	host[end - from] = '\0';
	memcpy(port, colon + 1, strlen(colon + 1) + 1);
	return true;
}

static enum rc
cant_listen(const struct http_listen *l, int error, struct err *e)
{
	return fail(
	    e, error == EADDRINUSE ? RC_CONFLICT : RC_BAD_INPUT, "listen on %s: %s", l->address, strerror(error));
}

static enum rc
open_tcp(struct http_listen *l, struct err *e)
{
	struct addrinfo want = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM },
			*got = NULL;
	char host[HTTP_ADDR_TEXT], port[8];
	int one = 1;

	if (!split(l->address, host, port) || getaddrinfo(host, port, &want, &got) != 0)
		return fail(
		    e, RC_BAD_INPUT, "listen address %s: write it like 127.0.0.1:8443 or [::1]:8443", l->address);
	l->fd = socket(got->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd >= 0) {
		setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
		if (got->ai_family == AF_INET6)
			setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
	}
	if (l->fd < 0 || bind(l->fd, got->ai_addr, got->ai_addrlen) != 0) {
		int error = errno;

		freeaddrinfo(got);
		return cant_listen(l, error, e);
	}
	freeaddrinfo(got);
	l->bound = true;
	return RC_OK;
}

/* A socket file that nobody answers on was left by a process that was killed. */
static enum rc
clear_stale(const struct sockaddr_un *sun, struct err *e)
{
	struct stat st;
	int fd, error;

	if (lstat(sun->sun_path, &st) != 0)
		return RC_OK;
	if (!S_ISSOCK(st.st_mode))
		return fail(e, RC_CONFLICT, "%s is there and is not a socket", sun->sun_path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
		return fail(e, RC_UNAVAILABLE, "socket: %s", strerror(errno));
	error = connect(fd, (const struct sockaddr *)(const void *)sun, sizeof *sun) == 0 ? 0 : errno;
	close(fd);
	if (error != ECONNREFUSED)
		return fail(e, RC_CONFLICT, "%s: another process is listening there", sun->sun_path);
	if (unlink(sun->sun_path) != 0)
		return fail(e, RC_BAD_INPUT, "remove %s: %s", sun->sun_path, strerror(errno));
	return RC_OK;
}

enum rc
http_unix_open(const char *path, int *fd, struct err *e)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(path);
	enum rc rc;
	int s;

	if (n == 0 || n >= sizeof sun.sun_path)
		return fail(e, RC_BAD_INPUT, "socket path %s: 1 to %zu octets", path, sizeof sun.sun_path - 1);
	memcpy(sun.sun_path, path, n + 1);
	if ((rc = clear_stale(&sun, e)) != RC_OK)
		return rc;
	if ((s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return fail(e, RC_UNAVAILABLE, "socket: %s", strerror(errno));
	/* The mode is set before the file exists, so that it is never wider for a moment. */
	if (fchmod(s, 0660) != 0 || bind(s, (struct sockaddr *)(void *)&sun, sizeof sun) != 0) {
		rc = fail(
		    e, errno == EADDRINUSE ? RC_CONFLICT : RC_BAD_INPUT, "listen on %s: %s", path, strerror(errno));
	} else if (chmod(sun.sun_path, 0660) != 0 || listen(s, BACKLOG) != 0) {
		rc = fail(e, RC_BAD_INPUT, "listen on %s: %s", sun.sun_path, strerror(errno));
		unlink(sun.sun_path);
	}
	if (rc != RC_OK)
		close(s);
	else
		*fd = s;
	return rc;
}

static enum rc
open_unix(struct http_listen *l, struct err *e)
{
	enum rc rc = http_unix_open(l->address, &l->fd, e);

	l->unlink_path = rc == RC_OK;
	return rc;
}

static enum rc
take_over(struct http_listen *l, int fd, struct err *e)
{
	int on = 0, flags;
	socklen_t n = sizeof on;

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &n) != 0 || on == 0)
		return fail(e, RC_BAD_INPUT, "descriptor %d is not a listening socket", fd);
	if ((flags = fcntl(fd, F_GETFL)) < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return fail(e, RC_INTERNAL, "descriptor %d: %s", fd, strerror(errno));
	l->fd = fd;
	return RC_OK;
}

static int
port_of(int fd)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t n = sizeof ss;

	if (getsockname(fd, (struct sockaddr *)&ss, &n) != 0)
		return 0;
	if (ss.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)(void *)&ss)->sin_port);
	if (ss.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)&ss)->sin6_port);
	return 0;
}

enum rc
http_listen_open(struct http_listen *l, const struct http_listener *from, struct err *e)
{
	const struct http_tls_settings tls = {
		.cert_file = from->cert_file, .key_file = from->key_file, .ask = from->door == HTTP_DOOR_MTLS
	};
	enum rc rc = RC_OK;

	l->door = from->door;
	l->fd = -1;
	l->address = http_need(strdup(from->address != NULL ? from->address : ""));
	l->max_connections = from->max_connections > 0 ? from->max_connections : MAX_CONNECTIONS;
	l->max_per_address = from->max_per_address > 0 ? from->max_per_address : MAX_PER_ADDRESS;
	if (HTTP_DOOR_HAS_TLS(l->door))
		rc = http_tls_open(&tls, &l->tls, e);
	if (rc == RC_OK && from->fd >= 0) {
		rc = take_over(l, from->fd, e);
		l->unlink_path = from->made;
	} else if (rc == RC_OK)
		rc = l->door == HTTP_DOOR_UNIX ? open_unix(l, e) : open_tcp(l, e);
	if (rc == RC_OK)
		l->port = port_of(l->fd);
	return rc;
}

enum rc
http_listen_begin(struct http_listen *l, struct err *e)
{
	if (l->bound && listen(l->fd, BACKLOG) != 0)
		return cant_listen(l, errno, e);
	l->bound = false;
	return RC_OK;
}

void
http_listen_shut(struct http_listen *l)
{
	if (l->unlink_path)
		unlink(l->address);
	l->unlink_path = false;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void
http_listen_close(struct http_listen *l)
{
	http_listen_shut(l);
	http_tls_close(l->tls);
	free(l->address);
	*l = (struct http_listen){ .fd = -1 };
}
