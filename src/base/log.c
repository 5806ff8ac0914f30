#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"

#define LINE_MAX_ 8192 /* bytes; a longer line is dropped at its last whole pair */

/* The one state outside main: set by it, also when settings are read again, and read by all threads. */
static _Atomic(enum log_level) least_level = LOG_INFO_;
static _Atomic(enum log_format) line_format = LOG_LOGFMT;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

void
log_setup(enum log_level least, enum log_format format)
{
	atomic_store(&least_level, least);
	atomic_store(&line_format, format);
}

void
log_current(enum log_level *least, enum log_format *format)
{
	*least = atomic_load(&least_level);
	*format = atomic_load(&line_format);
}

/* A value between quotes, so that no input can forge a second line or a second pair. */
static void
quoted(struct buf *b, const char *s)
{
	buf_char(b, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c == '\n')
			buf_str(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(b, "\\u%04x", c);
		else
			buf_char(b, (char)c);
	}
	buf_char(b, '"');
}

static void
pair(struct buf *b, enum log_format format, const char *key, const char *value)
{
	if (format == LOG_JSON) {
		buf_printf(b, ",\"%s\":", key);
		quoted(b, value);
	} else {
		buf_printf(b, " %s=", key);
		if (*value == '\0' || strpbrk(value, " \"=\\\n\r\t") != NULL)
			quoted(b, value);
		else
			buf_str(b, value);
	}
}

void
log_line(enum log_level level, const char *message, ...)
{
	enum log_format format = atomic_load(&line_format); /* one for the whole line */
	struct arena *a;
	struct buf b;
	const char *key, *value;
	va_list ap;
	ssize_t n;

	if (level < atomic_load(&least_level))
		return;
	a = arena_new(0);
	buf_init(&b, LINE_MAX_);
	if (format == LOG_JSON)
		buf_printf(&b, "{\"time\":\"%s\"", clock_rfc3339(a, clock_now()));
	else
		buf_printf(&b, "time=%s", clock_rfc3339(a, clock_now()));
	pair(&b, format, "level", level_names[level]);
	pair(&b, format, "msg", message);
	va_start(ap, message);
	while ((key = va_arg(ap, const char *)) != NULL) {
		if ((value = va_arg(ap, const char *)) != NULL)
			pair(&b, format, key, value);
	}
	va_end(ap);
	if (!buf_ok(&b)) { /* too long: keep what names it */
		buf_reset(&b);
		buf_printf(&b,
		    format == LOG_JSON ? "{\"level\":\"%s\",\"msg\":\"a log line over 8 kB was left out\""
				       : "level=%s msg=\"a log line over 8 kB was left out\"",
		    level_names[level]);
	}
	buf_str(&b, format == LOG_JSON ? "}\n" : "\n");
	n = write(STDERR_FILENO, b.p, b.n);
	(void)n; /* nowhere left to complain */
	buf_free(&b);
	arena_free(a);
}
