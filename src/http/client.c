#include "http/client.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "http/mem.h"
#include "http/public.h"
#include "http/tls_strict.h"

#define TIMEOUT_MS 90000 /* what Apple's client waits (protocol 2.2) */
#define CONNECT_MS 15000
#define BODY_MAX (4 * 1024 * 1024)
#define HEADERS_MAX 128
#define HEADER_BYTES 65536 /* of one answer */
#define REDIRECTS 10

struct http_client {
	CURL *curl;
	struct curl_slist *connect_to;
	char *trusted; /* PEM: the system's certificates and ca_file's, or NULL for the system's alone */
	size_t n_trusted;
	bool https_only;
	const char *fault; /* of TLS, as strict_tls has it; NULL: none */
	bool closed; /* public_only refused an address */
	char error[CURL_ERROR_SIZE];
};

/* ---- opening ---- */

static bool
add_file(struct buf *b, const char *path)
{
	char block[8192];
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return false;
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(b, block, n);
	fclose(f);
	buf_char(b, '\n');
	return true;
}

/* libcurl takes one bundle instead of the system's; "beside" means both in one. */
static enum rc
trust(struct http_client *h, const char *ca_file, struct bytes ca, struct err *e)
{
	/* OpenSSL's own name for another pool; reading the system's takes longer than a handshake. */
	const char *pool = getenv("SSL_CERT_FILE");
	struct curl_blob blob = { .flags = CURL_BLOB_NOCOPY };
	struct buf b;

	if (ca_file == NULL && ca.p == NULL)
		return RC_OK;
	buf_init(&b, 16 * 1024 * 1024);
	buf_add(&b, ca.p, ca.n);
	buf_char(&b, '\n');
	if (ca_file != NULL && !add_file(&b, ca_file)) {
		buf_free(&b);
		return fail(e, RC_BAD_INPUT, "CA file %s can't be read", ca_file);
	}
	/* A system without a pool trusts these alone. */
	add_file(&b, pool != NULL ? pool : "/etc/ssl/certs/ca-certificates.crt");
	h->trusted = http_need(malloc(b.n + 1));
	memcpy(h->trusted, b.p, b.n + 1);
	h->n_trusted = b.n;
	buf_free(&b);
	blob.data = h->trusted;
	blob.len = h->n_trusted;
	curl_easy_setopt(h->curl, CURLOPT_CAINFO_BLOB, &blob);
	return RC_OK;
}

static CURLcode
on_context(CURL *curl, void *context, void *h)
{
	(void)curl;
	(void)h;
	http_tls_strict_offer(context);
	return CURLE_OK;
}

