#include "http/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http/mem.h"

#define RETRY_AFTER "5" /* seconds; a device that polls comes back by itself */

/* What the server alone may say: a second one would split or misframe the reply. */
static const char *const own_fields[] = { "Content-Length", "Transfer-Encoding", "Connection", "Date" };

void
http_set(struct http_reply *out, const char *name, const char *value)
{
	assert(out->n_headers < (int)(sizeof out->headers / sizeof out->headers[0]));
	assert(name[0] != '\0' && strpbrk(name, "\r\n: \t") == NULL && strpbrk(value, "\r\n") == NULL);
	for (size_t i = 0; i < sizeof own_fields / sizeof own_fields[0]; i++)
		assert(strcasecmp(name, own_fields[i]) != 0);
	out->headers[out->n_headers++] = (struct http_header){ name, value };
}

void
http_answer(struct http_reply *out, int status, const char *type, struct bytes body)
{
	out->status = status;
	out->body = body;
	if (type != NULL)
		http_set(out, "Content-Type", type);
}

void
http_reply_fixed(struct http_reply *out, int status)
{
	*out = (struct http_reply){ 0 };
	http_answer(out, status, "text/plain; charset=utf-8", bytes_str(http_status_text(status)));
	if (status == 503)
		http_set(out, "Retry-After", RETRY_AFTER);
}

void
http_reply_refusal(struct http_reply *out, int status, const struct http_request *r, const char *problems)
{
	http_reply_fixed(out, status);
	if (problems == NULL || r->path == NULL || (r->door != HTTP_DOOR_UNIX && r->door != HTTP_DOOR_ADMIN) ||
	    strncmp(r->path, problems, strlen(problems)) != 0)
		return;
	out->headers[0].value = "application/problem+json"; /* the Content-Type */
	out->body = bytes_str(http_status_problem(status));
}

void
http_fail(struct http_reply *out, enum rc rc)
{
	bool close = out->close;

	http_reply_fixed(out, http_status(rc));
	out->close = close;
}

/* ---- octets ---- */

/* IMF-fixdate (RFC 9110 5.6.7); strftime would ask the locale. */
static int
put_date(char *p, size_t size, int64_t now)
{
	static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)now;
	struct tm tm;

	gmtime_r(&t, &tm);
	return snprintf(p, size, "Date: %.3s, %02d %.3s %d %02d:%02d:%02d GMT\r\n", days + 3 * tm.tm_wday, tm.tm_mday,
	    months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static char *
put(char *p, const char *s)
{
	size_t n = strlen(s);

	memcpy(p, s, n);
	return p + n;
}

/* RFC 9110 8.6: these have no content, and no Content-Length that could be misread */
static bool
bodiless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

char *
http_reply_render(const struct http_reply *r, bool head, bool close, int64_t now, size_t *n)
{
	int status = r->status >= 100 && r->status <= 599 ? r->status : 500;
	size_t size = 256 + r->body.n;
	char *out, *p;

	for (int i = 0; i < r->n_headers; i++)
		size += strlen(r->headers[i].name) + strlen(r->headers[i].value) + 4;
	out = p = http_need(malloc(size));
	p += snprintf(p, 64, "HTTP/1.1 %d %s\r\n", status, http_status_reason(status));
	p += put_date(p, 64, now);
	for (int i = 0; i < r->n_headers; i++) {
		p = put(p, r->headers[i].name);
		p = put(p, ": ");
		p = put(p, r->headers[i].value);
		p = put(p, "\r\n");
	}
	if (!bodiless(status))
		p += snprintf(p, 64, "Content-Length: %zu\r\n", r->body.n);
	if (close)
		p = put(p, "Connection: close\r\n");
	p = put(p, "\r\n");
	if (!head && !bodiless(status) && r->body.n > 0) {
		memcpy(p, r->body.p, r->body.n);
		p += r->body.n;
	}
	*n = (size_t)(p - out);
	return out;
}
