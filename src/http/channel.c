#include "http/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "http/mem.h"
#include "http/parse.h"

/* ---- frames ---- */

void
http_payload_free(char *payload, size_t n)
{
	if (payload != NULL)
		explicit_bzero(payload, n);
	free(payload);
}

void
http_frames_free(struct http_frames *f)
{
	http_payload_free(f->payload, f->got);
	f->payload = NULL;
	explicit_bzero(f->ahead, f->to);
	f->from = f->to = 0;
}

/* Octets to `to`, at most `n`. 0: none for now; -1: the end. */
static ssize_t
receive(struct http_frames *f, char *to, size_t n)
{
	ssize_t k;

	do
		k = recv(f->fd, to, n, f->blocks ? 0 : MSG_DONTWAIT);
	while (k < 0 && errno == EINTR);
	f->dry = k > 0 && (size_t)k < n;
	if (k > 0)
		return k;
	return k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? 0 : -1;
}

/* Of what was read ahead, as much as fits. */
static void
take_ahead(struct http_frames *f)
{
	size_t have = f->to - f->from, want = f->frame.n - f->got, n = have < want ? have : want;

	if (n == 0)
		return;
	memcpy(f->payload + f->got, f->ahead + f->from, n);
	explicit_bzero(f->ahead + f->from, n);
	f->from += n;
	f->got += n;
}

/* More of what is coming: a large payload straight to its place, all else ahead. */
static ssize_t
read_more(struct http_frames *f)
{
	ssize_t k;

	if (f->payload != NULL && f->frame.n - f->got >= sizeof f->ahead) {
		if ((k = receive(f, f->payload + f->got, f->frame.n - f->got)) > 0)
			f->got += (size_t)k;
		return k;
	}
	memmove(f->ahead, f->ahead + f->from, f->to - f->from);
	f->to -= f->from;
	f->from = 0;
	if ((k = receive(f, f->ahead + f->to, sizeof f->ahead - f->to)) > 0)
		f->to += (size_t)k;
	return k;
}

enum http_frames_state
http_frames_read(struct http_frames *f, struct http_frame *out, char **payload)
{
	ssize_t k;

	for (;;) {
		if (f->payload == NULL && f->to - f->from >= sizeof f->frame) {
			memcpy(&f->frame, f->ahead + f->from, sizeof f->frame);
			f->from += sizeof f->frame;
			if (f->frame.n > f->max)
				return HTTP_FRAMES_END;
			f->payload = http_need(malloc((size_t)f->frame.n + 1));
			f->got = 0;
		}
		if (f->payload != NULL) {
			take_ahead(f);
			if (f->got == f->frame.n) {
				*out = f->frame;
				*payload = f->payload;
				f->payload = NULL;
				return HTTP_FRAMES_NEXT;
			}
		}
		if (f->dry) {
			f->dry = false;
			return HTTP_FRAMES_WAIT;
		}
		if ((k = read_more(f)) <= 0)
			return k == 0 ? HTTP_FRAMES_WAIT : HTTP_FRAMES_END;
	}
}

/* ---- requests ---- */

#define TEXTS_MAX (HTTP_HEAD_MAX + 1024) /* a header block's, host and peer once more */

/* The payload's beginning; behind it are the texts, each with its NUL, the certificate and the body. */
struct fixed {
	int64_t complete_us, peer_uid;
	uint32_t text_n, certificate_n, body_n;
	uint16_t n_headers;
	uint8_t door;
	uint8_t has_query, secure, certificate_from_proxy;
};

static size_t
put_text(struct buf *b, const char *text)
{
	size_t n = strlen(text) + 1;

	buf_add(b, text, n);
	return n;
}