/* After the handshake, before a word of HTTP. */
static int
before_request(void *arg, char *address, char *own, int port, int own_port)
{
	struct http_client *h = arg;
	struct curl_tlssessioninfo *tls = NULL;

	(void)address;
	(void)own;
	(void)port;
	(void)own_port;
	h->fault = NULL;
	if (curl_easy_getinfo(h->curl, CURLINFO_TLS_SSL_PTR, &tls) == CURLE_OK && tls != NULL && tls->internals != NULL)
		h->fault = http_tls_strict_fault(tls->internals);
	return h->fault == NULL ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* At the address that is about to be connected to: what a name resolved to a moment ago proves nothing. */
static curl_socket_t
open_public(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_client *h = arg;

	(void)purpose;
	if (http_is_public(&address->addr))
		return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	h->closed = true;
	return CURL_SOCKET_BAD;
}

static void
be_strict(struct http_client *h)
{
	curl_easy_setopt(h->curl, CURLOPT_SSL_CTX_FUNCTION, on_context);
	curl_easy_setopt(h->curl, CURLOPT_PREREQFUNCTION, before_request);
	curl_easy_setopt(h->curl, CURLOPT_PREREQDATA, h);
}

enum rc
http_client_open(const struct http_client_settings *s, struct http_client **out, struct err *e)
{
	struct http_client *h = http_need(calloc(1, sizeof *h));
	enum rc rc;

	*out = NULL;
	if ((h->curl = curl_easy_init()) == NULL) {
		free(h);
		return fail(e, RC_INTERNAL, "libcurl can't be initialized");
	}
	for (int i = 0; s->connect_to != NULL && s->connect_to[i] != NULL; i++)
		h->connect_to = http_need(curl_slist_append(h->connect_to, s->connect_to[i]));
	h->https_only = s->https_only;
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, s->https_only ? "https" : "http,https");
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)(s->timeout_ms > 0 ? s->timeout_ms : TIMEOUT_MS));
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(h->curl, CURLOPT_CONNECT_TO, h->connect_to);
	curl_easy_setopt(h->curl, CURLOPT_PROXY, ""); /* a variable of the environment is not our setting */
	if (s->public_only) {
		curl_easy_setopt(h->curl, CURLOPT_OPENSOCKETFUNCTION, open_public);
		curl_easy_setopt(h->curl, CURLOPT_OPENSOCKETDATA, h);
	}
	if (s->user_agent != NULL)
		curl_easy_setopt(h->curl, CURLOPT_USERAGENT, s->user_agent);
	if (s->unix_socket != NULL)
		curl_easy_setopt(h->curl, CURLOPT_UNIX_SOCKET_PATH, s->unix_socket);
	if (s->cert_file != NULL)
		curl_easy_setopt(h->curl, CURLOPT_SSLCERT, s->cert_file);
	if (s->key_file != NULL)
		curl_easy_setopt(h->curl, CURLOPT_SSLKEY, s->key_file);
	if (s->strict_tls)
		be_strict(h);
	if (s->cookies)
		curl_easy_setopt(h->curl, CURLOPT_COOKIEFILE, "");
	if ((rc = trust(h, s->ca_file, s->ca, e)) != RC_OK) {
		http_client_close(h);
		return rc;
	}
	*out = h;
	return RC_OK;
}

void
http_client_close(struct http_client *h)
{
	if (h == NULL)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->connect_to);
	free(h->trusted);
	free(h);
}

/* ---- one exchange ---- */

struct receiving {
	struct buf body, head; /* of the last answer */
};

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct receiving *r = arg;

	buf_add(&r->body, p, size * n);
	return buf_ok(&r->body) ? size * n : 0;
}

/* Lines come whole; a status line begins another answer (100, or one that is followed). */
static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct receiving *r = arg;

	if (size * n >= 5 && memcmp(p, "HTTP/", 5) == 0) {
		buf_reset(&r->head);
		buf_reset(&r->body);
	}
	buf_add(&r->head, p, size * n);
	return buf_ok(&r->head) ? size * n : 0;
}

static void
split_headers(struct arena *a, const struct buf *head, struct http_client_answer *out)
{
	const char **names = arena_array(a, HEADERS_MAX + 1, sizeof *names);
	const char **values = arena_array(a, HEADERS_MAX + 1, sizeof *values);
	char *line = arena_strndup(a, head->p, head->n), *end;

	for (; (end = strchr(line, '\n')) != NULL && out->n_headers < HEADERS_MAX; line = end + 1) {
		char *colon = memchr(line, ':', (size_t)(end - line)), *value, *last = end;

		*end = '\0';
		if (colon == NULL || strncmp(line, "HTTP/", 5) == 0)
			continue;
		*colon = '\0';
		for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
			continue;
		while (last > value && strchr(" \t\r", last[-1]) != NULL)
			*--last = '\0';
		names[out->n_headers] = line;
		values[out->n_headers++] = value;
	}
	out->header_names = names;
	out->header_values = values;
}

const char *
http_client_header(const struct http_client_answer *r, const char *name)
{
	for (int i = 0; i < r->n_headers; i++) {
		if (strcasecmp(r->header_names[i], name) == 0)
			return r->header_values[i];
	}
	return NULL;
}

