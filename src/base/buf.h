/* A growable run of octets with a maximum set at birth, so that no peer can grow one without bound.
 *
 * The first error sticks: later additions do nothing, and buf_ok is asked once, at the end. Memory
 * comes from malloc; text is always terminated. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/bytes.h"

struct buf {
	char *p; /* never NULL, terminated */
	size_t n; /* octets, without the terminator */
	size_t size, max;
	bool over; /* an addition would have passed `max` */
};

void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b); /* wipes; b is as after buf_init */
void buf_reset(struct buf *b); /* empty, memory kept */

void buf_add(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

static inline bool
buf_ok(const struct buf *b)
{
	return !b->over;
}
static inline struct bytes
buf_bytes(const struct buf *b)
{
	return bytes_of(b->p, b->n);
}

/* The contents as terminated text in `a`; the buffer is freed. */
char *buf_finish(struct buf *b, struct arena *a);

#endif
