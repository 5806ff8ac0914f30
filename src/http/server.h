/* The HTTP server: connections in event loops, requests in blocking workers, channels between them. The loops may be in
 * processes of their own, which peers face and which have neither the store nor keys.
 *
 * A row of http_route says which method and path a handler takes, how large a body may be, and which
 * class of workers runs it. The server checks all of that before the handler; a handler gets copies
 * and fills a reply; it never sees a socket. One function ends a request: returning from the handler. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/call.h"
#include "base/sandbox.h"
#include "fmt/uri.h"

/* ---- what a handler sees ---- */

enum http_class { /* each has its own queue bound and its own workers */
	HTTP_QUICK, /* polls, check-in, discovery: one indexed read or one small unit */
	HTTP_HEAVY, /* passwords, signing, SCEP: milliseconds of CPU */
	HTTP_OUTWARD, /* waits for another server (an identity provider) */
	HTTP_CLASSES
};

enum http_door { HTTP_DOOR_UNIX, HTTP_DOOR_PLAIN, HTTP_DOOR_TLS, HTTP_DOOR_MTLS, HTTP_DOOR_METRICS, HTTP_DOOR_ADMIN };

/* Doors that speak TLS. */
#define HTTP_DOOR_HAS_TLS(door) ((door) == HTTP_DOOR_TLS || (door) == HTTP_DOOR_MTLS || (door) == HTTP_DOOR_ADMIN)

struct http_header {
	const char *name, *value;
}; /* name as sent; compare without case */

struct http_request {
	const char *method; /* "GET", ... */
	const char *path; /* origin form, before percent-decoding, without the query */
	const char *query; /* raw, without '?'; NULL when there is none */
	const char *host; /* Host or absolute-form authority, lower case, without port */
	const char *segment[4]; /* what the route's {} segments matched, percent-decoded */
	int route; /* number of the row that took it, over all tables in their order */
	const struct http_header *headers;
	int n_headers;
	struct bytes body;
	enum http_door door;
	const char *peer; /* address of the client: numeric, forwarded one behind a trusted proxy */
	bool secure; /* TLS here, or X-Forwarded-Proto/Forwarded https from a trusted proxy */
	struct bytes client_certificate; /* DER: from the mTLS handshake, or RFC 9440 Client-Cert of a trusted
					 * proxy; absent otherwise. Proves possession, nothing else: the
					 * chain is not checked here */
	bool certificate_from_proxy;
	int64_t peer_uid; /* HTTP_DOOR_UNIX: uid by SO_PEERCRED; -1 elsewhere */
};

bool http_is_named(const struct http_header *h, const char *name); /* no case */

/* First header of that name (no case), or NULL. */
const char *http_header(const struct http_request *r, const char *name);

/* Value of the first query or form item of that name, percent-decoded, in c->arena; NULL if absent or
 * badly encoded. `plus_is_space` is true for forms and false for Apple's queries (protocol 2.2). With it a
 * body of type application/x-www-form-urlencoded is looked at and nothing else; otherwise the query is. */
const char *http_query(struct call *c, const struct http_request *r, const char *name, bool plus_is_space);

/* Value of the cookie of that name, in c->arena (RFC 6265 5.4); NULL: none, empty, or over `max` octets. */
const char *http_cookie(struct call *c, const struct http_request *r, const char *name, size_t max);

struct http_reply {
	int status; /* 0 until set */
	struct http_header headers[16];
	int n_headers;
	struct bytes body; /* in the call's arena */
	bool close; /* end the connection after this reply */
};

/* Add a header; name and value in the call's arena or static. A value with CR, LF or NUL is a bug
 * (assert), so encode before. */
void http_set(struct http_reply *out, const char *name, const char *value);

/* Status, Content-Type (NULL: none) and body in one. */
void http_answer(struct http_reply *out, int status, const char *type, struct bytes body);

/* The one table from rc to status: RC_BAD_INPUT 400, UNAUTHENTICATED 401, FORBIDDEN 403, NOT_FOUND
 * 404, CONFLICT 409, TOO_LARGE 413, UNAVAILABLE 503, INTERNAL 500. */
int http_status(enum rc rc);

/* A plain-text answer for `rc`: the fixed text of the code, never c->err (that one is logged). */
void http_fail(struct http_reply *out, enum rc rc);

/* ---- routes ---- */

/* A table of routes ends with a row of zeros: `{ 0 }`. The first row that fits takes the request. */
typedef void http_handler(struct call *c, const struct http_request *r, struct http_reply *out, void *room);

struct http_route {
	const char *method; /* "GET" also serves HEAD */
	const char *path; /* segments; "{}" or "{name}" matches one, not empty: "/mdm/{}/checkin" */
	enum http_class class;
	size_t max_body; /* bytes; more gets 413 at the header, or is cut off when chunked */
	unsigned doors; /* bits 1 << HTTP_DOOR_...; 0 means those of devices: plain, TLS, mTLS */
	http_handler *handler;
};

/* ---- listeners and settings ---- */

struct http_listener {
	enum http_door door;
	const char *address; /* "127.0.0.1:8443", "[::1]:8443", or a path for HTTP_DOOR_UNIX */
	int fd; /* an open listening socket to take over (socket activation), or -1 */
	bool made; /* fd is by http_unix_open: its path goes with the server, if it may still be removed */
	const char *cert_file, *key_file; /* of doors with TLS: PEM chain and key */
	int max_connections; /* in all; 0: the default, 20000 */
	int max_per_address; /* 0: the default, 2048; does not apply to trusted proxies and Unix */
};

