/* Names and connections. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check/walk.h"
#include "fmt/uri.h"

#define ADDRESSES_MAX 16

struct walk_address {
	struct sockaddr_storage to;
	socklen_t n;
	const char *text;
};

/* ---- --connect-to ---- */

/* The next part of H1:P1:H2:P2; an address in brackets is one part. */
static const char *
part(struct arena *a, const char **at)
{
	const char *begin = *at, *end = *begin == '[' ? strchr(begin, ']') : NULL;
	size_t n = end != NULL ? (size_t)(end + 1 - begin) : strcspn(begin, ":");

	*at = begin + n + (begin[n] == ':');
	return *begin == '[' && end != NULL ? arena_strndup(a, begin + 1, n - 2) : arena_strndup(a, begin, n);
}

/* Where a host and port are really to be sought, as curl reads the option. */
static bool
diverted(const struct walk *w, const char **host, const char **port)
{
	for (const char *const *row = w->plan->connect_to; row != NULL && *row != NULL; row++) {
		const char *at = *row, *h1 = part(w->a, &at), *p1 = part(w->a, &at);

		if ((*h1 != '\0' && strcasecmp(h1, *host) != 0) || (*p1 != '\0' && strcmp(p1, *port) != 0))
			continue;
		h1 = part(w->a, &at);
		p1 = part(w->a, &at);
		*host = *h1 != '\0' ? h1 : *host;
		*port = *p1 != '\0' ? p1 : *port;
		return true;
	}
	return false;
}

/* ---- names ---- */

static bool
is_private(const struct sockaddr_storage *s)
{
	static const struct {
		uint32_t net, mask;
	} rows[] = { { 0x0a000000, 0xff000000 }, { 0x7f000000, 0xff000000 }, { 0xa9fe0000, 0xffff0000 },
		{ 0xac100000, 0xfff00000 }, { 0xc0a80000, 0xffff0000 }, { 0x64400000, 0xffc00000 } };
	const struct in6_addr *six = &((const struct sockaddr_in6 *)s)->sin6_addr;
	uint32_t four;

	if (s->ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(six) || IN6_IS_ADDR_LINKLOCAL(six) || (six->s6_addr[0] & 0xfe) == 0xfc;
	four = ntohl(((const struct sockaddr_in *)s)->sin_addr.s_addr);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		if ((four & rows[i].mask) == rows[i].net)
			return true;
	}
	return false;
}

static int
keep_addresses(struct walk *w, const struct addrinfo *all, struct walk_address *out)
{
	char text[NI_MAXHOST];
	int n = 0;

	for (; all != NULL && n < ADDRESSES_MAX; all = all->ai_next) {
		if (getnameinfo(all->ai_addr, all->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		memcpy(&out[n].to, all->ai_addr, all->ai_addrlen);
		out[n].n = all->ai_addrlen;
		out[n++].text = arena_strdup(w->a, text);
	}
	return n;
}

static const char *
list_of(struct walk *w, const struct walk_address *a, int n)
{
	const char *out = "";

	for (int i = 0; i < n; i++)
		out = arena_printf(w->a, "%s%s%s", out, i > 0 ? ", " : "", a[i].text);
	return out;
}

/* The addresses of a host; 0: none, and that is a finding. */
static int
resolve(struct walk *w, const char *name, int number, struct walk_address *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_CANONNAME }, *all = NULL;
	const char *host = name, *port = arena_printf(w->a, "%d", number), *really = "";
	bool moved = diverted(w, &host, &port), internal = false, six = false;
	int why = getaddrinfo(host, port, &hints, &all), n;

	walk_reach(w, CHECK_DNS);
	if (why != 0) {
		walk_find(w, why == EAI_AGAIN || why == EAI_SYSTEM ? CAUSE_name_unanswered : CAUSE_name_unknown, name,
		    "%s: %s", host, why == EAI_SYSTEM ? strerror(errno) : gai_strerror(why));
		return 0;
	}
	n = keep_addresses(w, all, out);
	if (all->ai_canonname != NULL && strcasecmp(all->ai_canonname, host) != 0)
		really = arena_printf(w->a, " (that is %s)", all->ai_canonname);
	freeaddrinfo(all);
	if (moved) {
		walk_note(w, CHECK_DNS, "%s: not asked, --connect-to leads to %s port %s", name, host, port);
		return n;
	}
	for (int i = 0; i < n; i++) {
		internal = internal || is_private(&out[i].to);
		six = six || out[i].to.ss_family == AF_INET6;
	}
	walk_note(w, CHECK_DNS, "%s%s: %s%s", name, really, list_of(w, out, n), six ? "" : ", none of IPv6");
	if (internal)
		walk_find(w, CAUSE_address_private, name, "%s", list_of(w, out, n));
	return n;
}

/* ---- connections ---- */

static bool
wait_connected(int fd, int timeout_s)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int error = 0, n;
	socklen_t size = sizeof error;

	do {
		n = poll(&p, 1, timeout_s * 1000);
	} while (n < 0 && errno == EINTR);
	if (n == 0)
		error = ETIMEDOUT;
	else if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	errno = error;
	return error == 0;
}

int
walk_dial(const struct walk *w, const struct walk_address *to)
{
	int fd = socket(to->to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&to->to, to->n) != 0 &&
	    (errno != EINPROGRESS || !wait_connected(fd, w->plan->timeout_s))) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

/* Which addresses answer; *first is one that does, NULL: none. That this machine has no way to IPv6 says nothing
 * about the server. */
static void
dial_all(struct walk *w, const char *name, const struct walk_address *all, int n, const struct walk_address **first)
{
	const char *dead = "";
	int error = 0;

	*first = NULL;
	walk_reach(w, CHECK_TCP);
	for (int i = 0; i < n; i++) {
		int fd = walk_dial(w, &all[i]);

		if (fd >= 0) {
			close(fd);
			*first = *first != NULL ? *first : &all[i];
			walk_note(w, CHECK_TCP, "%s: connected to %s", name, all[i].text);
		} else if (all[i].to.ss_family == AF_INET6 &&
			   (errno == ENETUNREACH || errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT)) {
			walk_note(w, CHECK_TCP, "%s: %s not tried, this machine has no IPv6", name, all[i].text);
		} else {
			error = errno;
			dead = arena_printf(
			    w->a, "%s%s%s: %s", dead, *dead != '\0' ? ", " : "", all[i].text, strerror(error));
		}
	}
	if (*dead == '\0')
		return;
	if (*first != NULL)
		walk_find(w, CAUSE_address_dead, name, "%s", dead);
	else
		walk_find(w, error == ECONNREFUSED ? CAUSE_refused : CAUSE_unreachable, name, "%s", dead);
}

struct walk_host *
walk_host(struct walk *w, const char *url)
{
	unsigned bit = w->bit;
	struct walk_address *addresses;
	const struct walk_address *good;
	struct walk_host **at;
	struct uri u;
	int n;

	if (uri_parse(w->a, url, &u, NULL) != RC_OK)
		return NULL;
	for (at = &w->hosts; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->name, u.host) == 0 && (*at)->port == u.port)
			return *at;
	}
	*at = arena_alloc(w->a, sizeof **at);
	**at = (struct walk_host){ .name = u.host, .port = u.port };
	addresses = arena_array(w->a, ADDRESSES_MAX, sizeof *addresses);
	w->bit = 0; /* whoever asks meets the same */
	if ((n = resolve(w, u.host, u.port, addresses)) > 0) {
		dial_all(w, u.host, addresses, n, &good);
		(*at)->usable = good != NULL && walk_tls(w, *at, good);
	}
	w->bit = bit;
	return *at;
}
