#include "http/multi.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "http/mem.h"

#define AT_ONCE 360 /* requests under way: memory for each, and what is in doubt when a connection breaks */
#define STREAMS 90 /* of a connection: most servers allow 100, and one more is refused */
#define CONNECT_MS 15000
#define WAIT_MS 1000

/* A handle that makes one request after another. */
struct slot {
	CURL *curl;
	struct buf body;
	struct http_multi_answer *answer;
	char error[CURL_ERROR_SIZE];
};

struct http_multi {
	CURLM *multi;
	struct slot slot[AT_ONCE];
	int opened; /* slots that have a handle */
	struct slot *idle[AT_ONCE];
	int n_idle;
	struct http_multi_settings set; /* strings copied */
};

static char *
copied(const char *s)
{
	return s != NULL ? http_need(strdup(s)) : NULL;
}

enum rc
http_multi_open(const struct http_multi_settings *s, struct http_multi **out, struct err *e)
{
	const char *const files[] = { s->ca_file, s->cert_file, s->key_file };
	struct http_multi *m;

	*out = NULL;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		if (files[i] != NULL && access(files[i], R_OK) != 0)
			return fail(e, RC_BAD_INPUT, "%s can't be read", files[i]);
	}
	m = http_need(calloc(1, sizeof *m));
	m->multi = http_need(curl_multi_init());
	m->set = *s;
	m->set.url = copied(s->url);
	m->set.ca_file = copied(s->ca_file);
	m->set.cert_file = copied(s->cert_file);
	m->set.key_file = copied(s->key_file);
	m->set.user_agent = copied(s->user_agent);
	curl_multi_setopt(m->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(m->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS);
	curl_multi_setopt(m->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)s->connections);
	curl_multi_setopt(m->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)s->connections);
	*out = m;
	return RC_OK;
}

void
http_multi_close(struct http_multi *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < m->opened; i++) {
		curl_easy_cleanup(m->slot[i].curl);
		buf_free(&m->slot[i].body);
	}
	curl_multi_cleanup(m->multi);
	free((void *)(uintptr_t)m->set.url);
	free((void *)(uintptr_t)m->set.ca_file);
	free((void *)(uintptr_t)m->set.cert_file);
	free((void *)(uintptr_t)m->set.key_file);
	free((void *)(uintptr_t)m->set.user_agent);
	free(m);
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct slot *s = arg;

	buf_add(&s->body, p, size * n);
	return buf_ok(&s->body) ? size * n : 0;
}

static struct slot *
slot_new(struct http_multi *m)
{
	struct slot *s = &m->slot[m->opened++];

	s->curl = http_need(curl_easy_init());
	buf_init(&s->body, HTTP_MULTI_BODY);
	curl_easy_setopt(s->curl, CURLOPT_PRIVATE, s);
	curl_easy_setopt(s->curl, CURLOPT_ERRORBUFFER, s->error);
	curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->curl, CURLOPT_PROXY, ""); /* a variable of the environment is not our setting */
	curl_easy_setopt(s->curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(s->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(s->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(s->curl, CURLOPT_PIPEWAIT, 1L); /* a stream of a connection rather than another one */
	curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(s->curl, CURLOPT_TIMEOUT_MS, (long)m->set.timeout_ms);
	curl_easy_setopt(s->curl, CURLOPT_USERAGENT, m->set.user_agent);
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, s);
	if (m->set.ca_file != NULL)
		curl_easy_setopt(s->curl, CURLOPT_CAINFO, m->set.ca_file);
	if (m->set.cert_file != NULL)
		curl_easy_setopt(s->curl, CURLOPT_SSLCERT, m->set.cert_file);
	if (m->set.key_file != NULL)
		curl_easy_setopt(s->curl, CURLOPT_SSLKEY, m->set.key_file);
	return s;
}

/* libcurl copies the URL and reads the body where it lies. */
static void
begin(struct http_multi *m, struct arena *a, struct curl_slist *headers, const struct http_multi_request *r,
    struct http_multi_answer *answer)
{
	struct slot *s = m->n_idle > 0 ? m->idle[--m->n_idle] : slot_new(m);

	*answer = (struct http_multi_answer){ 0 };
	s->answer = answer;
	s->error[0] = '\0';
	buf_reset(&s->body);
	curl_easy_setopt(s->curl, CURLOPT_URL, arena_printf(a, "%s%s", m->set.url, r->path));
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.n);
	curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, (const char *)r->body.p);
	curl_multi_add_handle(m->multi, s->curl);
}

static void
end(struct http_multi *m, struct arena *a, const CURLMsg *msg)
{
	struct slot *s = NULL;
	long status = 0;

	curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&s);
	if (msg->data.result == CURLE_OK) {
		curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
		s->answer->status = (int)status;
		s->answer->body = arena_copy(a, buf_bytes(&s->body));
	} else {
		s->answer->why = arena_strdup(a, s->error[0] != '\0' ? s->error : curl_easy_strerror(msg->data.result));
	}
	curl_multi_remove_handle(m->multi, s->curl);
	curl_easy_setopt(s->curl, CURLOPT_HTTPHEADER, NULL);
	m->idle[m->n_idle++] = s;
}

void
http_multi_post(struct http_multi *m, struct arena *a, const char *const *headers,
    const struct http_multi_request *requests, int n, struct http_multi_answer *answers)
{
	struct curl_slist *list = NULL;
	int begun = 0, ended = 0, running = 0, left;
	CURLMsg *msg;

	for (; headers != NULL && *headers != NULL; headers++)
		list = http_need(curl_slist_append(list, *headers));
	while (ended < n) {
		while (begun < n && begun - ended < AT_ONCE) {
			begin(m, a, list, &requests[begun], &answers[begun]);
			begun++;
		}
		curl_multi_perform(m->multi, &running);
		while ((msg = curl_multi_info_read(m->multi, &left)) != NULL) {
			if (msg->msg == CURLMSG_DONE) {
				end(m, a, msg);
				ended++;
			}
		}
		if (ended < n && !(begun < n && begun - ended < AT_ONCE))
			curl_multi_poll(m->multi, NULL, 0, WAIT_MS, NULL);
	}
	curl_slist_free_all(list);
}
