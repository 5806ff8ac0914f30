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
struct http_request;

struct call {
	struct arena *arena; /* the memory of this request */
	struct store *store;
	const struct keys *keys;
	const struct conf *conf;
	int64_t now; /* Unix seconds; does not move during a call */
	const char *trace; /* attempt or request id for log lines; may be NULL */
	const struct http_request *request; /* that it serves; NULL: it serves none */
	const char *span; /* of its trace (http/trace.h); NULL: not needed yet */
	struct err err;
	void *unit; /* the store's: the unit of work under way; NULL outside one */
	const struct call_question *first; /* the store's: what the next unit asks first; NULL: nothing */
	const struct call_host *host; /* NULL: the call has its thread for itself */
	void *host_arg; /* its own */
};

struct call_question { /* of the store's store_ask_first */
	enum rc (*fn)(struct call *c, void *arg);
	void *arg;
};

/* Who runs calls, and lets others run while one of them waits. */
struct call_host {
	/* Told before and after a call's thread may be blocked for long, so that another one can take its place. */
	void (*blocks)(struct call *c, bool begins);
	/* The call goes on after somebody woke it, before or after this; perhaps on another thread. */
	void (*sleep)(struct call *c);
	void (*wake)(struct call *c); /* once for each sleep */
	/* Let some of those go first that are in line at this moment and won't take long. False: nobody is. */
	bool (*yield)(struct call *c);
};

#endif
