#include "base/arena.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 16384 /* bytes; the first chunk of most requests is the only one */

struct chunk {
	struct chunk *next;
	size_t used, size;
	_Alignas(max_align_t) unsigned char data[];
};

struct deferred {
	struct deferred *next;
	void (*fn)(void *);
	void *p;
};

struct arena {
	struct chunk *chunks; /* newest first */
	struct deferred *deferred;
	size_t used, ceiling;
	bool guarded;
	jmp_buf guard;
};

/* Restarting is the supervisor's job; going on with half a request is not safe. */
static void *
need(void *p)
{
	if (p == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

struct arena *
arena_new(size_t ceiling)
{
	struct arena *a = need(calloc(1, sizeof *a));

	a->ceiling = ceiling;
	return a;
}

void
arena_limit(struct arena *a, size_t ceiling)
{
	a->ceiling = ceiling;
}

void
arena_free(struct arena *a)
{
	struct chunk *c, *next;

	if (a == NULL)
		return;
	while (a->deferred != NULL) {
		struct deferred *d = a->deferred;

		a->deferred = d->next;
		d->fn(d->p);
	}
	/* Passwords, codes and tokens passed through here. */
	for (c = a->chunks; c != NULL; c = next) {
		next = c->next;
		explicit_bzero(c->data, c->used);
		free(c);
	}
	free(a);
}

jmp_buf *
arena_guard(struct arena *a)
{
	a->guarded = true;
	return &a->guard;
}

void
arena_guard_keep(const struct arena *a, struct arena_outer *outer)
{
	*outer = (struct arena_outer){ .guarded = a->guarded };
	memcpy(&outer->guard, &a->guard, sizeof outer->guard);
}

void
arena_guard_put_back(struct arena *a, const struct arena_outer *outer)
{
	a->guarded = outer->guarded;
	memcpy(&a->guard, &outer->guard, sizeof a->guard);
}

void
arena_over(struct arena *a)
{
	if (a->guarded)
		longjmp(a->guard, 1);
	fputs("an arena passed its ceiling outside a request\n", stderr);
	abort();
}

void *
arena_alloc(struct arena *a, size_t size)
{
	const size_t align = _Alignof(max_align_t);
	struct chunk *c = a->chunks;
	size_t n;
	void *p;

	if (size > SIZE_MAX / 2)
		arena_over(a);
	n = (size + align - 1) / align * align;
	if (n == 0)
		n = align;
	if (a->ceiling != 0 && (a->used > a->ceiling || n > a->ceiling - a->used))
		arena_over(a);
	if (c == NULL || n > c->size - c->used) {
		size_t room = n > CHUNK ? n : CHUNK;

		c = need(malloc(sizeof *c + room));
		c->used = 0;
		c->size = room;
		c->next = a->chunks;
		a->chunks = c;
	}
	p = c->data + c->used;
	c->used += n;
	a->used += n;
	memset(p, 0, n);
	return p;
}

void *
arena_array(struct arena *a, size_t n, size_t size)
{
	if (size != 0 && n > SIZE_MAX / 2 / size)
		arena_over(a);
	return arena_alloc(a, n * size);
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	if (n > 0)
		memcpy(p, s, n);
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

struct bytes
arena_copy(struct arena *a, struct bytes b)
{
	return bytes_of(arena_strndup(a, (const char *)b.p, b.n), b.n);
}

char *
arena_vprintf(struct arena *a, const char *format, va_list ap)
{
	char most[256]; /* of most texts, which are so formatted once */
	va_list again;
	char *p;
	int n;

	assert(format != NULL); /* also tells the sanitizers' gcc so */
	va_copy(again, ap);
	n = vsnprintf(most, sizeof most, format, ap);
	if (n < 0)
		n = 0;
	p = arena_alloc(a, (size_t)n + 1);
	if ((size_t)n < sizeof most)
		memcpy(p, most, (size_t)n);
	else
		vsnprintf(p, (size_t)n + 1, format, again);
	va_end(again);
	explicit_bzero(most, (size_t)n < sizeof most ? (size_t)n : sizeof most);
	return p;
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;
	char *p;

	va_start(ap, format);
	p = arena_vprintf(a, format, ap);
	va_end(ap);
	return p;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *p)
{
	struct deferred *d = arena_alloc(a, sizeof *d);

	d->fn = fn;
	d->p = p;
	d->next = a->deferred;
	a->deferred = d;
}

size_t
arena_used(const struct arena *a)
{
	return a->used;
}