/* Secrets that keys of TLS session tickets are made of, at most so many. The first makes tickets, all open
 * them. A process that is given none makes its own, which no other can open. */
#define HTTP_TICKETS_MAX 4
#define HTTP_TICKET_SECRET 32
struct http_tickets {
	int n;
	uint8_t secret[HTTP_TICKETS_MAX][HTTP_TICKET_SECRET];
};

struct http_settings {
	int loops; /* event loops; 0: one per core, at most 4 */
	int workers[HTTP_CLASSES]; /* 0: 16 quick, 4 heavy, 4 outward */
	int queue[HTTP_CLASSES]; /* requests waiting; more get 503 with Retry-After; 0: 1024 each */
	size_t body_budget; /* bytes of bodies over all connections of a process; 0: 32 MB */
	int header_ms, body_ms, idle_ms; /* deadlines; 0: 10 s, 30 s (+ size at 1 kB/s), 60 s */
	int drain_ms; /* 0: 20 s */
	const char *const *trusted_proxies; /* addresses or CIDR, NULL-terminated; NULL: none */
	const char *proxy_secret; /* what Postern-Proxy-Secret must say; NULL: Client-Cert never counts,
					 * unless `lab` and the peer is loopback */
	bool lab;
	const char *problems; /* static: below this path, on the doors of administrators, what the server itself refuses
			       * is a problem document (RFC 9457); NULL: nowhere */
	const struct http_tickets *tickets; /* to begin with, for the time of the call; NULL: the process's own */
	struct http_apart *const *apart; /* listeners in processes of their own, n_apart of them */
	int n_apart;
};

void http_fill_settings(struct http_settings *s); /* the defaults; of the server's own parts */

/* Open a Unix socket ahead of the server, while the process may still make files. RC_CONFLICT: somebody listens there. */
enum rc http_unix_open(const char *path, int *fd, struct err *e);

/* ---- listeners in a process of their own ---- */

struct http_apart;

struct http_apart_rules {
	enum sandbox_mode mode;
	const struct sandbox_path *paths; /* what it may read: certificates and keys of TLS; ends with a NULL */
	struct arena *forget; /* freed there, once it has what it needs: settings with passwords; NULL: none */
};

/* Fork a process that waits to be told to bind `l`. Before there are threads, and secrets that are not in `rules->forget`.
 * Of `s` those are used that bear on connections, with `loops` of its own. Its doors are those of `l`: what it says of others
 * is not taken. Descriptors of `l` are closed here, but after an error. RC_UNAVAILABLE: there is no process. */
enum rc http_apart_start(const struct http_settings *s, const struct http_listener *l, int n_listeners,
    const struct http_route *const *tables, int n_tables, const struct http_apart_rules *rules, struct http_apart **out,
    struct err *e);

/* Have it bind, and be confined; http_server_start lets it accept. Errors: those of http_server_start, or RC_UNAVAILABLE:
 * there is no sandbox. */
enum rc http_apart_bind(struct http_apart *a, struct err *e);

int http_apart_port(const struct http_apart *a, int i); /* as http_server_port */
void http_apart_stop(struct http_apart *a); /* one that no server has taken; NULL is fine */

/* ---- the server ---- */

struct http_server;

/* What a request's struct call is made of; `begin` fills c->store, keys, conf, now (arena is there)
 * and runs on the worker. `done`, if set, runs on the worker after the handler, for counting: `us`
 * microseconds after the request was complete. */
struct http_hooks {
	void (*begin)(struct call *c, void *ctx);
	void (*done)(struct call *c, const struct http_request *r, const struct http_reply *out, int64_t us, void *ctx);
	void *ctx;
};

/* Bind everything and start loops and workers. A handler of `routes` gets `room`. What is in settings->apart is the
 * server's from now on, also when it does not start.
 * RC_CONFLICT: an address is taken. RC_BAD_INPUT: an address, certificate or key is not usable;
 * nothing is left running. */
enum rc http_server_start(const struct http_settings *s, const struct http_listener *l, int n_listeners,
    const struct http_route *const *tables, void *const *rooms, int n_tables, const struct http_hooks *hooks,
    struct http_server **out, struct err *e);

/* The port that listener `i` got (for port 0). */
int http_server_port(const struct http_server *s, int i);

/* Read certificates and keys again (SIGHUP), and use them: in two steps, as listeners change together or not at all.
 * RC_BAD_INPUT: one is not usable. With the second step processes apart also log as this one does. */
enum rc http_server_prepare(struct http_server *s, struct err *e);
void http_server_commit(struct http_server *s);

/* False: a process that listens has ended, or talks nonsense. */
bool http_server_alive(struct http_server *s);

/* From now on; the earlier ones open nothing any more. May be called at any time. */
void http_server_tickets(struct http_server *s, const struct http_tickets *t);

/* Stop accepting, let what is in flight finish (at most drain_ms), stop workers, free. NULL is fine.
 * Returns the number of requests that had to be cut off. */
int http_server_stop(struct http_server *s);

struct http_stats {
	int connections, in_flight, queued[HTTP_CLASSES];
	int workers[HTTP_CLASSES], busy[HTTP_CLASSES];
	bool draining; /* it is about to stop */
	size_t body_bytes;
	int64_t requests, refused;
};
void http_server_stats(struct http_server *s, struct http_stats *out);

#endif