static const char *
media_type(struct arena *a, const char *value)
{
	size_t n;
	char *type;

	if (value == NULL)
		return NULL;
	n = strcspn(value, "; \t");
	type = arena_strndup(a, value, n);
	for (size_t i = 0; i < n; i++) {
		if (type[i] >= 'A' && type[i] <= 'Z')
			type[i] = (char)(type[i] - 'A' + 'a');
	}
	return type;
}

/* Where a 3xx points. Another scheme's URL (Apple's callback) is taken as it stands, since libcurl need
 * not know it. */
static const char *
redirect(struct http_client *h, struct arena *a, const char *location)
{
	const char *text = NULL;
	size_t n;

	if (location == NULL)
		return NULL;
	n = strcspn(location, ":/?#");
	if (n > 0 && location[n] == ':')
		return location;
	if (curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &text) != CURLE_OK || text == NULL)
		return NULL;
	return arena_strdup(a, text);
}

/* How much of a URL an error may show: queries carry codes and identifiers. */
static int
named(const char *url)
{
	return (int)strcspn(url, "?#");
}

/* What a curl code means for the caller, in words for a person. */
static enum rc
explain(struct http_client *h, CURLcode code, const char *url, struct err *e)
{
	/* clang-format off */
	static const struct {
		CURLcode code;
		enum rc rc;
		const char *sentence;
	} known[] = {
		{ CURLE_URL_MALFORMAT,           RC_BAD_INPUT,   "the URL is not usable" },
		{ CURLE_UNSUPPORTED_PROTOCOL,    RC_BAD_INPUT,   "the URL's scheme is not allowed here" },
		{ CURLE_COULDNT_RESOLVE_HOST,    RC_UNAVAILABLE, "the host name has no address" },
		{ CURLE_COULDNT_CONNECT,         RC_UNAVAILABLE, "nobody accepts connections there" },
		{ CURLE_OPERATION_TIMEDOUT,      RC_UNAVAILABLE, "no answer in time" },
		{ CURLE_PEER_FAILED_VERIFICATION,RC_UNAVAILABLE, "the server's certificate is not trusted or not its own" },
		{ CURLE_SSL_CONNECT_ERROR,       RC_UNAVAILABLE, "TLS failed" },
		{ CURLE_SSL_CERTPROBLEM,         RC_UNAVAILABLE, "the client certificate or its key is not usable" },
		{ CURLE_GOT_NOTHING,             RC_UNAVAILABLE, "the connection was closed without an answer" },
		{ CURLE_TOO_MANY_REDIRECTS,      RC_UNAVAILABLE, "more than 10 redirects" },
	};
	/* clang-format on */

	if (code == CURLE_ABORTED_BY_CALLBACK && h->fault != NULL)
		return fail(e, RC_UNAVAILABLE, "%.*s: %s, so nothing was asked", named(url), url, h->fault);
	if (h->closed)
		return fail(e, RC_UNAVAILABLE, "%.*s: its address is not a public one", named(url), url);
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		if (known[i].code == code)
			return fail(e, known[i].rc, "%.*s: %s%s%s", named(url), url, known[i].sentence,
			    h->error[0] ? ": " : "", h->error);
	}
	return fail(e, RC_UNAVAILABLE, "%.*s: %s", named(url), url, h->error[0] ? h->error : curl_easy_strerror(code));
}

/* libcurl leaves SIGPIPE to us with CURLOPT_NOSIGNAL, and TLS may raise it: it is held back for this thread,
 * and taken off before others may see it. */
static CURLcode
perform(CURL *curl)
{
	sigset_t pipe, before, pending;
	bool was;
	CURLcode code;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	was = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	code = curl_easy_perform(curl);
	sigpending(&pending);
	if (!was && sigismember(&pending, SIGPIPE) == 1)
		sigtimedwait(&pipe, NULL, &(struct timespec){ 0 });
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return code;
}

static bool
is_http(const char *url, bool https_only)
{
	return strncasecmp(url, "https://", 8) == 0 || (!https_only && strncasecmp(url, "http://", 7) == 0);
}

