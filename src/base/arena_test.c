/* Memory of a request: its ceiling, what ends with it. */
#include "base/arena.h"

#include "base/buf.h"
#include "base/tap.h"

static int order[4], ended;

static void
note(void *p)
{
	order[ended++] = *(int *)p;
}

static void
ceiling(void)
{
	struct arena *a = arena_new(100000);
	volatile int allocations = 0;

	if (ARENA_GUARD(a)) {
		ok(allocations > 10 && allocations < 110, "a call over its ceiling comes back to its guard (%d kB)",
		    allocations);
		ok(arena_used(a) <= 100000, "and no octet more was handed out");
		arena_free(a);
		return;
	}
	for (;;) {
		memset(arena_alloc(a, 1000), 0xff, 1000);
		allocations++;
	}
}

static void
overflow(void)
{
	struct arena *a = arena_new(1000);

	if (ARENA_GUARD(a)) {
		ok(1, "a product that overflows counts as over the ceiling");
		arena_free(a);
		return;
	}
	arena_array(a, SIZE_MAX / 4, 8);
	ok(0, "a product that overflows counts as over the ceiling");
}

static void
buffers(void)
{
	struct arena *a = arena_new(0);
	struct buf b;

	buf_init(&b, 10);
	is_str(b.p, "", "a buffer is terminated before anything is in it");
	buf_str(&b, "0123456789");
	ok(buf_ok(&b) && b.n == 10, "it takes its maximum");
	buf_char(&b, 'x');
	buf_str(&b, "more");
	ok(!buf_ok(&b) && b.n == 10, "and not an octet more: the error sticks");
	buf_reset(&b);
	buf_printf(&b, "%d-%s", 7, "x");
	ok(buf_ok(&b), "a reset buffer starts again");
	is_str(buf_finish(&b, a), "7-x", "its text goes to an arena");
	is_str(b.p, "", "which empties it");
	arena_free(a);
}

int
main(void)
{
	struct arena *a = arena_new(0);
	int one = 1, two = 2;
	char *p = arena_alloc(a, 0), *big;

	ok(p != NULL, "nothing is something, too");
	big = arena_alloc(a, 1000000);
	ok(big[0] == 0 && big[999999] == 0, "memory is zeroed, also beyond a chunk");
	is_str(arena_printf(a, "%s/%d", "x", 5), "x/5", "text is printed into it");
	is_str(arena_strndup(a, "abcdef", 3), "abc", "a copy is terminated");
	arena_defer(a, note, &one);
	arena_defer(a, note, &two);
	arena_free(a);
	ok(ended == 2 && order[0] == 2 && order[1] == 1, "what was registered last ends first");
	arena_free(NULL);
	ceiling();
	overflow();
	buffers();
	return done();
}
