#include "fleet/answer.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define CHUNK_MAX FLEET_ANSWER_MAX

struct head {
	int64_t length; /* -1: not said */
	bool chunked;
	size_t n; /* octets, with the empty line */
};

static bool
is(struct bytes name, const char *what)
{
	return name.n == strlen(what) && strncasecmp((const char *)name.p, what, name.n) == 0;
}

static struct bytes
trimmed(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return bytes_of(p, (size_t)(end - p));
}

/* -1: not a number, or past 2^31. */
static int64_t
number(struct bytes b)
{
	int64_t n = 0;

	if (b.n == 0 || b.n > 9)
		return -1;
	for (size_t i = 0; i < b.n; i++) {
		if (!isdigit(b.p[i]))
			return -1;
		n = n * 10 + (b.p[i] - '0');
	}
	return n;
}

static bool
read_field(const char *p, const char *end, struct head *h, struct fleet_answer *out)
{
	const char *colon = memchr(p, ':', (size_t)(end - p));
	struct bytes name, value;

	if (colon == NULL)
		return false;
	name = bytes_of(p, (size_t)(colon - p));
	value = trimmed(colon + 1, end);
	if (is(name, "Content-Length"))
		return (h->length = number(value)) >= 0;
	if (is(name, "Transfer-Encoding"))
		h->chunked = is(value, "chunked");
	else if (is(name, "Connection"))
		out->close = out->close || is(value, "close");
	else if (is(name, "Retry-After"))
		out->retry_after_s = (int)number(value);
	else if (is(name, "WWW-Authenticate"))
		out->challenge = value;
	return true;
}

static enum fleet_reading
read_head(const char *p, size_t n, struct head *h, struct fleet_answer *out)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4), *line, *next;

	if (end == NULL)
		return n > FLEET_ANSWER_MAX / 4 ? FLEET_ANSWER_BAD : FLEET_ANSWER_MORE;
	if (n < 12 || memcmp(p, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)p[9]) || !isdigit((unsigned char)p[10]) ||
	    !isdigit((unsigned char)p[11]))
		return FLEET_ANSWER_BAD;
	*h = (struct head){ .length = -1, .n = (size_t)(end - p) + 4 };
	*out = (struct fleet_answer){ .retry_after_s = -1, .close = p[7] == '0' };
	out->status = (p[9] - '0') * 100 + (p[10] - '0') * 10 + (p[11] - '0');
	end += 2;
	for (line = memchr(p, '\n', (size_t)(end - p)); line != NULL && ++line < end; line = next) {
		next = memchr(line, '\n', (size_t)(end - line));
		if (next == NULL || !read_field(line, next, h, out))
			return FLEET_ANSWER_BAD;
	}
	return FLEET_ANSWER_DONE;
}