static bool
given(const char *const *headers, const char *name)
{
	size_t n = strlen(name);

	for (; headers != NULL && *headers != NULL; headers++) {
		if (strncasecmp(*headers, name, n) == 0 && (*headers)[n] == ':')
			return true;
	}
	return false;
}

/* One request without following. */
static enum rc
exchange(struct http_client *h, struct arena *a, const struct http_client_request *r, const char *url,
    struct http_client_answer *out, struct err *e)
{
	struct receiving in;
	struct curl_slist *headers = NULL;
	struct bytes body = r->body;
	long status = 0, connects = 0;
	CURLcode code;
	enum rc rc = RC_OK;

	*out = (struct http_client_answer){ 0 };
	h->error[0] = '\0';
	h->closed = false;
	buf_init(&in.body, r->max_body > 0 ? r->max_body : BODY_MAX);
	buf_init(&in.head, HEADER_BYTES);
	if (body.p == NULL && (strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0))
		body = bytes_str(""); /* RFC 9110 8.6: these say that their content is empty */
	/* libcurl's own ideas: no waiting for 100, and no media type that the caller did not give. */
	headers = http_need(curl_slist_append(headers, "Expect:"));
	if (!given(r->headers, "Content-Type"))
		headers = http_need(curl_slist_append(headers, "Content-Type:"));
	for (int i = 0; r->headers != NULL && r->headers[i] != NULL; i++)
		headers = http_need(curl_slist_append(headers, r->headers[i]));
	if (r->traceparent != NULL)
		headers = http_need(curl_slist_append(headers, arena_printf(a, "traceparent: %s", r->traceparent)));

	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &in);
	curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, &in);
	curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(h->curl, CURLOPT_HTTPGET, 1L);
	if (body.p != NULL) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, (const char *)body.p);
	}
	curl_easy_setopt(h->curl, CURLOPT_NOBODY, strcmp(r->method, "HEAD") == 0 ? 1L : 0L);
	curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, strcmp(r->method, "HEAD") == 0 ? NULL : r->method);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	code = perform(h->curl);
	curl_slist_free_all(headers);
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);

	if (!buf_ok(&in.body)) {
		rc = fail(e, RC_TOO_LARGE, "%.*s: the answer is over %zu bytes", named(url), url, in.body.max);
	} else if (!buf_ok(&in.head)) {
		rc = fail(e, RC_TOO_LARGE, "%.*s: the answer's header is over %d bytes", named(url), url, HEADER_BYTES);
	} else if (code != CURLE_OK) {
		rc = explain(h, code, url, e);
		out->no_tls = code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ||
			      code == CURLE_ABORTED_BY_CALLBACK;
	} else {
		curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(h->curl, CURLINFO_NUM_CONNECTS, &connects);
		out->status = (int)status;
		out->connects = (int)connects;
		out->url = arena_strdup(a, url);
		split_headers(a, &in.head, out);
		out->type = media_type(a, http_client_header(out, "Content-Type"));
		if (status / 100 == 3)
			out->location = redirect(h, a, http_client_header(out, "Location"));
		out->body = arena_copy(a, buf_bytes(&in.body));
	}
	buf_free(&in.body);
	buf_free(&in.head);
	return rc;
}

enum rc
http_client_send(struct http_client *h, struct arena *a, const struct http_client_request *r,
    struct http_client_answer *out, struct err *e)
{
	const char *url = r->url;
	enum rc rc;

	if (!is_http(url, h->https_only))
		return fail(
		    e, RC_BAD_INPUT, "%.*s: not an %s URL", named(url), url, h->https_only ? "https" : "http or https");
	for (int i = 0;; i++) {
		if ((rc = exchange(h, a, r, url, out, e)) != RC_OK)
			return rc;
		if (!r->follow || strcmp(r->method, "GET") != 0 || out->location == NULL ||
		    !is_http(out->location, h->https_only))
			return RC_OK;
		if (i == REDIRECTS)
			return fail(
			    e, RC_UNAVAILABLE, "%.*s: more than %d redirects", named(r->url), r->url, REDIRECTS);
		url = out->location;
	}
}
