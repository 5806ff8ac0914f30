#include "base/err.h"

#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What did not fit is cut at a character: sentences go to the store, which takes text alone. */
static void
print(char *to, size_t size, const char *format, va_list ap)
{
	int n = vsnprintf(to, size, format, ap);

	if (n < 0 || (size_t)n < size)
		return;
	to[size - 1] = '\0';
	for (size_t i = size - 1; i > 0 && size - i < 5; i--) {
		if (((unsigned char)to[i - 1] & 0xc0) == 0x80)
			continue; /* inside a character, or the end of one */
		if (((unsigned char)to[i - 1] & 0x80) != 0)
			to[i - 1] = '\0'; /* its beginning: all of it may not be there */
		break;
	}
}

enum rc
fail(struct err *e, enum rc rc, const char *format, ...)
{
	va_list ap;

	if (e == NULL)
		return rc;
	e->rc = rc;
	va_start(ap, format);
	print(e->text, sizeof e->text, format, ap);
	va_end(ap);
	return rc;
}

enum rc
fail_in(struct err *e, enum rc rc, const char *format, ...)
{
	char where[ERR_TEXT_MAX], rest[ERR_TEXT_MAX];
	va_list ap;

	if (e == NULL)
		return rc;
	va_start(ap, format);
	print(where, sizeof where, format, ap);
	va_end(ap);
	memcpy(rest, e->text, sizeof rest);
	e->rc = rc;
	snprintf(
	    e->text, sizeof e->text, "%.*s: %.*s", (int)bytes_fit(where, 200), where, (int)bytes_fit(rest, 300), rest);
	return rc;
}

const char *
rc_name(enum rc rc)
{
	static const char *const names[] = {
		[RC_OK] = "ok",
		[RC_BAD_INPUT] = "bad input",
		[RC_UNAUTHENTICATED] = "unauthenticated",
		[RC_FORBIDDEN] = "forbidden",
		[RC_NOT_FOUND] = "not found",
		[RC_CONFLICT] = "conflict",
		[RC_TOO_LARGE] = "too large",
		[RC_UNAVAILABLE] = "unavailable",
		[RC_INTERNAL] = "internal error",
	};

	return (unsigned)rc < sizeof names / sizeof names[0] ? names[rc] : "unknown";
}
