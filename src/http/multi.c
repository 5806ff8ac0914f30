#include "http/multi.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt/uri.h"
#include "http/mem.h"
#include "http/multi_conn.h"

#define AT_ONCE 360 /* requests under way: memory for each, and what is in doubt when all connections break */
#define TRIES 5 /* of a request that the server does not look at */
#define WAIT_MS 1000
#define FIELDS 24 /* of a request */

struct http_multi {
	struct multi_target target;
	struct http_tls_client *tls;
	char *host, *port, *authority, *user_agent;
	struct multi_conn *conn[HTTP_MULTI_CONNECTIONS];
	int n_conns, max_conns;
	struct multi_stream slot[AT_ONCE];
	struct multi_stream *idle[AT_ONCE];
	int n_idle;
	struct batch *batch; /* under way */
};

/* The requests of one call. */
struct batch {
	struct arena *arena;
	const struct http_multi_request *requests;
	struct http_multi_answer *answers;
	int n, ended;
	int *waiting; /* indices, last to go first */
	int n_waiting;
	uint8_t *tries; /* of each */
	nghttp2_nv fields[FIELDS]; /* :path and content-length are set for each */
	size_t n_fields;
};

/* ---- open and close ---- */

static void on_end(void *arg, struct multi_stream *s, enum multi_end how, const char *why);

static enum rc
open_tls(struct http_multi *m, const struct http_multi_settings *s, struct err *e)
{
	enum rc rc = http_tls_client_open(s->ca_file, &m->tls, e);

	if (rc == RC_OK && s->certificates != NULL)
		rc = http_tls_client_identify(m->tls, s->certificates, s->n_certificates, s->key, e);
	if (rc == RC_OK)
		http_tls_client_h2(m->tls);
	return rc;
}

enum rc
http_multi_open(const struct http_multi_settings *s, struct http_multi **out, struct err *e)
{
	struct http_multi *m = http_need(calloc(1, sizeof *m));
	struct arena *a = arena_new(0);
	char port[16], authority[300];
	struct uri url;
	enum rc rc;

	*out = NULL;
	if ((rc = uri_parse(a, s->url, &url, e)) == RC_OK) {
		snprintf(port, sizeof port, "%d", url.port);
		snprintf(authority, sizeof authority, url.port == 443 ? "%s" : "%s:%d", url.host, url.port);
		m->host = http_need(strdup(url.host));
		m->port = http_need(strdup(port));
		m->authority = http_need(strdup(authority));
		m->user_agent = http_need(strdup(s->user_agent));
		rc = strcmp(url.scheme, "https") == 0 ? open_tls(m, s, e)
						      : fail(e, RC_BAD_INPUT, "%s is not https", s->url);
	}
	arena_free(a);
	if (rc != RC_OK) {
		http_multi_close(m);
		return rc;
	}
	m->max_conns = s->connections < HTTP_MULTI_CONNECTIONS ? s->connections : HTTP_MULTI_CONNECTIONS;
	m->target = (struct multi_target){ m->tls, m->host, m->port, s->timeout_ms, on_end, m };
	for (int i = AT_ONCE - 1; i >= 0; i--) {
		buf_init(&m->slot[i].body, HTTP_MULTI_BODY);
		m->idle[m->n_idle++] = &m->slot[i];
	}
	*out = m;
	return RC_OK;
}

void
http_multi_close(struct http_multi *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < m->n_conns; i++)
		multi_conn_close(m->conn[i], NULL);
	for (int i = 0; i < m->n_idle; i++)
		buf_free(&m->idle[i]->body);
	http_tls_client_close(m->tls);
	free(m->host);
	free(m->port);
	free(m->authority);
	free(m->user_agent);
	free(m);
}

/* ---- fields ---- */

