/* glibc's checked longjmp takes a jump to another stack for an accident. */
#undef _FORTIFY_SOURCE

#include "base/fiber.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* A sanitizer has to be told of each switch, or it takes one stack for another. clang says otherwise than gcc that there
 * is one. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#define STACK (512 * 1024) /* octets of address space; memory are the pages that were touched */

/* A stack is begun by setcontext, which also sets the signal mask by a system call; from then on setjmp and
 * longjmp do without. */
struct fiber {
	jmp_buf own, back; /* where it left off; who entered it */
	ucontext_t first;
	bool begun;
	char *stack; /* the lowest page is a guard */
	void (*fn)(void *arg);
	void *arg;
	/* of the sanitizers */
	const void *back_stack;
	size_t back_size;
	void *own_keep, *back_keep, *own_watch, *back_watch;
};

/* ---- sanitizers ---- */

static void
watch_new(struct fiber *f)
{
#ifdef __SANITIZE_THREAD__
	f->own_watch = __tsan_create_fiber(0);
#endif
	(void)f;
}

static void
watch_free(struct fiber *f)
{
#ifdef __SANITIZE_THREAD__
	__tsan_destroy_fiber(f->own_watch);
#endif
	(void)f;
}

/* A switch is next: inline, since TSan counts a function that is left on the stack it is left on, ... */
__attribute__((always_inline)) static inline void
entering(struct fiber *f)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&f->back_keep, f->first.uc_stack.ss_sp, f->first.uc_stack.ss_size);
#endif
#ifdef __SANITIZE_THREAD__
	f->back_watch = __tsan_get_current_fiber();
	__tsan_switch_to_fiber(f->own_watch, 0);
#endif
	(void)f;
}

__attribute__((always_inline)) static inline void
leaving(struct fiber *f)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&f->own_keep, f->back_stack, f->back_size);
#endif
#ifdef __SANITIZE_THREAD__
	__tsan_switch_to_fiber(f->back_watch, 0);
#endif
	(void)f;
}

/* ... and what follows it. */
static void
entered(struct fiber *f)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(f->own_keep, &f->back_stack, &f->back_size);
#endif
	(void)f;
}

static void
left(struct fiber *f)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(f->back_keep, NULL, NULL);
#endif
	(void)f;
}

/* ---- stacks ---- */

/* makecontext hands on ints only. */
static void
begin(unsigned high, unsigned low)
{
	struct fiber *f = (struct fiber *)(uintptr_t)((uint64_t)high << 32 | low);

	entered(f);
	f->fn(f->arg);
	abort(); /* there is nothing to return to */
}

static bool
prepare(struct fiber *f)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t self = (uintptr_t)f;

	f->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (f->stack == MAP_FAILED)
		return false;
	if (mprotect(f->stack, page, PROT_NONE) != 0 || getcontext(&f->first) != 0) {
		munmap(f->stack, STACK);
		return false;
	}
	f->first.uc_stack.ss_sp = f->stack + page;
	f->first.uc_stack.ss_size = STACK - page;
	f->first.uc_link = NULL;
	makecontext(&f->first, (void (*)(void))begin, 2, (unsigned)(self >> 32), (unsigned)self);
	return true;
}

struct fiber *
fiber_new(void (*fn)(void *arg), void *arg)
{
	struct fiber *f = calloc(1, sizeof *f);

	if (f == NULL)
		return NULL;
	f->fn = fn;
	f->arg = arg;
	if (!prepare(f)) {
		free(f);
		return NULL;
	}
	watch_new(f);
	return f;
}

void
fiber_free(struct fiber *f)
{
	if (f == NULL)
		return;
	watch_free(f);
	munmap(f->stack, STACK);
	free(f);
}

/* ---- switching ---- */

void
fiber_enter(struct fiber *f)
{
	if (_setjmp(f->back) == 0) {
		entering(f);
		if (f->begun)
			_longjmp(f->own, 1);
		f->begun = true;
		setcontext(&f->first);
		abort();
	}
	left(f);
}

void
fiber_leave(struct fiber *f)
{
	if (_setjmp(f->own) == 0) {
		leaving(f);
		_longjmp(f->back, 1);
	}
	entered(f);
}
