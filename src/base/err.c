#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum rc
fail(struct err *e, enum rc rc, const char *format, ...)
{
	va_list ap;

	if (e == NULL)
		return rc;
	e->rc = rc;
	va_start(ap, format);
	vsnprintf(e->text, sizeof e->text, format, ap);
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
	vsnprintf(where, sizeof where, format, ap);
	va_end(ap);
	memcpy(rest, e->text, sizeof rest);
	e->rc = rc;
	snprintf(e->text, sizeof e->text, "%.200s: %.300s", where, rest);
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
