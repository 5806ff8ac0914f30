/* What every harness is: one function over an arena and an input (libFuzzer). An arena's ceiling ends
 * an input as it ends a request. MUST holds for every input, and is checked also where NDEBUG is set. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdlib.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#define FUZZ(arena_, input_) \
	static void one(struct arena *arena_, struct bytes input_); \
	int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n); \
	int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n) \
	{ \
		struct arena *a_ = arena_new(16u << 20); \
		if (!ARENA_GUARD(a_)) \
			one(a_, bytes_of(p, n)); \
		arena_free(a_); \
		return 0; \
	} \
	static void one(struct arena *arena_, struct bytes input_)

#define MUST(condition) ((condition) ? (void)0 : abort())

#endif
