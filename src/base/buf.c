#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char none[1]; /* what an empty buffer points to; never written */

void
buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .p = none, .max = max };
}

void
buf_free(struct buf *b)
{
	size_t max = b->max;

	if (b->p != none) {
		explicit_bzero(b->p, b->size);
		free(b->p);
	}
	buf_init(b, max);
}

void
buf_reset(struct buf *b)
{
	b->n = 0;
	b->over = false;
	if (b->p != none)
		b->p[0] = '\0';
}

static bool
reserve(struct buf *b, size_t n)
{
	size_t want, size;
	char *p;

	if (b->over || n > b->max - b->n) {
		b->over = true;
		return false;
	}
	want = b->n + n + 1;
	if (want <= b->size)
		return true;
	size = b->size < 64 ? 64 : b->size;
	while (size < want)
		size *= 2;
	/* Not realloc: it would leave the old contents behind unwiped. */
	if ((p = malloc(size)) == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	memcpy(p, b->p, b->n + 1);
	if (b->p != none) {
		explicit_bzero(b->p, b->size);
		free(b->p);
	}
	b->p = p;
	b->size = size;
	return true;
}

void
buf_add(struct buf *b, const void *p, size_t n)
{
	if (n == 0 || !reserve(b, n))
		return;
	memcpy(b->p + b->n, p, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_char(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void
buf_vprintf(struct buf *b, const char *format, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, format, ap);
	if (n > 0 && reserve(b, (size_t)n)) {
		vsnprintf(b->p + b->n, (size_t)n + 1, format, again);
		b->n += (size_t)n;
	}
	va_end(again);
}

void
buf_printf(struct buf *b, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	buf_vprintf(b, format, ap);
	va_end(ap);
}

char *
buf_finish(struct buf *b, struct arena *a)
{
	char *p = arena_strndup(a, b->p, b->n);

	buf_free(b);
	return p;
}