void
http_channel_put(struct buf *b, uint64_t id, const struct http_request *r, bool close, int64_t complete_us)
{
	struct http_frame frame = { .id = id, .flags = close ? HTTP_FRAME_CLOSE : 0 };
	struct fixed f;
	size_t at = b->n, text_n = 0;

	memset(&f, 0, sizeof f); /* with what lies between its members */
	f.complete_us = complete_us;
	f.peer_uid = r->peer_uid;
	f.certificate_n = (uint32_t)r->client_certificate.n;
	f.body_n = (uint32_t)r->body.n;
	f.n_headers = (uint16_t)r->n_headers;
	f.door = (uint8_t)r->door;
	f.has_query = r->query != NULL;
	f.secure = r->secure;
	f.certificate_from_proxy = r->certificate_from_proxy;
	buf_add(b, &frame, sizeof frame);
	buf_add(b, &f, sizeof f);
	text_n += put_text(b, r->method);
	text_n += put_text(b, r->path);
	text_n += put_text(b, r->host);
	text_n += put_text(b, r->peer);
	if (f.has_query)
		text_n += put_text(b, r->query);
	for (int i = 0; i < r->n_headers; i++) {
		text_n += put_text(b, r->headers[i].name);
		text_n += put_text(b, r->headers[i].value);
	}
	buf_add(b, r->client_certificate.p, r->client_certificate.n);
	buf_add(b, r->body.p, r->body.n);
	if (!buf_ok(b))
		return;
	/* What was only known at the end. */
	frame.n = (uint32_t)(b->n - at - sizeof frame);
	f.text_n = (uint32_t)text_n;
	memcpy(b->p + at, &frame, sizeof frame);
	memcpy(b->p + at + sizeof frame, &f, sizeof f);
}

struct texts {
	char *p, *end;
	bool bad;
};

static const char *
next_text(struct texts *t)
{
	char *text = t->p, *nul = t->p < t->end ? memchr(t->p, '\0', (size_t)(t->end - t->p)) : NULL;

	if (nul == NULL) {
		t->bad = true;
		return "";
	}
	t->p = nul + 1;
	t->bad = t->bad || !http_value_ok(text, nul);
	return text;
}

static void
get_headers(struct arena *a, struct texts *t, int n, struct http_request *r)
{
	struct http_header *h = arena_array(a, (size_t)n, sizeof *h);

	for (int i = 0; i < n && !t->bad; i++) {
		h[i].name = next_text(t);
		h[i].value = next_text(t);
		t->bad = t->bad || !http_name_ok(h[i].name);
	}
	r->headers = h;
	r->n_headers = n;
}

bool
http_channel_get(struct arena *a, char *payload, size_t n, struct http_request *r, int64_t *complete_us)
{
	struct texts t;
	struct fixed f;
	char *p;

	if (n < sizeof f)
		return false;
	memcpy(&f, payload, sizeof f);
	if (f.n_headers > HTTP_FIELDS_MAX || f.text_n > TEXTS_MAX || n > HTTP_CHANNEL_HEAD_MAX + (size_t)f.body_n ||
	    sizeof f + (uint64_t)f.text_n + f.certificate_n + f.body_n != n)
		return false;
	p = payload + sizeof f;
	t = (struct texts){ p, p + f.text_n, false };
	*r = (struct http_request){ .method = next_text(&t) };
	r->path = next_text(&t);
	r->host = next_text(&t);
	r->peer = next_text(&t);
	r->query = f.has_query ? next_text(&t) : NULL;
	get_headers(a, &t, f.n_headers, r);
	if (t.bad || t.p != t.end || r->path[0] != '/')
		return false;
	p += f.text_n;
	if (f.certificate_n > 0)
		r->client_certificate = bytes_of(p, f.certificate_n);
	if (f.body_n > 0)
		r->body = bytes_of(p + f.certificate_n, f.body_n);
	r->door = (enum http_door)f.door;
	r->secure = f.secure != 0;
	r->certificate_from_proxy = f.certificate_from_proxy != 0;
	r->peer_uid = f.peer_uid;
	*complete_us = f.complete_us;
	return true;
}