static void
add_field(struct batch *b, const char *name, size_t n, const char *value)
{
	if (b->n_fields < FIELDS)
		b->fields[b->n_fields++] = (nghttp2_nv){ (uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, n,
			strlen(value), NGHTTP2_NV_FLAG_NO_COPY_NAME };
}

/* In the order of RFC 9113 8.3: those with a colon first. */
static void
make_fields(const struct http_multi *m, struct batch *b, const char *const *headers)
{
	static const char *const first[] = { ":method", ":path", ":scheme", ":authority", "content-length",
		"user-agent" };
	const char *const values[] = { "POST", "", "https", m->authority, "", m->user_agent };

	for (size_t i = 0; i < sizeof first / sizeof first[0]; i++)
		add_field(b, first[i], strlen(first[i]), values[i]);
	for (; headers != NULL && *headers != NULL; headers++) {
		size_t n = strcspn(*headers, ":");

		add_field(b, *headers, n, *headers + n + strspn(*headers + n, ": "));
	}
}

#define PATH 1
#define LENGTH 4

static void
set_field(struct batch *b, int i, const char *value)
{
	b->fields[i].value = (uint8_t *)(uintptr_t)value;
	b->fields[i].valuelen = strlen(value);
}

/* ---- requests ---- */

static void
end_request(struct batch *b, int index, const char *why)
{
	b->answers[index].why = why != NULL ? arena_strdup(b->arena, why) : NULL;
	b->ended++;
}

static void
on_end(void *arg, struct multi_stream *s, enum multi_end how, const char *why)
{
	struct http_multi *m = arg;
	struct batch *b = m->batch;

	m->idle[m->n_idle++] = s;
	if (how == MULTI_ANSWERED) {
		b->answers[s->index].status = s->status;
		b->answers[s->index].body = arena_copy(b->arena, buf_bytes(&s->body));
		end_request(b, s->index, NULL);
	} else if (how == MULTI_AGAIN && ++b->tries[s->index] < TRIES) {
		b->waiting[b->n_waiting++] = s->index;
	} else {
		end_request(b, s->index, why != NULL ? why : "the server does not look at it");
	}
}

static void
begin(struct http_multi *m, struct multi_conn *c)
{
	struct batch *b = m->batch;
	struct multi_stream *s = m->idle[--m->n_idle];
	const struct http_multi_request *r;
	char length[24];

	s->index = b->waiting[--b->n_waiting];
	r = &b->requests[s->index];
	s->upload = r->body;
	snprintf(length, sizeof length, "%zu", r->body.n);
	set_field(b, PATH, r->path);
	set_field(b, LENGTH, length);
	multi_conn_begin(c, s, b->fields, b->n_fields);
}

/* ---- connections ---- */

static void
drop(struct http_multi *m, int i)
{
	multi_conn_close(m->conn[i], multi_conn_why(m->conn[i]));
	m->conn[i] = m->conn[--m->n_conns];
}

/* What may begin at once on the connections that there are. */
static int
room(const struct http_multi *m)
{
	int sum = 0;

	for (int i = 0; i < m->n_conns; i++)
		sum += multi_conn_room(m->conn[i]) > 0 ? multi_conn_room(m->conn[i]) : 0;
	return sum;
}

/* Connections for all that waits, as many as are allowed. False: there is none at all. */
static bool
connect_some(struct http_multi *m, bool *refused, struct err *e)
{
	while (!*refused && m->n_conns < m->max_conns && room(m) < m->batch->n_waiting && m->n_idle > room(m)) {
		if (multi_conn_open(&m->target, &m->conn[m->n_conns], e) == RC_OK)
			m->n_conns++;
		else
			*refused = true;
	}
	return m->n_conns > 0;
}

static void
wait_for_some(struct http_multi *m)
{
	struct pollfd p[HTTP_MULTI_CONNECTIONS];

	for (int i = 0; i < m->n_conns; i++)
		p[i] = (struct pollfd){ .fd = multi_conn_fd(m->conn[i]),
			.events = (short)(POLLIN | (multi_conn_wants_write(m->conn[i]) ? POLLOUT : 0)) };
	poll(p, (nfds_t)m->n_conns, WAIT_MS);
}

/* One for each in turn, so that they carry the same. */
static void
begin_some(struct http_multi *m)
{
	for (bool more = true; more;) {
		more = false;
		for (int i = 0; i < m->n_conns && m->batch->n_waiting > 0 && m->n_idle > 0; i++) {
			if (multi_conn_room(m->conn[i]) > 0) {
				begin(m, m->conn[i]);
				more = true;
			}
		}
	}
}

static void
work(struct http_multi *m)
{
	for (int i = m->n_conns - 1; i >= 0; i--) {
		multi_conn_work(m->conn[i]);
		if (multi_conn_room(m->conn[i]) < 0)
			drop(m, i);
	}
}

void
http_multi_post(struct http_multi *m, struct arena *a, const char *const *headers,
    const struct http_multi_request *requests, int n, struct http_multi_answer *answers)
{
	struct batch *b = arena_alloc(a, sizeof *b);
	bool refused = false;
	struct err e = { 0 };

	*b = (struct batch){ .arena = a, .requests = requests, .answers = answers, .n = n };
	b->waiting = arena_array(a, (size_t)n, sizeof *b->waiting);
	b->tries = arena_array(a, (size_t)n, 1);
	for (int i = n - 1; i >= 0; i--) {
		answers[i] = (struct http_multi_answer){ 0 };
		b->waiting[b->n_waiting++] = i;
	}
	make_fields(m, b, headers);
	m->batch = b;
	for (int i = m->n_conns - 1; i >= 0; i--) {
		if (!multi_conn_alive(m->conn[i]))
			drop(m, i);
	}
	while (b->ended < n) {
		if (!connect_some(m, &refused, &e)) {
			while (b->n_waiting > 0)
				end_request(b, b->waiting[--b->n_waiting], e.text);
			continue;
		}
		begin_some(m);
		work(m);
		if (b->ended < n && m->n_conns > 0)
			wait_for_some(m);
		work(m);
	}
	m->batch = NULL;
}
