#include "http/trace.h"

#include <string.h>

#include "crypto/hash.h"
#include "fmt/base64.h"
#include "http/server.h"

#define TRACE 32 /* digits */
#define SPAN 16
#define VERSION_00 55 /* characters: 2, 32, 16 and 2, and hyphens between them */

/* `n` lower-case digits; with `some`, not all of them 0. */
static bool
is_id(const char *s, size_t n, bool some)
{
	return strspn(s, "0123456789abcdef") >= n && (!some || strspn(s, "0") < n);
}

/* W3C Trace Context 3.2: of a later version the parts of this one are read, and what follows is left. */
static bool
is_good(const char *p)
{
	size_t n = p != NULL ? strlen(p) : 0;

	if (n < VERSION_00 || p[2] != '-' || p[3 + TRACE] != '-' || p[4 + TRACE + SPAN] != '-')
		return false;
	if (!is_id(p, 2, false) || strncmp(p, "ff", 2) == 0 || !is_id(p + 3, TRACE, true) ||
	    !is_id(p + 4 + TRACE, SPAN, true) || !is_id(p + 5 + TRACE + SPAN, 2, false))
		return false;
	return n == VERSION_00 || (strncmp(p, "00", 2) != 0 && p[VERSION_00] == '-');
}

static const char *
random_id(struct arena *a, size_t octets)
{
	uint8_t random[TRACE / 2];

	crypto_random(random, octets);
	return hex_encode(a, bytes_of(random, octets));
}

const char *
http_trace_from(struct arena *a, const char *parent)
{
	const char *span = random_id(a, SPAN / 2);

	if (!is_good(parent))
		return arena_printf(a, "00-%s-%s-00", random_id(a, TRACE / 2), span);
	return arena_printf(a, "00-%.*s-%s-%.2s", TRACE, parent + 3, span, parent + 5 + TRACE + SPAN);
}

const char *
http_trace(struct call *c)
{
	if (c->span == NULL)
		c->span = http_trace_from(c->arena, c->request != NULL ? http_header(c->request, "traceparent") : NULL);
	return c->span;
}

const char *
http_trace_id(struct call *c)
{
	return arena_strndup(c->arena, http_trace(c) + 3, TRACE);
}
