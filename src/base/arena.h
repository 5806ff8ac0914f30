/* Memory that ends together: everything made while answering one request.
 *
 * arena_alloc never returns NULL. Out of memory ends the process (the supervisor restarts it); an
 * arena over its ceiling ends the call: arena_alloc longjmps to the frame that called ARENA_GUARD,
 * which answers RC_TOO_LARGE. Without a guard the process ends, so only tests and programs go without.
 * What a longjmp would leak (a library's tree, a handle) is registered with arena_defer. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

struct arena;

/* A new arena that may hold `ceiling` bytes in all (0: no ceiling). Never NULL. */
struct arena *arena_new(size_t ceiling);

/* Change the ceiling: a request's is known only after its header, which is in the arena already. */
void arena_limit(struct arena *a, size_t ceiling);

/* Run the deferred functions, last registered first, wipe and free. NULL is fine. */
void arena_free(struct arena *a);

/* `size` zeroed bytes, aligned for any type. Never NULL, also for size 0. */
void *arena_alloc(struct arena *a, size_t size);

/* `n` items of `size` bytes, zeroed; an overflowing product counts as over the ceiling. */
void *arena_array(struct arena *a, size_t n, size_t size);

/* Copies, always with a terminating NUL after the last byte. */
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
struct bytes arena_copy(struct arena *a, struct bytes b);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

/* Call fn(p) when the arena ends. For what an arena cannot own. */
void arena_defer(struct arena *a, void (*fn)(void *), void *p);

/* Bytes handed out so far. */
size_t arena_used(const struct arena *a);

/* Where a ceiling that is hit comes back to:
 *	if (ARENA_GUARD(a)) { ... over the ceiling; the arena is still there to be freed ... }
 * Only the outermost frame of a call does this. Locals changed after it must be volatile. */
jmp_buf *arena_guard(struct arena *a);
#define ARENA_GUARD(a) (setjmp(*arena_guard(a)) != 0)

/* For the one frame in between that must clean up first (a transaction): keep the outer guard, set
 * its own with ARENA_GUARD, put the outer one back, clean up, and pass the ceiling on. */
struct arena_outer {
	jmp_buf guard;
	bool guarded;
};
void arena_guard_keep(const struct arena *a, struct arena_outer *outer);
void arena_guard_put_back(struct arena *a, const struct arena_outer *outer);
_Noreturn void arena_over(struct arena *a); /* what arena_alloc does at the ceiling */

#endif
