/* Everything one request may touch. A function that takes one may change the world; a function
 * that does not is pure. Made per request, and by hand in a test. */
#ifndef BASE_CALL_H
#define BASE_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

struct store;
struct keys;
struct conf;

struct call {
	struct arena *arena; /* the memory of this request */
	struct store *store;
	const struct keys *keys;
	const struct conf *conf;
	int64_t now; /* Unix seconds; does not move during a call */
	const char *trace; /* attempt or request id for log lines; may be NULL */
	struct err err;
	void *unit; /* the store's: the unit of work under way; NULL outside one */
	/* Told before and after this call's thread may sleep for long in the store, so that another one can take its
	 * place; NULL is fine. */
	void (*waits)(struct call *c, bool begins);
	void *waits_for; /* its own */
};

#endif