/* The size of the chunk at *at, which goes behind its line. -1: more is needed; -2: malformed. */
static int64_t
chunk_size(const char *p, size_t n, size_t *at)
{
	const char *end = memmem(p + *at, n - *at, "\r\n", 2);
	int64_t size = 0;
	size_t i = *at;

	if (end == NULL)
		return n - *at > 1024 ? -2 : -1;
	for (; isxdigit((unsigned char)p[i]) && size <= CHUNK_MAX; i++)
		size = size * 16 + (isdigit((unsigned char)p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
	if (i == *at || size > CHUNK_MAX || (p[i] != '\r' && p[i] != ';'))
		return -2;
	*at = (size_t)(end - p) + 2;
	return size;
}

/* Walks the chunks; with `join` it moves them together behind the head. */
static enum fleet_reading
read_chunks(char *p, size_t n, const struct head *h, bool join, struct fleet_answer *out)
{
	size_t at = h->n, to = h->n;
	int64_t size;

	while ((size = chunk_size(p, n, &at)) > 0) {
		if (n - at < (size_t)size + 2)
			return FLEET_ANSWER_MORE;
		if (memcmp(p + at + size, "\r\n", 2) != 0)
			return FLEET_ANSWER_BAD;
		if (join)
			memmove(p + to, p + at, (size_t)size);
		to += (size_t)size;
		at += (size_t)size + 2;
	}
	if (size < 0)
		return size == -1 ? FLEET_ANSWER_MORE : FLEET_ANSWER_BAD;
	if (n - at < 2)
		return FLEET_ANSWER_MORE;
	if (memcmp(p + at, "\r\n", 2) != 0)
		return FLEET_ANSWER_BAD; /* trailers: nobody here sends them */
	out->body = bytes_of(p + h->n, to - h->n);
	out->n = at + 2;
	return FLEET_ANSWER_DONE;
}

enum fleet_reading
fleet_answer_read(char *p, size_t n, bool ended, struct fleet_answer *out)
{
	struct head h;
	enum fleet_reading r;

	if ((r = read_head(p, n, &h, out)) != FLEET_ANSWER_DONE)
		return r;
	if (out->status == 204 || out->status == 304 || out->status < 200)
		h.length = 0;
	if (h.chunked) {
		r = read_chunks(p, n, &h, false, out);
		return r == FLEET_ANSWER_DONE ? read_chunks(p, n, &h, true, out) : r;
	}
	if (h.length < 0 && !ended)
		return n > FLEET_ANSWER_MAX ? FLEET_ANSWER_BAD : FLEET_ANSWER_MORE;
	if (h.length < 0) {
		h.length = (int64_t)(n - h.n);
		out->close = true;
	}
	if (h.length > FLEET_ANSWER_MAX)
		return FLEET_ANSWER_BAD;
	if (n - h.n < (size_t)h.length)
		return FLEET_ANSWER_MORE;
	out->body = bytes_of(p + h.n, (size_t)h.length);
	out->n = h.n + (size_t)h.length;
	return FLEET_ANSWER_DONE;
}

/* ---- documents ---- */

/* Behind the first `open` at or after `from`, up to the next `until`. */
static struct bytes
between(struct bytes in, const char *open, const char *until)
{
	const uint8_t *p, *end;

	/* Absent where the answer had none: memmem must not be given it. */
	if (in.p == NULL || (p = memmem(in.p, in.n, open, strlen(open))) == NULL)
		return bytes_of(NULL, 0);
	p += strlen(open);
	end = memmem(p, (size_t)(in.p + in.n - p), until, strlen(until));
	return end != NULL ? bytes_of(p, (size_t)(end - p)) : bytes_of(NULL, 0);
}

struct bytes
fleet_answer_plist_text(struct bytes document, const char *key)
{
	char open[64];
	size_t n = strlen(key);
	const uint8_t *p;

	if (document.p == NULL || n > sizeof open - 12)
		return bytes_of(NULL, 0);
	memcpy(open, "<key>", 5);
	memcpy(open + 5, key, n);
	memcpy(open + 5 + n, "</key>", 7);
	if ((p = memmem(document.p, document.n, open, n + 11)) == NULL)
		return bytes_of(NULL, 0);
	p += n + 11;
	while (p < document.p + document.n && isspace(*p))
		p++;
	document = bytes_of(p, (size_t)(document.p + document.n - p));
	if (document.n < 8 || memcmp(document.p, "<string>", 8) != 0)
		return bytes_of(NULL, 0);
	return between(document, "<string>", "</string>");
}

struct bytes
fleet_answer_json_text(struct bytes document, const char *key)
{
	const uint8_t *p = document.p, *end;
	size_t n = strlen(key);

	if (p == NULL)
		return bytes_of(NULL, 0);
	end = p + document.n;
	while ((p = memmem(p, (size_t)(end - p), key, n)) != NULL) {
		const uint8_t *q = p + n;

		if (p > document.p && p[-1] == '"' && q < end && *q == '"') {
			for (q++; q < end && (isspace(*q) || *q == ':'); q++)
				;
			if (q < end && *q == '"')
				return between(bytes_of(q, (size_t)(end - q)), "\"", "\"");
		}
		p += n;
	}
	return bytes_of(NULL, 0);
}

struct bytes
fleet_answer_parameter(struct bytes challenge, const char *name)
{
	char open[64];
	size_t n = strlen(name);

	if (n > sizeof open - 3)
		return bytes_of(NULL, 0);
	memcpy(open, name, n);
	memcpy(open + n, "=\"", 3);
	return between(challenge, open, "\"");
}
